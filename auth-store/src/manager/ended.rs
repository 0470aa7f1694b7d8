//! Waiting for the end of a sign-in.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxFuture, EndReason, SignInId, Timestamp};

use super::manage::SignInManager;
use crate::error::StoreError;
use crate::lifetime::Deadlines;
use crate::quiet::quietly;
use crate::record::Record;
use crate::secret::FamilyDigest;
use crate::watch::Watch;

/// For how long the store may fail to say whether a sign-in still stands.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a store is asked that does not tell of changes.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How soon a store is asked again that did not answer; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl SignInManager {
    /// Waits until this sign-in has ended, and says how. It is no use of the sign-in.
    ///
    /// A refresh is no end. A new family of secrets is, and so is another time of authentication than
    /// `authenticated_at`: its user has signed in anew.
    ///
    /// The store itself is asked, never a copy: whenever its [`watch`](crate::Store::watch) says that
    /// something may have changed, at the moment that the sign-in would expire, and about once a
    /// second if the store does not tell of changes, or no longer does. While it does not answer it is asked
    /// again, less and less often; after ten seconds of that the answer is [`EndReason::Unconfirmed`].
    ///
    /// # Panics
    /// When it is awaited outside of a tokio runtime that keeps time.
    #[must_use = "it waits only while it is polled"]
    pub fn ended(
        &self,
        sid: SignInId,
        authenticated_at: Option<Timestamp>,
    ) -> BoxFuture<EndReason> {
        let mut vigil = EndWatcher {
            sign_ins: self.clone(),
            sid,
            authenticated_at,
            known: None,
            in_doubt_since: None,
            doubts: 0,
        };
        Box::pin(async move {
            let ended = vigil.keep().await;
            tracing::debug!(sign_in = %sid, %ended, "told whoever waited for the end of a sign-in");
            ended
        })
    }
}

/// One who waits for the end of a sign-in.
struct EndWatcher {
    sign_ins: SignInManager,
    sid: SignInId,
    authenticated_at: Option<Timestamp>,
    known: Option<Known>,
    /// The [monotonic](auth_core::Clock::monotonic) time of the first question without an answer.
    in_doubt_since: Option<Duration>,
    /// How many questions since then had none.
    doubts: u32,
}

/// What the last look at the record showed: no more of it is kept.
struct Known {
    family: FamilyDigest,
    limits: Deadlines,
    last_seen: Timestamp,
}

impl Known {
    fn of(record: &Record) -> Self {
        Self { family: record.family, limits: record.limits, last_seen: record.last_seen() }
    }

    /// When it expires unless it is used.
    fn expires_at(&self) -> Timestamp {
        let Deadlines { idle_secs, ends_at } = self.limits;
        match idle_secs {
            0 => ends_at,
            secs => ends_at.min(self.last_seen + Duration::from_secs(secs.into())),
        }
    }
}

impl EndWatcher {
    async fn keep(&mut self) -> EndReason {
        let mut told = false;
        loop {
            // Before the look, so that nothing is missed between the two.
            let watch = self.sign_ins.store.watch(&self.sid);
            if told && watch.is_none() {
                // Nobody tells any more, which woke all who wait: they do not all ask at once.
                self.sign_ins.settings.clock.sleep(self.part_of(ASK_EVERY)).await;
            }
            match quietly(self.look()).await {
                Ok(Some(ended)) => return ended,
                Ok(None) => {
                    (self.in_doubt_since, self.doubts) = (None, 0);
                    told = self.rest(watch).await;
                }
                Err(error) => {
                    if let Some(ended) = self.despair(&error) {
                        return ended;
                    }
                    let pause = FIRST_PAUSE * (1 << self.doubts.min(8));
                    self.doubts += 1;
                    let pause = pause.min(LONGEST_PAUSE);
                    let pause = pause - self.part_of(pause / 2);
                    self.sign_ins.settings.clock.sleep(pause).await;
                }
            }
        }
    }

    /// Looks at the record in the store: has it ended?
    async fn look(&mut self) -> Result<Option<EndReason>, StoreError> {
        let Some(record) = self.load().await? else { return Ok(Some(self.gone())) };
        let sign_ins = &self.sign_ins;
        if record.subject.is_none() {
            return Ok(Some(EndReason::NotSignedIn));
        }
        if let Some(expiry) = record.expiry(sign_ins.settings.clock.now()) {
            sign_ins.expire(&record, expiry);
            return Ok(Some(EndReason::Expired));
        }
        let is_other = match &self.known {
            None => self.authenticated_at.is_some_and(|at| at != record.authenticated_at),
            Some(known) => known.family != record.family,
        };
        if is_other {
            return Ok(Some(EndReason::Replaced));
        }
        self.known = Some(Known::of(&record));
        Ok(None)
    }

    /// Asks the store, and waits no longer than there is backoff left.
    async fn load(&mut self) -> Result<Option<Arc<Record>>, StoreError> {
        let clock = &self.sign_ins.settings.clock;
        let now = clock.monotonic();
        let since = *self.in_doubt_since.get_or_insert(now);
        let left = PATIENCE.saturating_sub(now.saturating_sub(since));
        tokio::select! {
            biased;
            loaded = self.sign_ins.store.load(&self.sid) => loaded,
            () = clock.sleep(left) => Err(StoreError::unavailable("there is no answer")),
        }
    }

    /// How it ended if it is not there any more.
    fn gone(&self) -> EndReason {
        let now = self.sign_ins.settings.clock.now();
        match &self.known {
            Some(known) if now >= known.expires_at() => EndReason::Expired,
            _ => EndReason::Revoked,
        }
    }

    /// What can be said without the store: that a limit is reached which nothing moves, or that it
    /// has been in doubt for too long.
    fn despair(&self, error: &StoreError) -> Option<EndReason> {
        let clock = &self.sign_ins.settings.clock;
        if self.known.as_ref().is_some_and(|known| clock.now() >= known.limits.ends_at) {
            return Some(EndReason::Expired);
        }
        let doubt = clock.monotonic().saturating_sub(self.in_doubt_since.unwrap_or_default());
        if doubt < PATIENCE {
            return None;
        }
        let error = error as &dyn std::error::Error;
        tracing::warn!(sign_in = %self.sid, error, "a sign-in could not be confirmed");
        Some(EndReason::Unconfirmed)
    }

    /// Waits until it may have changed, or expires, and says whether a watch told so.
    async fn rest(&self, watch: Option<Watch>) -> bool {
        let clock = &self.sign_ins.settings.clock;
        let expires_at = self.known.as_ref().map_or(Timestamp::MAX, Known::expires_at);
        let tells = watch.is_some();
        tokio::select! {
            biased;
            () = clock.sleep_until(expires_at) => false,
            () = async {
                match watch {
                    Some(watch) => watch.await,
                    None => clock.sleep(ASK_EVERY + self.part_of(ASK_EVERY / 4)).await,
                }
            } => tells,
        }
    }

    /// Those who began at the same moment part again: each has a part of its own, by its id.
    fn part_of(&self, time: Duration) -> Duration {
        let [.., high, low] = *self.sid.as_bytes();
        time * u32::from(u16::from_be_bytes([high, low])) / 65_536
    }
}
