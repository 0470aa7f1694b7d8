//! A store that tells of changes.

use super::catalogue::CHECKS;
use super::fixtures::{ADA, secret};
use super::report::{Outcome, Report, ensure};
use crate::store::{IntoStore, Store};

/// Puts stores that tell of changes to the rules of [`CHECKS`] about
/// [`watch`](crate::Store::watch), each of which a store that gives out no watch keeps, too: here that is a
/// violation. `fresh` makes a store for each, which tells of changes from then on.
pub async fn check_watching<S: IntoStore>(fresh: impl AsyncFn() -> S) -> Report {
    let mut report = Report::default();
    report.add("a_watch_is_given_out", gives_out(&*fresh().await.into_store()));
    for check in CHECKS.iter().filter(|check| check.name().starts_with("a_watch_")) {
        report.add(check.name(), check.run(fresh().await).await);
    }
    report
}

fn gives_out(store: &dyn Store) -> Outcome {
    let sid = secret(store, Some(ADA))?.sid();
    ensure(store.watch(&sid).is_some(), "there is no watch to be had")
}
