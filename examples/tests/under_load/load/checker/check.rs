//! The guarantees of a service, and the violations that a history can show.

use std::ops::Range;
use std::time::Duration;

use super::super::history::{Call, History};
use super::{carts, roles, sign_ins};

/// How far a replica may lag behind its primary. What was acknowledged that long before a fault may be
/// lost with the primary.
const REPLICATION_LAG: Duration = Duration::from_secs(1);

/// What a fault may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Everything that was acknowledged is kept.
    Nothing,
    /// A replica that has not confirmed everything takes over: the last additions and sign-ins before
    /// the fault may be lost. Ended sign-ins stay ended, and new roles stay.
    Unconfirmed,
}

/// What a history is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guarantees {
    /// How old a cached sign-in may be.
    pub(crate) max_staleness: Duration,
    /// The time in which acknowledged additions and new sign-ins may be lost.
    pub(crate) unconfirmed: Range<Duration>,
}

impl Guarantees {
    /// Nothing may be lost.
    pub(crate) fn strict(max_staleness: Duration) -> Self {
        Self { max_staleness, unconfirmed: Duration::ZERO..Duration::ZERO }
    }

    /// What remains guaranteed in a fault of this time.
    pub(crate) fn after(max_staleness: Duration, loss: Loss, fault: &Range<Duration>) -> Self {
        match loss {
            Loss::Nothing => Self::strict(max_staleness),
            Loss::Unconfirmed => {
                let unconfirmed = fault.start.saturating_sub(REPLICATION_LAG)..fault.end;
                Self { max_staleness, unconfirmed }
            }
        }
    }
}

/// A call whose outcome contradicts the guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Served, although it was sent later than `max_staleness` after the logout.
    ServedAfterLogout(Call),
    /// Refused, although no logout of this sign-in had been sent.
    RefusedWhileSignedIn(Call),
    /// Neither the requested response, nor a refusal, nor 503 with `Retry-After`.
    WrongResponse(Call),
    /// This many acknowledged additions are not in the cart.
    LostAdditions(Call, u32),
    /// The cart contains this many more than were ever sent.
    InventedAdditions(Call, u32),
    /// Decided by roles that had been replaced for too long, or that were never given.
    StaleRoles(Call),
}

/// Returns all violations in the history.
pub(crate) fn check(history: &History, guarantees: &Guarantees) -> Vec<Violation> {
    let mut violations = Vec::new();
    for calls in history.of_sign_ins().values() {
        violations.extend(sign_ins::check(calls, guarantees));
        violations.extend(carts::check(calls, guarantees));
    }
    violations.extend(roles::check(history, guarantees.max_staleness));
    violations
}

#[cfg(test)]
mod tests {
    use super::super::samples::{MAX_STALENESS, ms};
    use super::*;

    #[test]
    fn only_the_last_second_before_a_fault_is_unconfirmed() {
        let fault = ms(5000)..ms(5100);
        let guarantees = Guarantees::after(MAX_STALENESS, Loss::Unconfirmed, &fault);
        assert_eq!(guarantees.unconfirmed, ms(4000)..ms(5100));
        let strict = Guarantees::strict(MAX_STALENESS);
        assert_eq!(Guarantees::after(MAX_STALENESS, Loss::Nothing, &fault), strict);
    }
}
