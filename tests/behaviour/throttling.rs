//! Limits of how often a password can be guessed, which the nodes share by their store.

use std::net::IpAddr;
use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, ManualClock};
use auth_store::{SignInEvent, Store, Throttle};
use axum::response::IntoResponse;
use parking_lot::Mutex;
use tokio::sync::Barrier;

use crate::harness::{MINUTE, fresh_store, start_time};

behaviours! {
    sec_69_guesses_at_the_same_time_on_two_nodes_do_not_exceed_the_limit,
    sec_69_a_right_attempt_does_not_count,
    sec_69_guesses_are_allowed_again_after_the_period,
    sec_69_guesses_for_many_users_from_one_address_are_limited,
    sec_69_a_refused_guess_is_answered_with_the_time_to_wait,
}

async fn throttle() -> (Throttle, ManualClock, Arc<dyn Store>) {
    let (store, clock) = (fresh_store().await, ManualClock::new(start_time()));
    let throttle = Throttle::new(Arc::clone(&store)).clock(clock.clock());
    (throttle.per_user(5, MINUTE).per_address(8, MINUTE), clock, store)
}

/// Makes a wrong attempt. Returns whether it was allowed.
async fn guess(throttle: &Throttle, user: &str, address: Option<&str>) -> bool {
    let address = address.map(|address| address.parse::<IpAddr>().unwrap());
    match throttle.attempt(user, address).await {
        Ok(_) => true,
        Err(error) if error.kind() == AuthErrorKind::TooManyAttempts => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn sec_69_guesses_at_the_same_time_on_two_nodes_do_not_exceed_the_limit() {
    let (throttle, clock, store) = throttle().await;
    let other = Throttle::new(store).clock(clock.clock()).per_user(5, MINUTE);
    let start = Arc::new(Barrier::new(30));
    let guesses: Vec<_> = (0..30)
        .map(|number| {
            let throttle = if number % 2 == 0 { throttle.clone() } else { other.clone() };
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                guess(&throttle, "alice", None).await
            })
        })
        .collect();
    let mut allowed = 0;
    for guess in guesses {
        allowed += usize::from(guess.await.unwrap());
    }
    assert_eq!(allowed, 5);
    for throttle in [&throttle, &other] {
        assert!(!guess(throttle, "alice", None).await);
        assert!(guess(throttle, "bob", None).await, "others are not affected");
    }
}

async fn sec_69_a_right_attempt_does_not_count() {
    let (throttle, ..) = throttle().await;
    for _ in 0..4 {
        assert!(guess(&throttle, "alice", Some("192.0.2.1")).await);
    }
    for _ in 0..10 {
        let attempt = throttle.attempt("alice", Some("192.0.2.1".parse().unwrap())).await;
        attempt.unwrap().succeeded().await.unwrap();
    }
    assert!(guess(&throttle, "alice", None).await);
    assert!(!guess(&throttle, "alice", None).await, "the wrong ones still count");
}

async fn sec_69_guesses_are_allowed_again_after_the_period() {
    let (throttle, clock, _) = throttle().await;
    for _ in 0..3 {
        for _ in 0..5 {
            assert!(guess(&throttle, "alice", None).await);
            clock.advance(MINUTE / 10);
        }
        assert!(!guess(&throttle, "alice", None).await, "the period begins with the first");
        clock.advance(MINUTE / 2);
    }
}

async fn sec_69_guesses_for_many_users_from_one_address_are_limited() {
    let (throttle, ..) = throttle().await;
    for [first, same, other] in [
        ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"],
        ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"],
    ] {
        for number in 0..8 {
            assert!(guess(&throttle, &format!("{first} {number}"), Some(first)).await);
        }
        for address in [first, same] {
            assert!(!guess(&throttle, address, Some(address)).await, "{address}");
        }
        assert!(guess(&throttle, first, Some(other)).await);
        assert!(guess(&throttle, same, None).await);
    }
}

async fn sec_69_a_refused_guess_is_answered_with_the_time_to_wait() {
    let (throttle, clock, _) = throttle().await;
    let events: Arc<Mutex<Vec<SignInEvent>>> = Arc::default();
    let kept = Arc::clone(&events);
    let throttle = throttle.on_event(move |event| kept.lock().push(event));
    for _ in 0..5 {
        assert!(guess(&throttle, "alice", None).await);
    }
    clock.advance(MINUTE / 4);
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let error: AuthError = throttle.attempt("alice", Some(address)).await.unwrap_err();
    let response = error.into_response();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "45");
    assert!(!response.headers().contains_key("www-authenticate"));
    let (user, address) = ("alice".into(), Some(address));
    assert_eq!(*events.lock(), [SignInEvent::TooManyAttempts { user, address }]);
}
