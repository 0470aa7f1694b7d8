//! A deserializer that lets nothing pass twice.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::again::Replay;
use super::names::Names;
use super::text::Text;

/// Any value, read through and forgotten. No object in it has a member twice.
#[derive(Debug)]
pub(crate) struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let twice = Cell::new(false);
        IgnoredAny::deserialize(StrictDeserializer { inner: deserializer, twice: &twice })?;
        Ok(Self)
    }
}

pub(crate) fn said_twice<E: Error>() -> E {
    E::custom("a member comes twice")
}

/// What `inner` reads, as long as no object in it has a member twice; if one does, it is an error,
/// and noted in `twice`.
pub(crate) struct StrictDeserializer<'c, D> {
    pub(crate) inner: D,
    pub(crate) twice: &'c Cell<bool>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for StrictDeserializer<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(UniqueKeys { inner: visitor, twice: self.twice })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_option(UniqueKeys { inner: visitor, twice: self.twice })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        if name == RAW_VALUE {
            return self
                .inner
                .deserialize_newtype_struct(name, Raw { inner: visitor, twice: self.twice });
        }
        let visitor = UniqueKeys { inner: visitor, twice: self.twice };
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = UniqueKeys { inner: visitor, twice: self.twice };
        self.inner.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A visitor, an access or a seed, whose objects are looked at.
pub(crate) struct UniqueKeys<'c, T> {
    pub(crate) inner: T,
    pub(crate) twice: &'c Cell<bool>,
}

macro_rules! pass_on {
    ($($context:ident: $value:ty),+ $(,)?) => {
        $(fn $context<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.$context(value)
        })+
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for UniqueKeys<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    pass_on! {
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

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(StrictDeserializer { inner, twice: self.twice })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(StrictDeserializer { inner, twice: self.twice })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(UniqueKeys { inner, twice: self.twice })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Members { inner, twice: self.twice, names: Names::default() })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(data)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for UniqueKeys<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(UniqueKeys { inner: seed, twice: self.twice })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for UniqueKeys<'_, S> {
    type Value = S::Value;
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(StrictDeserializer { inner, twice: self.twice })
    }
}

/// The members of an object.
struct Members<'c, 'de, A> {
    inner: A,
    twice: &'c Cell<bool>,
    names: Names<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Text(name)) = self.inner.next_key()? else {
            if self.names.repeats() {
                self.twice.set(true);
                return Err(said_twice());
            }
            return Ok(None);
        };
        let key = seed.deserialize(Replay::Text(&name)).map_err(A::Error::custom)?;
        self.names.add(name);
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(UniqueKeys { inner: seed, twice: self.twice })
    }
}

/// By this name `serde_json` hands on the text of a value instead of the value: for its `RawValue`.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// A visitor, or the one member that it is given, of a value whose text is handed on: the text is
/// read through before.
struct Raw<'c, T> {
    inner: T,
    twice: &'c Cell<bool>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Raw<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Raw { inner, twice: self.twice })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Raw<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let Text(text) = self.inner.next_value()?;
        if let Err(error) = serde_json::from_str::<Strict>(&text) {
            self.twice.set(true);
            return Err(A::Error::custom(error));
        }
        seed.deserialize(Replay::Text(&text)).map_err(A::Error::custom)
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
    fn whatever_is_read_through_it_stays_the_same() {
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
        let twice = Cell::new(false);
        let mut inner = serde_json::Deserializer::from_str(json);
        let strictly = StrictDeserializer { inner: &mut inner, twice: &twice };
        assert_eq!(All::deserialize(strictly).unwrap(), serde_json::from_str(json).unwrap());
    }
}
