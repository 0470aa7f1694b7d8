//! What changes a request's sign-in.

use std::sync::Arc;

use crate::error::{AuthError, Misuse};
use crate::exchange::Erased;
use crate::request_facts::RequestFacts;
use crate::sign_ins::SignIns;
use crate::typed::Typed;
use crate::visit::Visit;

/// A request, and the backend that may change its sign-in.
pub(super) struct Context<C> {
    pub(super) exchange: Arc<Typed<C>>,
    pub(super) request: Arc<RequestFacts>,
}

impl<C: Send + Sync + 'static> Context<C> {
    pub(super) fn backend(&self) -> Result<&dyn SignIns<C>, AuthError> {
        Ok(self.exchange.auth.sign_ins().ok_or(Misuse::NoSignIns)?)
    }

    pub(super) fn visit(&self) -> Visit<'_> {
        Visit::new(&self.exchange.turn, &self.request)
    }

    /// Tells what failed, here and only here, and says with a 401 what would do.
    pub(super) fn failed(&self, error: AuthError) -> AuthError {
        let exchange: &dyn Erased = &*self.exchange;
        exchange.explain(error.tell())
    }
}

impl<C> Clone for Context<C> {
    fn clone(&self) -> Self {
        Self { exchange: Arc::clone(&self.exchange), request: Arc::clone(&self.request) }
    }
}
