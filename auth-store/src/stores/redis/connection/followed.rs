//! Which server has replicas.

use parking_lot::Mutex;
use redis::Value;

use super::vet::replicas;
use crate::stores::redis::url::Endpoint;

/// The server that was last seen with replicas. If it shows none any more, they are down, or it is cut
/// off from them and one of them is the primary by now. One that was promoted and never had any is
/// another server.
pub(super) struct Followed(Mutex<Option<Endpoint>>);

impl Followed {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// What this server answers to `ROLE`.
    pub(super) fn note(&self, server: &Endpoint, role: &Value) {
        if replicas(role) > 0 && !self.is(server) {
            *self.0.lock() = Some(server.clone());
        }
    }

    pub(super) fn is(&self, server: &Endpoint) -> bool {
        self.0.lock().as_ref() == Some(server)
    }
}
