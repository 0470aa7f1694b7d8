//! [`SessionBackend`], which a backend implements to support [`Session`](crate::Session).
//!
//! It provides the sign-ins, and delivers the secret of a visitor.

use std::any::Any;
use std::sync::Arc;

use auth_core::{AuthContext, AuthError, CrossOriginProtection, ResponseEffects};

use crate::manager::{IssuedSecret, SignInManager};
use crate::secret::SecretKind;

/// What a backend supplies for [`Session`](crate::Session): its sign-ins, and a way to deliver the
/// secret of a visitor. [`SignInBackend::session_backend`](auth_core::SignInBackend::session_backend)
/// returns a reference to an `Arc<dyn SessionBackend>`.
pub trait SessionBackend: Send + Sync {
    /// Returns the backend's sign-ins.
    fn sign_ins(&self) -> &SignInManager;

    /// Returns the kind of secret that a visitor gets, or `None` if this backend keeps no data of
    /// visitors.
    fn anonymous(&self) -> Option<SecretKind>;

    /// Returns which cross-origin requests may get a visitor's secret. Defaults to none.
    fn cross_site(&self) -> &CrossOriginProtection {
        &CrossOriginProtection::STRICT
    }

    /// Adds a visitor's secret to the response.
    ///
    /// # Errors
    /// If the secret cannot be written.
    fn carry(&self, issued: &IssuedSecret, effects: &mut ResponseEffects) -> Result<(), AuthError>;
}

impl std::fmt::Debug for dyn SessionBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionBackend")
            .field("anonymous", &self.anonymous())
            .finish_non_exhaustive()
    }
}

/// Returns the session backend of the backend that decided who sent the request.
pub(super) fn of(context: &AuthContext) -> Option<&Arc<dyn SessionBackend>> {
    let backend: &dyn Any = context.session_backend()?;
    backend.downcast_ref()
}
