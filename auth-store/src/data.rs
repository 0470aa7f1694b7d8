//! The application's data in a sign-in, and the changes that a request makes to it.
//!
//! Values stay JSON text until a handler reads them, so that stores and caches neither parse nor copy
//! them. A request collects changes by key instead of writing the data as a whole, so that concurrent
//! requests do not overwrite each other's keys.

use std::any::type_name;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::InvalidValue;
use crate::record::encoding::{Malformed, Reader, put_text};

/// The data of a sign-in: JSON texts by key.
///
/// Clones share the data until one of them is changed. Empty data allocates nothing, and other data is one
/// allocation: it is held in the form in which stores keep it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SessionData(Option<Arc<[u8]>>);

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
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.iter().take_while(|(at, _)| *at <= key).last();
        found.filter(|(at, _)| *at == key).map(|(_, json)| json)
    }

    /// Stores a JSON text under this key, replacing any other.
    pub fn insert(&mut self, key: impl AsRef<str>, json: impl AsRef<str>) {
        let (key, json) = (key.as_ref(), json.as_ref());
        *self = self.iter().chain([(key, json)]).collect();
    }

    /// Removes this key.
    pub fn remove(&mut self, key: &str) {
        *self = self.iter().filter(|(at, _)| *at != key).collect();
    }

    /// Returns an iterator over keys and their JSON texts, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut encoded = Reader(self.encoded());
        std::iter::from_fn(move || encoded.text().and_then(|key| Ok((key, encoded.text()?))).ok())
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

    /// Returns keys and JSON texts as stores keep them: alternating, each preceded by its length, and sorted by
    /// key.
    pub(crate) fn encoded(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Decodes what [`encoded`](Self::encoded) returned. The keys may have another order.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (mut encoded, mut pairs) = (Reader(bytes), Vec::new());
        while !encoded.is_empty() {
            pairs.push((encoded.text()?, encoded.text()?));
        }
        let count = pairs.len();
        let data = Self::from_iter(pairs);
        if data.iter().count() == count { Ok(data) } else { Err(Malformed) }
    }
}

/// Of equal keys, the last one is kept.
impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for SessionData {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref())); // keeps the order of equal keys
        let mut encoded = Vec::new();
        for (at, (key, json)) in pairs.iter().enumerate() {
            let next = pairs.get(at + 1).map(|(next, _)| next.as_ref());
            if next != Some(key.as_ref()) {
                put_text(&mut encoded, key.as_ref());
                put_text(&mut encoded, json.as_ref());
            }
        }
        Self((!encoded.is_empty()).then(|| encoded.into()))
    }
}

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
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

/// Reads the value of `key` after applying the changes. Returns `None` if there is none.
pub(crate) fn read_value<T>(
    data: &SessionData,
    key: &str,
    changes: &[Change],
    read: impl FnOnce(&str) -> T,
) -> Result<Option<T>, InvalidValue> {
    let mut changed: Option<Value> = None;
    for change in changes.iter().filter(|change| *change.key == *key) {
        let value = changed.as_ref().map_or_else(|| data.get(key), Option::as_deref);
        changed = Some(change.apply(value)?);
    }
    Ok(changed.as_ref().map_or_else(|| data.get(key), Option::as_deref).map(read))
}

/// Returns the data after applying the changes in order.
pub(crate) fn apply(data: &SessionData, changes: &[Change]) -> Result<SessionData, InvalidValue> {
    // In a map, so that the cost of many changes is not that of writing the data for each.
    let kept = data.iter().map(|(key, json)| (key, Cow::Borrowed(json)));
    let mut values: BTreeMap<_, _> = kept.collect();
    for change in changes {
        let key = &*change.key;
        match change.apply(values.get(key).map(|json| &**json))? {
            Some(json) => values.insert(key, Cow::Owned(json.as_ref().into())),
            None => values.remove(key),
        };
    }
    Ok(values.into_iter().collect())
}

/// Returns the changes that turn `old` into `new`.
pub(crate) fn difference(old: &SessionData, new: &SessionData) -> Vec<Change> {
    let old: BTreeMap<_, _> = old.iter().collect();
    let mut new: BTreeMap<_, _> = new.iter().collect();
    let mut changes = Vec::new();
    for (key, json) in &old {
        match new.remove(key) {
            Some(kept) if kept == *json => {}
            changed => changes.push(Change::set(key, changed.map(Arc::from))),
        }
    }
    changes.extend(new.into_iter().map(|(key, json)| Change::set(key, Some(json.into()))));
    changes
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn encoded_data_with_a_repeated_key_is_malformed() {
        let data = SessionData::decode(b"\x01b\x012\x01a\x011").unwrap();
        assert!(data.iter().eq([("a", "1"), ("b", "2")]));
        assert!(SessionData::decode(b"\x01a\x011\x01b\x012\x01a\x013").is_err());
        assert!(SessionData::decode(b"\x01a").is_err());
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
            prop_assert!(data.iter().eq(map.iter().map(|(key, json)| (&**key, &**json))));
            prop_assert!(map.iter().all(|(key, json)| data.get(key) == Some(json)));
            prop_assert_eq!(data.get("f"), None);
            prop_assert_eq!(data.is_empty(), map.is_empty());
        }

        #[test]
        fn it_is_decoded_as_it_was_encoded(data in data()) {
            prop_assert_eq!(SessionData::decode(data.encoded()).unwrap(), data);
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
                let one = read_value(&data, key, &changes, str::to_string).unwrap();
                prop_assert_eq!(one.as_deref(), all.get(key));
            }
        }

        #[test]
        fn repeated_updates_all_count(base in data(), times in 1usize..20) {
            let before: u64 = base.get("a").map_or(0, |json| json.parse().unwrap());
            let after = (0..times).try_fold(base, |data, _| apply(&data, &[add_one("a")])).unwrap();
            let expected = (before + times as u64).to_string();
            prop_assert_eq!(after.get("a"), Some(expected.as_str()));
        }
    }
}
