//! Unknown keys: when a token causes a fetch, and when it waits for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::Outcome;
use auth_jwt::testing::IssuerFault;
use tokio::sync::Semaphore;

use super::{
    COOLDOWN, TIMEOUT, accepted, accepted_with, issuer, keys, replace_key, settle, status,
    stranger, token,
};

#[tokio::test]
async fn r04_a_token_whose_key_is_known_never_waits() {
    let (server, auth, _) = accepted_with(|auth| auth.cache_capacity(0)).await;
    server.fail(IssuerFault::Silent);
    let arrived = server.requests().len();
    let waiting = tokio::spawn({
        let (auth, stranger) = (auth.clone(), stranger(&server, "new"));
        async move { status(&auth, &stranger).await }
    });
    server.arrived(arrived + 1).await;
    let outcome = auth.verify(token(&server).as_bytes()).into_ready();
    assert!(matches!(outcome, Ok(Outcome::Authenticated(_))), "the fetch is under way");
    assert!(!waiting.is_finished());
    server.issuer().clock().advance(TIMEOUT);
    assert_eq!(waiting.await.unwrap(), 401, "the keys that are trusted did not sign it");
}

#[tokio::test]
async fn r04_the_first_tokens_share_one_fetch() {
    let server = issuer().await;
    let auth = server.auth();
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let (auth, token) = (auth.clone(), token(&server));
            tokio::spawn(async move { status(&auth, &token).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn r04_a_caller_that_hangs_up_does_not_cancel_the_fetch() {
    let server = issuer().await;
    let auth = server.auth();
    let caller = tokio::spawn({
        let (auth, token) = (auth.clone(), token(&server));
        async move { status(&auth, &token).await }
    });
    server.arrived(1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    keys(&auth).ready().await.unwrap();
    assert_eq!((server.requests().len(), server.fetches()), (2, 1));
}

#[tokio::test]
async fn r04_a_rotation_without_notice_is_served_at_the_first_token() {
    let (server, auth, _) = accepted().await;
    replace_key(&server);
    assert_eq!(status(&auth, &token(&server)).await, 200);
    assert_eq!(server.fetches(), 2);
}

/// A fetch that began before the rotation returns the old keys.
#[tokio::test]
async fn r04_a_rotation_during_a_fetch_is_served_at_the_first_token() {
    let server = issuer().await;
    let (calls, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1)));
    let (of_client, counted) = (server.issuer().clone(), Arc::clone(&calls));
    let passes = Arc::clone(&gate);
    let client = tower::service_fn(move |_: http::Request<String>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let (jwks, gate) = (of_client.jwks(), Arc::clone(&passes));
        async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, std::convert::Infallible>(http::Response::new(jwks))
        }
    });
    let remote = auth_jwt::RemoteKeys::jwks("https://idp.example/keys").client(client);
    let auth = server.auth_with(remote);
    assert_eq!(status(&auth, &token(&server)).await, 200);
    settle().await;
    server.issuer().clock().advance(Duration::from_secs(300));
    settle().await;
    assert_eq!(calls.load(Ordering::SeqCst), 2, "a planned fetch is under way");
    replace_key(&server);
    let waiting = tokio::spawn({
        let (auth, token) = (auth.clone(), token(&server));
        async move { status(&auth, &token).await }
    });
    settle().await;
    gate.add_permits(2);
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    gate.add_permits(10);
    for kid in ["a", "b"] {
        assert_eq!(status(&auth, &stranger(&server, kid)).await, 401);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3, "it started a cooldown");
}

#[tokio::test]
async fn a_reload_does_not_end_with_a_fetch_that_began_before_it() {
    let server = issuer().await;
    let auth = server.auth();
    server.fail(IssuerFault::Silent);
    let first = tokio::spawn({
        let keys = keys(&auth);
        async move { keys.reload().await }
    });
    server.arrived(1).await;
    server.recover();
    let second = tokio::spawn({
        let keys = keys(&auth);
        async move { keys.reload().await }
    });
    settle().await;
    server.issuer().clock().advance(TIMEOUT);
    assert!(first.await.unwrap().is_err());
    second.await.unwrap().unwrap();
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn r04_a_random_kid_costs_one_fetch_per_cooldown() {
    let (server, auth, _) = accepted().await;
    for round in 1..4 {
        for kid in 0..20 {
            let stranger = stranger(&server, &format!("{round}-{kid}"));
            assert_eq!(status(&auth, &stranger).await, 401);
        }
        assert_eq!(server.fetches(), 1 + round);
        assert_eq!(status(&auth, &token(&server)).await, 200);
        server.issuer().clock().advance(COOLDOWN - Duration::from_millis(1));
        assert_eq!(status(&auth, &stranger(&server, "early")).await, 401);
        assert_eq!(server.fetches(), 1 + round);
        server.issuer().clock().advance(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn r04_a_failed_fetch_starts_a_cooldown_too() {
    let (server, auth, _) = accepted().await;
    server.fail_at("/jwks", IssuerFault::Status(500));
    for kid in ["a", "b", "c"] {
        assert_eq!(status(&auth, &stranger(&server, kid)).await, 401);
    }
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn r04_a_forged_signature_under_a_known_kid_fetches_nothing() {
    let (server, auth, token) = accepted().await;
    let requests = server.requests().len();
    assert_eq!(status(&auth, &super::super::kit::flip(&token)).await, 401);
    settle().await;
    assert_eq!(server.requests().len(), requests);
}

#[tokio::test]
async fn requests_during_a_planned_rotation_are_all_accepted() {
    let server = issuer().await;
    let auth = server.auth();
    for _ in 0..5 {
        let old = token(&server);
        server.issuer().rotate(); // publishes the new key ahead
        assert_eq!(status(&auth, &old).await, 200);
        assert_eq!(status(&auth, &token(&server)).await, 200);
    }
}
