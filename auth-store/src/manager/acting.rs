//! Acting for another user.
//!
//! A user acts for another in a sign-in of that other user, which names the actor's own sign-in. Whenever it is used
//! or listed, the actor's own sign-in is checked. So it ends with the actor's own at the same moment on every node,
//! whatever ends that, and no step that ends sign-ins has to handle it.

use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, RequestState, SignInId, Timestamp};

use super::background;
use super::events::{SignInEvent, count_ended, count_started};
use super::new_sign_in::{IssuedSecret, NewSignIn};
use super::sign_in::Prepare;
use super::sign_in_manager::SignInManager;
use crate::data::SessionData;
use crate::error::{StoreError, StoreErrorKind};
use crate::record::{Actor, Record};
use crate::secret::SecretKind;
use crate::store::Peek;

impl Actor {
    /// Returns whether this record is the actor's own sign-in and has not ended.
    fn is_signed_in_by(&self, record: &Record, now: Timestamp) -> bool {
        record.subject.as_ref() == Some(&self.subject)
            && record.actor().is_none()
            && !record.is_pending()
            && record.expiry(now).is_none()
    }
}

impl SignInManager {
    /// Returns whether a sign-in has neither expired nor ended with that of its actor.
    pub(super) async fn is_active(
        &self,
        record: &Record,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(record.expiry(now).is_none() && self.has_active_actor(record, now).await?)
    }

    /// Returns whether the actor of a sign-in is signed in, or there is none.
    pub(super) async fn has_active_actor(
        &self,
        record: &Record,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match record.actor() {
            Some(actor) => Ok(self.load_actor(actor, now).await?.is_some()),
            None => Ok(!record.kind.is_acting()),
        }
    }

    /// Returns the actor's own sign-in, if it has not ended.
    pub(super) async fn load_actor(
        &self,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let found = self.store.load(&actor.sign_in).await?;
        Ok(found.filter(|record| actor.is_signed_in_by(record, now)))
    }

    /// Returns whether the store knows without waiting that the actor is signed in.
    pub(super) fn peek_actor(&self, actor: &Actor, now: Timestamp) -> bool {
        let mut is_signed_in = false;
        self.peek(&actor.sign_in, &mut |peek| {
            if let Peek::Authoritative(Some(record)) | Peek::Cached(record) = peek {
                is_signed_in = actor.is_signed_in_by(record, now);
            }
        });
        is_signed_in
    }

    /// Deletes a sign-in whose actor is not signed in any more, in the background.
    pub(super) fn end_with_actor(&self, id: SignInId) {
        tracing::info!(sign_in = %id, "sign-in ended with that of its actor");
        let store = Arc::clone(&self.store);
        background::run("delete", async move {
            let ended = store.delete(&id).await?;
            count_ended("actor", usize::from(ended));
            Ok(())
        });
    }

    /// Returns the actor's own sign-in that a client gives up together with this one.
    pub(super) async fn own_sign_in(&self, id: &SignInId) -> Result<Option<SignInId>, StoreError> {
        match self.store.load(id).await {
            // It can end all the same.
            Err(error) if error.kind() == StoreErrorKind::Invalid => Ok(None),
            loaded => Ok(loaded?.and_then(|record| Some(record.actor()?.sign_in))),
        }
    }

    /// Lets the user of the sign-in `own` act for that of the new one. The former continues as it is.
    pub(super) async fn act<T: Send>(
        &self,
        state: &RequestState,
        own: Option<Arc<Record>>,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        let is_own = |own: &Arc<Record>| !own.is_pending() && own.kind.used_as(new.kind).is_some();
        let found = own.as_ref().filter(|own| is_own(own));
        let Some((own, subject)) = found.and_then(|own| Some((own, own.subject.as_ref()?))) else {
            return Err(AuthError::new(
                AuthErrorKind::Unauthenticated,
                "there is no sign-in of the actor",
            ));
        };
        if own.actor().is_some() {
            return Err(acting("the user acts for another one already"));
        }
        let mut new = new.clone();
        new.persistence = new.persistence.or(Some(own.persistence));
        let actor = Actor { subject: Arc::clone(subject), sign_in: own.id };
        new.details.get_or_insert_default().actor = Some(Box::new(actor));
        state.discard();
        let at_most = Some(own.deadlines);
        let acting = self.create(state, &new, SessionData::new(), at_most, now, prepare).await?;
        let (sign_in, own) = (acting.0.id(), own.id);
        state.signed_in(sign_in);
        count_started(new.kind.completed());
        self.settings.events.handle(|| SignInEvent::Acting {
            actor: Arc::clone(subject),
            subject: Arc::clone(&new.subject),
            sign_in,
        });
        tracing::info!(actor = &**subject, subject = &*new.subject, %sign_in, %own, "acting for another user");
        Ok(acting)
    }

    /// Returns from a sign-in to that of its actor, which gets a new secret.
    pub(super) async fn stop_acting<T: Send>(
        &self,
        state: &RequestState,
        acting: &Arc<Record>,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<Option<(IssuedSecret, T)>, AuthError> {
        // Best effort: a second click does not replace the secret that the first one has got. Across nodes, the
        // one that deletes the record decides.
        let _guard = self.locks.lock(&acting.id).await;
        let Some(actor) = acting.actor() else { return Ok(None) };
        let Some(own) = self.load_actor(actor, now).await? else { return Ok(None) };
        if self.store.load(&acting.id).await?.is_none() {
            return Ok(None);
        }
        let Some(kind) = own.kind.used_as(acting.kind) else { return Ok(None) };
        let Some(issued) = self.renew(state, &own, kind, None, now, prepare).await? else {
            return Ok(None);
        };
        if kind.completed() == SecretKind::Cookie {
            self.leave_marker(state, acting.id, now).await;
        }
        if !self.store.delete(&acting.id).await? {
            return Ok(None);
        }
        count_ended("stopped acting", 1);
        state.discard();
        let subject = acting.subject.as_deref();
        tracing::info!(actor = &*actor.subject, subject, sign_in = %acting.id, "stopped acting");
        Ok(Some(issued))
    }
}

pub(super) fn acting(why: &'static str) -> AuthError {
    AuthError::new(AuthErrorKind::Acting, why)
}
