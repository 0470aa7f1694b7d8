//! What a request means to store, until the response leaves.

use std::any::Any;
use std::sync::Arc;

use auth_core::{
    AuthContext, AuthError, AuthErrorKind, AuthFuture, ConfigError, RequestState, ResponseHook,
    SignInId,
};
use parking_lot::Mutex;

use super::host::SessionBackend;
use crate::changes::{self, Change};
use crate::data::SessionData;
use crate::error::Undecodable;
use crate::manager::{PendingChanges, Repeats};

/// The changes of one request: made by its handles, saved before its response leaves.
#[derive(Debug)]
pub(super) struct SessionState {
    pub(super) host: Arc<dyn SessionBackend>,
    /// The sign-in that a detached handle was made for, and stays with.
    detached: Option<SignInId>,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    unsaved: PendingChanges,
    closed: bool,
}

/// What is being saved. It is pending again if that fails, or if whoever waited for it gave up.
struct Saving<'a> {
    state: &'a SessionState,
    unsaved: PendingChanges,
}

impl Drop for Saving<'_> {
    fn drop(&mut self) {
        let unsaved = std::mem::take(&mut self.unsaved);
        self.state.pending.lock().unsaved.put_back(unsaved);
    }
}

impl SessionState {
    /// The state of this request; made at its first use.
    pub(super) fn of(context: &AuthContext, host: &Arc<dyn SessionBackend>) -> Option<Arc<Self>> {
        let hook = context.state().hook_or_init(|| Self::new(Arc::clone(host), None));
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(hook) as _;
        any.downcast().ok()
    }

    pub(super) fn new(host: Arc<dyn SessionBackend>, detached: Option<SignInId>) -> Arc<Self> {
        Arc::new(Self { host, detached, pending: Mutex::default() })
    }

    /// The sign-in whose data this is.
    pub(super) fn sign_in(&self, state: &RequestState) -> Option<SignInId> {
        self.detached.or_else(|| state.sign_in())
    }

    pub(super) fn pending(&self) -> Vec<Change> {
        self.pending.lock().unsaved.changes.clone()
    }

    pub(super) fn add(&self, change: Change) -> Result<(), AuthError> {
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(closed());
        }
        pending.unsaved.changes.push(change);
        Ok(())
    }

    /// Saves what is pending. What could not be stored is tried again by the next save, and what may
    /// have been stored is not stored twice.
    pub(super) async fn save(
        &self,
        context: &AuthContext,
        repeats: Repeats,
    ) -> Result<(), AuthError> {
        let unsaved = std::mem::take(&mut self.pending.lock().unsaved);
        if unsaved.changes.is_empty() {
            return Ok(());
        }
        let mut saving = Saving { state: self, unsaved };
        let saved = self.store(context, &mut saving.unsaved, repeats).await;
        if !matches!(&saved, Err(error) if error.kind() == AuthErrorKind::Unavailable) {
            saving.unsaved = PendingChanges::default();
        }
        saved.map_err(|error| context.challenge(error))
    }

    async fn store(
        &self,
        context: &AuthContext,
        unsaved: &mut PendingChanges,
        repeats: Repeats,
    ) -> Result<(), AuthError> {
        let state = context.state();
        let Some(sid) = self.sign_in(state) else {
            return self.start(state, &unsaved.changes).await;
        };
        let manager = self.host.sign_ins();
        let _guard = manager.locks().lock(&sid).await?;
        let signed_in = context.is_identified() || state.new_sign_in() == Some(sid);
        match manager.change_once(&sid, unsaved, repeats).await {
            // A visitor's record ends when the visitor signs in: there is a newer one to ask for.
            Err(error) if error.kind() == AuthErrorKind::Unauthenticated && !signed_in => {
                Err(AuthError::new(AuthErrorKind::Unavailable, error))
            }
            saved => saved,
        }
    }

    /// The first thing that an anonymous visitor stores.
    async fn start(&self, state: &RequestState, changes: &[Change]) -> Result<(), AuthError> {
        let kind = self.host.anonymous().ok_or(ConfigError::NoSession)?;
        let cross_site = state.check_origin(self.host.cross_site());
        cross_site.map_err(|error| AuthError::new(AuthErrorKind::CrossOrigin, error))?;
        if state.is_superseded() {
            let late = "a newer cookie has taken the place of this one";
            return Err(AuthError::new(AuthErrorKind::Unauthenticated, late));
        }
        let data = changes::apply(&SessionData::new(), changes).map_err(|error| {
            AuthError::new(AuthErrorKind::Serialization, Undecodable::from(error))
        })?;
        if data.is_empty() {
            return Ok(());
        }
        let issued = self.host.sign_ins().start_anonymous(data, kind).await?;
        let mut carried = Ok(());
        state.effects(|effects| carried = self.host.carry(&issued, effects));
        state.signed_in(issued.sid());
        carried
    }

    /// Undoes what the client will not hear of.
    async fn give_up(&self, state: &RequestState) {
        if let Some(sid) = state.new_sign_in() {
            self.host.sign_ins().roll_back(&sid).await;
            state.effects(auth_core::ResponseEffects::clear);
        }
    }
}

impl ResponseHook for SessionState {
    fn before_response(
        self: Arc<Self>,
        context: &AuthContext,
    ) -> AuthFuture<Result<(), AuthError>> {
        {
            let mut pending = self.pending.lock();
            pending.closed = true;
            if pending.unsaved.changes.is_empty() {
                return AuthFuture::ready(Ok(()));
            }
        }
        let context = context.clone();
        AuthFuture::boxed(async move {
            let saved = self.save(&context, Repeats::Never).await;
            if saved.is_err() {
                self.give_up(context.state()).await;
            }
            saved
        })
    }

    fn discard(&self) {
        self.pending.lock().unsaved = PendingChanges::default();
    }
}

pub(super) fn closed() -> AuthError {
    AuthError::new(AuthErrorKind::Closed, "use `Session::detach` for what runs after the response")
}
