//! What a backend gives to a `Session`.

use std::any::Any;
use std::sync::Arc;

use auth_core::{AuthContext, AuthError, CrossOriginProtection, ResponseEffects};

use crate::manager::{IssuedSecret, SignInManager};
use crate::secret::SecretKind;

/// What a backend gives to a [`Session`](crate::Session): its sign-ins, and a way to carry the
/// secret of an anonymous visitor. [`SignInBackend::session_backend`](auth_core::SignInBackend::session_backend)
/// returns a reference to an `Arc` of one.
pub trait SessionBackend: Send + Sync {
    /// The backend's sign-ins.
    fn sign_ins(&self) -> &SignInManager;

    /// The kind of secret that an anonymous visitor gets; none if this backend keeps no data of
    /// visitors.
    fn anonymous(&self) -> Option<SecretKind>;

    /// Which requests of other sites may be given a visitor's secret; none otherwise.
    fn cross_site(&self) -> &CrossOriginProtection {
        &CrossOriginProtection::STRICT
    }

    /// Queues an anonymous visitor's secret.
    ///
    /// # Errors
    /// If it cannot be written.
    fn carry(&self, issued: &IssuedSecret, effects: &mut ResponseEffects) -> Result<(), AuthError>;
}

impl std::fmt::Debug for dyn SessionBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionBackend")
            .field("anonymous", &self.anonymous())
            .finish_non_exhaustive()
    }
}

/// The host of the backend that decided about this request.
pub(super) fn of(context: &AuthContext) -> Option<&Arc<dyn SessionBackend>> {
    let host: &dyn Any = context.session_backend()?;
    host.downcast_ref()
}
