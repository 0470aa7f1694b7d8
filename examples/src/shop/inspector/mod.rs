//! The inspector: reports to a client what the shop made of its request. For development only.
//!
//! A request with the header `Inspect` gets a response with the header [`report::INSPECTION`]: what the
//! request carried, what the authentication layer decided and logged, and how often the store was
//! called. A client learns only of its own requests, because the report is a part of their responses.
//!
//! The library never tells a client why a credential was rejected, because that helps an attacker. The
//! inspector does, so it is off behind TLS, and answers only requests that name this machine as their host.
//! The report contains no secret: of a cookie, which scripts cannot read, it has the size and the beginning of a
//! digest.

mod lab;
mod log;
mod recorder;
mod report;
mod store;

use std::fmt;
use std::sync::Arc;

use auth_core::Clock;
use auth_store::Store;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_request};

use self::lab::Lab;
pub use self::log::event_layer;
use super::options::Options;
use super::setup_error::SetupError;
use crate::users::Users;

/// Wraps the store, so that the inspector counts its calls.
pub(super) fn observed(store: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(store::ObservedStore(store))
}

/// The routes and the middleware of the inspector.
#[derive(Clone)]
pub(super) struct Inspector {
    lab: Lab,
    store: Arc<str>,
}

impl Inspector {
    /// Creates the inspector of a shop whose store is [observed](observed).
    pub(super) fn new(options: &Options, clock: &Clock) -> Result<Self, SetupError> {
        Ok(Self { lab: Lab::new(options, clock)?, store: options.store.kind().into() })
    }

    /// Returns the routes that the page uses for its comparison and its attacks.
    pub(super) fn routes(&self, users: &Users) -> Router {
        self.lab.routes(users).route_layer(from_fn(report::refuse_other_hosts))
    }

    /// Adds the reports to the responses of `app`, which is everything inside.
    pub(super) fn around(&self, app: Router) -> Router {
        app.layer(from_fn_with_state(Arc::clone(&self.store), report::add_report))
    }
}

/// Records the decision of the authentication layer, inside of which `routes` are.
pub(super) fn inside(routes: Router) -> Router {
    routes.layer(map_request(report::record_decision))
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector").field("store", &self.store).finish_non_exhaustive()
    }
}
