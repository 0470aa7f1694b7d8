//! Constructors of calls, for the unit tests of the checker.

use std::time::Duration;

use super::super::history::{Action, Call, Outcome, SignIn, Span};
use super::{Guarantees, Violation};
use crate::harness::Kind;

pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(2);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn span(sent: u64, answered: u64) -> Span {
    Span { sent: ms(sent), answered: ms(answered) }
}

/// Returns guarantees under which the last calls between 100 and 200 ms may be lost.
pub(crate) fn unconfirmed() -> Guarantees {
    Guarantees { unconfirmed: ms(100)..ms(200), ..Guarantees::strict(MAX_STALENESS) }
}

/// Returns a call of customer 1, by cookie.
pub(crate) fn call(action: Action, sent: u64, answered: u64, outcome: Outcome) -> Call {
    let sign_in = SignIn { customer: 1, kind: Kind::Cookie };
    Call { sign_in, shop: 0, action, time: span(sent, answered), outcome }
}

/// Runs a check of one sign-in under strict guarantees.
pub(crate) fn strictly(
    check: impl Fn(&[Call], &Guarantees) -> Vec<Violation>,
    calls: &[Call],
) -> Vec<Violation> {
    check(calls, &Guarantees::strict(MAX_STALENESS))
}
