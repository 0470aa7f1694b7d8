//! Users of an application with axum_session stay signed in.

#[path = "../../checks.rs"]
mod checks;

use auth_session::{Clock, ManualClock};
use axum::Router;
use axum_session::SessionConfig;
use checks::after;
use from_axum_session::before::{self, Store};
use from_axum_session::switch::{self, END};

/// Returns the old application and the new one, at this time.
async fn apps(clock: Clock) -> (Router, Router) {
    let config = SessionConfig::default().with_session_name(checks::OLD);
    let store = Store::new(None, config).await.unwrap();
    let routes = switch::with_old_sessions(after::routes(), store.clone(), clock.clone());
    (before::app(store), checks::with_layer(routes, clock))
}

#[tokio::test]
async fn users_stay_signed_in() {
    let (old, new) = apps(checks::before(END)).await;
    let alice = checks::alice(&old).await;
    checks::users_stay_signed_in(&alice, &new).await;
    checks::is_not_accepted(&alice, &new).await; // a copy of the old cookie
}

#[tokio::test]
async fn users_can_change_and_visitors_keep_their_cart() {
    let (old, new) = apps(checks::before(END)).await;
    checks::users_can_log_out(&checks::alice(&old).await, &new).await;
    checks::users_can_log_in(&checks::alice(&old).await, &new).await;
    checks::visitors_keep_their_cart(&checks::visitor(&old).await, &new).await;
}

#[tokio::test]
async fn old_sessions_end() {
    let (old, new) = apps(ManualClock::new(END).clock()).await;
    checks::is_not_accepted(&checks::alice(&old).await, &new).await;
}
