//! Strict JSON. The members of an object have unique names: readers differ about which of two
//! members with one name counts (RFC 8259 section 4), so two services could read one token
//! differently. Names by which `serde_json` passes values to itself are refused: its `Value` reads the member of
//! such a name instead of the object. Strings are borrowed from the input where possible.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Reads a value in which no object, at whatever depth, repeats a name.
pub(crate) fn from_str<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    Read::Skip.deserialize(&mut reader)?;
    reader.end()?;
    serde_json::from_str(json)
}

/// Returns the value at this pointer in a text that was read before, or [`Shape::Other`] if there is none.
pub(crate) fn find<'j>(json: &'j str, pointer: &[Box<str>]) -> Shape<'j> {
    let read = Read::at(pointer).deserialize(&mut serde_json::Deserializer::from_str(json));
    read.unwrap_or(Shape::Other)
}

/// Reads an object by this visitor.
pub(crate) fn read_object<'de, V: Visitor<'de>>(
    json: &'de str,
    visitor: V,
) -> Result<V::Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let object = reader.deserialize_map(visitor)?;
    reader.end().map(|()| object)
}

/// A string, borrowed from the input unless it contains an escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Read::Keep.deserialize(deserializer)? {
            Shape::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("not a string")),
        }
    }
}

/// A value, as far as a header or a claim can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    Null,
    Text(Cow<'a, str>),
    /// An array that contains strings only.
    Texts(Vec<Cow<'a, str>>),
    /// A number without a sign, a fraction and an exponent.
    Integer(u64),
    /// Another number that is not negative, without its fraction.
    Number(u64),
    /// The names of an object's members.
    Object(Vec<Cow<'a, str>>),
    /// Any other value, or one that was skipped.
    Other,
}

/// How a value is read. In every case, all of its objects are checked for repeated names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Read<'p> {
    /// The value is checked and dropped. This also rejects numbers out of range and strings with
    /// invalid escapes, unlike [`IgnoredAny`](serde::de::IgnoredAny).
    Skip,
    Keep,
    /// The value at the end of this pointer (RFC 6901) is kept, or [`Shape::Other`] if there is none.
    At(&'p [Box<str>]),
}

impl<'p> Read<'p> {
    pub(crate) fn at(pointer: &'p [Box<str>]) -> Self {
        if pointer.is_empty() { Self::Keep } else { Self::At(pointer) }
    }

    /// Returns how to read the member or element of this name, and whether the pointer leads there.
    fn within(self, is_named: impl FnOnce(&str) -> bool) -> (Self, bool) {
        match self {
            Self::At([name, rest @ ..]) if is_named(name) => (Self::at(rest), true),
            _ => (Self::Skip, false),
        }
    }

    fn keeps(self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<'de> DeserializeSeed<'de> for Read<'_> {
    type Value = Shape<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Implements methods of a visitor that read a value without parts.
macro_rules! visit {
    ($self:ident: $($visit:ident($($value:ident: $type:ty)?) => $shape:expr;)+) => {
        $(fn $visit<E: Error>($self $(, $value: $type)?) -> Result<Shape<'de>, E> {
            Ok($shape)
        })+
    };
}

impl<'de> Visitor<'de> for Read<'_> {
    type Value = Shape<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value whose objects have unique member names")
    }

    visit! { self:
        visit_unit() => Shape::Null;
        visit_bool(_value: bool) => Shape::Other;
        visit_i64(_value: i64) => Shape::Other;
        visit_u64(value: u64) => if self.keeps() { Shape::Integer(value) } else { Shape::Other };
        visit_f64(value: f64) => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is not negative
            if self.keeps() && value >= 0.0 { Shape::Number(value as u64) } else { Shape::Other }
        };
        visit_borrowed_str(text: &'de str) => {
            if self.keeps() { Shape::Text(Cow::Borrowed(text)) } else { Shape::Other }
        };
        visit_str(text: &str) => {
            if self.keeps() { Shape::Text(Cow::Owned(text.to_owned())) } else { Shape::Other }
        };
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Shape<'de>, A::Error> {
        let (mut texts, mut kept, mut index) = (Vec::new(), Shape::Other, 0);
        let mut all = self.keeps();
        loop {
            let (read, found) = match self {
                Self::Keep if all => (Self::Keep, false),
                _ => self.within(|name| array_index(name) == Some(index)),
            };
            let Some(element) = elements.next_element_seed(read)? else { break };
            match element {
                Shape::Text(text) if all => texts.push(text),
                element if found => kept = element.inner(),
                _ => all = false,
            }
            index += 1;
        }
        Ok(if all { Shape::Texts(texts) } else { kept })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Shape<'de>, A::Error> {
        let mut kept = Shape::Other;
        let names = read_members(members, |name, members| {
            let (read, found) = self.within(|own| own == name);
            let value = members.next_value_seed(read)?;
            if found {
                kept = value.inner();
            }
            Ok(())
        })?;
        Ok(if self.keeps() { Shape::Object(names.into_names()) } else { kept })
    }
}

impl Shape<'_> {
    /// Returns this value as a part of another one, which is not null even if this one is.
    fn inner(self) -> Self {
        if self == Shape::Null { Shape::Other } else { self }
    }
}

/// Returns the array index that a token of a JSON Pointer denotes (RFC 6901 section 4).
fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| canonical)
}

/// Reads the members of an object, and checks that their names are unique. The closure reads the value
/// of each.
pub(crate) fn read_members<'de, A: MapAccess<'de>>(
    mut members: A,
    mut read_value: impl FnMut(&Cow<'de, str>, &mut A) -> Result<(), A::Error>,
) -> Result<Members<'de, ()>, A::Error> {
    let mut names = Members::default();
    while let Some(Text(name)) = members.next_key()? {
        read_value(&name, &mut members)?;
        names.insert(name, ());
    }
    if names.are_valid() {
        Ok(names)
    } else {
        Err(A::Error::custom("the object repeats a member name, or has a reserved one"))
    }
}

/// The members of one object, each with a value of this type.
#[derive(Debug, Default)]
pub(crate) struct Members<'a, V> {
    first: [(&'a str, V); FEW],
    count: usize,
    /// Members beyond the first few, and those whose names are written with escapes.
    more: Vec<(Cow<'a, str>, V)>,
}

/// How the names begin that are reserved for `serde_json`, such as that of its `RawValue`.
const RESERVED: &str = "$serde_json::private::";

/// Up to this number, members are stored in place, and their names are compared with one another.
const FEW: usize = 16;

impl<'a, V: Copy> Members<'a, V> {
    fn insert(&mut self, name: Cow<'a, str>, value: V) {
        match (name, self.first.get_mut(self.count)) {
            (Cow::Borrowed(name), Some(place)) => {
                *place = (name, value);
                self.count += 1;
            }
            (name, _) => self.more.push((name, value)),
        }
    }

    /// Returns the value of the member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<V> {
        self.iter().find_map(|(own, value)| (own == name).then_some(value))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, V)> {
        // The second list has all members once it is sorted.
        let first = if self.more.is_empty() { &self.first[..self.count] } else { &[] };
        let more = self.more.iter().map(|(name, value)| (&**name, *value));
        first.iter().copied().chain(more)
    }

    /// Returns whether no name is repeated or reserved, once all members are inserted. Sorting keeps the cost of
    /// a hostile object with many names at `n log n`.
    fn are_valid(&mut self) -> bool {
        if self.iter().any(|(name, _)| name.starts_with(RESERVED)) {
            return false;
        }
        let first = &self.first[..self.count];
        if self.more.is_empty() {
            return (1..first.len()).all(|at| first[..at].iter().all(|it| it.0 != first[at].0));
        }
        self.more.extend(first.iter().map(|(name, value)| (Cow::Borrowed(*name), *value)));
        self.more.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self.more.windows(2).all(|pair| pair[0].0 != pair[1].0)
    }

    fn into_names(self) -> Vec<Cow<'a, str>> {
        if self.more.is_empty() {
            self.first[..self.count].iter().map(|(name, _)| Cow::Borrowed(*name)).collect()
        } else {
            self.more.into_iter().map(|(name, _)| name).collect()
        }
    }
}

/// Reads an object as the text of each of its members. Only the syntax of the values is checked: see [`check`].
/// Returns whether the names are unique, and none is reserved.
pub(crate) fn read_raw<'de>(
    json: &'de str,
    members: &mut Members<'de, &'de str>,
) -> Result<bool, serde_json::Error> {
    // `serde_json` reads up to this depth. What it reads as raw text has no such limit, and each member would
    // have its own, one level deeper than that of the whole.
    const MAX_DEPTH: usize = 128;
    if memchr::memchr2_iter(b'[', b'{', json.as_bytes()).nth(MAX_DEPTH - 1).is_some() {
        Read::Skip.deserialize(&mut serde_json::Deserializer::from_str(json))?;
    }
    read_object(json, RawMembers(members))?;
    Ok(members.are_valid())
}

struct RawMembers<'m, 'de>(&'m mut Members<'de, &'de str>);

impl<'de> Visitor<'de> for RawMembers<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
            self.0.insert(name, value.get());
        }
        Ok(())
    }
}

/// The name of a member.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Checks a value whose syntax was checked: its objects have unique names, its numbers are in range, and its
/// strings can be decoded. `has_escapes` is whether a string of the text may contain an escape.
pub(crate) fn check(value: &str, has_escapes: bool) -> Result<(), serde_json::Error> {
    match value.as_bytes() {
        [b'"', ..] if !has_escapes => Ok(()),
        [b't' | b'f' | b'n', ..] => Ok(()),
        // A number of up to 19 digits is in the range of `u64`.
        digits if digits.len() < 20 && digits.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Read::Skip.deserialize(&mut serde_json::Deserializer::from_str(value)).map(drop),
    }
}

/// Returns a value that was checked.
pub(crate) fn keep(value: &str, has_escapes: bool) -> Shape<'_> {
    match value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) if !has_escapes => Shape::Text(text.into()),
        _ => find(value, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(json: &str) -> bool {
        from_str::<serde_json::Value>(json).is_ok()
    }

    #[test]
    fn sec_57_a_repeated_name_is_rejected_at_any_depth() {
        assert!(is_accepted(r#"{"a":1,"b":[{"a":1},{"a":1}],"c":{"a":null,"b":true,"d":-1.5}}"#));
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert!(!is_accepted(json), "{json}");
        }
    }

    #[test]
    fn sec_57_a_name_that_serde_json_reserves_is_rejected_at_any_depth() {
        for name in ["RawValue", "Number", "\\u0052awValue"] {
            for value in ["1", r#""1""#, r#""{\"a\":1,\"a\":2}""#] {
                let object = format!(r#"{{"$serde_json::private::{name}":{value}}}"#);
                for json in [object.clone(), format!(r#"{{"a":[{{"b":{object}}}]}}"#)] {
                    assert!(!is_accepted(&json), "{json}");
                }
            }
        }
        assert!(is_accepted(r#"{"$serde_json":{"$":"$serde_json::private::RawValue"}}"#));
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
            let members = || {
                let mut members = Members::default();
                texts[..count].iter().for_each(|text| members.insert(text.as_str().into(), ()));
                members
            };
            let mut unique = members();
            assert!(unique.are_valid(), "{count}");
            assert!(unique.get("1").is_some() && unique.get("x").is_none());
            assert_eq!(unique.iter().count(), count);
            for repeated in [Cow::Borrowed("1"), Cow::Owned("1".to_owned())] {
                let mut members = members();
                members.insert(repeated, ());
                assert!(!members.are_valid(), "{count}");
            }
        }
    }

    fn read<'j>(json: &'j str, read: Read<'_>) -> Shape<'j> {
        read.deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap()
    }

    #[test]
    fn a_value_is_kept_as_far_as_it_can_be_used() {
        let kept = |json| read(json, Read::Keep);
        assert_eq!(kept("null"), Shape::Null);
        assert_eq!(kept(r#""\u0061""#), Shape::Text("a".into()));
        assert_eq!(kept(r#"["a","b"]"#), Shape::Texts(vec!["a".into(), "b".into()]));
        assert_eq!(kept("[]"), Shape::Texts(Vec::new()));
        assert_eq!(kept(r#"{"a":1,"b":["c"]}"#), Shape::Object(vec!["a".into(), "b".into()]));
        assert_eq!(kept("17"), Shape::Integer(17));
        for (json, number) in [("1.9", 1), ("-0", 0), ("1e3", 1000), ("1e300", u64::MAX)] {
            assert_eq!(kept(json), Shape::Number(number), "{json}");
        }
        for json in ["true", "-1", "-0.5", r#"["a",1,"b"]"#, r#"["a",["b"]]"#, "[null]"] {
            assert_eq!(kept(json), Shape::Other, "{json}");
        }
        assert_eq!(read(r#""a""#, Read::Skip), Shape::Other);
        assert_eq!(read("null", Read::Skip), Shape::Null);
    }

    #[test]
    fn a_value_is_found_at_the_end_of_a_pointer() {
        let json = r#"{"x":1,"a":[{"b":["c"]},{"b":"d"},{"b":null},7],"":{"a":"e"}}"#;
        let found = |pointer: &[&str]| {
            let pointer: Vec<Box<str>> = pointer.iter().map(|name| (*name).into()).collect();
            read(json, Read::at(&pointer))
        };
        assert_eq!(found(&["a", "0", "b"]), Shape::Texts(vec!["c".into()]));
        assert_eq!(found(&["a", "1", "b"]), Shape::Text("d".into()));
        assert_eq!(found(&["", "a"]), Shape::Text("e".into()));
        let nowhere: [&[&str]; 6] =
            [&["b"], &["a", "b"], &["a", "2", "b"], &["a", "3", "b"], &["a", "4"], &["x", "a"]];
        for pointer in nowhere {
            assert_eq!(found(pointer), Shape::Other, "{pointer:?}");
        }
        for index in ["00", "+1", "-", "-1", "", "1 "] {
            assert_eq!(found(&["a", index, "b"]), Shape::Other, "{index}");
        }
    }
}
