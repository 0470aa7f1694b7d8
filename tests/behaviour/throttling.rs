//! Limits of how often a password can be guessed, which the nodes share by their store.

use std::net::IpAddr;
use std::sync::Arc;

use auth_core::{AuthErrorKind, ManualClock, TokenError};
use auth_store::{SignInEvent, Store, Throttle};
use axum::response::IntoResponse;
use parking_lot::Mutex;
use tokio::sync::Barrier;

use crate::harness::{Fault, FaultyStore, MINUTE, Op, fresh_store, start_time};

behaviours! {
    sec_69_guesses_at_the_same_time_on_two_nodes_do_not_exceed_the_limit,
    sec_69_a_right_password_does_not_count,
    sec_69_a_right_password_takes_no_attempt_of_a_later_period_back,
    sec_69_guesses_are_allowed_again_after_the_period,
    sec_69_guesses_for_many_users_from_one_address_are_limited,
    sec_69_guesses_for_many_users_take_limited_room,
    sec_69_no_attempt_begins_while_the_store_does_not_answer,
    sec_69_a_refused_guess_is_answered_with_the_time_to_wait,
}

/// Five attempts for a user, and eight from an address, in a minute.
struct Guesses {
    throttle: Throttle,
    clock: ManualClock,
    store: Arc<FaultyStore>,
}

impl Guesses {
    async fn start() -> Self {
        let store = Arc::new(FaultyStore::new(fresh_store().await));
        let clock = ManualClock::new(start_time());
        let throttle = throttle(&store, &clock);
        Self { throttle, clock, store }
    }

    async fn guess(&self, user: &str, address: Option<&str>) -> bool {
        guess(&self.throttle, user, address).await
    }
}

fn throttle(store: &Arc<FaultyStore>, clock: &ManualClock) -> Throttle {
    let throttle = Throttle::new(Arc::clone(store) as Arc<dyn Store>).clock(clock.clock());
    throttle.per_user(5, MINUTE).per_address(8, MINUTE)
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// Makes a wrong attempt. Returns whether it was allowed.
async fn guess(throttle: &Throttle, user: &str, address: Option<&str>) -> bool {
    match throttle.attempt(user, address.map(ip)).await {
        Ok(_) => true,
        Err(error) if error.kind() == AuthErrorKind::TooManyAttempts => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn sec_69_guesses_at_the_same_time_on_two_nodes_do_not_exceed_the_limit() {
    let guesses = Guesses::start().await;
    let nodes = [guesses.throttle.clone(), throttle(&guesses.store, &guesses.clock)];
    let start = Arc::new(Barrier::new(30));
    let attempts = (0..30).map(|number| {
        let (node, start) = (nodes[number % 2].clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            guess(&node, "alice", None).await
        })
    });
    let mut allowed = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        allowed += usize::from(attempt.await.unwrap());
    }
    assert_eq!(allowed, 5);
    for node in &nodes {
        assert!(!guess(node, "alice", None).await);
        assert!(guess(node, "bob", None).await, "others are not affected");
    }
}

async fn sec_69_a_right_password_does_not_count() {
    let guesses = Guesses::start().await;
    for _ in 0..4 {
        assert!(guesses.guess("alice", Some("192.0.2.1")).await);
    }
    for _ in 0..10 {
        let attempt = guesses.throttle.attempt("alice", Some(ip("192.0.2.1"))).await;
        attempt.unwrap().succeeded().await;
    }
    assert!(guesses.guess("alice", None).await);
    assert!(!guesses.guess("alice", None).await, "the wrong ones still count");
}

async fn sec_69_a_right_password_takes_no_attempt_of_a_later_period_back() {
    let guesses = Guesses::start().await;
    let slow = guesses.throttle.attempt("alice", None).await.unwrap();
    guesses.clock.advance(MINUTE);
    for _ in 0..5 {
        assert!(guesses.guess("alice", None).await);
    }
    slow.succeeded().await;
    assert!(!guesses.guess("alice", None).await);
}

async fn sec_69_guesses_are_allowed_again_after_the_period() {
    let guesses = Guesses::start().await;
    for _ in 0..3 {
        for _ in 0..5 {
            assert!(guesses.guess("alice", None).await);
            guesses.clock.advance(MINUTE / 10);
        }
        assert!(!guesses.guess("alice", None).await, "the period begins with the first");
        guesses.clock.advance(MINUTE / 2);
    }
}

async fn sec_69_guesses_for_many_users_from_one_address_are_limited() {
    let guesses = Guesses::start().await;
    for [first, same, other] in [
        ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"],
        ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"],
    ] {
        for number in 0..8 {
            assert!(guesses.guess(&format!("{first} {number}"), Some(first)).await);
        }
        for address in [first, same] {
            assert!(!guesses.guess(address, Some(address)).await, "{address}");
        }
        assert!(guesses.guess(first, Some(other)).await);
        assert!(guesses.guess(same, None).await);
    }
}

/// An attacker tries a name after the other. The names that share a counter exceed its limit.
async fn sec_69_guesses_for_many_users_take_limited_room() {
    let guesses = Guesses::start().await;
    let throttle = guesses.throttle.clone().per_user(1, MINUTE);
    let mut allowed = 0;
    for number in 0..1000 {
        allowed += usize::from(guess(&throttle, &format!("user {number}"), None).await);
    }
    // Of 65,536 counters, 1,000 names share about eight.
    assert!((950..1000).contains(&allowed), "{allowed}");
    assert_eq!(guesses.store.records().await.len(), allowed);
}

async fn sec_69_no_attempt_begins_while_the_store_does_not_answer() {
    let guesses = Guesses::start().await;
    let begun = guesses.throttle.attempt("alice", None).await.unwrap();
    for op in [Op::Load, Op::Update] {
        guesses.store.set(op, Fault::Fails);
        let error = guesses.throttle.attempt("alice", None).await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Unavailable, "{op:?}");
        guesses.store.clear_faults();
    }
    guesses.store.set(Op::Update, Fault::Fails);
    begun.succeeded().await; // cannot be taken back, which is no error
    guesses.store.clear_faults();
    for _ in 0..4 {
        assert!(guesses.guess("alice", None).await);
    }
    assert!(!guesses.guess("alice", None).await);
}

async fn sec_69_a_refused_guess_is_answered_with_the_time_to_wait() {
    let guesses = Guesses::start().await;
    let events: Arc<Mutex<Vec<SignInEvent>>> = Arc::default();
    let kept = Arc::clone(&events);
    let throttle = guesses.throttle.clone().on_event(move |event| kept.lock().push(event));
    for _ in 0..5 {
        assert!(guesses.guess("alice", None).await);
    }
    guesses.clock.advance(MINUTE / 4);
    let attempt = async || throttle.attempt("alice", Some(ip("192.0.2.1"))).await.unwrap_err();
    let page = attempt().await.into_response();
    let token = TokenError::from(attempt().await).into_response();
    for response in [page, token] {
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "45");
        assert!(!response.headers().contains_key("www-authenticate"));
    }
    let address = Some(ip("192.0.2.1"));
    let event = SignInEvent::TooManyAttempts { user: "alice".into(), address };
    assert_eq!(*events.lock(), [event.clone(), event]);
}
