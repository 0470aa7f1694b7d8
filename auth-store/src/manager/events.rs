//! What happens to sign-ins, for the application: to tell a user of a new device, or an operator of a theft.
//!
//! Sign-ins and their ends are also counted here, for the feature `metrics`. Without it, nothing is counted.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use auth_core::{SignInId, SignInInfo};

use super::sign_in_manager::SignInSettings;
use crate::secret::SecretKind;

/// Something that has happened to the sign-ins of a user; see [`SignInSettings::on_event`].
///
/// The log also has an entry for each of these events, and for many others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInEvent {
    /// A user has signed in with a client that had no sign-in of this user. A browser whose user has signed out, or
    /// whose sign-in has expired, counts as new: compare the `User-Agent` and the address with those that the user has
    /// used before. A sign-in whose second factor is pending counts when it is finished.
    NewDevice {
        /// The user.
        subject: Arc<str>,
        /// The sign-in, with what is known about the device.
        sign_in: SignInInfo,
    },
    /// A user has begun to [act](auth_core::Auth::act_as) for another.
    Acting {
        /// The user who acts.
        actor: Arc<str>,
        /// The user who is acted for.
        subject: Arc<str>,
        /// The sign-in.
        sign_in: SignInId,
    },
    /// A user has signed in who had as many sign-ins as allowed.
    LimitReached {
        /// The user.
        subject: Arc<str>,
        /// How many sign-ins were evicted for the new one. Zero if the new one was refused.
        evicted: usize,
    },
    /// A refresh token was used again after it had been replaced, so two clients have it. The sign-in has ended.
    RefreshTokenReused {
        /// The user.
        subject: Arc<str>,
        /// The sign-in.
        sign_in: SignInId,
    },
    /// A limit of a [`Throttle`](crate::Throttle) was reached: a client may be guessing passwords. Only the handler of
    /// [`Throttle::on_event`](crate::Throttle::on_event) receives it.
    TooManyAttempts {
        /// The user whose limit was reached, as the client has named the user. `None` if it was that of the address.
        user: Option<Box<str>>,
        /// The address of the client, if the application knows it.
        address: Option<IpAddr>,
    },
}

/// What the application does at events.
#[derive(Clone, Default)]
pub(crate) struct EventHandler(Option<Arc<dyn Fn(SignInEvent) + Send + Sync>>);

impl EventHandler {
    pub(crate) fn new(handle: impl Fn(SignInEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(handle)))
    }

    pub(crate) fn handle(&self, event: impl FnOnce() -> SignInEvent) {
        let Some(handle) = &self.0 else { return };
        // The change is stored, so the request must go on.
        if catch_unwind(AssertUnwindSafe(|| handle(event()))).is_err() {
            tracing::error!("sign-in event handler panicked");
        }
    }
}

impl fmt::Debug for EventHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventHandler").field(&self.0.is_some()).finish()
    }
}

impl SignInSettings {
    /// Sets what the application does at events, for authors of backends. `SessionAuth::on_event` and
    /// `JwtAuth::on_event` document when it is called.
    pub fn on_event(&mut self, handle: impl Fn(SignInEvent) + Send + Sync + 'static) {
        self.events = EventHandler::new(handle);
    }
}

/// Counts a sign-in that has started.
#[cfg(feature = "metrics")]
pub(super) fn count_started(kind: SecretKind) {
    metrics::counter!(crate::metrics::STARTED, "kind" => kind.scheme()).increment(1);
}

/// Counts sign-ins that have ended for this reason.
#[cfg(feature = "metrics")]
pub(super) fn count_ended(reason: &'static str, count: usize) {
    if count > 0 {
        let ended = metrics::counter!(crate::metrics::ENDED, "reason" => reason);
        ended.increment(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

#[cfg(not(feature = "metrics"))]
pub(super) fn count_started(_: SecretKind) {}

#[cfg(not(feature = "metrics"))]
pub(super) fn count_ended(_: &'static str, _: usize) {}
