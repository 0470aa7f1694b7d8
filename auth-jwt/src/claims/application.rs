//! The claims of the application's own type, read from the payload of a valid token.

use std::any::Any;

use auth_core::{Claims, RejectionReason};
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::payload::Payload;

/// The reason for rejecting claims that do not fit the application's type.
const UNREADABLE: RejectionReason = RejectionReason::Other("claims of another shape");

/// Reads the application's claims from a payload. Those of any shape are parsed when a handler reads them.
pub(crate) fn application_claims<'p, C: DeserializeOwned + 'static>(
    payload: &'p Payload<'p>,
) -> Result<C, RejectionReason> {
    let mut own = None::<C>;
    if let Some(any_shape) = (&mut own as &mut dyn Any).downcast_mut() {
        *any_shape = Some(Claims::from_checked_json(payload.json()));
    }
    if let Some(own) = own {
        return Ok(own);
    }
    let mut reader = Reader { rest: payload.iter(), claim: None };
    C::deserialize(Object(&mut reader)).map_err(|_| {
        // The name only: the text of the error quotes claims, which are personal data.
        let claim = reader.claim.map(|(name, _)| name);
        tracing::warn!(claim, "a token's claims do not fit the application's type");
        UNREADABLE
    })
}

/// Reads claim after claim.
struct Reader<'p, I> {
    rest: I,
    /// The claim that is read: its name, and the text of its value.
    claim: Option<(&'p str, &'p str)>,
}

impl<'p, I: Iterator<Item = (&'p str, &'p str)>> MapAccess<'p> for &mut Reader<'p, I> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'p>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        self.claim = self.rest.next();
        let name = self.claim.map(|(name, _)| BorrowedStrDeserializer::new(name));
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'p>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        let (_, value) = self.claim.unwrap_or_default();
        seed.deserialize(Value(value))
    }
}

/// The text of a value that was checked, as a deserializer. Unlike that of `serde_json`, it does not read a
/// value that is ignored.
struct Value<'de>(&'de str);

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*);)+) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $type,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            serde_json::Deserializer::from_str(self.0).$method($($argument,)* visitor)
        }
    )+};
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = serde_json::Error;

    forward! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_seq();
        deserialize_map();
        deserialize_identifier();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }
}

/// The payload as a deserializer for the application's type. It is always a map, except for `()` and
/// unit structs, which mean that the application reads no claims of its own.
struct Object<R>(R);

impl<'de, R: MapAccess<'de>> Deserializer<'de> for Object<R> {
    type Error = R::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fmt::Debug;

    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    fn read<C: DeserializeOwned + 'static>(json: &str) -> Result<C, RejectionReason> {
        application_claims(&Payload::read(json).unwrap())
    }

    /// The application gets what `serde_json` alone would have given it.
    #[test]
    fn the_application_type_reads_the_same_values() {
        fn same<C: DeserializeOwned + PartialEq + Debug + 'static>(json: &str) {
            let expected = serde_json::from_str::<C>(json).unwrap();
            assert_eq!(read::<C>(json), Ok(expected));
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct All {
            sub: String,
            exp: u64,
            #[serde(flatten)]
            others: HashMap<String, Value>,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Nothing;
        let json = r#"{"sub":"a\u00e9","exp":12,"iat":1.5,"deep":{"a":[1,-2,{"b":null}]}}"#;
        same::<All>(json);
        same::<Value>(json);
        same::<Claims>(json);
        same::<Option<HashMap<String, Value>>>(json);
        assert_eq!(read::<()>(json), Ok(()));
        assert_eq!(read::<Nothing>(json), Ok(Nothing));
        assert_eq!(read::<u8>(json), Err(UNREADABLE));
        assert_eq!(read::<Vec<Nothing>>(json), Err(UNREADABLE));
    }
}
