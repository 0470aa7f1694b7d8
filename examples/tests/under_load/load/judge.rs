//! What must be true of a history, whatever the service went through.

use super::history::{Call, History};
use super::terms::Terms;
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

/// Everything in the history that must not be by these terms.
pub(crate) fn judge(history: &History, terms: &Terms) -> Vec<Violation> {
    let mut found = Vec::new();
    for calls in history.of_sign_ins().values() {
        found.extend(ends::judge(calls, terms));
        found.extend(carts::judge(calls, terms));
    }
    found.extend(roles::judge(history, terms.lease));
    found
}
