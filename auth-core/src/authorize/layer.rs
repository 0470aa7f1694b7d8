//! Requirements as a layer.

use tower_layer::Layer;

use super::require::Require;
use super::service::RequireService;

impl<S> Layer<S> for Require {
    type Service = RequireService<S>;
    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService::new(self.clone(), inner)
    }
}
