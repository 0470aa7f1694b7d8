//! Model checking of the life of a sign-in: every order in which calls of the store, their answers,
//! announcements and the clock can meet.
//!
//! Two nodes with near caches share a store and serve one client. The checker, Stateright, decides when each
//! request is sent, when the store executes a call, when its answer arrives or is lost, when a node receives an
//! announcement, and when time passes. Everything else is the code under test: layer, backends, sessions, near
//! caches and the memory store. The races of a sign-in are between messages. Loom and shuttle explore locks and
//! atomics instead, and only those of their own types.
//!
//! Each test explores a scenario completely, and then the same scenario over stores with a flaw, to prove that
//! the model shows the consequence.

mod answers;
mod checker;
mod node;
mod rules;
mod shared_store;
mod world;

use std::time::Duration;

use auth_store::Lifetime;

use checker::{broken, holds};
use node::{Ask, Backend, MAX_STALENESS};
use shared_store::Flaw;
use world::{Planned, Scenario, With};

/// Returns a scenario in which the client sends these requests with its first credential, each to a node.
fn scenario(backend: Backend, requests: &[(usize, Ask)]) -> Scenario {
    let with = With::First;
    Scenario {
        backend,
        requests: requests.iter().map(|&(node, ask)| Planned { node, ask, with }).collect(),
        lifetime: Lifetime::default(),
        tick: MAX_STALENESS,
        ticks: 0,
        losses: 0,
        flaw: None,
    }
}

/// Checks that all rules hold in every state, and that there are at least this many states.
fn all_rules_hold(scenario: &Scenario, at_least: usize) {
    let states = holds(scenario.clone());
    assert!(
        states >= at_least,
        "only {states} states: the scenario does not show what it is about"
    );
}

/// Checks that over a store with this flaw, this rule is broken.
fn is_caught(scenario: &Scenario, flaw: Flaw, rule: &str) {
    let broken = broken(Scenario { flaw: Some(flaw), ..scenario.clone() });
    assert!(broken.contains(&rule), "{flaw:?}: {broken:?}");
}

const REVOKED: &str = "a revoked request is not served beyond the bound";

#[test]
fn sec_14_a_revoked_request_is_not_served_beyond_the_bound() {
    let requests = [(0, Ask::SignOut), (1, Ask::Me), (1, Ask::Me)];
    let cookie = Scenario { ticks: 1, ..scenario(Backend::Cookie, &requests) };
    all_rules_hold(&cookie, 500);
    is_caught(&cookie, Flaw::AnnouncesEarly, REVOKED);
}

#[test]
fn sec_14_a_revoked_token_is_not_served_beyond_the_bound() {
    let requests = [(0, Ask::SignOutEverywhere), (1, Ask::Me)];
    let tokens = Scenario { ticks: 1, ..scenario(Backend::Tokens, &requests) };
    all_rules_hold(&tokens, 100);
    is_caught(&tokens, Flaw::AnnouncesNothing, REVOKED);
    is_caught(&tokens, Flaw::HeartbeatsOvertake, REVOKED);
}

#[test]
fn sec_14_a_node_serves_nothing_that_it_has_revoked() {
    let requests = [(0, Ask::SignOut), (0, Ask::Me), (0, Ask::Me)];
    let one_node = scenario(Backend::Cookie, &requests);
    all_rules_hold(&one_node, 50);
    is_caught(&one_node, Flaw::JoinsLoads, REVOKED);
}

#[test]
fn sec_63_concurrent_refreshes_have_one_successor() {
    let requests = [(0, Ask::Refresh), (1, Ask::Refresh)];
    let cookie = scenario(Backend::Cookie, &requests);
    all_rules_hold(&cookie, 50);
    is_caught(&cookie, Flaw::RotateOverwrites, "a secret has one successor");
}

/// A late use of the old cookie, recorded during the refresh, does not count as a use of the new one.
#[test]
fn sec_64_a_refresh_whose_response_was_lost_can_be_repeated() {
    let (idle, tick) = (Some(Duration::from_secs(40)), Duration::from_secs(3)); // a touch is due after a tick
    let lifetime = Lifetime::new(idle, Duration::from_secs(3600)).expect("it is long enough");
    let requests = [(0, Ask::Refresh), (0, Ask::Me)];
    let cookie = Scenario { ticks: 1, tick, lifetime, ..scenario(Backend::Cookie, &requests) };
    all_rules_hold(&cookie, 50);
    is_caught(&cookie, Flaw::DropsNonces, "a refresh whose response was lost can be repeated");
}

#[test]
fn sec_62_a_refresh_token_is_not_reused_after_the_grace() {
    let requests = [(0, Ask::Refresh), (1, Ask::Refresh)];
    let late = Duration::from_secs(100);
    let tokens = Scenario { ticks: 1, tick: late, ..scenario(Backend::Tokens, &requests) };
    all_rules_hold(&tokens, 200);
    is_caught(&tokens, Flaw::GraceIsEndless, "a replaced secret cannot be refreshed for ever");
}

#[test]
fn an_acknowledged_change_is_kept_even_if_answers_are_lost() {
    let saves = [(0, Ask::Save("a")), (1, Ask::Save("b"))];
    let cookie = Scenario { losses: 1, ..scenario(Backend::Cookie, &saves) };
    all_rules_hold(&cookie, 100);
    is_caught(&cookie, Flaw::UpdateOverwrites, "an acknowledged change is kept");
    let refreshed = [(0, Ask::Save("a")), (1, Ask::Refresh)];
    all_rules_hold(&scenario(Backend::Tokens, &refreshed), 50);
}

#[test]
fn sec_77_a_late_request_does_not_revive_an_ended_sign_in() {
    let saved = [(0, Ask::Save("a")), (1, Ask::SignOutEverywhere)];
    let cookie = Scenario { losses: 1, ..scenario(Backend::Cookie, &saved) };
    all_rules_hold(&cookie, 50);
    is_caught(&cookie, Flaw::UpdateCreates, "an ended sign-in stays ended");
    let mut tokens = scenario(Backend::Tokens, &[(0, Ask::Refresh), (1, Ask::SignOut)]);
    tokens.requests[1].with = With::Newest;
    all_rules_hold(&Scenario { losses: 1, ..tokens }, 50);
}

#[test]
fn sec_85_a_sign_in_in_use_does_not_end() {
    let idle = Some(2 * MAX_STALENESS);
    let lifetime = Lifetime::new(idle, Duration::from_secs(3600)).expect("it is long enough");
    let requests = [(0, Ask::Me), (1, Ask::Me)];
    let used = Scenario { ticks: 2, lifetime, ..scenario(Backend::Cookie, &requests) };
    all_rules_hold(&used, 100);
    is_caught(&used, Flaw::IdleIgnoresUse, "a sign-in in use does not end");
}

#[test]
fn sec_09_an_expired_sign_in_is_not_served() {
    let lifetime = Lifetime::new(None, Duration::from_secs(3)).expect("it is long enough");
    let requests = [(0, Ask::Me), (1, Ask::Refresh)];
    let expiring = Scenario { ticks: 2, lifetime, ..scenario(Backend::Tokens, &requests) };
    all_rules_hold(&expiring, 100);
}
