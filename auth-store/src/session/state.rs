//! The changes of one request's session data, from a handler's call to the response.
//!
//! A save takes the changes out and puts back what was not stored, even if the save is dropped while
//! it waits, so that the next one continues where it stopped.

use std::any::Any;
use std::sync::Arc;

use auth_core::{
    AuthContext, AuthError, AuthErrorKind, AuthFuture, ConfigError, RequestState, ResponseHook,
    SignInId,
};
use parking_lot::Mutex;

use super::handle::SessionBackend;
use crate::data::{self, Change, SessionData};
use crate::error::Undecodable;
use crate::manager::{PendingChanges, Retry};

/// The changes of one request: added by its handles, saved before its response is sent.
#[derive(Debug)]
pub(super) struct SessionState {
    pub(super) backend: Arc<dyn SessionBackend>,
    /// The sign-in of a detached handle.
    detached: Option<SignInId>,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    changes: PendingChanges,
    closed: bool,
}

/// Changes that are being saved. Those that are left when this is dropped are pending again: the save
/// failed, or its future was dropped.
struct Saving<'a> {
    state: &'a SessionState,
    changes: PendingChanges,
}

impl Drop for Saving<'_> {
    fn drop(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        self.state.pending.lock().changes.put_back(changes);
    }
}

impl SessionState {
    /// Returns the state of a request, which its first use creates.
    pub(super) fn of(
        context: &AuthContext,
        backend: &Arc<dyn SessionBackend>,
    ) -> Option<Arc<Self>> {
        let hook = context.state().hook_or_init(|| Self::new(Arc::clone(backend), None));
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(hook) as _;
        any.downcast().ok()
    }

    pub(super) fn new(backend: Arc<dyn SessionBackend>, detached: Option<SignInId>) -> Arc<Self> {
        Arc::new(Self { backend, detached, pending: Mutex::default() })
    }

    /// Returns the sign-in whose data this is.
    pub(super) fn sign_in(&self, state: &RequestState) -> Option<SignInId> {
        self.detached.or_else(|| state.sign_in())
    }

    pub(super) fn pending(&self) -> Vec<Change> {
        self.pending.lock().changes.changes.clone()
    }

    pub(super) fn add(&self, change: Change) -> Result<(), AuthError> {
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(closed());
        }
        pending.changes.changes.push(change);
        Ok(())
    }

    /// Saves the pending changes. If the store is unavailable, they are pending again; a change that may
    /// have been stored is not stored twice.
    pub(super) async fn save(&self, context: &AuthContext, retry: Retry) -> Result<(), AuthError> {
        let changes = std::mem::take(&mut self.pending.lock().changes);
        if changes.changes.is_empty() {
            return Ok(());
        }
        let mut saving = Saving { state: self, changes };
        let saved = self.store(context, &mut saving.changes, retry).await;
        if !matches!(&saved, Err(error) if error.kind() == AuthErrorKind::Unavailable) {
            saving.changes = PendingChanges::default();
        }
        saved.map_err(|error| context.challenge(error))
    }

    async fn store(
        &self,
        context: &AuthContext,
        changes: &mut PendingChanges,
        retry: Retry,
    ) -> Result<(), AuthError> {
        let state = context.state();
        let Some(id) = self.sign_in(state) else {
            return self.start(state, &changes.changes).await;
        };
        let manager = self.backend.sign_ins();
        let _guard = manager.locks().lock(&id).await?;
        let signed_in = context.is_identified() || state.new_sign_in() == Some(id);
        match manager.change_once(&id, changes, retry).await {
            // The visitor has signed in meanwhile, and the data has moved: the client can retry.
            Err(error) if error.kind() == AuthErrorKind::Unauthenticated && !signed_in => {
                Err(AuthError::new(AuthErrorKind::Unavailable, error))
            }
            saved => saved,
        }
    }

    /// Stores the first data of a visitor, and issues the cookie for it.
    async fn start(&self, state: &RequestState, changes: &[Change]) -> Result<(), AuthError> {
        let kind = self.backend.anonymous().ok_or(ConfigError::NoSession)?;
        let cross_site = state.check_origin(self.backend.cross_site());
        cross_site.map_err(|error| AuthError::new(AuthErrorKind::CrossOrigin, error))?;
        if state.has_rotated_cookie() {
            let replaced = "the cookie was replaced by a newer one";
            return Err(AuthError::new(AuthErrorKind::Unauthenticated, replaced));
        }
        let data = data::apply(&SessionData::new(), changes).map_err(|error| {
            AuthError::new(AuthErrorKind::Serialization, Undecodable::from(error))
        })?;
        if data.is_empty() {
            return Ok(());
        }
        let issued = self.backend.sign_ins().start_anonymous(data, kind).await?;
        let mut delivered = Ok(());
        state.effects(|effects| delivered = self.backend.carry(&issued, effects));
        state.signed_in(issued.id());
        delivered
    }

    /// Ends a sign-in of this request, because the response that would deliver its secret is replaced
    /// by an error.
    async fn roll_back(&self, state: &RequestState) {
        if let Some(id) = state.new_sign_in() {
            self.backend.sign_ins().roll_back(&id).await;
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
            if pending.changes.changes.is_empty() {
                return AuthFuture::ready(Ok(()));
            }
        }
        let context = context.clone();
        AuthFuture::boxed(async move {
            let saved = self.save(&context, Retry::Never).await;
            if saved.is_err() {
                self.roll_back(context.state()).await;
            }
            saved
        })
    }

    fn discard(&self) {
        self.pending.lock().changes = PendingChanges::default();
    }
}

pub(super) fn closed() -> AuthError {
    AuthError::new(AuthErrorKind::Closed, "use `Session::detach` for what runs after the response")
}
