//! What an application keeps with a sign-in.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The data of a sign-in: JSON texts by key. Cloning shares it; an empty one holds no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionData(Option<Arc<BTreeMap<Box<str>, Arc<str>>>>);

impl SessionData {
    /// The most bytes of keys and values together.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// No data.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// The JSON text under this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Arc<str>> {
        self.0.as_ref()?.get(key)
    }

    /// Puts a JSON text under this key.
    pub fn insert(&mut self, key: impl Into<Box<str>>, json: impl Into<Arc<str>>) {
        let map = self.0.get_or_insert_default();
        Arc::make_mut(map).insert(key.into(), json.into());
    }

    /// Takes this key out.
    pub fn remove(&mut self, key: &str) {
        if self.get(key).is_some() {
            let map = self.0.get_or_insert_default();
            Arc::make_mut(map).remove(key);
            if map.is_empty() {
                self.0 = None;
            }
        }
    }

    /// Every key and its JSON text, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, json)| (&**key, json))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many bytes the keys and values have together.
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
