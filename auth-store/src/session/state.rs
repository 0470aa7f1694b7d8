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

use super::handle::{SessionBackend, session_backend};
use crate::data::{self, Change, SessionData};
use crate::manager::{PendingChanges, Retry};

/// The changes of one request: added by its handles, saved before its response is sent.
#[derive(Debug)]
pub(super) struct SessionState {
    /// The backend and the sign-in of a detached handle.
    backend: Option<Arc<dyn SessionBackend>>,
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
    pub(super) fn of(context: &AuthContext) -> Option<Arc<Self>> {
        let hook = context.state().hook_or_init(|| Self::new(None, None));
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(hook) as _;
        any.downcast().ok()
    }

    pub(super) fn new(
        backend: Option<Arc<dyn SessionBackend>>,
        detached: Option<SignInId>,
    ) -> Arc<Self> {
        Arc::new(Self { backend, detached, pending: Mutex::default() })
    }

    /// Returns the backend of the sign-in that the request acts for now: another one than before, if
    /// a member of a combination has signed the user in.
    pub(super) fn backend<'a>(
        &'a self,
        context: &'a AuthContext,
    ) -> Result<&'a Arc<dyn SessionBackend>, AuthError> {
        let backend = self.backend.as_ref().or_else(|| session_backend(context));
        Ok(backend.ok_or(ConfigError::NoSession)?)
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
        let backend = self.backend(context)?;
        let Some(id) = self.sign_in(state) else {
            // Boxed because it is large and rare.
            return Box::pin(start(&**backend, state, &changes.changes)).await;
        };
        let manager = backend.sign_ins();
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

    pub(super) fn discard_changes(&self) {
        self.pending.lock().changes = PendingChanges::default();
    }
}

/// Stores the first data of a visitor, and issues the cookie for it.
async fn start(
    backend: &dyn SessionBackend,
    state: &RequestState,
    changes: &[Change],
) -> Result<(), AuthError> {
    let kind = backend.anonymous().ok_or(ConfigError::NoSession)?;
    let cross_site = state.check_origin(backend.cross_site());
    cross_site.map_err(|error| AuthError::new(AuthErrorKind::CrossOrigin, error))?;
    state.check_open()?;
    let sign_ins = backend.sign_ins();
    if let Some(cookie) = backend.anonymous_cookie() {
        sign_ins.check_dead(state.rejected_cookie(cookie.name())).await?;
    }
    let data = data::apply(&SessionData::new(), changes)?;
    if data.is_empty() {
        return Ok(());
    }
    let operation = state.operation();
    let issued = sign_ins.start_anonymous(&operation, data, kind).await?;
    let mut carried = Ok(());
    operation.effects(|effects| carried = backend.carry(&issued, effects));
    carried?;
    operation.signed_in(issued.id());
    state.commit(operation)
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
        AuthFuture::boxed(async move { self.save(&context, Retry::Never).await })
    }

    fn discard(&self) {
        self.discard_changes();
    }
}

pub(super) fn closed() -> AuthError {
    AuthError::new(AuthErrorKind::Closed, "use `Session::detach` for what runs after the response")
}
