//! Runs the kit.

use super::catalogue::CHECKS;
use super::report::{Report, Violation};
use crate::store::IntoStore;

/// Puts stores to every rule of [`CHECKS`], one after the other. `fresh` makes a store for each:
/// an empty one, or one with a name space of its own in a shared backend.
pub async fn run<S: IntoStore>(fresh: impl AsyncFn() -> S) -> Report {
    let mut report = Report::default();
    for check in CHECKS {
        report.add(check.name(), check.run(fresh().await).await);
    }
    report
}

/// Puts an empty store to the rule of this name.
pub async fn check(name: &'static str, store: impl IntoStore) -> Report {
    let mut report = Report::default();
    let outcome = match CHECKS.iter().find(|check| check.name() == name) {
        Some(check) => check.run(store).await,
        None => Err(Violation::new("there is no such check")),
    };
    report.add(name, outcome);
    report
}
