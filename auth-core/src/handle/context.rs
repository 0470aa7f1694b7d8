//! What changes a request's sign-in.

use std::sync::Arc;

use crate::context::Erased;
use crate::error::{AuthError, ConfigError};
use crate::request_snapshot::RequestSnapshot;
use crate::sign_in_context::SignInContext;
use crate::sign_ins::SignInBackend;
use crate::typed::TypedContext;

/// A request, and the backend that may change its sign-in.
pub(super) struct Context<C> {
    pub(super) context: Arc<TypedContext<C>>,
    pub(super) request: Arc<RequestSnapshot>,
}

impl<C: Send + Sync + 'static> Context<C> {
    pub(super) fn backend(&self) -> Result<&dyn SignInBackend<C>, AuthError> {
        Ok(self.context.auth.sign_ins().ok_or(ConfigError::NoSignIns)?)
    }

    pub(super) fn context(&self) -> SignInContext<'_> {
        SignInContext::new(&self.context.state, &self.request)
    }

    /// Tells what failed, here and only here, and says with a 401 what would do.
    pub(super) fn failed(&self, error: AuthError) -> AuthError {
        let context: &dyn Erased = &*self.context;
        context.explain(error.tell())
    }
}

impl<C> Clone for Context<C> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context), request: Arc::clone(&self.request) }
    }
}
