//! What backends take as a store.

use std::sync::Arc;

use crate::store::Store;

/// What `SessionAuth::new` and `JwtAuth::sign_in` take: a store, an `Arc` of one, or the
/// type-erased one.
///
/// This is not an `impl Store for Arc<dyn Store>`, which would box every future twice.
pub trait IntoStore {
    /// The type-erased store.
    fn into_store(self) -> Arc<dyn Store>;
}

impl<S: Store> IntoStore for S {
    fn into_store(self) -> Arc<dyn Store> {
        Arc::new(self)
    }
}

impl<S: Store> IntoStore for Arc<S> {
    fn into_store(self) -> Arc<dyn Store> {
        self
    }
}

impl IntoStore for Arc<dyn Store> {
    fn into_store(self) -> Self {
        self
    }
}
