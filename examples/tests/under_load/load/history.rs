//! The history of a load: all calls with their outcomes, and all changes of roles. Times are counted
//! from the start of the load.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::harness::Kind;

/// Everything that the clients and the staff have recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) changes: Vec<Change>,
}

impl History {
    /// Returns the calls of each sign-in.
    pub(crate) fn of_sign_ins(&self) -> BTreeMap<SignIn, Vec<Call>> {
        let mut all: BTreeMap<SignIn, Vec<Call>> = BTreeMap::new();
        for call in &self.calls {
            all.entry(call.sign_in).or_default().push(*call);
        }
        all
    }
}

/// A request, and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) sign_in: SignIn,
    /// The index of the URL, which is of a shop or of a proxy in front of several.
    pub(crate) shop: usize,
    pub(crate) action: Action,
    pub(crate) time: Span,
    pub(crate) outcome: Outcome,
}

/// When a request was in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) sent: Duration,
    pub(crate) answered: Duration,
}

impl Span {
    /// Returns whether the request was in progress at any moment of `time`.
    pub(crate) fn overlaps(&self, time: &Range<Duration>) -> bool {
        self.sent < time.end && time.start < self.answered
    }
}

impl Call {
    /// Returns whether the response was for the signed-in user. 403 is, too.
    pub(crate) fn was_for_user(&self) -> bool {
        self.outcome.succeeded() || self.outcome == Outcome::Forbidden
    }
}

/// A customer's sign-in. Each customer has one of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SignIn {
    pub(crate) customer: u32,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    SignIn,
    /// Reads the identity.
    Me,
    /// Reads what only admins may see. The route is revalidated.
    Admin,
    /// Adds one item to the cart.
    AddToCart,
    /// Reads the cart.
    ReadCart,
    Refresh,
    Logout,
}

impl Action {
    /// Returns how old the sign-in may be that decides. Revalidated routes do not use a cached one.
    pub(crate) fn max_staleness(self, of_cache: Duration) -> Duration {
        if self == Self::Admin { Duration::ZERO } else { of_cache }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Served for the user.
    Served,
    /// The identity was returned, with or without the role of an admin.
    Identified { admin: bool },
    /// The cart was returned, with this quantity.
    Cart(u32),
    /// 403: the user does not have the role.
    Forbidden,
    /// 401, or the cart of a new visitor.
    Refused,
    /// 503 with `Retry-After`.
    Unavailable,
    /// Another status, the response for another user, or no response (`None`). Always a violation.
    Wrong(Option<u16>),
}

impl Outcome {
    /// Returns whether the action was performed.
    pub(crate) fn succeeded(self) -> bool {
        matches!(self, Self::Served | Self::Identified { .. } | Self::Cart(_))
    }
}

/// A change of a customer's roles by the staff. Changes of one customer do not overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) customer: u32,
    pub(crate) admin: bool,
    pub(crate) time: Span,
    /// Whether the store acknowledged the change. Otherwise it may take effect at any later time.
    pub(crate) acknowledged: bool,
}
