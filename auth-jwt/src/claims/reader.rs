//! Reads the payload of a token in one strict pass: the registered claims, the roles, and the claims
//! of the application's type.
//!
//! The application's type drives the pass. [`Members`] stores the registered claims as they are
//! read and replays them to the type; other claims reach it through [`Checked`].

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use auth_core::RejectionReason;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::checked::{Checked, at_fault};
use super::replay::{Number, Replay};
use super::token_claims::{Field, Texts, TokenClaims};
use crate::json::{Text, repeated_name};

/// The reason for rejecting claims that do not fit the application's type.
pub(crate) const UNREADABLE: RejectionReason = RejectionReason::Other("claims of another shape");

impl<'a> TokenClaims<'a> {
    /// Reads the registered claims and the roles at this pointer, and returns the application's claims.
    ///
    /// # Errors
    ///
    /// Returns [`RejectionReason::Malformed`] if the payload is not an object, if a registered claim has
    /// another type than its definition, or if any object in it repeats a name; [`UNREADABLE`] if the
    /// claims do not fit the application's type.
    pub(crate) fn read<C: Deserialize<'a>>(
        &mut self,
        json: &'a str,
        roles_pointer: &[Box<str>],
    ) -> Result<C, RejectionReason> {
        let malformed = Cell::new(true); // until an object begins
        let mut inner = serde_json::Deserializer::from_str(json);
        let reader =
            Reader { inner: &mut inner, claims: self, roles_pointer, malformed: &malformed };
        let read = C::deserialize(reader).and_then(|claims| inner.end().map(|()| claims));
        read.map_err(|error| {
            if malformed.get() || !error.is_data() {
                return RejectionReason::Malformed;
            }
            // The position only: the text of the error quotes claims, which are personal data.
            let (line, column) = (error.line(), error.column());
            tracing::warn!(line, column, "a token's claims do not fit the application's type");
            UNREADABLE
        })
    }
}

/// The payload as a deserializer for the application's type. It is always a map, except for `()`
/// and unit structs, which mean that the application reads no claims of its own.
struct Reader<'r, 'de, 'j> {
    inner: &'r mut serde_json::Deserializer<serde_json::de::StrRead<'j>>,
    claims: &'r mut TokenClaims<'de>,
    roles_pointer: &'r [Box<str>],
    malformed: &'r Cell<bool>,
}

impl<'de> Deserializer<'de> for Reader<'_, 'de, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let Self { inner, claims, roles_pointer, malformed } = self;
        inner.deserialize_map(PayloadVisitor { visitor, claims, roles_pointer, malformed })
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
        IgnoredAny::deserialize(self)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_unit(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The visitor of the application's type, and what its members are compared with.
struct PayloadVisitor<'r, 'de, V> {
    visitor: V,
    claims: &'r mut TokenClaims<'de>,
    roles_pointer: &'r [Box<str>],
    malformed: &'r Cell<bool>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for PayloadVisitor<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { visitor, claims, roles_pointer, malformed } = self;
        malformed.set(false);
        visitor.visit_map(Members { map, claims, roles_pointer, malformed, name: Cow::default() })
    }
}

/// The members of the payload, as the application's type reads them.
struct Members<'r, 'de, A> {
    map: A,
    claims: &'r mut TokenClaims<'de>,
    roles_pointer: &'r [Box<str>],
    /// Set if the token is invalid, as opposed to not fitting the application's type.
    malformed: &'r Cell<bool>,
    /// The name of the member whose value comes next.
    name: Cow<'de, str>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Text(name)) = self.map.next_key()? else {
            let unique = self.claims.others.check_unique();
            return at_fault(self.malformed, unique).map(|()| None);
        };
        self.name = name;
        seed.deserialize(Replay::Text(&self.name)).map(Some).map_err(A::Error::custom)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        // The roles can be in a registered claim, such as `scope`.
        let has_roles = matches!(self.roles_pointer, [name] if **name == *self.name);
        let Self { map, malformed, .. } = self;
        let (replay, roles) = match self.claims.field(&self.name) {
            Some(Field::Text(field)) => {
                let Text(text) = read_once(map, field, malformed)?;
                (Replay::Text(text), has_roles.then(|| vec![(**text).into()]))
            }
            Some(Field::Texts(field)) => {
                let texts: &Texts<'_> = read_once(map, field, malformed)?;
                (Replay::Texts(texts), has_roles.then(|| texts.clone().into()))
            }
            Some(Field::Date(field)) => {
                let number: Number = at_fault(malformed, map.next_value())?;
                let no_date = || A::Error::custom("not a number of seconds since 1970");
                let date = at_fault(malformed, number.to_date().ok_or_else(no_date))?;
                set(field, date, malformed)?;
                (Replay::Number(number), None)
            }
            None => return self.other(seed),
        };
        let value = seed.deserialize(replay).map_err(A::Error::custom);
        if let Some(roles) = roles {
            self.claims.roles = roles;
        }
        value
    }
}

/// Reads a value into the field of a registered claim.
fn read_once<'f, 'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    field: &'f mut Option<T>,
    malformed: &Cell<bool>,
) -> Result<&'f T, A::Error> {
    let value = at_fault(malformed, map.next_value())?;
    set(field, value, malformed)
}

fn set<'f, T, E: Error>(
    field: &'f mut Option<T>,
    value: T,
    malformed: &Cell<bool>,
) -> Result<&'f T, E> {
    if field.is_some() {
        return at_fault(malformed, Err(repeated_name()));
    }
    Ok(field.insert(value))
}

impl<'de, A: MapAccess<'de>> Members<'_, 'de, A> {
    /// Passes on a claim that is not registered, and takes the roles from it if they are there.
    fn other<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let value = match self.roles_pointer.split_first() {
            Some((first, pointer)) if **first == *self.name => self.roles(pointer, seed),
            _ => self.map.next_value_seed(Checked { inner: seed, malformed: self.malformed }),
        };
        self.claims.others.insert(std::mem::take(&mut self.name));
        value
    }

    /// Reads the roles at the end of this pointer (RFC 6901).
    fn roles<S: DeserializeSeed<'de>>(
        &mut self,
        pointer: &[Box<str>],
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let malformed = self.malformed;
        if pointer.is_empty() {
            let roles: Texts<'_> = at_fault(malformed, self.map.next_value())?;
            let value = seed.deserialize(Replay::Texts(&roles)).map_err(A::Error::custom);
            self.claims.roles = roles.into();
            return value;
        }
        let checked = Checked { inner: PhantomData::<Value>, malformed };
        let value = self.map.next_value_seed(checked)?;
        let mut target = Some(&value);
        for token in pointer {
            target = match target {
                Some(Value::Object(members)) => members.get(&**token),
                Some(Value::Array(elements)) => {
                    let no_index =
                        || A::Error::custom("not an array index on the path to the roles");
                    let index = array_index(token).ok_or_else(no_index);
                    elements.get(at_fault(malformed, index)?)
                }
                Some(_) => {
                    let error = A::Error::custom("not an object on the path to the roles");
                    return at_fault(malformed, Err(error));
                }
                None => None,
            };
        }
        if let Some(roles) = target {
            let roles = at_fault(malformed, Texts::deserialize(roles).map_err(A::Error::custom))?;
            self.claims.roles = roles.into();
        }
        seed.deserialize(value).map_err(A::Error::custom)
    }
}

/// Returns the array index that a token of a JSON Pointer denotes (RFC 6901 section 4).
fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::unverified_issuer;
    use auth_core::Timestamp;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    fn read_as<'a, C: Deserialize<'a>>(
        json: &'a str,
        roles_pointer: &[&str],
    ) -> Result<(TokenClaims<'a>, C), RejectionReason> {
        let roles_pointer: Vec<Box<str>> =
            roles_pointer.iter().map(|name| (*name).into()).collect();
        let mut claims = TokenClaims::default();
        let own = claims.read(json, &roles_pointer)?;
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
        assert_eq!(claims.issuer.as_deref(), Some("joe"));
        assert_eq!(claims.expires_at, Some(Timestamp::from_secs(1_300_819_380)));
        assert!(claims.has("http://example.com/is_root") && !claims.has("sub"));
        assert_eq!(unverified_issuer(json), Ok(Some("joe".into())));
    }

    #[test]
    fn sec_51_a_date_that_is_not_a_number_of_seconds_is_rejected() {
        for exp in ["\"1\"", "true", "[]", "{}", "null", "-1", "-1.5", "1e300", "1e999"] {
            let json = format!(r#"{{"exp":{exp}}}"#);
            assert_eq!(read(&json).err(), Some(RejectionReason::Malformed), "{exp}");
        }
        let read = |json| read(json).unwrap().expires_at;
        assert_eq!(read(r#"{"exp":1.5}"#), Some(Timestamp::from_secs(1)));
        assert_eq!(read(r#"{"exp":1e3}"#), Some(Timestamp::from_secs(1000)));
    }

    #[test]
    fn sec_53_an_audience_is_one_string_or_several() {
        let aud = |json: &str| {
            let json = format!(r#"{{"aud":{json}}}"#);
            let claims = read(&json).ok()?;
            Some(claims.audience.as_ref()?.iter().collect::<Vec<_>>().join(","))
        };
        assert_eq!(aud(r#""shop""#).as_deref(), Some("shop"));
        assert_eq!(aud(r#"["a","shop"]"#).as_deref(), Some("a,shop"));
        assert_eq!(aud("123"), None);
        assert_eq!(aud("[1]"), None);
    }

    #[test]
    fn scopes_are_read_from_scope_and_scp_as_text_or_array() {
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
    fn roles_are_read_where_the_pointer_leads() {
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
    fn sec_57_a_repeated_claim_is_rejected() {
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

    /// The application gets what `serde_json` alone would have given it.
    #[test]
    fn the_application_type_reads_the_same_values() {
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
