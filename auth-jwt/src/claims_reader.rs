//! One strict pass over a token's claims: the registered ones, and the application's.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use auth_core::Reason;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::claims::{Claim, DateClaim, ListClaim, TextClaim, TokenClaims};
use crate::json::{Again, Number, Strictly, TextInto, Texts, TextsInto, said_twice};

type Fault = serde_json::Error;

/// The application's claims do not have the shape that it asks for.
pub(crate) const UNREADABLE: Reason = Reason::Other("claims of another shape");

impl<'a> TokenClaims<'a> {
    /// Reads what a token says, its roles at this path, and the application's claims beside. A
    /// registered claim of another type than its definition's is an error, and so is any member that
    /// comes twice.
    pub(crate) fn read<C: Deserialize<'a>>(
        &mut self,
        json: &'a str,
        roles_at: &[Box<str>],
    ) -> Result<C, Reason> {
        let malformed = Cell::new(true); // until an object begins
        let mut inner = serde_json::Deserializer::from_str(json);
        let reader = Reader { inner: &mut inner, claims: self, roles_at, malformed: &malformed };
        let read = C::deserialize(reader).and_then(|claims| inner.end().map(|()| claims));
        read.map_err(|error| {
            if malformed.get() || !error.is_data() {
                return Reason::Malformed;
            }
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a token's claims are not the layer's");
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
        let name = Cow::default();
        visitor.visit_map(Members { map, claims, roles_at, malformed, name })
    }
}

struct Members<'r, 'de, A> {
    map: A,
    claims: &'r mut TokenClaims<'de>,
    roles_at: &'r [Box<str>],
    malformed: &'r Cell<bool>,
    name: Cow<'de, str>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        if self.map.next_key_seed(TextInto(&mut self.name))?.is_none() {
            let twice = self.claims.others.repeats();
            return self.fault(if twice { Err(said_twice()) } else { Ok(None) });
        }
        seed.deserialize(Again::Text(&self.name)).map(Some).map_err(again)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match Claim::named(&self.name) {
            Some(Claim::Text(claim)) => self.text(claim, seed),
            Some(Claim::Date(claim)) => self.date(claim, seed),
            Some(Claim::List(claim)) => self.list(claim, seed),
            Some(Claim::Mark(claim)) => {
                let read = self.other(seed);
                let before = std::mem::replace(&mut self.claims.marks[claim as usize], true);
                self.once(!before)?;
                read
            }
            None => {
                let read = self.other(seed);
                self.claims.others.add(std::mem::take(&mut self.name));
                read
            }
        }
    }
}

impl<'de, A: MapAccess<'de>> Members<'_, 'de, A> {
    fn text<S: DeserializeSeed<'de>>(
        &mut self,
        claim: TextClaim,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let holds_roles = self.holds_roles();
        let place = &mut self.claims.texts[claim as usize];
        if place.is_some() {
            return self.fault(Err(said_twice()));
        }
        let text = place.insert(Cow::default());
        fault(self.malformed, self.map.next_value_seed(TextInto(text)))?;
        if holds_roles {
            self.claims.roles = [&*text].into_iter().collect();
        }
        seed.deserialize(Again::Text(text)).map_err(again)
    }

    fn date<S: DeserializeSeed<'de>>(
        &mut self,
        claim: DateClaim,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let number: Number = self.take()?;
        let no_date = || A::Error::custom("no number of seconds since 1970");
        let date = self.fault(number.to_date().ok_or_else(no_date))?;
        let before = self.claims.dates[claim as usize].replace(date);
        self.once(before.is_none())?;
        seed.deserialize(Again::Number(number)).map_err(again)
    }

    fn list<S: DeserializeSeed<'de>>(
        &mut self,
        claim: ListClaim,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let holds_roles = self.holds_roles();
        let place = &mut self.claims.lists[claim as usize];
        if place.is_some() {
            return self.fault(Err(said_twice()));
        }
        let texts = place.insert(Texts::default());
        fault(self.malformed, self.map.next_value_seed(TextsInto(texts)))?;
        if holds_roles {
            self.claims.roles = texts.iter().collect();
        }
        seed.deserialize(Again::Texts(texts)).map_err(again)
    }

    fn fault<T>(&self, read: Result<T, A::Error>) -> Result<T, A::Error> {
        fault(self.malformed, read)
    }

    fn take<T: Deserialize<'de>>(&mut self) -> Result<T, A::Error> {
        let taken = self.map.next_value();
        self.fault(taken)
    }

    fn once(&self, first: bool) -> Result<(), A::Error> {
        self.fault(if first { Ok(()) } else { Err(said_twice()) })
    }

    /// Whether the roles are in this claim, whatever else it is for.
    fn holds_roles(&self) -> bool {
        matches!(self.roles_at, [only] if **only == *self.name)
    }

    fn other<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let roles_at = self.roles_at;
        match roles_at.split_first() {
            Some((first, path)) if **first == *self.name => self.roles(path, seed),
            _ => self.map.next_value_seed(Strictly { inner: seed, twice: self.malformed }),
        }
    }

    /// The roles, at the end of this path.
    fn roles<S: DeserializeSeed<'de>>(
        &mut self,
        path: &[Box<str>],
        seed: S,
    ) -> Result<S::Value, A::Error> {
        if path.is_empty() {
            let mut roles = Texts::default();
            fault(self.malformed, self.map.next_value_seed(TextsInto(&mut roles)))?;
            let read = seed.deserialize(Again::Texts(&roles)).map_err(again);
            self.claims.roles = roles.into();
            return read;
        }
        let whole = Strictly { inner: PhantomData::<Value>, twice: self.malformed };
        let value = self.map.next_value_seed(whole)?;
        let mut at = Some(&value);
        for name in path {
            at = match at {
                Some(Value::Object(members)) => members.get(&**name),
                Some(_) => {
                    return self.fault(Err(A::Error::custom("no object on the way to roles")));
                }
                None => None,
            };
        }
        if let Some(roles) = at {
            let roles = self.fault(Texts::deserialize(roles).map_err(again))?;
            self.claims.roles = roles.into();
        }
        seed.deserialize(value).map_err(again)
    }
}

/// What is wrong with the token itself, and not with what the application asks for.
fn fault<T, E>(malformed: &Cell<bool>, read: Result<T, E>) -> Result<T, E> {
    if read.is_err() {
        malformed.set(true);
    }
    read
}

/// What somebody else found wrong with a value that was read already.
#[cold]
fn again<E: Error>(fault: Fault) -> E {
    E::custom(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::issuer_of;
    use auth_core::Timestamp;
    use serde::de::DeserializeOwned;

    fn read_as<'a, C: Deserialize<'a>>(
        json: &'a str,
        roles_at: &[&str],
    ) -> Result<(TokenClaims<'a>, C), Reason> {
        let roles_at: Vec<Box<str>> = roles_at.iter().map(|name| (*name).into()).collect();
        let mut claims = TokenClaims::default();
        let own = claims.read(json, &roles_at)?;
        Ok((claims, own))
    }

    fn read(json: &str) -> Result<TokenClaims<'_>, Reason> {
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
            assert_eq!(read(&json).err(), Some(Reason::Malformed), "{exp}");
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
            assert!(read(json).unwrap().scopes() == ["a", "b"], "{json}");
        }
    }

    #[test]
    fn roles_are_where_the_path_leads() {
        let roles = |json, path: &[&str]| {
            read_as::<Value>(json, path).map(|(claims, _)| Vec::from_iter(&claims.roles).join(","))
        };
        let nested = r#"{"x":1,"realm_access":{"roles":["a","b"]}}"#;
        assert_eq!(roles(nested, &["realm_access", "roles"]).as_deref(), Ok("a,b"));
        assert_eq!(roles(r#"{"roles":"a"}"#, &["roles"]).as_deref(), Ok("a"));
        assert_eq!(roles(r#"{"realm_access":{}}"#, &["realm_access", "roles"]).as_deref(), Ok(""));
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
            assert_eq!(read(json).err(), Some(Reason::Malformed), "{json}");
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
