//! The data of sign-ins, and of visitors.

use auth_core::{AuthError, AuthErrorKind, SignInId};

use super::attempt::{Attempt, AttemptError, Fate, Repeats};
use super::issued::Issued;
use super::manage::SignInManager;
use super::patience::Patience;
use crate::changes::Change;
use crate::data::Data;
use crate::error::StoreError;
use crate::record::Record;
use crate::secret::{Kind, Secret};
use crate::store::Swap;
use crate::undecodable::Undecodable;

impl SignInManager {
    /// Makes these changes on the newest data of a sign-in that has not ended.
    pub(crate) async fn change(&self, sid: &SignInId, changes: &[Change]) -> Result<(), AuthError> {
        self.change_once(sid, changes, Repeats::Never, &mut None).await
    }

    /// Makes these changes on the newest data of a sign-in that has not ended, none of them twice.
    ///
    /// `lost` is the attempt of an earlier call that nobody answered, and is left behind for a
    /// later one. What it did is not done again; where that cannot be known, nothing is done.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if it is not known whether the changes were
    /// made; [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the sign-in has ended.
    pub(crate) async fn change_once(
        &self,
        sid: &SignInId,
        mut changes: &[Change],
        repeats: Repeats,
        lost: &mut Option<Attempt>,
    ) -> Result<(), AuthError> {
        let (mut newest, mut patience) = (self.store.load(sid).await?, Patience::default());
        loop {
            let record = newest.ok_or_else(ended)?;
            if record.expiry(self.settings.clock.now()).is_some() {
                return Err(ended());
            }
            let Some((attempt, sent)) = next(&record, &mut changes, repeats, lost)? else {
                return Ok(());
            };
            match self.store.update(sid, attempt.version, attempt.data.clone()).await {
                Ok(Swap::Stored(_)) if attempt.makes == changes.len() => return Ok(()),
                Ok(Swap::Stored(stored)) => {
                    changes = &changes[attempt.makes..];
                    newest = Some(stored);
                }
                Ok(Swap::Stale(newer)) => {
                    // What was sent before may have been faster than what is sent now.
                    *lost = (sent == Sent::Before).then_some(attempt);
                    newest = Some(newer);
                    patience.pause().await?;
                }
                Ok(Swap::Gone) => return Err(ended()),
                Err(error) => {
                    let marked = repeats == Repeats::Perhaps || sent == Sent::Before;
                    *lost = marked.then_some(attempt);
                    return Err(error.into());
                }
            }
        }
    }

    /// Starts the record of a visitor whom nobody has signed in.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer or has no room.
    pub(crate) async fn start_anonymous(
        &self,
        data: Data,
        kind: Kind,
    ) -> Result<Issued, AuthError> {
        if data.bytes() > Data::MAX_BYTES {
            return Err(AuthError::new(AuthErrorKind::TooLarge, "over 64 KiB of data"));
        }
        let now = self.settings.clock.now();
        let secret = Secret::generate(self.store.new_id(None)?).map_err(StoreError::unavailable)?;
        let limits = self.settings.limits(true, now);
        let mut record = Record::new(secret.sid(), kind, secret.digests(kind), None, limits, now);
        record.data = data;
        let issued = Issued::new(secret, &record);
        self.store.create(record, None).await?;
        Ok(issued)
    }

    /// Ends a sign-in whose secret never reached its client.
    pub async fn take_back(&self, sid: &SignInId) {
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

/// What to send next; none if nothing is left to change. What an attempt that was lost has done is
/// taken from the changes.
fn next(
    record: &Record,
    changes: &mut &[Change],
    repeats: Repeats,
    lost: &mut Option<Attempt>,
) -> Result<Option<(Attempt, Sent)>, AuthError> {
    match lost.as_ref().map(|lost| lost.fate(record)) {
        Some(Fate::Unknown) => return Err(unknown()),
        Some(Fate::Open) => return Ok(lost.take().map(|lost| (lost, Sent::Before))),
        Some(Fate::Happened) => {
            let made = lost.take().map_or(0, |lost| lost.makes);
            *changes = &changes[made..];
        }
        Some(Fate::Never) => *lost = None,
        None => {}
    }
    let attempt = Attempt::new(record, changes, repeats)?;
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
            AttemptError::Data(error) => Self::new(AuthErrorKind::Data, Undecodable::from(error)),
            AttemptError::TooLarge => Self::new(AuthErrorKind::TooLarge, "over 64 KiB of data"),
            AttemptError::Store(error) => error.into(),
        }
    }
}
