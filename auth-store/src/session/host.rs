//! What a backend gives to a `Session`.

use std::any::Any;
use std::sync::Arc;

use auth_core::{AuthError, CrossSite, Effects, Exchange};

use crate::manager::{Issued, SignInManager};
use crate::secret::Kind;

/// What a backend gives to a [`Session`](crate::Session): its sign-ins, and a way to carry the
/// secret of an anonymous visitor. [`SignIns::session_host`](auth_core::SignIns::session_host)
/// returns a reference to an `Arc` of one.
pub trait SessionHost: Send + Sync {
    /// The backend's sign-ins.
    fn sign_ins(&self) -> &SignInManager;

    /// The kind of secret that an anonymous visitor gets; none if this backend keeps no data of
    /// visitors.
    fn anonymous(&self) -> Option<Kind>;

    /// Which requests of other sites may be given a visitor's secret; none otherwise.
    fn cross_site(&self) -> &CrossSite {
        &CrossSite::STRICT
    }

    /// Queues an anonymous visitor's secret.
    ///
    /// # Errors
    /// If it cannot be written.
    fn carry(&self, issued: &Issued, effects: &mut Effects) -> Result<(), AuthError>;
}

impl std::fmt::Debug for dyn SessionHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionHost").field("anonymous", &self.anonymous()).finish_non_exhaustive()
    }
}

/// The host of the backend that decided about this request.
pub(super) fn of(exchange: &Exchange) -> Option<&Arc<dyn SessionHost>> {
    let host: &dyn Any = exchange.session_host()?;
    host.downcast_ref()
}
