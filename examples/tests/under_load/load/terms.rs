//! What a service promises.

use std::ops::Range;
use std::time::Duration;

/// How long a replica may be behind, so that an acknowledgement of so long before a fault may be lost
/// with the primary.
const BEHIND: Duration = Duration::from_secs(1);

/// What a fault may take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// What was acknowledged is kept.
    Nothing,
    /// A replica takes over that was not waited for: the last additions and sign-ins before the fault
    /// may be lost. What has ended stays ended, and new roles stay.
    Unconfirmed,
}

/// What histories are judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// How old copies may be.
    pub(crate) lease: Duration,
    /// What was acknowledged at this time may be lost: additions, and new sign-ins.
    pub(crate) unconfirmed: Range<Duration>,
}

impl Terms {
    /// Nothing may be lost.
    pub(crate) fn strict(lease: Duration) -> Self {
        Self { lease, unconfirmed: Duration::ZERO..Duration::ZERO }
    }

    /// A fault of this time may take that much away.
    pub(crate) fn after(lease: Duration, loss: Loss, fault: &Range<Duration>) -> Self {
        match loss {
            Loss::Nothing => Self::strict(lease),
            Loss::Unconfirmed => {
                Self { lease, unconfirmed: fault.start.saturating_sub(BEHIND)..fault.end }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::made_up::{LEASE, ms};

    #[test]
    fn what_may_be_lost_is_of_shortly_before_a_fault() {
        let fault = ms(5000)..ms(5100);
        let terms = Terms::after(LEASE, Loss::Unconfirmed, &fault);
        assert_eq!(terms.unconfirmed, ms(4000)..ms(5100));
        assert_eq!(Terms::after(LEASE, Loss::Nothing, &fault), Terms::strict(LEASE));
    }
}
