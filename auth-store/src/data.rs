//! The application's data in a sign-in.
//!
//! Values stay JSON text until a handler reads them, so that stores and caches neither parse nor copy
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The data of a sign-in: JSON texts by key.
///
/// Clones share the data until one of them is changed. Empty data allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionData(Option<Arc<BTreeMap<Box<str>, Arc<str>>>>);

impl SessionData {
    /// The maximum number of bytes of all keys and values together.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Creates empty data.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Returns the JSON text under this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Arc<str>> {
        self.0.as_ref()?.get(key)
    }

    /// Stores a JSON text under this key, replacing any other.
    pub fn insert(&mut self, key: impl Into<Box<str>>, json: impl Into<Arc<str>>) {
        let map = self.0.get_or_insert_default();
        Arc::make_mut(map).insert(key.into(), json.into());
    }

    /// Removes this key.
    pub fn remove(&mut self, key: &str) {
        if self.get(key).is_some() {
            let map = self.0.get_or_insert_default();
            Arc::make_mut(map).remove(key);
            if map.is_empty() {
                self.0 = None;
            }
        }
    }

    /// Returns an iterator over keys and their JSON texts, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, json)| (&**key, json))
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the number of bytes of all keys and values together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.iter().map(|(key, json)| key.len() + json.len()).sum()
    }
}

impl<K: Into<Box<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for SessionData {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut data = Self::new();
        for (key, json) in pairs {
            data.insert(key, json);
        }
        data
    }
}
