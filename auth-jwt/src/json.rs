//! Strict JSON. The members of an object have unique names: readers differ about which of two
//! members with one name counts (RFC 8259 section 4), so two services could read one token
//! differently. Strings are borrowed from the input where possible.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A string, borrowed from the input unless it contains an escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// Any value in which no object, at whatever depth, repeats a name. The value is checked and dropped.
///
/// Unlike [`IgnoredAny`](serde::de::IgnoredAny), it also rejects numbers out of range and strings with
/// invalid escapes.
#[derive(Debug)]
pub(crate) struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value whose objects have unique member names")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = Names::default();
        while let Some(Text(name)) = members.next_key()? {
            members.next_value::<Self>()?;
            names.insert(name);
        }
        names.check_unique()?;
        Ok(self)
    }
}

/// Returns the error for an object that repeats a name.
#[cold]
pub(crate) fn repeated_name<E: Error>() -> E {
    E::custom("the object repeats a member name")
}

/// The member names of one object.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    first: [&'a str; FEW],
    count: usize,
    /// Names beyond the first few, and names that are written with escapes.
    more: Vec<Cow<'a, str>>,
}

/// Up to this number, names are stored in place and compared with one another.
const FEW: usize = 8;

impl<'a> Names<'a> {
    pub(crate) fn insert(&mut self, name: Cow<'a, str>) {
        match (name, self.first.get_mut(self.count)) {
            (Cow::Borrowed(name), Some(place)) => {
                *place = name;
                self.count += 1;
            }
            (name, _) => self.more.push(name),
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.first[..self.count].contains(&name) || self.more.iter().any(|own| *own == name)
    }

    /// Checks that no name is repeated, once all of them are inserted. Sorting keeps the cost of a
    /// hostile object with many names at `n log n`.
    pub(crate) fn check_unique<E: Error>(&mut self) -> Result<(), E> {
        let first = &self.first[..self.count];
        let repeats = if self.more.is_empty() {
            (1..first.len()).any(|at| first[..at].contains(&first[at]))
        } else {
            self.more.extend(first.iter().map(|name| Cow::Borrowed(*name)));
            self.more.sort_unstable();
            self.more.windows(2).any(|pair| pair[0] == pair[1])
        };
        if repeats { Err(repeated_name()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(json: &str) -> bool {
        serde_json::from_str::<UniqueKeys>(json).is_ok()
    }

    #[test]
    fn sec_57_a_repeated_name_is_rejected_at_any_depth() {
        assert!(is_accepted(r#"{"a":1,"b":[{"a":1},{"a":1}],"c":{"a":null,"b":true,"d":-1.5}}"#));
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert!(!is_accepted(json), "{json}");
        }
    }

    #[test]
    fn sec_57_huge_numbers_deep_nesting_and_bad_escapes_are_rejected() {
        for json in ["1e400", r#""\ud800""#, r#"{"\q":1}"#, "[1", "-", "nul"] {
            assert!(!is_accepted(json), "{json}");
        }
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_accepted(&nested(100)) && !is_accepted(&nested(200)));
    }

    #[test]
    fn sec_57_a_repeated_name_is_found_among_few_and_many() {
        let texts: Vec<_> = (0..500).map(|i| i.to_string()).collect();
        for count in [2, FEW - 1, FEW, FEW + 1, 500] {
            let names = || {
                let mut names = Names::default();
                texts[..count].iter().for_each(|text| names.insert(text.as_str().into()));
                names
            };
            let is_unique =
                |mut names: Names<'_>| names.check_unique::<serde_json::Error>().is_ok();
            assert!(is_unique(names()), "{count}");
            assert!(names().contains("1") && !names().contains("x"));
            for repeated in [Cow::Borrowed("1"), Cow::Owned("1".to_owned())] {
                let mut names = names();
                names.insert(repeated);
                assert!(names.contains("1") && !is_unique(names), "{count}");
            }
        }
    }
}
