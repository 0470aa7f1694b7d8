//! Values that nobody asked for: read through, so that nothing hides in them.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::names::Names;
use super::text::{Text, Texts};

/// Any value, read through and forgotten. No object in it has a member twice.
#[derive(Debug)]
pub(crate) struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        while seq.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        let mut names = Names::default();
        while let Some((Text(name), Strict)) = map.next_entry()? {
            names.add(name);
        }
        if names.repeats() { Err(A::Error::custom("a member comes twice")) } else { Ok(Strict) }
    }
}

/// The strings at the end of a path of member names; all beside the path is [`Strict`]. None if
/// the path leads nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrictAt<'p>(pub(crate) &'p [Box<str>]);

impl<'de> DeserializeSeed<'de> for StrictAt<'_> {
    type Value = Option<Texts<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return Texts::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictAt<'_> {
    type Value = Option<Texts<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object on the way to the roles")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut names, mut found) = (Names::default(), None);
        while let Some(Text(name)) = map.next_key()? {
            match self.0.split_first() {
                Some((first, rest)) if **first == *name => {
                    found = map.next_value_seed(StrictAt(rest))?;
                }
                _ => _ = map.next_value::<Strict>()?,
            }
            names.add(name);
        }
        if names.repeats() { Err(A::Error::custom("a member comes twice")) } else { Ok(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(json: &str) -> bool {
        serde_json::from_str::<Strict>(json).is_ok()
    }

    #[test]
    fn sec_57_nothing_is_said_twice_at_any_depth() {
        assert!(reads(r#"{"a":1,"b":[{"a":1},{"a":1}],"c":{"a":null,"b":true,"d":-1.5}}"#));
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert!(!reads(json), "{json}");
        }
    }

    #[test]
    fn sec_57_numbers_and_depth_have_an_end() {
        assert!(!reads("1e400"));
        assert!(!reads(&format!("{}{}", "[".repeat(200), "]".repeat(200))));
    }

    #[test]
    fn a_path_leads_to_strings_or_nowhere() {
        let path = ["realm_access".into(), "roles".into()];
        let read = |json: &'static str| {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            StrictAt(&path).deserialize(&mut deserializer).map_err(drop)
        };
        let roles = read(r#"{"x":1,"realm_access":{"roles":["a","b"]}}"#).unwrap().unwrap();
        assert_eq!(roles.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read(r#"{"realm_access":{}}"#), Ok(None));
        assert!(read(r#"{"realm_access":[]}"#).is_err());
        assert!(read(r#"{"realm_access":{"roles":[1]}}"#).is_err());
        assert!(read(r#"{"realm_access":{"roles":["a"],"roles":["b"]}}"#).is_err());
    }
}
