//! What a client was given to prove who it is.

use auth_core::SignInId;
use auth_store::Secret;
use http::{HeaderMap, HeaderName, header};

use super::jwt;

/// The cookie of a session.
pub(crate) const SESSION: &str = "__Host-session";
/// The cookie of a refresh token.
pub(crate) const REFRESH: &str = "__Host-refresh";

/// A credential, to be sent again or by somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The value of the session cookie.
    Cookie(String),
    /// What follows `Bearer`.
    Token(String),
    /// An access token, and the refresh token that renews it.
    Pair { access: String, refresh: String },
}

impl Credential {
    /// The credential in a response, if there is one: a token of its body, its cookies.
    pub(crate) fn given(token: Option<&str>, headers: &HeaderMap) -> Option<Self> {
        let cookie = |name: &str| {
            let cookies = headers.get_all(header::SET_COOKIE).iter();
            let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
            let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
            Some(pairs.find(|(found, value)| *found == name && !value.is_empty())?.1.to_owned())
        };
        Self::of(token, cookie(SESSION), cookie(REFRESH))
    }

    /// The credential of a client that holds these.
    pub(super) fn of(
        token: Option<&str>,
        session: Option<String>,
        refresh: Option<String>,
    ) -> Option<Self> {
        match (token.map(str::to_owned), refresh) {
            (Some(access), Some(refresh)) if jwt::is_jwt(&access) => {
                Some(Self::Pair { access, refresh })
            }
            (Some(token), _) => Some(Self::Token(token)),
            (None, _) => session.map(Self::Cookie),
        }
    }

    /// What authenticates a request: the cookie's value, or what follows `Bearer`.
    pub(crate) fn text(&self) -> &str {
        let (Self::Cookie(text) | Self::Token(text) | Self::Pair { access: text, .. }) = self;
        text
    }

    /// The header that authenticates a request.
    pub(crate) fn header(&self) -> (HeaderName, String) {
        match self {
            Self::Cookie(value) => (header::COOKIE, format!("{SESSION}={value}")),
            Self::Token(token) | Self::Pair { access: token, .. } => {
                (header::AUTHORIZATION, format!("Bearer {token}"))
            }
        }
    }

    /// The text of the secret inside, without the prefix that names a kind of token.
    pub(crate) fn secret(&self) -> &str {
        let text = self.refresh().unwrap_or(self.text());
        &text[text.len() - Secret::TEXT_LEN..]
    }

    /// Every part that nobody but its client may see.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let secret = self.secret();
        let mut secrets = vec![&secret[22..40], &secret[50..]];
        if let Self::Pair { access, .. } = self {
            secrets.push(jwt::signature(access));
        }
        secrets
    }

    /// The refresh token.
    pub(crate) fn refresh(&self) -> Option<&str> {
        match self {
            Self::Pair { refresh, .. } => Some(refresh),
            Self::Cookie(_) | Self::Token(_) => None,
        }
    }

    /// The same without the refresh token.
    pub(crate) fn access_alone(&self) -> Self {
        Self::Token(self.text().to_owned())
    }

    /// The public id of the sign-in that it proves.
    pub(crate) fn sign_in(&self) -> SignInId {
        match self {
            Self::Pair { access, .. } => jwt::sign_in(access),
            _ => Secret::parse(self.secret().as_bytes()).unwrap().sid(),
        }
    }

    /// The same with one letter changed in each of its parts, where it is secret.
    pub(crate) fn tampered(&self) -> Self {
        match self {
            Self::Pair { access, refresh } => {
                Self::Pair { access: changed(access), refresh: changed(refresh) }
            }
            Self::Cookie(text) => Self::Cookie(changed(text)),
            Self::Token(text) => Self::Token(changed(text)),
        }
    }

    /// What somebody can make who knows the public id and nothing else.
    pub(crate) fn forged(&self) -> Self {
        self.forged_for(self.sign_in())
    }

    /// The same kind of credential, made up for this sign-in.
    pub(crate) fn forged_for(&self, sid: SignInId) -> Self {
        let forged = self.with_secret(&Secret::generate(sid).unwrap().to_text());
        match forged {
            Self::Pair { access, refresh } => {
                Self::Pair { access: jwt::forged(&access, sid), refresh }
            }
            other => other,
        }
    }

    /// The same kind of credential with another secret inside.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        let with = |text: &str| format!("{}{secret}", &text[..text.len() - Secret::TEXT_LEN]);
        match self {
            Self::Cookie(text) => Self::Cookie(with(text)),
            Self::Token(text) => Self::Token(with(text)),
            Self::Pair { access, refresh } => {
                Self::Pair { access: access.clone(), refresh: with(refresh) }
            }
        }
    }
}

/// The same with another letter near the end, which in every kind of credential is secret.
fn changed(text: &str) -> String {
    let at = text.len() - 10;
    let letter = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut changed = text.to_owned();
    changed.replace_range(at..=at, letter);
    changed
}
