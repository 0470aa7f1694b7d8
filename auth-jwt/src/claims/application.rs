//! The claims of the application's own type, read from the payload of a valid token.

use auth_core::RejectionReason;
use serde::de::{DeserializeOwned, Deserializer, Visitor};

/// The reason for rejecting claims that do not fit the application's type.
const UNREADABLE: RejectionReason = RejectionReason::Other("claims of another shape");

/// Reads the application's claims from a payload that is an object.
pub(crate) fn application_claims<C: DeserializeOwned>(json: &str) -> Result<C, RejectionReason> {
    C::deserialize(Payload(&mut serde_json::Deserializer::from_str(json))).map_err(|error| {
        // The position only: the text of the error quotes claims, which are personal data.
        let (line, column) = (error.line(), error.column());
        tracing::warn!(line, column, "a token's claims do not fit the application's type");
        UNREADABLE
    })
}

/// The payload as a deserializer for the application's type. It is always a map, except for `()` and
/// unit structs, which mean that the application reads no claims of its own.
struct Payload<'r, 'de>(&'r mut serde_json::Deserializer<serde_json::de::StrRead<'de>>);

impl<'de> Deserializer<'de> for Payload<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(visitor)
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

    /// The application gets what `serde_json` alone would have given it.
    #[test]
    fn the_application_type_reads_the_same_values() {
        fn same<C: DeserializeOwned + PartialEq + Debug>(json: &str) {
            let expected = serde_json::from_str::<C>(json).unwrap();
            assert_eq!(application_claims::<C>(json), Ok(expected));
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
        same::<auth_core::Claims>(json);
        same::<Option<HashMap<String, Value>>>(json);
        assert_eq!(application_claims::<()>(json), Ok(()));
        assert_eq!(application_claims::<Nothing>(json), Ok(Nothing));
        assert_eq!(application_claims::<u8>(json), Err(UNREADABLE));
        assert_eq!(application_claims::<Vec<Nothing>>(json), Err(UNREADABLE));
    }
}
