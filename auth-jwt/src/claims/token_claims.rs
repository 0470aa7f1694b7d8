//! The registered claims of a token, each under a name and with the type of its definition
//! (RFC 7519 section 4.1, RFC 8693, RFC 9068 section 2.2, OpenID Connect Core).

use std::borrow::Cow;
use std::fmt;
use std::iter;

use auth_core::{RejectionReason, Timestamp};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::json::{Names, Text};

/// The registered claims of a token, borrowed from its payload.
#[derive(Debug, Default)]
pub(crate) struct TokenClaims<'a> {
    pub(crate) issuer: Option<Text<'a>>,
    pub(crate) subject: Option<Text<'a>>,
    pub(crate) token_id: Option<Text<'a>>,
    pub(crate) client_id: Option<Text<'a>>,
    pub(crate) acr: Option<Text<'a>>,
    pub(crate) sign_in_id: Option<Text<'a>>,
    /// The family of the refresh token that was issued with this token. The claim `fam` is our own.
    pub(crate) family: Option<Text<'a>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) audience: Option<Texts<'a>>,
    pub(crate) amr: Option<Texts<'a>>,
    pub(crate) scope: Option<Texts<'a>>,
    pub(crate) scp: Option<Texts<'a>>,
    /// The roles, from the member that [`Validation`](crate::Validation) points to.
    pub(crate) roles: Vec<Box<str>>,
    /// The names of all other claims.
    pub(super) others: Names<'a>,
}

/// Where a registered claim belongs, by the type of its definition.
pub(super) enum Field<'c, 'a> {
    Text(&'c mut Option<Text<'a>>),
    Texts(&'c mut Option<Texts<'a>>),
    Date(&'c mut Option<Timestamp>),
}

impl<'a> TokenClaims<'a> {
    /// Returns the field of this claim, or `None` if the claim is not registered.
    pub(super) fn field(&mut self, name: &str) -> Option<Field<'_, 'a>> {
        Some(match name {
            "iss" => Field::Text(&mut self.issuer),
            "sub" => Field::Text(&mut self.subject),
            "jti" => Field::Text(&mut self.token_id),
            "client_id" => Field::Text(&mut self.client_id),
            "acr" => Field::Text(&mut self.acr),
            "sid" => Field::Text(&mut self.sign_in_id),
            "fam" => Field::Text(&mut self.family),
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
        match name {
            "iss" => self.issuer.is_some(),
            "sub" => self.subject.is_some(),
            "jti" => self.token_id.is_some(),
            "client_id" => self.client_id.is_some(),
            "acr" => self.acr.is_some(),
            "sid" => self.sign_in_id.is_some(),
            "fam" => self.family.is_some(),
            "exp" => self.expires_at.is_some(),
            "nbf" => self.not_before.is_some(),
            "iat" => self.issued_at.is_some(),
            "auth_time" => self.authenticated_at.is_some(),
            "aud" => self.audience.is_some(),
            "amr" => self.amr.is_some(),
            "scope" => self.scope.is_some(),
            "scp" => self.scp.is_some(),
            _ => self.others.contains(name),
        }
    }

    /// Returns the scopes of `scope` and `scp`. Issuers write either one, as an array or as one
    /// string with spaces (RFC 8693 section 4.2).
    pub(crate) fn scopes(&self) -> Vec<Box<str>> {
        let lists = [&self.scope, &self.scp].into_iter().flatten();
        let mut scopes: Vec<_> =
            lists.flat_map(Texts::iter).flat_map(words).map(Into::into).collect();
        scopes.shrink_to_fit(); // a verified token stays in the cache
        scopes
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
}

impl From<Texts<'_>> for Vec<Box<str>> {
    fn from(texts: Texts<'_>) -> Self {
        match texts {
            Texts::One(text) => vec![text.into()],
            Texts::Many(texts) => texts.into_iter().map(Into::into).collect(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Texts<'de>, E> {
                Ok(Texts::One(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Texts<'de>, E> {
                Ok(Texts::One(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Texts<'de>, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = elements.next_element()? {
                    texts.push(text);
                }
                Ok(Texts::Many(texts))
            }
        }

        deserializer.deserialize_any(TextsVisitor)
    }
}
