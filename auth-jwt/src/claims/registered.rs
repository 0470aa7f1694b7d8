//! The registered claims of a token.

use std::borrow::Cow;
use std::iter;

use auth_core::{RejectionReason, Timestamp};
use serde::Deserialize;

use crate::json::{Names, Text, Texts};

/// A registered claim that is text (RFC 7519 section 4.1, RFC 9068 section 2.2, OpenID Connect Core).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextClaim {
    Issuer,
    Subject,
    Id,
    Client,
    Acr,
    SignIn,
    /// The family of the refresh token that it came with: a claim of our own.
    Family,
}

/// A registered claim that is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateClaim {
    ExpiresAt,
    NotBefore,
    IssuedAt,
    AuthenticatedAt,
}

/// A registered claim that is text, or several texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListClaim {
    Audience,
    Amr,
    Scope,
    Scp,
}

/// A claim that marks tokens of another kind, whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkClaim {
    Events,
    Nonce,
    AccessTokenHash,
    CodeHash,
}

/// A registered claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Text(TextClaim),
    Date(DateClaim),
    List(ListClaim),
    Mark(MarkClaim),
}

impl Claim {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Text(TextClaim::Issuer),
            "sub" => Self::Text(TextClaim::Subject),
            "jti" => Self::Text(TextClaim::Id),
            "client_id" => Self::Text(TextClaim::Client),
            "acr" => Self::Text(TextClaim::Acr),
            "sid" => Self::Text(TextClaim::SignIn),
            "fam" => Self::Text(TextClaim::Family),
            "exp" => Self::Date(DateClaim::ExpiresAt),
            "nbf" => Self::Date(DateClaim::NotBefore),
            "iat" => Self::Date(DateClaim::IssuedAt),
            "auth_time" => Self::Date(DateClaim::AuthenticatedAt),
            "aud" => Self::List(ListClaim::Audience),
            "amr" => Self::List(ListClaim::Amr),
            "scope" => Self::List(ListClaim::Scope),
            "scp" => Self::List(ListClaim::Scp),
            "events" => Self::Mark(MarkClaim::Events),
            "nonce" => Self::Mark(MarkClaim::Nonce),
            "at_hash" => Self::Mark(MarkClaim::AccessTokenHash),
            "c_hash" => Self::Mark(MarkClaim::CodeHash),
            _ => return None,
        })
    }
}

/// What the registered claims say, borrowed from the token.
#[derive(Debug, Default)]
pub(crate) struct TokenClaims<'a> {
    pub(crate) texts: [Option<Cow<'a, str>>; 7],
    pub(crate) dates: [Option<Timestamp>; 4],
    pub(crate) lists: [Option<Texts<'a>>; 4],
    pub(crate) marks: [bool; 4],
    pub(crate) roles: Vec<Box<str>>,
    /// The names of all others.
    pub(crate) others: Names<'a>,
}

impl TokenClaims<'_> {
    pub(crate) fn text(&self, claim: TextClaim) -> Option<&str> {
        self.texts[claim as usize].as_deref()
    }

    pub(crate) fn date(&self, claim: DateClaim) -> Option<Timestamp> {
        self.dates[claim as usize]
    }

    pub(crate) fn list(&self, claim: ListClaim) -> Option<&Texts<'_>> {
        self.lists[claim as usize].as_ref()
    }

    pub(crate) fn take_list(&mut self, claim: ListClaim) -> Option<Texts<'_>> {
        self.lists[claim as usize].take()
    }

    pub(crate) fn is_marked(&self, claim: MarkClaim) -> bool {
        self.marks[claim as usize]
    }

    /// Whether there is a claim of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match Claim::named(name) {
            Some(Claim::Text(claim)) => self.text(claim).is_some(),
            Some(Claim::Date(claim)) => self.date(claim).is_some(),
            Some(Claim::List(claim)) => self.list(claim).is_some(),
            Some(Claim::Mark(claim)) => self.is_marked(claim),
            None => self.others.has(name),
        }
    }

    /// The scopes, in whichever form they came: a list in one string (RFC 8693 section 4.2), or an
    /// array, under `scope` or `scp`.
    pub(crate) fn scopes(&self) -> Vec<Box<str>> {
        let mut scopes = Vec::new();
        for list in [ListClaim::Scope, ListClaim::Scp].into_iter().filter_map(|it| self.list(it)) {
            list.iter().flat_map(words).for_each(|scope| scopes.push(scope.into()));
        }
        scopes
    }
}

/// What stands between the spaces of a text.
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

/// The `iss` of claims that nobody has verified: good for choosing who is to verify them.
pub(crate) fn issuer_of(json: &str) -> Result<Option<Cow<'_, str>>, RejectionReason> {
    #[derive(Deserialize)]
    struct Issuer<'a> {
        #[serde(borrow, default)]
        iss: Option<Text<'a>>,
    }
    let Issuer { iss } = serde_json::from_str(json).map_err(|_| RejectionReason::Malformed)?;
    Ok(iss.map(|Text(issuer)| issuer))
}
