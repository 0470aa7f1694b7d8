//! The application's own claims, checked while its type reads them.
//!
//! [`Checked`] wraps each layer of `serde` on the way to the application's type. The type reads
//! what it would have read without it; an object that repeats a name, at whatever depth, is an
//! error. A second pass over the payload would need none of these wrappers, but took 25% to 50%
//! longer than one pass when it was measured.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::replay::Replay;
use crate::json::{Names, Text, UniqueKeys};

/// A deserializer, visitor, seed or sequence whose objects are checked for repeated names.
pub(super) struct Checked<'c, T> {
    pub(super) inner: T,
    /// Set if the token is invalid, as opposed to not fitting the application's type.
    pub(super) malformed: &'c Cell<bool>,
}

impl<'c, T> Checked<'c, T> {
    fn wrap<U>(&self, inner: U) -> Checked<'c, U> {
        Checked { inner, malformed: self.malformed }
    }
}

/// The name by which `serde_json` passes on the text of a value instead of the value, for `RawValue`.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Checked<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.wrap(visitor);
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.wrap(visitor);
        self.inner.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        if name == RAW_VALUE {
            let visitor = CheckedRaw(self.wrap(visitor));
            return self.inner.deserialize_newtype_struct(name, visitor);
        }
        let visitor = self.wrap(visitor);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.wrap(visitor);
        self.inner.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

macro_rules! forward {
    ($($visit:ident: $value:ty),+ $(,)?) => {
        $(fn $visit<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.$visit(value)
        })+
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Checked<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    forward! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let value = self.wrap(value);
        self.inner.visit_some(value)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let value = self.wrap(value);
        self.inner.visit_newtype_struct(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        let elements = self.wrap(elements);
        self.inner.visit_seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        let members = CheckedMembers { members: self.wrap(members), names: Names::default() };
        self.inner.visit_map(members)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(data)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Checked<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let seed = self.wrap(seed);
        self.inner.next_element_seed(seed)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Checked<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.wrap(deserializer);
        self.inner.deserialize(deserializer)
    }
}

/// The members of an object, whose names are compared at its end.
struct CheckedMembers<'c, 'de, A> {
    members: Checked<'c, A>,
    names: Names<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for CheckedMembers<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Text(name)) = self.members.inner.next_key()? else {
            let unique = self.names.check_unique();
            return at_fault(self.members.malformed, unique).map(|()| None);
        };
        let key = seed.deserialize(Replay::Text(&name)).map_err(A::Error::custom)?;
        self.names.insert(name);
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.members.wrap(seed);
        self.members.inner.next_value_seed(seed)
    }
}

/// A visitor of a `RawValue`, or the one member that it is given. The text is checked before it is passed
/// on.
struct CheckedRaw<'c, T>(Checked<'c, T>);

impl<'de, V: Visitor<'de>> Visitor<'de> for CheckedRaw<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        let members = CheckedRaw(self.0.wrap(members));
        self.0.inner.visit_map(members)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for CheckedRaw<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.0.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let Text(text) = self.0.inner.next_value()?;
        let unique = serde_json::from_str::<UniqueKeys>(&text).map_err(A::Error::custom);
        at_fault(self.0.malformed, unique)?;
        seed.deserialize(Replay::Text(&text)).map_err(A::Error::custom)
    }
}

/// Records that an error here means an invalid token, as opposed to one that does not fit the
/// application's type.
pub(super) fn at_fault<T, E>(malformed: &Cell<bool>, read: Result<T, E>) -> Result<T, E> {
    if read.is_err() {
        malformed.set(true);
    }
    read
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_checked_type_reads_the_same_values() {
        #[derive(Debug, PartialEq, Deserialize)]
        enum Size {
            Small,
            Of(u8),
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Inner(Option<f64>);
        #[derive(Debug, PartialEq, Deserialize)]
        struct All {
            sizes: Vec<Size>,
            inner: Inner,
            none: Option<u8>,
            pair: (i8, String),
            any: serde_json::Value,
        }
        let json = r#"{"sizes":["Small",{"Of":3}],"inner":1.5,"none":null,"pair":[-1,"\u00e9"],
            "any":{"x":[true,null,{"y":"z"}]},"beside":{"a":{}}}"#;
        let malformed = Cell::new(false);
        let mut inner = serde_json::Deserializer::from_str(json);
        let checked = Checked { inner: &mut inner, malformed: &malformed };
        assert_eq!(All::deserialize(checked).unwrap(), serde_json::from_str(json).unwrap());
    }
}
