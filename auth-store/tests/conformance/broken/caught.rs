//! Verifies that the conformance suite catches each fault.

use std::collections::BTreeSet;

use auth_store::{Store, conformance};

use super::{
    bounds, create, dropped, end, limit, look, rotate, subject, sweep, touch, update, watch,
};
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

        /// The faults of this module, by the names of their tests.
        pub(super) const FAULTS: &[&str] = &[$(stringify!($test)),+];

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

macro_rules! of_all {
    ($constant:ident) => {
        [
            bounds::$constant,
            create::$constant,
            dropped::$constant,
            end::$constant,
            limit::$constant,
            look::$constant,
            rotate::$constant,
            subject::$constant,
            sweep::$constant,
            touch::$constant,
            update::$constant,
            watch::$constant,
        ]
        .concat()
    };
}

/// The documentation of the suite lists the faults, and a fault in the list has a test.
#[test]
fn the_suite_lists_every_fault() {
    let listed: BTreeSet<_> = include_str!("../../../src/conformance/faults.md")
        .lines()
        .filter_map(|line| line.strip_prefix("- "))
        .map(str::to_owned)
        .collect();
    let tested = of_all!(FAULTS).into_iter().map(|test| {
        let named = test.trim_end_matches("_is_caught").trim_end_matches("_are_caught");
        let words = named
            .split('_')
            .skip_while(|word| *word == "sec" || word.chars().all(|digit| digit.is_ascii_digit()));
        words.collect::<Vec<_>>().join(" ")
    });
    assert_eq!(listed, tested.collect());
}

#[test]
fn every_check_catches_a_fault() {
    let caught: BTreeSet<_> = of_all!(CATCHES).into_iter().collect();
    let checks: BTreeSet<_> = conformance::CHECKS.iter().map(conformance::Check::name).collect();
    assert_eq!(caught, checks);
}
