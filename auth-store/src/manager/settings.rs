//! How sign-ins are kept.

use std::time::Duration;

use auth_core::{Clock, Persistence, Timestamp};

use crate::lifetime::{Deadlines, Lifetime};
use crate::record::Record;
use crate::store::SignInLimit;

/// How sign-ins are kept: for how long, how many, and by which clock.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignInSettings {
    /// The clock that decides what has expired.
    pub clock: Clock,
    /// How long a sign-in lasts.
    pub lifetime: Lifetime,
    /// How long an anonymous visitor's record lasts.
    pub anonymous: Lifetime,
    /// How many sign-ins a user may have; none for any number.
    pub limit: Option<SignInLimit>,
    /// Whether cookies outlive the browser, unless a sign-in says otherwise.
    pub persistence: Persistence,
    /// How often a use is written down at most; none for 1/20 of the idle limit.
    pub touch_every: Option<Duration>,
    /// For how long a refresh token may be sent again.
    pub grace: Duration,
}

impl Default for SignInSettings {
    fn default() -> Self {
        let (half_an_hour, day) = (Duration::from_secs(1800), Duration::from_secs(24 * 3600));
        Self {
            clock: Clock::system(),
            lifetime: Lifetime::default(),
            anonymous: Lifetime::new(Some(half_an_hour), day).unwrap_or_default(),
            limit: None,
            persistence: Persistence::Session,
            touch_every: None,
            grace: Duration::from_secs(10),
        }
    }
}

impl SignInSettings {
    /// The limits of a sign-in, or of an anonymous visitor, that starts now.
    pub(super) fn limits(&self, anonymous: bool, now: Timestamp) -> Deadlines {
        Deadlines::starting(if anonymous { self.anonymous } else { self.lifetime }, now)
    }

    /// Whether a use is to be written down. Sign-ins that were touched together part again: each
    /// adds up to a quarter of the interval, by its id.
    pub(super) fn touch_is_due(&self, record: &Record, now: Timestamp) -> bool {
        // In milliseconds: `Duration` divides, and this runs on every request.
        let idle = u64::from(record.limits.idle_secs) * 1000;
        let asked = self.touch_every.map(|every| (Timestamp::EPOCH + every).as_millis());
        let every = match idle {
            0 => asked.unwrap_or(HOUR),
            // A use that is never written down would not count.
            idle => asked.unwrap_or(idle / 20).min(idle / 2),
        };
        let [.., last] = *record.sid.as_bytes();
        let jitter = (every / 1024).saturating_mul(u64::from(last));
        let unseen = now.as_millis().saturating_sub(record.last_seen().as_millis());
        unseen >= every.saturating_add(jitter)
    }
}

/// Without an idle limit the last-seen time only informs the user. In milliseconds.
const HOUR: u64 = 3_600_000;
