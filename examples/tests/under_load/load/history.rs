//! What was asked, and how it was answered. Times are counted from the start of the load.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::harness::By;

/// All that clients and staff know.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) changes: Vec<Change>,
}

impl History {
    /// The calls of each sign-in.
    pub(crate) fn of_sign_ins(&self) -> BTreeMap<SignIn, Vec<Call>> {
        let mut all: BTreeMap<SignIn, Vec<Call>> = BTreeMap::new();
        for call in &self.calls {
            all.entry(call.sign_in).or_default().push(*call);
        }
        all
    }
}

/// A request to a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) sign_in: SignIn,
    /// Which shop, or which way to one.
    pub(crate) shop: usize,
    pub(crate) deed: Deed,
    pub(crate) sent: Duration,
    pub(crate) answered: Duration,
    pub(crate) answer: Answer,
}

impl Call {
    /// Whether it was under way at some time of these.
    pub(crate) fn overlaps(&self, time: &Range<Duration>) -> bool {
        self.sent < time.end && time.start < self.answered
    }
}

/// A customer's sign-in: one of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SignIn {
    pub(crate) customer: u32,
    pub(crate) by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    SignIn,
    /// Who am I?
    Look,
    /// What only admins may see.
    Admin,
    /// One more thing in the cart.
    Add,
    /// What is in the cart?
    Cart,
    Refresh,
    Logout,
}

impl Deed {
    /// How old what an answer goes by may be, if copies may be as old as the lease: a confirmed
    /// route goes by none.
    pub(crate) fn lease(self, lease: Duration) -> Duration {
        if self == Self::Admin { Duration::ZERO } else { lease }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was done for the user.
    Served,
    /// It was done for the user, who is an admin or not.
    Named { admin: bool },
    /// It was done, and so much is in the cart.
    Holds(u32),
    /// The user may not.
    Forbidden,
    /// Nobody is signed in by this: 401, or a new visitor's cart.
    Refused,
    /// 503 with `Retry-After`.
    Unavailable,
    /// Another status, somebody else's answer, or none at all. No request may be answered so.
    Wrong(Option<u16>),
}

impl Answer {
    /// Whether it was done.
    pub(crate) fn done(self) -> bool {
        matches!(self, Self::Served | Self::Named { .. } | Self::Holds(_))
    }
}

/// New roles for a customer, by the staff. They come one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) customer: u32,
    pub(crate) admin: bool,
    pub(crate) sent: Duration,
    pub(crate) answered: Duration,
    /// Whether the store said that it is done. Otherwise it may be, at any time from then on.
    pub(crate) done: bool,
}
