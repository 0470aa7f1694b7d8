//! A token's claims, read strictly.

use std::borrow::Cow;
use std::fmt;

use auth_core::{Reason, Timestamp};
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::json::{Names, Strict, StrictAt, Text, Texts};

/// What the registered claims say (RFC 7519 section 4.1, RFC 9068 section 2.2, OpenID Connect Core),
/// borrowed from the token. A claim of another type than its definition's is an error, and so is
/// any member that comes twice.
#[derive(Debug, Default)]
pub(crate) struct TokenClaims<'a> {
    pub(crate) issuer: Option<Cow<'a, str>>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) audience: Option<Texts<'a>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) client: Option<Cow<'a, str>>,
    pub(crate) acr: Option<Cow<'a, str>>,
    pub(crate) sid: Option<Cow<'a, str>>,
    /// The family of the refresh token that it came with: a claim of our own.
    pub(crate) family: Option<Cow<'a, str>>,
    pub(crate) amr: Texts<'a>,
    pub(crate) scope: Texts<'a>,
    pub(crate) scp: Texts<'a>,
    pub(crate) roles: Texts<'a>,
    /// All others.
    others: Names<'a>,
}

impl<'a> TokenClaims<'a> {
    /// Reads claims whose roles are at this path.
    pub(crate) fn read(json: &'a str, roles_at: &[Box<str>]) -> Result<Self, Reason> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let claims = Reader { roles_at }.deserialize(&mut deserializer);
        let claims = claims.map_err(|_| Reason::Malformed)?;
        deserializer.end().map_err(|_| Reason::Malformed)?;
        Ok(claims)
    }

    /// Whether there is a claim of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match name {
            "iss" => self.issuer.is_some(),
            "sub" => self.subject.is_some(),
            "aud" => self.audience.is_some(),
            "exp" => self.expires_at.is_some(),
            "nbf" => self.not_before.is_some(),
            "iat" => self.issued_at.is_some(),
            "auth_time" => self.authenticated_at.is_some(),
            "jti" => self.id.is_some(),
            "client_id" => self.client.is_some(),
            "acr" => self.acr.is_some(),
            "sid" => self.sid.is_some(),
            name => self.others.has(name),
        }
    }

    /// The scopes, in whichever form they came: a list in one string (RFC 8693 section 4.2), or an
    /// array, under `scope` or `scp`.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        let both = self.scope.iter().chain(self.scp.iter());
        both.flat_map(|list| list.split(' ')).filter(|scope| !scope.is_empty())
    }
}

/// The `iss` of claims that nobody has verified: good for choosing who is to verify them.
pub(crate) fn issuer_of(json: &str) -> Result<Option<Cow<'_, str>>, Reason> {
    #[derive(Deserialize)]
    struct Issuer<'a> {
        #[serde(borrow, default)]
        iss: Option<Text<'a>>,
    }
    let Issuer { iss } = serde_json::from_str(json).map_err(|_| Reason::Malformed)?;
    Ok(iss.map(|Text(issuer)| issuer))
}

#[derive(Clone, Copy)]
struct Reader<'p> {
    roles_at: &'p [Box<str>],
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = TokenClaims<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = TokenClaims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut claims = TokenClaims::default();
        let mut roles = None;
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "iss" => text(&mut claims.issuer, &mut map)?,
                "sub" => text(&mut claims.subject, &mut map)?,
                "jti" => text(&mut claims.id, &mut map)?,
                "client_id" => text(&mut claims.client, &mut map)?,
                "acr" => text(&mut claims.acr, &mut map)?,
                "sid" => text(&mut claims.sid, &mut map)?,
                "fam" => text(&mut claims.family, &mut map)?,
                "exp" => date(&mut claims.expires_at, &mut map)?,
                "nbf" => date(&mut claims.not_before, &mut map)?,
                "iat" => date(&mut claims.issued_at, &mut map)?,
                "auth_time" => date(&mut claims.authenticated_at, &mut map)?,
                "aud" => once(&mut claims.audience, map.next_value()?)?,
                _ => {
                    match &*name {
                        "amr" => claims.amr = map.next_value()?,
                        "scope" => claims.scope = map.next_value()?,
                        "scp" => claims.scp = map.next_value()?,
                        other => match self.roles_at.split_first() {
                            Some((first, rest)) if **first == *other => {
                                roles = map.next_value_seed(StrictAt(rest))?;
                            }
                            _ => _ = map.next_value::<Strict>()?,
                        },
                    }
                    claims.others.add(name);
                }
            }
        }
        claims.roles = roles.unwrap_or_default();
        if claims.others.repeats() { Err(twice()) } else { Ok(claims) }
    }
}

fn twice<E: Error>() -> E {
    E::custom("a member comes twice")
}

fn once<T, E: Error>(member: &mut Option<T>, value: T) -> Result<(), E> {
    if member.replace(value).is_some() { Err(twice()) } else { Ok(()) }
}

fn text<'de, A: MapAccess<'de>>(
    member: &mut Option<Cow<'de, str>>,
    map: &mut A,
) -> Result<(), A::Error> {
    let Text(text) = map.next_value()?;
    once(member, text)
}

/// `NumericDate`: seconds since the epoch. Fractions are allowed by RFC 7519, and cut off; a string
/// where a number belongs is an error, not a guess.
fn date<'de, A: MapAccess<'de>>(
    member: &mut Option<Timestamp>,
    map: &mut A,
) -> Result<(), A::Error> {
    let date: f64 = map.next_value()?;
    if !(0.0..=9_007_199_254_740_992.0).contains(&date) {
        return Err(A::Error::custom("a date is a number of seconds since 1970"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above
    once(member, Timestamp::from_secs(date as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<TokenClaims<'_>, Reason> {
        TokenClaims::read(json, &["roles".into()])
    }

    /// The claims set of RFC 7519 section 3.1.
    #[test]
    fn the_example_of_rfc_7519_is_read() {
        let json = r#"{"iss":"joe","exp":1300819380,"http://example.com/is_root":true}"#;
        let claims = read(json).unwrap();
        assert_eq!(claims.issuer.as_deref(), Some("joe"));
        assert_eq!(claims.expires_at, Some(Timestamp::from_secs(1_300_819_380)));
        assert!(claims.has("http://example.com/is_root") && !claims.has("sub"));
        assert_eq!(issuer_of(json), Ok(Some("joe".into())));
    }

    #[test]
    fn sec_51_a_date_of_another_type_is_an_error() {
        for exp in ["\"1\"", "true", "[]", "{}", "null", "-1", "1e300", "1e999"] {
            assert!(read(&format!(r#"{{"exp":{exp}}}"#)).is_err(), "{exp}");
        }
        let read = |json| read(json).unwrap().expires_at;
        assert_eq!(read(r#"{"exp":1.5}"#), Some(Timestamp::from_secs(1)));
        assert_eq!(read(r#"{"exp":1e3}"#), Some(Timestamp::from_secs(1000)));
    }

    #[test]
    fn sec_53_an_audience_is_a_name_or_several() {
        let aud = |json: &str| {
            let json = format!(r#"{{"aud":{json}}}"#);
            read(&json)
                .map(|claims| claims.audience.unwrap().iter().collect::<Vec<_>>().join(","))
                .ok()
        };
        assert_eq!(aud(r#""shop""#).as_deref(), Some("shop"));
        assert_eq!(aud(r#"["a","shop"]"#).as_deref(), Some("a,shop"));
        assert_eq!(aud("123"), None);
        assert_eq!(aud("[1]"), None);
    }

    #[test]
    fn scopes_come_in_four_forms() {
        for json in [
            r#"{"scope":"a b"}"#,
            r#"{"scope":["a","b"]}"#,
            r#"{"scp":"a b"}"#,
            r#"{"scp":["a","b"]}"#,
        ] {
            assert_eq!(read(json).unwrap().scopes().collect::<Vec<_>>(), ["a", "b"], "{json}");
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
            r#"{"x":{"y":1,"y":2}}"#,
        ] {
            assert_eq!(read(json).err(), Some(Reason::Malformed), "{json}");
        }
    }
}
