//! The registered claims of a token, each under a name and with the type of its definition
//! (RFC 7519 section 4.1, RFC 8693, RFC 9068 section 2.2, OpenID Connect Core).
//!
//! A claim that is `null` is absent. A claim that decides whether a token is valid must have its type.
//! A claim that is only reported, such as `amr`, is absent if it has another type.

use std::borrow::Cow;
use std::iter;

use auth_core::{RejectionReason, Timestamp};
use serde::Deserialize;

use super::payload::Payload;
use crate::json::{Shape, Text};

const WRONG_TYPE: RejectionReason = RejectionReason::Other("claim of the wrong type");

/// The registered claims of a token, borrowed from its payload.
#[derive(Debug, Default)]
pub(crate) struct TokenClaims<'a> {
    pub(crate) issuer: Option<Cow<'a, str>>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) acr: Option<Cow<'a, str>>,
    /// The subject of the claim `act` (RFC 8693 section 4.1): who acts for the subject. Empty if it names none.
    pub(crate) actor: Option<Cow<'a, str>>,
    /// The claim `sid`: the session at the issuer, or the sign-in of a token that was issued here.
    pub(crate) session: Option<Cow<'a, str>>,
    pub(crate) token_id: Option<Cow<'a, str>>,
    /// The family of the refresh token that was issued with this token. The claim `fam` is our own.
    pub(crate) family: Option<Cow<'a, str>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) audience: Option<Texts<'a>>,
    pub(crate) amr: Option<Texts<'a>>,
    pub(crate) scope: Option<Texts<'a>>,
    pub(crate) scp: Option<Texts<'a>>,
    /// The client that the token was issued to, in each of the claims that issuers use for it.
    pub(crate) clients: [Option<Cow<'a, str>>; 4],
    /// The roles, from where [`Validation`](crate::Validation) says that they are.
    pub(crate) roles: Vec<Box<str>>,
    /// All claims. `None` only in the default, which has no claims.
    payload: Option<&'a Payload<'a>>,
    /// The names of claims that are absent although the payload has them, with a value of another type.
    absent: Vec<&'a str>,
}

/// Where a registered claim is stored, by the type of its definition.
enum Field<'c, 'a> {
    Text(&'c mut Option<Cow<'a, str>>),
    Texts(&'c mut Option<Texts<'a>>),
    Date(&'c mut Option<Timestamp>),
}

impl<'a> Field<'_, 'a> {
    /// Stores the value. Returns whether it has the type of this claim.
    fn set(self, value: Shape<'a>) -> bool {
        match (self, value) {
            (Self::Text(field), Shape::Text(text)) => *field = Some(text),
            (Self::Texts(field), Shape::Text(text)) => *field = Some(Texts::One(text)),
            (Self::Texts(field), Shape::Texts(texts)) => *field = Some(Texts::Many(texts)),
            (Self::Date(field), Shape::Integer(secs) | Shape::Number(secs)) if secs <= MAX_DATE => {
                *field = Some(Timestamp::from_secs(secs));
            }
            _ => return false,
        }
        true
    }
}

/// The last second that is a date: the largest number that every JSON reader represents exactly.
/// RFC 7519 allows fractions of seconds, which are cut off.
const MAX_DATE: u64 = 1 << 53;

impl<'a> TokenClaims<'a> {
    /// Reads the registered claims, and those that the layout describes.
    ///
    /// # Errors
    ///
    /// Returns an error if a claim that is checked has another type than its definition.
    pub(crate) fn read(
        payload: &'a Payload<'a>,
        layout: &ClaimsLayout,
    ) -> Result<Self, RejectionReason> {
        let mut claims = Self { payload: Some(payload), ..Self::default() };
        for (name, value) in payload.iter() {
            let Some(field) = claims.field(name) else { continue };
            let value = match payload.keep(value) {
                Shape::Null => continue,
                value if name == "sub" => layout.subject(value),
                value => value,
            };
            if field.set(value) {
                continue;
            }
            if is_checked(name) {
                return Err(WRONG_TYPE);
            }
            tracing::debug!(claim = name, "claim ignored: it has another type");
            claims.absent.push(name);
        }
        if let (None, Some(name)) = (&claims.subject, &layout.missing_subject)
            && let Some(value) = payload.get(name)
            && let Shape::Text(subject) = layout.subject(value)
        {
            claims.subject = Some(subject);
        }
        if payload.has("act") {
            let subject = ["act", "sub"].map(Box::from);
            claims.actor = Some(match payload.find(&subject) {
                Shape::Text(subject) => subject,
                _ => "".into(), // somebody acts, whoever it is
            });
        }
        for pointer in &layout.roles.pointers {
            claims.roles.extend(layout.roles.of(payload.find(pointer)));
        }
        Ok(claims)
    }

    /// Returns the field of this claim, or `None` if the claim is not registered.
    fn field(&mut self, name: &str) -> Option<Field<'_, 'a>> {
        Some(match name {
            "iss" => Field::Text(&mut self.issuer),
            "sub" => Field::Text(&mut self.subject),
            "acr" => Field::Text(&mut self.acr),
            "sid" => Field::Text(&mut self.session),
            "fam" => Field::Text(&mut self.family),
            "jti" => Field::Text(&mut self.token_id),
            "client_id" => Field::Text(&mut self.clients[0]),
            "azp" => Field::Text(&mut self.clients[1]),
            "cid" => Field::Text(&mut self.clients[2]),
            "appid" => Field::Text(&mut self.clients[3]),
            "exp" => Field::Date(&mut self.expires_at),
            "nbf" => Field::Date(&mut self.not_before),
            "iat" => Field::Date(&mut self.issued_at),
            "auth_time" => Field::Date(&mut self.authenticated_at),
            "aud" => Field::Texts(&mut self.audience),
            "amr" => Field::Texts(&mut self.amr),
            "scope" => Field::Texts(&mut self.scope),
            "scp" => Field::Texts(&mut self.scp),
            _ => return None,
        })
    }

    /// Returns whether the token has a claim of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.payload.is_some_and(|payload| payload.has(name)) && !self.absent.contains(&name)
    }

    /// Returns the scopes of `scope` and `scp`. Issuers write either one, as an array or as one
    /// string with spaces (RFC 8693 section 4.2).
    pub(crate) fn scopes(&self) -> Vec<Box<str>> {
        let scopes = || {
            let lists = [&self.scope, &self.scp].into_iter().flatten();
            lists.flat_map(Texts::iter).flat_map(words)
        };
        let mut exact = Vec::with_capacity(scopes().count()); // a verified token stays in the cache
        exact.extend(scopes().map(Into::into));
        exact
    }
}

/// Returns whether a claim decides about the validity of a token, so that it must have its type.
fn is_checked(name: &str) -> bool {
    ["iss", "sub", "aud", "exp", "nbf", "iat"].contains(&name)
}

/// How an issuer writes claims, apart from those whose definition leaves no choice.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClaimsLayout {
    pub(crate) roles: RolesSource,
    /// The claim that is the subject of a token without `sub`.
    pub(crate) missing_subject: Option<Box<str>>,
    /// Whether the subject may be a number.
    pub(crate) numeric_subject: bool,
}

impl ClaimsLayout {
    /// Returns the value of a claim that names the subject.
    fn subject<'a>(&self, value: Shape<'a>) -> Shape<'a> {
        match value {
            Shape::Integer(number) if self.numeric_subject => {
                Shape::Text(number.to_string().into())
            }
            value => value,
        }
    }
}

/// Where the roles are in the claims.
#[derive(Clone, Debug, Default)]
pub(crate) struct RolesSource {
    /// JSON Pointers (RFC 6901).
    pub(crate) pointers: Vec<Vec<Box<str>>>,
    /// Whether the names of an object's members are roles.
    pub(crate) in_keys: bool,
}

impl RolesSource {
    fn of(&self, value: Shape<'_>) -> Vec<Box<str>> {
        match value {
            Shape::Text(role) => vec![role.into()],
            Shape::Texts(roles) => boxed(roles),
            Shape::Object(roles) if self.in_keys => boxed(roles),
            _ => Vec::new(),
        }
    }
}

/// Returns the words of a text that are separated by spaces.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let words = iter::from_fn(move || {
        let end = memchr::memchr(b' ', rest.as_bytes());
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        (end.is_some() || !word.is_empty()).then_some(word)
    });
    words.filter(|word| !word.is_empty())
}

/// Returns the `iss` of claims that are not verified yet. It only selects the issuer whose keys
/// verify the token.
pub(crate) fn unverified_issuer(json: &str) -> Result<Option<Cow<'_, str>>, RejectionReason> {
    #[derive(Deserialize)]
    struct Issuer<'a> {
        #[serde(borrow, default)]
        iss: Option<Text<'a>>,
    }
    let Issuer { iss } = serde_json::from_str(json).map_err(|_| RejectionReason::Malformed)?;
    Ok(iss.map(|Text(issuer)| issuer))
}

/// One string or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Texts<'a> {
    One(Cow<'a, str>),
    Many(Vec<Cow<'a, str>>),
}

impl Texts<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::One(text) => (Some(&**text), &[][..]),
            Self::Many(texts) => (None, &texts[..]),
        };
        one.into_iter().chain(many.iter().map(|text| &**text))
    }

    pub(crate) fn into_vec(self) -> Vec<Box<str>> {
        match self {
            Self::One(text) => vec![text.into()],
            Self::Many(texts) => boxed(texts),
        }
    }
}

/// Reuses the allocation of the list.
fn boxed(texts: Vec<Cow<'_, str>>) -> Vec<Box<str>> {
    texts.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::super::payload::REPEATED;
    use super::*;

    fn read_roles<'j>(json: &'j str, pointer: &[&str]) -> Result<TokenClaims<'j>, RejectionReason> {
        let pointers = vec![pointer.iter().map(|name| (*name).into()).collect()];
        let roles = RolesSource { pointers, in_keys: false };
        let payload = Box::leak(Box::new(Payload::read(json)?));
        TokenClaims::read(payload, &ClaimsLayout { roles, ..ClaimsLayout::default() })
    }

    fn read(json: &str) -> Result<TokenClaims<'_>, RejectionReason> {
        read_roles(json, &["roles"])
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
        for exp in ["\"1\"", "true", "[]", "{}", "-1", "-1.5", "1e300", "9007199254740994"] {
            let json = format!(r#"{{"exp":{exp}}}"#);
            assert_eq!(read(&json).err(), Some(WRONG_TYPE), "{exp}");
        }
        let read = |json| read(json).unwrap().expires_at;
        assert_eq!(read(r#"{"exp":1.5}"#), Some(Timestamp::from_secs(1)));
        assert_eq!(read(r#"{"exp":1e3}"#), Some(Timestamp::from_secs(1000)));
        assert_eq!(read(r#"{"exp":null}"#), None);
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
        let roles =
            |json, path: &[&str]| read_roles(json, path).map(|claims| claims.roles.join(","));
        let nested = r#"{"x":1,"realm_access":{"roles":["a","b"]}}"#;
        assert_eq!(roles(nested, &["realm_access", "roles"]).as_deref(), Ok("a,b"));
        assert_eq!(roles(r#"{"roles":"a"}"#, &["roles"]).as_deref(), Ok("a"));
        for json in [
            "{}",
            r#"{"realm_access":{}}"#,
            r#"{"realm_access":[]}"#,
            r#"{"realm_access":null}"#,
            r#"{"realm_access":{"roles":[1]}}"#,
            r#"{"realm_access":{"roles":{"a":1}}}"#,
        ] {
            assert_eq!(roles(json, &["realm_access", "roles"]).as_deref(), Ok(""), "{json}");
        }
        let twice = r#"{"realm_access":{"roles":["a"],"roles":["b"]}}"#;
        assert_eq!(roles(twice, &["realm_access", "roles"]), Err(REPEATED));
    }

    #[test]
    fn a_claim_that_is_null_or_only_reported_and_of_another_type_is_absent() {
        for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "nonce", "x", "roles"] {
            let json = format!(r#"{{"{name}":null}}"#);
            assert!(!read(&json).unwrap().has(name), "{name}");
        }
        for name in [
            "jti",
            "client_id",
            "azp",
            "cid",
            "appid",
            "acr",
            "sid",
            "fam",
            "auth_time",
            "amr",
            "scope",
            "scp",
        ] {
            for value in ["null", "true", "-1", "[1]", r#"{"a":1}"#, r#"[["a"]]"#] {
                let json = format!(r#"{{"{name}":{value}}}"#);
                assert!(!read(&json).unwrap().has(name), "{json}");
            }
        }
        let claims = read(r#"{"jti":"1","amr":["a"],"x":0,"realm":{"y":null}}"#).unwrap();
        assert!(["jti", "amr", "x", "realm"].into_iter().all(|name| claims.has(name)));
    }

    #[test]
    fn sec_57_a_repeated_claim_is_rejected() {
        for json in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"exp":1,"\u0065xp":2}"#,
            r#"{"aud":"a","aud":"a"}"#,
            r#"{"amr":1,"amr":2}"#,
            r#"{"jti":null,"jti":null}"#,
            r#"{"roles":["a"],"roles":["b"]}"#,
            r#"{"nonce":1,"nonce":1}"#,
            r#"{"x":{"y":1,"y":2}}"#,
        ] {
            assert_eq!(read(json).err(), Some(REPEATED), "{json}");
        }
        for json in [r#"{"sub":"a"} x"#, r#"["sub"]"#, r#""sub""#, "null", "{", r#"{"x":1e999}"#] {
            assert_eq!(read(json).err(), Some(RejectionReason::Malformed), "{json}");
        }
    }
}
