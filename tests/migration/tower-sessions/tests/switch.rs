//! Users of an application with tower-sessions stay signed in.

#[path = "../../checks.rs"]
mod checks;

use auth_session::{Clock, ManualClock};
use axum::Router;
use checks::after;
use from_tower_sessions::before;
use from_tower_sessions::switch::{self, END};
use tower_sessions::MemoryStore;

/// Returns the old application and the new one, at this time.
fn apps(clock: Clock) -> (Router, Router) {
    let store = MemoryStore::default();
    let routes = switch::with_old_sessions(after::routes(), store.clone(), clock.clone());
    (before::app(store), checks::with_layer(routes, clock))
}

#[tokio::test]
async fn users_stay_signed_in_once() {
    let (old, new) = apps(checks::before(END));
    let alice = checks::alice(&old).await;
    checks::users_stay_signed_in(&alice, &new).await;
    checks::is_not_accepted(&alice, &new).await; // a copy of the old cookie
    checks::users_can_log_out(&checks::alice(&old).await, &new).await;
    checks::users_can_log_in(&checks::alice(&old).await, &new).await;
    checks::visitors_keep_their_cart(&checks::visitor(&old).await, &new).await;
}

#[tokio::test]
async fn old_sessions_end() {
    let (old, new) = apps(ManualClock::new(END).clock());
    checks::is_not_accepted(&checks::alice(&old).await, &new).await;
}
