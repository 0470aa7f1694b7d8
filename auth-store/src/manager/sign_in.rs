//! Signing in: whatever the request carried before is dead afterwards.

use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, RequestState, SignInId, Timestamp};

use super::backoff::Backoff;
use super::issued::IssuedSecret;
use super::manage::SignInManager;
use super::new_sign_in::{NewSignIn, SecondarySignIn};
use crate::changes;
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Reauthentication, Record, Rotation};
use crate::secret::Secret;
use crate::store::{CompareAndSwap, Created, Deleted};

/// Makes what is handed out beside a secret, before it is good.
trait Prepare<T>: FnMut(&IssuedSecret) -> Result<T, AuthError> + Send {}

impl<T, F: FnMut(&IssuedSecret) -> Result<T, AuthError> + Send> Prepare<T> for F {}

impl SignInManager {
    /// Signs in, for a request that may have acted for another sign-in until now.
    ///
    /// The same user goes on under a new secret, with the data. An anonymous visitor's data moves
    /// into the new sign-in. Another user's sign-in ends, and its data is not seen again.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if a store step failed: the new sign-in is taken
    /// back, and no secret was given out. [`LimitReached`](AuthErrorKind::LimitReached) if the
    /// user has as many sign-ins as allowed.
    pub async fn sign_in(
        &self,
        state: &RequestState,
        new: &NewSignIn,
    ) -> Result<IssuedSecret, AuthError> {
        let (issued, ()) = self.prepared(state, new, |_| Ok(())).await?;
        Ok(issued)
    }

    async fn prepared<T: Send>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        mut prepare: impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        let prepare = &mut prepare;
        let now = self.settings.clock.now();
        let old = self.current(state, now).await?;
        if let Some(old) = &old {
            self.recent_rotations.add(old.sid, now); // before anybody can see that it is
        }
        let (issued, prepared) = match &old {
            Some(old) if old.subject.as_ref() == Some(&new.subject) => {
                match self.renew(old, new, now, prepare).await? {
                    Some(renewed) => renewed,
                    None => self.start(state, new, now, prepare).await?,
                }
            }
            Some(old) if old.subject.is_none() => self.move_along(old, new, now, prepare).await?,
            Some(old) => {
                let started = self.start(state, new, now, prepare).await?;
                if let Err(error) = self.store.delete(&old.sid).await {
                    self.roll_back(&started.0.sid()).await;
                    return Err(error.into());
                }
                started
            }
            None => self.start(state, new, now, prepare).await?,
        };
        state.signed_in(issued.sid());
        tracing::info!(subject = &*new.subject, sign_in = %issued.sid(), kind = ?new.kind, "signed in");
        Ok((issued, prepared))
    }

    /// Signs in, and hands the new secret out. What came beside the credential that decided ends, or
    /// is what the user goes on with. If one of that fails, the sign-in is taken back.
    ///
    /// `prepare` makes what is handed out beside the secret, and runs before the store is changed:
    /// if that fails, everything stays as it was, also a sign-in of the same user that would have
    /// gone on under the new secret. It may run twice.
    ///
    /// # Errors
    /// As [`sign_in`](Self::sign_in), and whatever `prepare` and `deliver` fail with.
    pub async fn sign_in_with<P: Send, T>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        beside: SecondarySignIn,
        prepare: impl FnMut(&IssuedSecret) -> Result<P, AuthError> + Send,
        deliver: impl FnOnce(&IssuedSecret, P) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let before = state.sign_in();
        if let SecondarySignIn::GoesOn(sid) = beside {
            state.switch_to(sid);
        }
        let signed_in = self.prepared(state, new, prepare).await;
        let (issued, prepared) = signed_in.inspect_err(|_| state.undo_sign_in(before))?;
        let ended = match beside {
            SecondarySignIn::Ends(sid) => self.end(&sid).await,
            SecondarySignIn::Nothing | SecondarySignIn::GoesOn(_) => Ok(()),
        };
        let delivered = ended.and_then(|()| deliver(&issued, prepared));
        if delivered.is_err() {
            self.roll_back(&issued.sid()).await;
            state.undo_sign_in(before);
        }
        delivered
    }

    /// The living sign-in that the request acts for.
    async fn current(
        &self,
        state: &RequestState,
        now: Timestamp,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(sid) = state.sign_in() else { return Ok(None) };
        Ok(self.store.load(&sid).await?.filter(|record| record.expiry(now).is_none()))
    }

    /// Starts with no data: what the request meant to store belonged to somebody else, unless it
    /// acted for nobody.
    async fn start<T: Send>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        if state.sign_in().is_some() {
            state.discard();
        }
        self.create(new, SessionData::new(), now, prepare).await
    }

    async fn create<T: Send>(
        &self,
        new: &NewSignIn,
        data: SessionData,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        let sid = self.store.new_id(Some(&new.subject))?;
        let secret = Secret::generate(sid).map_err(StoreError::unavailable)?;
        let limits = self.settings.limits(false, now);
        let (digests, subject) = (secret.digests(new.kind), Some(Arc::clone(&new.subject)));
        let mut record = Record::new(sid, new.kind, digests, subject, limits, now);
        record.persistence = new.persistence.unwrap_or(self.settings.persistence);
        record.details.clone_from(&new.details);
        record.set_principal(new.principal.clone());
        record.data = data;
        let issued = IssuedSecret::new(secret, &record);
        let prepared = prepare(&issued)?;
        match self.store.create(record, self.settings.limit).await? {
            Created::Stored { evicted } => {
                if evicted > 0 {
                    tracing::info!(subject = &*new.subject, evicted, "older sign-ins evicted");
                }
                Ok((issued, prepared))
            }
            Created::LimitReached => {
                tracing::info!(subject = &*new.subject, "sign-in refused: limit reached");
                Err(AuthError::new(AuthErrorKind::LimitReached, "all sign-ins are in use"))
            }
        }
    }

    /// The same user again: the old secret is dead at once, everything starts anew but the data.
    async fn renew<T: Send>(
        &self,
        old: &Arc<Record>,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<Option<(IssuedSecret, T)>, AuthError> {
        let secret = Secret::generate(old.sid).map_err(StoreError::unavailable)?;
        let rotation = Rotation {
            kind: new.kind,
            digests: secret.digests(new.kind),
            grace: None,
            renewal: Some(Reauthentication {
                at: now,
                limits: self.settings.limits(false, now),
                persistence: new.persistence.unwrap_or(self.settings.persistence),
                principal: new.principal.clone(),
                details: new.details.clone(),
            }),
        };
        // Whatever a faster request makes of the record, all that is issued is new.
        let mut renewed = Record::clone(old);
        rotation.clone().apply(&mut renewed);
        let prepared = prepare(&IssuedSecret::new(secret.clone(), &renewed))?;
        let (mut from, mut backoff) = (old.current, Backoff::new());
        loop {
            match self.store.rotate(&old.sid, &from, rotation.clone()).await? {
                CompareAndSwap::Stored(record) => {
                    return Ok(Some((IssuedSecret::new(secret, &record), prepared)));
                }
                CompareAndSwap::Conflict(newer) => from = newer.current,
                CompareAndSwap::NotFound => return Ok(None),
            }
            backoff.pause().await?;
        }
    }

    /// A visitor signs in: the data moves into the new sign-in, and the old record goes. Whatever
    /// others store in it meanwhile moves, too.
    async fn move_along<T: Send>(
        &self,
        old: &Arc<Record>,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        let _guard = self.locks.lock(&old.sid).await;
        let (issued, prepared) = self.create(new, old.data.clone(), now, prepare).await?;
        let moved = self.leave_behind(old, &issued.sid()).await;
        if let Err(error) = moved {
            self.roll_back(&issued.sid()).await;
            return Err(error);
        }
        Ok((issued, prepared))
    }

    async fn leave_behind(&self, old: &Arc<Record>, new: &SignInId) -> Result<(), AuthError> {
        let (mut copied, mut backoff) = (Arc::clone(old), Backoff::new());
        loop {
            match self.store.delete_if_version(&old.sid, copied.version).await? {
                Deleted::Done | Deleted::NotFound => return Ok(()),
                Deleted::Conflict(newer) => {
                    let difference = changes::difference(&copied.data, &newer.data);
                    self.change(new, &difference).await?;
                    copied = newer;
                    backoff.pause().await?;
                }
            }
        }
    }
}
