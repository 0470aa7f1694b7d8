//! Waiting for the end of a sign-in, for streams and sockets that must not outlive it.
//!
//! The wait is a loop: watch the sign-in, load its record, sleep until the watch fires or the sign-in
//! expires. The record comes from the store, never from a cached copy. An unreachable store ends the wait.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxFuture, EndReason, SignInId, Timestamp};

use super::sign_in_manager::SignInManager;
use crate::error::StoreError;
use crate::lifetime::Deadlines;
use crate::record::Record;
use crate::secret::FamilyDigest;
use crate::warnings::suppress_warnings;
use crate::watch::Watch;

/// How long the store may fail to answer before the wait ends as unconfirmed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a load may take after that. The clock may have jumped during the load, because the machine
/// was suspended.
const AFTER_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval between two loads from a store without watches.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The first pause after a failed load; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl SignInManager {
    /// Waits until a sign-in has ended, and returns the reason. Waiting does not extend the idle
    /// timeout.
    ///
    /// A refresh is not an end. A new sign-in of the same user on the same record is: it has another
    /// family of secrets, and another time of authentication than `authenticated_at`.
    ///
    /// The record is loaded from the store itself, never from a cached copy: whenever the store's
    /// [`watch`](crate::Store::watch) reports a possible change, at the moment that the sign-in would
    /// expire, and about once per second if the store has no watch. Failed loads are repeated at
    /// growing intervals. If they fail for about ten seconds, the result is [`EndReason::Unconfirmed`].
    ///
    /// # Panics
    ///
    /// Panics if it is awaited outside of a tokio runtime with a timer.
    #[must_use = "futures do nothing unless polled"]
    pub fn ended(&self, id: SignInId, authenticated_at: Option<Timestamp>) -> BoxFuture<EndReason> {
        let mut watcher = EndWatcher {
            sign_ins: self.clone(),
            id,
            authenticated_at,
            known: None,
            failing_since: None,
            failures: 0,
        };
        Box::pin(async move {
            let ended = watcher.run().await;
            tracing::debug!(sign_in = %id, %ended, "sign-in ended while watched");
            ended
        })
    }
}

/// The state of one wait.
struct EndWatcher {
    sign_ins: SignInManager,
    id: SignInId,
    authenticated_at: Option<Timestamp>,
    known: Option<Known>,
    /// The [monotonic](auth_core::Clock::monotonic) time at which the first failed load began.
    failing_since: Option<Duration>,
    /// How many loads have failed since then.
    failures: u32,
}

/// What is kept of the last loaded record.
struct Known {
    family: FamilyDigest,
    deadlines: Deadlines,
    /// When it expires if it is not used.
    expires_at: Timestamp,
    /// The actor's own sign-in, and when that expires if it is not used.
    actor: Option<(SignInId, Timestamp)>,
}

impl Known {
    fn of(record: &Record, own: Option<&Record>) -> Self {
        let Record { family, deadlines, .. } = *record;
        let actor = own.map(|own| (own.id, expires_at(own)));
        Self { family, deadlines, expires_at: expires_at(record), actor }
    }

    /// Returns when the record has to be looked at again, whether or not the store reports a change.
    fn next_check(&self) -> Timestamp {
        self.actor.map_or(self.expires_at, |(_, expires_at)| self.expires_at.min(expires_at))
    }
}

/// Returns when a sign-in expires if it is not used.
fn expires_at(record: &Record) -> Timestamp {
    let Deadlines { idle_secs, ends_at } = record.deadlines;
    match idle_secs {
        0 => ends_at,
        secs => ends_at.min(record.last_seen() + Duration::from_secs(secs.into())),
    }
}

impl EndWatcher {
    async fn run(&mut self) -> EndReason {
        let mut fired = false;
        loop {
            // Before the load, so that no change between the two is missed.
            let watch = self.watch();
            let was_known = self.known.is_some();
            if fired && watch.is_none() {
                // The store lost its watches, which woke all waits. They must not load all at once.
                self.sign_ins.settings.clock.sleep(self.part_of(POLL_INTERVAL)).await;
            }
            match suppress_warnings(self.check()).await {
                Ok(Some(ended)) => return ended,
                Ok(None) => {
                    (self.failing_since, self.failures) = (None, 0);
                    let has_actor = self.known.as_ref().is_some_and(|known| known.actor.is_some());
                    if was_known || !has_actor {
                        fired = self.sleep(watch).await;
                    } // otherwise, the actor's sign-in is not watched yet
                }
                Err(error) => {
                    if let Some(ended) = self.end_without_store(&error) {
                        return ended;
                    }
                    let pause = FIRST_PAUSE * (1 << self.failures.min(8));
                    self.failures += 1;
                    let pause = pause.min(LONGEST_PAUSE);
                    let pause = pause - self.part_of(pause / 2);
                    self.sign_ins.settings.clock.sleep(pause).await;
                }
            }
        }
    }

    /// Watches the sign-in, and that of its actor.
    fn watch(&self) -> Option<Watch> {
        let (store, watch) = (&self.sign_ins.store, self.sign_ins.store.watch(&self.id)?);
        let Some((own, _)) = self.known.as_ref().and_then(|known| known.actor) else {
            return Some(watch);
        };
        let own = store.watch(&own)?;
        Some(Watch::new(async move {
            tokio::select! {
                () = watch => {}
                () = own => {}
            }
        }))
    }

    /// Loads the record, and returns how the sign-in has ended, if it has.
    async fn check(&mut self) -> Result<Option<EndReason>, StoreError> {
        let Some(record) = self.load().await? else { return Ok(Some(self.gone())) };
        let sign_ins = &self.sign_ins;
        if record.subject.is_none() || record.is_pending() {
            return Ok(Some(EndReason::NotSignedIn));
        }
        if let Some(expiry) = record.expiry(sign_ins.settings.clock.now()) {
            sign_ins.expire(&record, expiry);
            return Ok(Some(EndReason::Expired));
        }
        let own = match record.actor() {
            Some(actor) => {
                let own = sign_ins.load_actor(actor, sign_ins.settings.clock.now()).await?;
                if own.is_none() {
                    return Ok(Some(EndReason::Revoked));
                }
                own
            }
            None => None,
        };
        let is_replaced = match &self.known {
            None => self.authenticated_at.is_some_and(|at| at != record.authenticated_at),
            Some(known) => known.family != record.family,
        };
        if is_replaced {
            return Ok(Some(EndReason::Replaced));
        }
        self.known = Some(Known::of(&record, own.as_deref()));
        Ok(None)
    }

    /// Loads the record, and waits little longer than the rest of the timeout.
    async fn load(&mut self) -> Result<Option<Arc<Record>>, StoreError> {
        let clock = &self.sign_ins.settings.clock;
        let now = clock.monotonic();
        let since = *self.failing_since.get_or_insert(now);
        let left = TIMEOUT.saturating_sub(now.saturating_sub(since));
        let too_long = async {
            clock.sleep(left).await;
            clock.sleep(AFTER_TIMEOUT).await;
        };
        tokio::select! {
            biased;
            loaded = self.sign_ins.store.load(&self.id) => loaded,
            () = too_long => Err(StoreError::unavailable("the store did not answer in time")),
        }
    }

    /// Returns how a sign-in ended whose record is gone.
    fn gone(&self) -> EndReason {
        let now = self.sign_ins.settings.clock.now();
        match &self.known {
            Some(known) if now >= known.expires_at => EndReason::Expired,
            _ => EndReason::Revoked,
        }
    }

    /// Returns how the wait ends without the store, if it does: because the absolute deadline, which
    /// nothing extends, has passed, or because the store has failed for too long.
    fn end_without_store(&self, error: &StoreError) -> Option<EndReason> {
        let clock = &self.sign_ins.settings.clock;
        if self.known.as_ref().is_some_and(|known| clock.now() >= known.deadlines.ends_at) {
            return Some(EndReason::Expired);
        }
        let failing = clock.monotonic().saturating_sub(self.failing_since.unwrap_or_default());
        if failing < TIMEOUT {
            return None;
        }
        if let Some(suppressed) = clock.admit_event("sign-in not confirmed") {
            let (sign_in, error) = (&self.id, error as &dyn std::error::Error);
            tracing::warn!(%sign_in, suppressed, error, "sign-in not confirmed; store unavailable");
        }
        Some(EndReason::Unconfirmed)
    }

    /// Sleeps until the record may have changed or expires. Returns whether the watch fired.
    async fn sleep(&self, watch: Option<Watch>) -> bool {
        let clock = &self.sign_ins.settings.clock;
        let expires_at = self.known.as_ref().map_or(Timestamp::MAX, Known::next_check);
        let watched = watch.is_some();
        tokio::select! {
            biased;
            () = clock.sleep_until(expires_at) => false,
            () = async {
                match watch {
                    Some(watch) => watch.await,
                    None => clock.sleep(POLL_INTERVAL + self.part_of(POLL_INTERVAL / 4)).await,
                }
            } => watched,
        }
    }

    /// Returns a fraction of `time` that depends on the id, so that waits that began together do not
    /// load together.
    fn part_of(&self, time: Duration) -> Duration {
        let [.., high, low] = *self.id.as_bytes();
        time * u32::from(u16::from_be_bytes([high, low])) / 65_536
    }
}
