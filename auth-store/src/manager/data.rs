//! The data of sign-ins, and of visitors.

use auth_core::{AuthError, AuthErrorKind, SignInId};

use super::attempt::{Attempt, AttemptError, AttemptOutcome, Repeats};
use super::backoff::Backoff;
use super::issued::IssuedSecret;
use super::manage::SignInManager;
use super::unsaved::PendingChanges;
use crate::changes::Change;
use crate::data::SessionData;
use crate::error::{StoreError, Undecodable};
use crate::record::Record;
use crate::secret::{Secret, SecretKind};
use crate::store::CompareAndSwap;

impl SignInManager {
    /// Makes these changes on the newest data of a sign-in that has not ended.
    pub(crate) async fn change(&self, sid: &SignInId, changes: &[Change]) -> Result<(), AuthError> {
        self.change_once(sid, &mut PendingChanges::new(changes.to_vec()), Repeats::Never).await
    }

    /// Makes these changes on the newest data of a sign-in that has not ended, none of them twice.
    ///
    /// What is left in `unsaved` is not stored, as far as is known, and can be given to a later call,
    /// also if this one was dropped while it waited. What an attempt that nobody answered has done is
    /// not done again; where that cannot be known, nothing is done.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if it is not known whether the changes were
    /// made; [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the sign-in has ended.
    pub(crate) async fn change_once(
        &self,
        sid: &SignInId,
        unsaved: &mut PendingChanges,
        repeats: Repeats,
    ) -> Result<(), AuthError> {
        let mut backoff = Backoff::new();
        let mut newest = self.store.load(sid).await?;
        loop {
            let record = newest.ok_or_else(ended)?;
            if record.expiry(self.settings.clock.now()).is_some() {
                return Err(ended());
            }
            let Some((attempt, sent)) = next(&record, unsaved, repeats)? else { return Ok(()) };
            let (version, data, makes) = (attempt.version, attempt.data.clone(), attempt.makes);
            // Before it is sent: whoever waits may be gone before the answer comes.
            let marked = repeats == Repeats::Perhaps || sent == Sent::Before;
            unsaved.sent = marked.then_some(attempt);
            let swap = self.store.update(sid, version, data).await?;
            if sent == Sent::Never {
                unsaved.sent = None; // it is answered; what was sent before is not
            }
            match swap {
                CompareAndSwap::Stored(stored) => {
                    unsaved.stored(makes);
                    if unsaved.changes.is_empty() {
                        return Ok(());
                    }
                    newest = Some(stored);
                }
                CompareAndSwap::Conflict(newer) => {
                    newest = Some(newer);
                    backoff.pause().await?;
                }
                CompareAndSwap::NotFound => return Err(ended()),
            }
        }
    }

    /// Starts the record of a visitor whom nobody has signed in.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer or has no room.
    pub(crate) async fn start_anonymous(
        &self,
        data: SessionData,
        kind: SecretKind,
    ) -> Result<IssuedSecret, AuthError> {
        if data.bytes() > SessionData::MAX_BYTES {
            return Err(AuthError::new(AuthErrorKind::TooLarge, "over 64 KiB of data"));
        }
        let now = self.settings.clock.now();
        let secret = Secret::generate(self.store.new_id(None)?).map_err(StoreError::unavailable)?;
        let limits = self.settings.limits(true, now);
        let mut record = Record::new(secret.sid(), kind, secret.digests(kind), None, limits, now);
        record.data = data;
        let issued = IssuedSecret::new(secret, &record);
        self.store.create(record, None).await?;
        Ok(issued)
    }

    /// Ends a sign-in whose secret never reached its client.
    pub async fn roll_back(&self, sid: &SignInId) {
        if let Err(error) = self.store.delete(sid).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(sign_in = %sid, error, "a sign-in could not be taken back");
        }
    }
}

/// Whether an attempt was sent before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Never,
    Before,
}

/// What to send next; none if nothing is left to change.
fn next(
    record: &Record,
    unsaved: &mut PendingChanges,
    repeats: Repeats,
) -> Result<Option<(Attempt, Sent)>, AuthError> {
    match unsaved.settle(record) {
        Some(AttemptOutcome::Unknown) => return Err(unknown()),
        Some(AttemptOutcome::Open) => {
            return Ok(unsaved.sent.clone().map(|sent| (sent, Sent::Before)));
        }
        Some(AttemptOutcome::Happened | AttemptOutcome::Never) | None => {}
    }
    let attempt = Attempt::new(record, &unsaved.changes, repeats)?;
    Ok(attempt.map(|attempt| (attempt, Sent::Never)))
}

fn unknown() -> AuthError {
    let unknown = "it is not known whether an earlier attempt was stored";
    AuthError::new(AuthErrorKind::Unavailable, unknown)
}

fn ended() -> AuthError {
    AuthError::new(AuthErrorKind::Unauthenticated, "the sign-in has ended")
}

impl From<AttemptError> for AuthError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Data(error) => {
                Self::new(AuthErrorKind::Serialization, Undecodable::from(error))
            }
            AttemptError::TooLarge => Self::new(AuthErrorKind::TooLarge, "over 64 KiB of data"),
            AttemptError::Store(error) => error.into(),
        }
    }
}
