//! How long keys are used: until the issuer withdraws them, or for a bounded time without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_jwt::FetchErrorKind;
use auth_jwt::testing::IssuerFault;

use super::{
    COOLDOWN, DAY, accepted, accepted_with, issuer, keys, replace_key, settle, status, token,
};

#[tokio::test]
async fn r03_the_headers_of_the_response_decide_when_keys_are_fetched_again() {
    for (headers, earliest, latest) in [
        (&[("Cache-Control", "max-age=1000")][..], 800, 880),
        (&[("Cache-Control", "max-age=1000"), ("Age", "500")], 400, 440),
        (&[("Cache-Control", "max-age=15, stale-while-revalidate=15")], 60, 66),
        (&[("Cache-Control", "no-store")], 60, 66),
        (&[("Cache-Control", "max-age=3293198")], 2880, 3168),
        (&[("Expires", "Fri, 15 Jan 2027 08:10:00 GMT")], 480, 528), // ten minutes from now
        (&[("Cache-Control", "max-age=?"), ("Expires", "0"), ("Age", "-1")], 60, 66),
        (&[], 240, 264),
    ] {
        let server = issuer().await;
        server.headers(headers);
        let auth = server.auth();
        keys(&auth).ready().await.unwrap();
        settle().await;
        server.issuer().clock().advance(Duration::from_millis(earliest * 1000 - 1));
        settle().await;
        assert_eq!(server.requests().len(), 2, "{headers:?}");
        server.issuer().clock().advance(Duration::from_secs(latest - earliest + 1));
        server.arrived(3).await;
    }
}

/// A response without these headers does not change them (RFC 9111 section 4.3.4).
#[tokio::test]
async fn r03_a_set_that_is_confirmed_keeps_the_headers_of_its_response() {
    let server = issuer().await;
    server.headers(&[("Cache-Control", "max-age=3000")]);
    let auth = server.auth();
    keys(&auth).ready().await.unwrap();
    server.headers(&[]);
    keys(&auth).reload().await.unwrap();
    settle().await;
    let requests = server.requests().len();
    server.issuer().clock().advance(Duration::from_secs(2399));
    settle().await;
    assert_eq!(server.requests().len(), requests);
    server.issuer().clock().advance(Duration::from_secs(300));
    server.arrived(requests + 1).await;
}

#[tokio::test]
async fn r05_a_key_that_vanished_is_rejected_with_the_tokens_that_it_verified() {
    for capacity in [0, 100] {
        let (server, auth, old) = accepted_with(|auth| auth.cache_capacity(capacity)).await;
        replace_key(&server);
        assert_eq!(status(&auth, &old).await, 200, "nobody knows yet");
        keys(&auth).reload().await.unwrap();
        assert_eq!(status(&auth, &old).await, 401, "{capacity}");
    }
}

#[tokio::test]
async fn r05_a_key_that_stays_keeps_the_cached_tokens() {
    let (server, auth, token) = accepted().await;
    server.issuer().rotate();
    keys(&auth).reload().await.unwrap();
    let hits = auth.cache_stats().hits;
    assert_eq!(status(&auth, &token).await, 200);
    assert_eq!(auth.cache_stats().hits, hits + 1);
}

#[tokio::test]
async fn r05_without_the_issuer_the_last_keys_are_trusted_for_a_day() {
    for capacity in [0, 100] {
        let (server, auth, token) = accepted_with(|auth| auth.cache_capacity(capacity)).await;
        server.fail(IssuerFault::Away);
        server.issuer().clock().advance(DAY - Duration::from_secs(1));
        assert_eq!(status(&auth, &token).await, 200);
        server.issuer().clock().advance(Duration::from_secs(1));
        assert_eq!(status(&auth, &token).await, 503);
        let snapshot = keys(&auth).status();
        assert_eq!((snapshot.keys, snapshot.failures > 0), (0, true));
        assert_eq!(snapshot.trusted_until, Some(server.issuer().clock().now()));

        server.recover();
        server.issuer().clock().advance(COOLDOWN);
        assert_eq!(status(&auth, &token).await, 200, "{capacity}");
    }
}

#[tokio::test]
async fn r05_the_bound_is_configurable() {
    let server = issuer().await;
    let hour = Duration::from_secs(3600);
    let auth = server.auth_with(server.keys().max_staleness(hour));
    let token = token(&server);
    assert_eq!(status(&auth, &token).await, 200);
    server.fail(IssuerFault::Silent);
    server.issuer().clock().advance(hour - Duration::from_secs(1));
    assert_eq!(status(&auth, &token).await, 200);
}

#[tokio::test]
async fn r06_keys_are_fetched_at_the_first_token() {
    let server = issuer().await;
    let auth = server.auth();
    settle().await;
    assert!(server.requests().is_empty());
    assert_eq!(keys(&auth).status().fetched_at, None);
    assert_eq!(status(&auth, &token(&server)).await, 200);
}

#[tokio::test]
async fn r06_before_the_first_set_requests_get_503() {
    let server = issuer().await;
    server.fail(IssuerFault::Away);
    let auth = server.auth();
    for _ in 0..3 {
        assert_eq!(status(&auth, &token(&server)).await, 503);
    }
    assert_eq!(server.requests().len(), 1, "one attempt for each cooldown");
    assert_eq!(keys(&auth).ready().await.unwrap_err().kind(), FetchErrorKind::Unreachable);
    server.recover();
    server.issuer().clock().advance(COOLDOWN);
    assert_eq!(status(&auth, &token(&server)).await, 200);
}

#[tokio::test]
async fn r06_a_probe_waits_for_the_first_set() {
    let server = issuer().await;
    let auth = server.auth();
    keys(&auth).ready().await.unwrap();
    server.fail(IssuerFault::Away);
    keys(&auth).ready().await.unwrap();
    assert_eq!(server.requests().len(), 2);
    let outcome = auth.verify(token(&server).as_bytes()).into_ready();
    assert!(outcome.is_ok(), "the first token does not wait");
}

#[test]
fn r06_without_a_runtime_tokens_get_503() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(issuer());
    let auth = server.auth();
    let outcome = auth.verify(token(&server).as_bytes()).into_ready();
    assert!(matches!(outcome, Ok(auth_core::Outcome::Unavailable(_))));
    assert_eq!(runtime.block_on(status(&auth, &token(&server))), 200);
}

#[test]
fn keys_are_fetched_again_in_another_runtime() {
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let second = tokio::runtime::Runtime::new().unwrap(); // the server runs all the time
    let server = second.block_on(issuer());
    let auth = server.auth();
    server.fail(IssuerFault::Away);
    assert_eq!(first.block_on(status(&auth, &token(&server))), 503);
    drop(first);
    server.recover();
    server.issuer().clock().advance(COOLDOWN);
    assert_eq!(second.block_on(status(&auth, &token(&server))), 200);
}

/// The task that fetches belongs to the runtime of the first token, which may stand still.
#[test]
fn r07_a_request_does_not_wait_for_a_task_that_does_not_run() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (still, driven) = (runtime(), runtime());
    let server = driven.block_on(issuer());
    let auth = server.auth();
    still.block_on(async { drop(auth.verify(token(&server).as_bytes())) }); // starts the task
    driven.block_on(async {
        let waiting = tokio::spawn({
            let (auth, token) = (auth.clone(), token(&server));
            async move { status(&auth, &token).await }
        });
        settle().await;
        server.issuer().clock().advance(Duration::from_secs(11));
        assert_eq!(waiting.await.unwrap(), 503);
        assert_eq!(status(&auth, &token(&server)).await, 200, "a new task is in this runtime");
    });
}

/// A client that panics is a failed fetch: it is repeated, and not by every token.
#[tokio::test]
async fn r04_a_client_that_panics_starts_a_cooldown() {
    let server = issuer().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let (jwks, counted) = (server.issuer().jwks(), Arc::clone(&calls));
    let client = tower::service_fn(move |_: http::Request<String>| {
        assert!(counted.fetch_add(1, Ordering::SeqCst) > 0, "the first call panics");
        let jwks = jwks.clone();
        async move { Ok::<_, std::convert::Infallible>(http::Response::new(jwks)) }
    });
    let remote = auth_jwt::RemoteKeys::jwks("https://idp.example/keys").client(client);
    let auth = server.auth_with(remote);
    for _ in 0..3 {
        assert_eq!(status(&auth, &token(&server)).await, 503);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let error = keys(&auth).status().last_error.unwrap();
    assert_eq!(error.to_string(), "the HTTP client panicked");
    server.issuer().clock().advance(COOLDOWN * 2); // the task goes on by itself
    settle().await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(status(&auth, &token(&server)).await, 200);
}

#[tokio::test]
async fn the_last_handle_ends_the_task() {
    let (server, auth, _) = accepted().await;
    let requests = server.requests().len();
    drop(auth);
    server.issuer().clock().advance(DAY);
    settle().await;
    assert_eq!(server.requests().len(), requests);
}
