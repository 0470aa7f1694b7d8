//! Histories that were made up, for the tests of those who judge them.

use std::time::Duration;

use super::history::{Answer, Call, Deed, SignIn};
use crate::harness::By;

pub(crate) const LEASE: Duration = Duration::from_secs(2);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A call of customer 1, by cookie.
pub(crate) fn call(deed: Deed, sent: u64, answered: u64, answer: Answer) -> Call {
    let sign_in = SignIn { customer: 1, by: By::Cookie };
    Call { sign_in, shop: 0, deed, sent: ms(sent), answered: ms(answered), answer }
}
