//! What must be true of a history, whatever the service went through.

use std::time::Duration;

use super::history::{Call, History};
use super::{carts, ends, roles};

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Sent when everybody must have known of the logout, and served.
    ServedAfterLogout(Call),
    /// Nobody had asked for the end of this sign-in.
    RefusedWhileSignedIn(Call),
    /// Neither what was asked for, nor a refusal, nor 503 with `Retry-After`.
    WrongAnswer(Call),
    /// So many additions were acknowledged, and are not in the cart.
    LostAdditions(Call, u32),
    /// So many more are in the cart than were ever sent.
    InventedAdditions(Call, u32),
    /// By roles that everybody must have known to be over, or that nobody had given.
    StaleRoles(Call),
}

/// What a fault may take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// What was acknowledged is kept.
    Nothing,
    /// A replica takes over that was not waited for: additions and new sign-ins may be lost. What
    /// has ended stays ended, and new roles stay.
    Unconfirmed,
}

impl Loss {
    /// Whether a fault that may lose so much explains it.
    pub(crate) fn explains(self, violation: &Violation) -> bool {
        use Violation::{LostAdditions, RefusedWhileSignedIn};
        self == Self::Unconfirmed
            && matches!(violation, LostAdditions(..) | RefusedWhileSignedIn(_))
    }
}

/// Everything in the history that must not be, if shops hear of changes within the lease.
pub(crate) fn judge(history: &History, lease: Duration) -> Vec<Violation> {
    let mut found = Vec::new();
    for calls in history.of_sign_ins().values() {
        found.extend(ends::judge(calls, lease));
        found.extend(carts::judge(calls, lease));
    }
    found.extend(roles::judge(history, lease));
    found
}
