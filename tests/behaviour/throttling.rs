//! Limits of how often a password can be guessed, which the nodes share by their store.

use std::net::IpAddr;
use std::sync::Arc;

use auth_core::{AuthErrorKind, ManualClock, Timestamp, TokenError};
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
    sec_69_guesses_from_the_addresses_of_one_large_network_are_limited,
    sec_69_a_guess_that_is_being_checked_counts_until_it_is_taken_back,
    sec_69_a_refused_guess_does_not_count_for_the_address,
    sec_69_what_has_another_name_counts_apart,
    sec_69_no_attempt_begins_while_the_store_does_not_answer,
    sec_69_a_refused_guess_is_answered_with_the_time_to_wait,
    sec_69_the_application_is_told_once_in_a_period,
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
        let periods = start_time().as_secs() / MINUTE.as_secs();
        let clock = ManualClock::new(Timestamp::from_secs((periods + 1) * MINUTE.as_secs()));
        let throttle = throttle(&store, &clock);
        Self { throttle, clock, store }
    }

    async fn guess(&self, user: &str, address: Option<&str>) -> bool {
        guess(&self.throttle, user, address).await
    }

    /// Guesses this often, which is allowed each time.
    async fn allows(&self, times: usize, user: &str, address: Option<&str>) {
        for _ in 0..times {
            assert!(self.guess(user, address).await);
        }
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

/// Also those at the start of a period, after the one in which an attempt was made.
async fn sec_69_guesses_at_the_same_time_on_two_nodes_do_not_exceed_the_limit() {
    let guesses = Guesses::start().await;
    let nodes = [guesses.throttle.clone(), throttle(&guesses.store, &guesses.clock)];
    for _ in 0..3 {
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
        guesses.clock.advance(MINUTE);
        assert!(guesses.guess("alice", None).await);
        guesses.clock.advance(MINUTE);
    }
}

async fn sec_69_a_right_password_does_not_count() {
    let guesses = Guesses::start().await;
    guesses.allows(4, "alice", Some("192.0.2.1")).await;
    for _ in 0..10 {
        let attempt = guesses.throttle.attempt("alice", Some(ip("192.0.2.1"))).await;
        attempt.unwrap().take_back().await;
    }
    assert!(guesses.guess("alice", None).await);
    assert!(!guesses.guess("alice", None).await, "the wrong ones still count");
}

async fn sec_69_a_right_password_takes_no_attempt_of_a_later_period_back() {
    let guesses = Guesses::start().await;
    let slow = guesses.throttle.attempt("alice", None).await.unwrap();
    guesses.clock.advance(MINUTE);
    assert!(guesses.guess("alice", None).await);
    slow.take_back().await;
    guesses.allows(4, "alice", None).await;
    assert!(!guesses.guess("alice", None).await);
}

async fn sec_69_guesses_are_allowed_again_after_the_period() {
    let guesses = Guesses::start().await;
    for _ in 0..3 {
        for _ in 0..5 {
            assert!(guesses.guess("alice", None).await);
            guesses.clock.advance(MINUTE / 6);
        }
        assert!(!guesses.guess("alice", None).await);
        guesses.clock.advance(MINUTE / 6);
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

/// One client may have 65,536 networks of 64 bits.
async fn sec_69_guesses_from_the_addresses_of_one_large_network_are_limited() {
    let guesses = Guesses::start().await;
    let guess = async |number: u32, large: &str| {
        let address = format!("{large}:{number:x}::1");
        guesses.guess(&address, Some(&address)).await
    };
    for number in 0..80 {
        assert!(guess(number, "2001:db8:1").await, "{number}");
    }
    assert!(!guess(80, "2001:db8:1").await);
    assert!(guess(80, "2001:db8:2").await, "another network");
    guesses.clock.advance(MINUTE);
    assert!(guess(80, "2001:db8:1").await);
}

/// So that guesses at the same time do not exceed the limit.
async fn sec_69_a_guess_that_is_being_checked_counts_until_it_is_taken_back() {
    let guesses = Guesses::start().await;
    let mut checked = Vec::new();
    for _ in 0..5 {
        checked.push(guesses.throttle.attempt("alice", None).await.unwrap());
    }
    assert!(!guesses.guess("alice", None).await);
    for right in checked {
        right.take_back().await;
    }
    guesses.allows(5, "alice", None).await;
    assert!(!guesses.guess("alice", None).await);
}

async fn sec_69_a_refused_guess_does_not_count_for_the_address() {
    let guesses = Guesses::start().await;
    guesses.allows(5, "alice", None).await;
    for _ in 0..20 {
        assert!(!guesses.guess("alice", Some("192.0.2.1")).await);
    }
    for number in 0..8 {
        assert!(guesses.guess(&format!("user {number}"), Some("192.0.2.1")).await);
    }
    let kept = guesses.store.records().await.len();
    for number in 8..20 {
        assert!(!guesses.guess(&format!("user {number}"), Some("192.0.2.1")).await);
    }
    assert_eq!(guesses.store.records().await.len(), kept, "nothing is stored for them");
}

async fn sec_69_what_has_another_name_counts_apart() {
    let guesses = Guesses::start().await;
    let codes = guesses.throttle.clone().name("one-time code").per_user(2, MINUTE);
    guesses.allows(5, "alice", Some("192.0.2.1")).await;
    for allowed in [true, true, false] {
        assert_eq!(guess(&codes, "alice", Some("192.0.2.1")).await, allowed);
    }
}

async fn sec_69_no_attempt_begins_while_the_store_does_not_answer() {
    let guesses = Guesses::start().await;
    let begun = guesses.throttle.attempt("alice", None).await.unwrap();
    for (op, user) in [(Op::Load, "alice"), (Op::Update, "alice"), (Op::Create, "bob")] {
        guesses.store.set(op, Fault::Fails);
        let error = guesses.throttle.attempt(user, None).await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Unavailable, "{op:?}");
        guesses.store.clear_faults();
    }
    guesses.store.set(Op::Update, Fault::Fails);
    begun.take_back().await; // cannot be taken back, which is no error
    guesses.store.clear_faults();
    guesses.allows(4, "alice", None).await;
    assert!(!guesses.guess("alice", None).await);
}

async fn sec_69_a_refused_guess_is_answered_with_the_time_to_wait() {
    let guesses = Guesses::start().await;
    guesses.allows(5, "alice", None).await;
    guesses.clock.advance(MINUTE / 4);
    let attempt = async || guesses.throttle.attempt("alice", None).await.unwrap_err();
    let page = attempt().await.into_response();
    let token = TokenError::from(attempt().await).into_response();
    for response in [page, token] {
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "45");
        assert!(!response.headers().contains_key("www-authenticate"));
    }
}

/// A handler that panics does not change the answer.
async fn sec_69_the_application_is_told_once_in_a_period() {
    let guesses = Guesses::start().await;
    let events: Arc<Mutex<Vec<SignInEvent>>> = Arc::default();
    let kept = Arc::clone(&events);
    let throttle = guesses.throttle.clone().on_event(move |event| {
        kept.lock().push(event);
        panic!("the mail server is down");
    });
    let address = Some(ip("192.0.2.1"));
    let mut told = Vec::new();
    for _ in 0..2 {
        for number in 0..20 {
            guess(&throttle, "alice", Some("192.0.2.1")).await;
            guess(&throttle, &format!("user {number}"), Some("192.0.2.1")).await;
        }
        told.push(SignInEvent::TooManyAttempts { user: None, address });
        for _ in 0..20 {
            guess(&throttle, "bob", None).await;
        }
        told.push(SignInEvent::TooManyAttempts { user: Some("bob".into()), address: None });
        assert_eq!(*events.lock(), told);
        guesses.clock.advance(MINUTE);
    }
}
