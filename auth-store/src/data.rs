//! The application's data in a sign-in, and the changes that a request makes to it.
//!
//! Values stay JSON text until a handler reads them, so that stores and caches neither parse nor copy
//! them. A request collects changes by key instead of writing the data as a whole, so that concurrent
//! requests do not overwrite each other's keys.

use std::any::type_name;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::InvalidValue;

/// The data of a sign-in: JSON texts by key.
///
/// Clones share the data until one of them is changed. Empty data allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionData(Option<Arc<Values>>);

/// JSON texts, sorted by key. Most sign-ins have few, for which a map would take several times the memory.
type Values = Vec<(Box<str>, Arc<str>)>;

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
        let at = self.find(key).ok()?;
        self.0.as_ref().map(|values| &values[at].1)
    }

    /// Stores a JSON text under this key, replacing any other.
    pub fn insert(&mut self, key: impl Into<Box<str>>, json: impl Into<Arc<str>>) {
        let (key, json) = (key.into(), json.into());
        let found = self.find(&key);
        let values = Arc::make_mut(self.0.get_or_insert_default());
        match found {
            Ok(at) => values[at].1 = json,
            Err(at) => {
                if values.len() < 4 {
                    values.reserve_exact(1); // few values take no more memory than they need
                }
                values.insert(at, (key, json));
            }
        }
    }

    /// Removes this key.
    pub fn remove(&mut self, key: &str) {
        if let (Ok(at), Some(values)) = (self.find(key), &mut self.0) {
            Arc::make_mut(values).remove(at);
            if values.is_empty() {
                self.0 = None;
            }
        }
    }

    /// Returns an iterator over keys and their JSON texts, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.0.iter().flat_map(|values| values.iter()).map(|(key, json)| (&**key, json))
    }

    /// Returns the place of this key, or where it belongs.
    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.as_ref().map_or(Err(0), |values| values.binary_search_by(|it| (*it.0).cmp(key)))
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

/// A change to the value of one key, which can be applied more than once.
#[derive(Clone)]
pub(crate) struct Change {
    key: Box<str>,
    make: Make,
}

#[derive(Clone)]
enum Make {
    Set(Option<Arc<str>>),
    Update(Arc<Update>),
}

type Value = Option<Arc<str>>;
type Update = dyn Fn(&str, Option<&str>) -> Result<Arc<str>, InvalidValue> + Send + Sync;

impl Change {
    /// Replaces the value by a JSON text; `None` removes the key.
    pub(crate) fn set(key: &str, json: Option<Arc<str>>) -> Self {
        Self { key: key.into(), make: Make::Set(json) }
    }

    /// Computes the new JSON text from the newest one. `T` names the type of the value in errors.
    pub(crate) fn update<T: ?Sized>(
        key: &str,
        update: impl Fn(Option<&str>) -> Result<Arc<str>, serde_json::Error> + Send + Sync + 'static,
    ) -> Self {
        let update = move |key: &str, json: Option<&str>| {
            update(json).map_err(|error| InvalidValue::new(key, type_name::<T>(), &error))
        };
        Self { key: key.into(), make: Make::Update(Arc::new(update)) }
    }

    fn apply(&self, value: Option<&str>) -> Result<Value, InvalidValue> {
        match &self.make {
            Make::Set(json) => Ok(json.clone()),
            Make::Update(update) => update(&self.key, value).map(Some),
        }
    }
}

auth_core::redacted_debug!(Change { key });

/// Returns the value of `key` after applying the changes.
pub(crate) fn value(
    data: &SessionData,
    key: &str,
    changes: &[Change],
) -> Result<Value, InvalidValue> {
    let own = changes.iter().filter(|change| *change.key == *key);
    let mut value = data.get(key).cloned();
    for change in own {
        value = change.apply(value.as_deref())?;
    }
    Ok(value)
}

/// Returns the data after applying the changes in order.
pub(crate) fn apply(data: &SessionData, changes: &[Change]) -> Result<SessionData, InvalidValue> {
    let mut data = data.clone();
    for change in changes {
        match change.apply(data.get(&change.key).map(|json| &**json))? {
            Some(json) => data.insert(change.key.clone(), json),
            None => data.remove(&change.key),
        }
    }
    Ok(data)
}

/// Returns the changes that turn `old` into `new`.
pub(crate) fn difference(old: &SessionData, new: &SessionData) -> Vec<Change> {
    let keys: BTreeSet<&str> = old.iter().chain(new.iter()).map(|(key, _)| key).collect();
    let changed = keys.into_iter().filter(|key| old.get(key) != new.get(key));
    changed.map(|key| Change::set(key, new.get(key).cloned())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn data() -> impl Strategy<Value = SessionData> {
        let pairs = proptest::collection::btree_map("[a-d]", "[1-9][0-9]?", 0..4);
        pairs.prop_map(|pairs| pairs.into_iter().collect())
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            ("[a-d]", "[1-9][0-9]?").prop_map(|(key, json)| Change::set(&key, Some(json.into()))),
            "[a-d]".prop_map(|key| Change::set(&key, None)),
            "[a-d]".prop_map(|key| add_one(&key)),
        ];
        proptest::collection::vec(change, 0..6)
    }

    fn add_one(key: &str) -> Change {
        Change::update::<u64>(key, |json| {
            let old: u64 = json.map_or(Ok(0), serde_json::from_str)?;
            Ok((old + 1).to_string().into())
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_map(
            inserted in proptest::collection::vec(("[a-e]{0,2}", "[1-9]"), 0..12),
            removed in proptest::collection::vec("[a-e]{0,2}", 0..6),
        ) {
            let mut data: SessionData = inserted.iter().cloned().collect();
            let mut map: BTreeMap<_, _> = inserted.into_iter().collect();
            for key in removed {
                data.remove(&key);
                map.remove(&key);
            }
            let pairs = data.iter().map(|(key, json)| (key, &**json));
            prop_assert!(pairs.eq(map.iter().map(|(key, json)| (&**key, &**json))));
            prop_assert_eq!(data.is_empty(), map.is_empty());
        }

        #[test]
        fn a_difference_turns_old_data_into_new(old in data(), new in data()) {
            prop_assert_eq!(apply(&old, &difference(&old, &new)).unwrap(), new);
        }

        #[test]
        fn a_merge_keeps_concurrent_changes_of_other_keys(
            base in data(), concurrent in changes(), ours in changes(),
        ) {
            let newest = apply(&base, &concurrent).unwrap();
            let merged = apply(&newest, &ours).unwrap();
            for key in ["a", "b", "c", "d"] {
                if !ours.iter().any(|change| &*change.key == key) {
                    prop_assert_eq!(merged.get(key), newest.get(key));
                }
            }
        }

        #[test]
        fn one_value_agrees_with_all_changes(data in data(), changes in changes()) {
            let all = apply(&data, &changes).unwrap();
            for key in ["a", "b", "c", "d"] {
                prop_assert_eq!(value(&data, key, &changes).unwrap(), all.get(key).cloned());
            }
        }

        #[test]
        fn repeated_updates_all_count(base in data(), times in 1usize..20) {
            let before: u64 = base.get("a").map_or(0, |json| json.parse().unwrap());
            let after = (0..times).try_fold(base, |data, _| apply(&data, &[add_one("a")])).unwrap();
            let expected = (before + times as u64).to_string();
            prop_assert_eq!(after.get("a").map(|json| &**json), Some(expected.as_str()));
        }
    }
}
