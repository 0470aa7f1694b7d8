//! One strict pass over a token's claims: the registered ones, and the application's.

use std::cell::Cell;
use std::fmt;

use auth_core::RejectionReason;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::members::Members;
use super::registered::TokenClaims;

type Fault = serde_json::Error;

/// The application's claims do not have the shape that it asks for.
pub(crate) const UNREADABLE: RejectionReason = RejectionReason::Other("claims of another shape");

impl<'a> TokenClaims<'a> {
    /// Reads what a token says, its roles at this path, and the application's claims beside. A
    /// registered claim of another type than its definition's is an error, and so is any member that
    /// comes twice.
    pub(crate) fn read<C: Deserialize<'a>>(
        &mut self,
        json: &'a str,
        roles_at: &[Box<str>],
    ) -> Result<C, RejectionReason> {
        let malformed = Cell::new(true); // until an object begins
        let mut inner = serde_json::Deserializer::from_str(json);
        let reader = Reader { inner: &mut inner, claims: self, roles_at, malformed: &malformed };
        let read = C::deserialize(reader).and_then(|claims| inner.end().map(|()| claims));
        read.map_err(|error| {
            if malformed.get() || !error.is_data() {
                return RejectionReason::Malformed;
            }
            // Where, and not what: the text of the error repeats the claim.
            let (line, column) = (error.line(), error.column());
            tracing::warn!(line, column, "a token's claims are not the layer's");
            UNREADABLE
        })
    }
}

/// What reads `C`, and takes note of the registered claims on the way.
struct Reader<'r, 'de, 'j> {
    inner: &'r mut serde_json::Deserializer<serde_json::de::StrRead<'j>>,
    claims: &'r mut TokenClaims<'de>,
    roles_at: &'r [Box<str>],
    malformed: &'r Cell<bool>,
}

impl<'de> Deserializer<'de> for Reader<'_, 'de, 'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { inner, claims, roles_at, malformed } = self;
        inner.deserialize_map(Taking { visitor, claims, roles_at, malformed })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// Of an application that wants none.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        IgnoredAny::deserialize(self)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Taking<'r, 'de, V> {
    visitor: V,
    claims: &'r mut TokenClaims<'de>,
    roles_at: &'r [Box<str>],
    malformed: &'r Cell<bool>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Taking<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { visitor, claims, roles_at, malformed } = self;
        malformed.set(false);
        visitor.visit_map(Members::of(map, claims, roles_at, malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{DateClaim, ListClaim, TextClaim, issuer_of};
    use auth_core::Timestamp;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    fn read_as<'a, C: Deserialize<'a>>(
        json: &'a str,
        roles_at: &[&str],
    ) -> Result<(TokenClaims<'a>, C), RejectionReason> {
        let roles_at: Vec<Box<str>> = roles_at.iter().map(|name| (*name).into()).collect();
        let mut claims = TokenClaims::default();
        let own = claims.read(json, &roles_at)?;
        Ok((claims, own))
    }

    fn read(json: &str) -> Result<TokenClaims<'_>, RejectionReason> {
        read_as::<IgnoredAny>(json, &["roles"]).map(|(claims, _)| claims)
    }

    /// The claims set of RFC 7519 section 3.1.
    #[test]
    fn the_example_of_rfc_7519_is_read() {
        let json = r#"{"iss":"joe","exp":1300819380,"http://example.com/is_root":true}"#;
        let claims = read(json).unwrap();
        assert_eq!(claims.text(TextClaim::Issuer), Some("joe"));
        assert_eq!(claims.date(DateClaim::ExpiresAt), Some(Timestamp::from_secs(1_300_819_380)));
        assert!(claims.has("http://example.com/is_root") && !claims.has("sub"));
        assert_eq!(issuer_of(json), Ok(Some("joe".into())));
    }

    #[test]
    fn sec_51_a_date_of_another_type_is_an_error() {
        for exp in ["\"1\"", "true", "[]", "{}", "null", "-1", "-1.5", "1e300", "1e999"] {
            let json = format!(r#"{{"exp":{exp}}}"#);
            assert_eq!(read(&json).err(), Some(RejectionReason::Malformed), "{exp}");
        }
        let read = |json| read(json).unwrap().date(DateClaim::ExpiresAt);
        assert_eq!(read(r#"{"exp":1.5}"#), Some(Timestamp::from_secs(1)));
        assert_eq!(read(r#"{"exp":1e3}"#), Some(Timestamp::from_secs(1000)));
    }

    #[test]
    fn sec_53_an_audience_is_a_name_or_several() {
        let aud = |json: &str| {
            let json = format!(r#"{{"aud":{json}}}"#);
            let claims = read(&json).ok()?;
            Some(claims.list(ListClaim::Audience)?.iter().collect::<Vec<_>>().join(","))
        };
        assert_eq!(aud(r#""shop""#).as_deref(), Some("shop"));
        assert_eq!(aud(r#"["a","shop"]"#).as_deref(), Some("a,shop"));
        assert_eq!(aud("123"), None);
        assert_eq!(aud("[1]"), None);
    }

    #[test]
    fn scopes_come_in_many_forms() {
        for json in [
            r#"{"scope":"a b"}"#,
            r#"{"scope":["a","b"]}"#,
            r#"{"scp":"a b"}"#,
            r#"{"scp":["a","b"]}"#,
            r#"{"scope":" a  b "}"#,
            r#"{"scope":"a","scp":["", " ", "b"]}"#,
        ] {
            assert!(read(json).unwrap().scopes().join(" ") == "a b", "{json}");
        }
    }

    #[test]
    fn roles_are_where_the_path_leads() {
        let roles = |json, path: &[&str]| {
            read_as::<Value>(json, path).map(|(claims, _)| claims.roles.join(","))
        };
        let nested = r#"{"x":1,"realm_access":{"roles":["a","b"]}}"#;
        assert_eq!(roles(nested, &["realm_access", "roles"]).as_deref(), Ok("a,b"));
        assert_eq!(roles(r#"{"roles":"a"}"#, &["roles"]).as_deref(), Ok("a"));
        assert_eq!(roles(r#"{"realm_access":{}}"#, &["realm_access", "roles"]).as_deref(), Ok(""));
        let groups = r#"{"groups":[{"roles":["a"]},{"roles":"b"}]}"#;
        for (index, expected) in [("0", Ok("a")), ("1", Ok("b")), ("2", Ok(""))] {
            assert_eq!(
                roles(groups, &["groups", index, "roles"]).as_deref(),
                expected.as_ref().copied()
            );
        }
        for index in ["01", "+1", "-", "-1", "", "x", "1 "] {
            assert!(roles(groups, &["groups", index, "roles"]).is_err(), "{index}");
        }
        for json in [
            r#"{"realm_access":[]}"#,
            r#"{"realm_access":{"roles":[1]}}"#,
            r#"{"realm_access":{"roles":["a"],"roles":["b"]}}"#,
        ] {
            assert!(roles(json, &["realm_access", "roles"]).is_err(), "{json}");
        }
    }

    #[test]
    fn sec_57_no_claim_comes_twice() {
        for json in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"exp":1,"\u0065xp":2}"#,
            r#"{"aud":"a","aud":"a"}"#,
            r#"{"scope":"a","scope":"b"}"#,
            r#"{"roles":["a"],"roles":["b"]}"#,
            r#"{"nonce":1,"nonce":1}"#,
            r#"{"x":{"y":1,"y":2}}"#,
            r#"{"sub":"a"} x"#,
            r#"["sub"]"#,
        ] {
            assert_eq!(read(json).err(), Some(RejectionReason::Malformed), "{json}");
        }
    }

    /// Whatever the application asks for, it gets what a pass of its own would have given.
    #[test]
    fn the_application_reads_what_is_there() {
        fn same<C: DeserializeOwned + PartialEq + fmt::Debug>(json: &str) {
            let (_, own) = read_as::<C>(json, &["realm", "roles"]).unwrap();
            assert_eq!(own, serde_json::from_str::<C>(json).unwrap());
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Realm {
            roles: Vec<String>,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct All {
            sub: String,
            exp: u64,
            iat: Option<f64>,
            aud: Value,
            scope: Option<String>,
            realm: Realm,
            #[serde(flatten)]
            others: std::collections::HashMap<String, Value>,
        }
        let json = r#"{"sub":"a\u00e9","exp":12,"iat":1.5,"aud":["x","y"],"scope":"a b",
            "realm":{"roles":["r"]},"name":"n","deep":{"a":[1,-2,{"b":null}]}}"#;
        same::<All>(json);
        same::<Value>(json);
        same::<auth_core::Claims>(json);
        same::<Option<std::collections::HashMap<String, Value>>>(json);
        assert_eq!(read_as::<()>(json, &["roles"]).unwrap().1, ());
        assert_eq!(read_as::<u8>(json, &["roles"]).err(), Some(UNREADABLE));
        assert_eq!(read_as::<Realm>(json, &["roles"]).err(), Some(UNREADABLE));
    }
}
