//! Credentials, as a client has them.

use auth_core::SignInId;
use auth_store::Secret;
use http::{HeaderMap, HeaderName, header};

use super::jwt;

/// The name of the session cookie.
pub(crate) const SESSION: &str = "__Host-session";
/// The name of the refresh cookie.
pub(crate) const REFRESH: &str = "__Host-refresh";

/// A credential, which a test can send again or from another client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The value of the session cookie.
    Cookie(String),
    /// The value after `Bearer`.
    Token(String),
    /// An access token and the refresh token that renews it.
    Pair { access: String, refresh: String },
}

impl Credential {
    /// Returns the credential in a response, if there is one: the token in its body, and its cookies.
    pub(crate) fn from_response(token: Option<&str>, headers: &HeaderMap) -> Option<Self> {
        let cookie = |name: &str| {
            let cookies = headers.get_all(header::SET_COOKIE).iter();
            let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
            let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
            Some(pairs.find(|(found, value)| *found == name && !value.is_empty())?.1.to_owned())
        };
        Self::from_parts(token, cookie(SESSION), cookie(REFRESH))
    }

    /// Returns the credential of a client with this token and these cookies.
    pub(super) fn from_parts(
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

    /// Returns what authenticates a request: the value of the cookie, or the value after `Bearer`.
    pub(crate) fn text(&self) -> &str {
        let (Self::Cookie(text) | Self::Token(text) | Self::Pair { access: text, .. }) = self;
        text
    }

    /// Returns the header that authenticates a request.
    pub(crate) fn header(&self) -> (HeaderName, String) {
        match self {
            Self::Cookie(value) => (header::COOKIE, format!("{SESSION}={value}")),
            Self::Token(token) | Self::Pair { access: token, .. } => {
                (header::AUTHORIZATION, format!("Bearer {token}"))
            }
        }
    }

    /// Returns all headers of a client with this credential.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, String)> {
        let refresh = self.refresh().map(|it| (header::COOKIE, format!("{REFRESH}={it}")));
        [self.header()].into_iter().chain(refresh).collect()
    }

    /// Returns the text of the secret, without the prefix for the kind of token.
    pub(crate) fn secret(&self) -> &str {
        let text = self.refresh().unwrap_or(self.text());
        &text[text.len() - Secret::TEXT_LEN..]
    }

    /// Returns every part that only the client may see.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let secret = self.secret();
        let mut secrets = vec![&secret[22..40], &secret[50..]];
        if let Self::Pair { access, .. } = self {
            secrets.push(jwt::signature(access));
        }
        secrets
    }

    /// Returns the refresh token.
    pub(crate) fn refresh(&self) -> Option<&str> {
        match self {
            Self::Pair { refresh, .. } => Some(refresh),
            Self::Cookie(_) | Self::Token(_) => None,
        }
    }

    /// Returns the credential without its refresh token.
    pub(crate) fn access_alone(&self) -> Self {
        Self::Token(self.text().to_owned())
    }

    /// Returns the public id of the sign-in.
    pub(crate) fn sign_in(&self) -> SignInId {
        match self {
            Self::Pair { access, .. } => jwt::sign_in(access),
            _ => Secret::parse(self.secret().as_bytes()).unwrap().id(),
        }
    }

    /// Returns the credential with one letter changed in each secret part.
    pub(crate) fn tampered(&self) -> Self {
        match self {
            Self::Pair { access, refresh } => {
                Self::Pair { access: changed(access), refresh: changed(refresh) }
            }
            Self::Cookie(text) => Self::Cookie(changed(text)),
            Self::Token(text) => Self::Token(changed(text)),
        }
    }

    /// Returns a forged credential, made from the public id alone.
    pub(crate) fn forged(&self) -> Self {
        self.forged_for(self.sign_in())
    }

    /// Returns a forged credential of the same kind for this sign-in.
    pub(crate) fn forged_for(&self, id: SignInId) -> Self {
        let forged = self.with_secret(&Secret::generate(id).unwrap().to_text());
        match forged {
            Self::Pair { access, refresh } => {
                Self::Pair { access: jwt::forged(&access, id), refresh }
            }
            other => other,
        }
    }

    /// Returns the credential with another secret.
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

/// Changes a letter near the end, which is secret in every kind of credential.
fn changed(text: &str) -> String {
    let at = text.len() - 10;
    let letter = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut changed = text.to_owned();
    changed.replace_range(at..=at, letter);
    changed
}
