//! Verifies that the conformance suite catches each fault.

use std::collections::BTreeSet;

use auth_store::{Store, conformance};

use super::{bounds, create, end, limit, look, rotate, subject, sweep, touch, update, watch};
use crate::plain::Plain;

/// Writes a test for each fault: every check named after `=>` must fail.
///
/// A single thread runs each test, so that tasks take turns where a fault yields, and races have the same
/// outcome each time.
macro_rules! caught {
    ($($test:ident: $fault:ty => $($check:ident)+;)*) => {
        $(
            #[tokio::test(start_paused = true)] // so that timeouts take no time
            async fn $test() {
                crate::broken::caught::is_caught::<$fault>(&[$(stringify!($check)),+]).await;
            }
        )*

        /// The checks that catch a fault of this module.
        pub(super) const CATCHES: &[&str] = &[$($(stringify!($check)),+),*];
    };
}
pub(super) use caught;

pub(super) async fn is_caught<S: Store + Default>(checks: &[&'static str]) {
    for check in checks {
        let report = conformance::check(check, S::default()).await;
        assert!(!report.passed(), "{check} passes in spite of the fault");
        assert!(!report.to_string().contains("no such check"), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plain_store_without_a_fault_passes_every_check() {
    conformance::run(async || Plain::default()).await.assert_passed();
}

#[test]
fn every_check_catches_a_fault() {
    let caught: BTreeSet<_> = [
        bounds::CATCHES,
        create::CATCHES,
        end::CATCHES,
        limit::CATCHES,
        look::CATCHES,
        rotate::CATCHES,
        subject::CATCHES,
        sweep::CATCHES,
        touch::CATCHES,
        update::CATCHES,
        watch::CATCHES,
    ]
    .concat()
    .into_iter()
    .collect();
    let checks: BTreeSet<_> = conformance::CHECKS.iter().map(conformance::Check::name).collect();
    assert_eq!(caught, checks);
}
