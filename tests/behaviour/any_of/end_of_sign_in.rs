//! `Auth::ended` and `Auth::revalidate` with several backends.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Auth, BoxFuture, Claims, EndReason, Principal, Timestamp, Transport};
#[cfg(test)]
use auth_jwt::testing::TestIssuer;
use auth_store::Store;
use http::{Request, Response};
use parking_lot::Mutex;
use tower::{Layer, ServiceExt, service_fn};

use super::combinations::{ALIKE, cookie_first, token_first, two_stores, world};
use crate::app::{Me, User};
use crate::harness::{World, sign_in_by};

behaviours! {
    ended_waits_for_the_sign_in_of_the_same_request,
    the_wait_ends_whichever_store_ends_the_sign_in,
    an_api_key_is_revalidated_unchanged,
}

/// Returns the wait for the end of a sign-in that the same request makes.
async fn of_the_same_request(world: &World, transport: Transport) -> BoxFuture<EndReason> {
    let kept = Arc::new(Mutex::new(None));
    let answer = world.handle(None, {
        let kept = Arc::clone(&kept);
        move |head| {
            let kept = Arc::clone(&kept);
            async move {
                let auth = Auth::<User>::of(&head).unwrap();
                let alice = Principal::new("alice").claims(User::default());
                let signed_in = sign_in_by(auth.sign_in(alice), transport).await.unwrap();
                *kept.lock() = Some(auth.ended());
                Response::new(signed_in.sign_in.to_string())
            }
        }
    });
    assert!(answer.await.status().is_success());
    kept.lock().take().unwrap()
}

/// Returns the outcome of the wait if it is known at once.
async fn outcome_if_known(ended: &mut BoxFuture<EndReason>) -> Option<EndReason> {
    tokio::select! {
        biased;
        ended = ended => Some(ended),
        () = std::future::ready(()) => None,
    }
}

async fn ended_waits_for_the_sign_in_of_the_same_request() {
    for build in [cookie_first, token_first, two_stores] {
        for transport in [Transport::Ambient, Transport::Explicit] {
            let world = world(build).await;
            let mut ended = of_the_same_request(&world, transport).await;
            assert_eq!(
                outcome_if_known(&mut ended).await,
                None,
                "a backend that does not know the sign-in does not answer"
            );
            world.advance(Duration::from_secs(24 * 3600));
            assert_eq!(ended.await, EndReason::Expired);
        }
    }
}

async fn the_wait_ends_whichever_store_ends_the_sign_in() {
    let world = world(two_stores).await;
    let ended = of_the_same_request(&world, Transport::Explicit).await;
    assert_eq!(world.store.revoke_subject("alice").await.unwrap(), 1);
    assert_eq!(ended.await, EndReason::Revoked);
}

/// API keys are never cached, so there is nothing newer to ask for.
async fn an_api_key_is_revalidated_unchanged() {
    for build in ALIKE {
        let world = world(build).await;
        let call = |path: &str| world.client().get(path).header("x-api-key", "key-of-alice");
        assert_eq!(call("/revalidated").await.json::<Me>().acr.as_deref(), Some("robot"));
        assert_eq!(call("/payments").await.status, 403);
    }
}

/// A token of another issuer belongs to no sign-in of ours, so only its expiry ends the wait.
#[tokio::test]
async fn sec_51_a_token_of_another_issuer_ends_the_wait_when_it_expires() {
    let issuer = TestIssuer::new("https://id.example").audience("shop");
    let pending = Arc::new(Mutex::new(None));
    let service = service_fn(|request: Request<()>| {
        let pending = Arc::clone(&pending);
        async move {
            let auth = Auth::<Claims>::of(&request).unwrap();
            let confirmed = auth.revalidate().await.unwrap();
            *pending.lock() = Some((auth.ended(), confirmed.expires_at()));
            Ok::<_, std::convert::Infallible>(Response::new(String::new()))
        }
    });
    let token = format!("Bearer {}", issuer.token("alice").sign());
    let request = Request::get("/").header("authorization", token).body(()).unwrap();
    issuer.auth().layer(service).oneshot(request).await.unwrap();

    let (mut ended, expires_at): (BoxFuture<EndReason>, Timestamp) = pending.lock().take().unwrap();
    assert_eq!(outcome_if_known(&mut ended).await, None);
    issuer.clock().advance(expires_at.since(issuer.clock().now()) - Duration::from_millis(1));
    assert_eq!(outcome_if_known(&mut ended).await, None);
    issuer.clock().advance(Duration::from_millis(1));
    assert_eq!(ended.await, EndReason::Expired);
}
