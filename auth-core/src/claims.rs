//! [`Claims`]: what else a credential states about a user, as JSON of any shape.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Claims of any shape, as JSON. Backends use them until `.claims::<User>()` names a type.
///
/// The claims of a token are parsed when they are first read: most handlers only read the subject and the roles.
#[derive(Clone, Default)]
pub struct Claims {
    /// A JSON object that was checked, until it is changed.
    json: Option<Box<str>>,
    parsed: OnceLock<Map<String, Value>>,
}

impl Claims {
    /// Creates claims from the text of an object that JSON readers accept, which is not parsed before it is read.
    #[doc(hidden)]
    #[must_use]
    pub fn from_checked_json(object: &str) -> Self {
        Self { json: Some(object.into()), parsed: OnceLock::new() }
    }

    /// Returns the claim with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.map().get(name)
    }

    /// Sets a claim.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.map();
        self.json = None;
        self.parsed.get_mut().and_then(|map| map.insert(name.into(), value.into()));
    }

    /// Iterates over all claims and their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.map().iter().map(|(name, value)| (name.as_str(), value))
    }

    fn map(&self) -> &Map<String, Value> {
        self.parsed.get_or_init(|| {
            let parsed = self.json.as_ref().map(|json| serde_json::from_str(json));
            parsed.map_or_else(Map::new, |map| map.expect("a checked object can be parsed"))
        })
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self { json: None, parsed: claims.into() }
    }
}

impl PartialEq for Claims {
    fn eq(&self, other: &Self) -> bool {
        self.map() == other.map()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claims").field(self.map()).finish()
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_read_changed_and_written_as_an_object() {
        let mut claims: Claims = serde_json::from_str(r#"{"a":1,"b":[null]}"#).unwrap();
        assert_eq!(claims.get("a"), Some(&json!(1)));
        claims.insert("a", "x");
        claims.insert("c", true);
        assert_eq!(serde_json::to_string(&claims).unwrap(), r#"{"a":"x","b":[null],"c":true}"#);
        assert_eq!(
            serde_json::from_value::<Claims>(json!({"c":true,"a":"x","b":[null]})).unwrap(),
            claims
        );
        assert_eq!(claims.iter().count(), 3);
    }

    #[test]
    fn claims_that_are_parsed_later_equal_others() {
        let json = r#"{"a":{"b":1.5}}"#;
        let (mut later, others) =
            (Claims::from_checked_json(json), serde_json::from_str(json).unwrap());
        assert_eq!(later, others);
        assert_eq!(format!("{later:?}"), format!("{others:?}"));
        later.insert("c", 1);
        assert_ne!(later, others);
        assert_eq!(later.get("a"), others.get("a"));
    }
}
