//! What a client was given to prove who it is.

use auth_core::SignInId;
use auth_store::Secret;

/// A credential, to be sent again or by somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The value of the session cookie.
    Cookie(String),
    /// What follows `Bearer`.
    Token(String),
}

impl Credential {
    /// The text of the secret inside, without the prefix that names a kind of token.
    pub(crate) fn secret(&self) -> &str {
        let (Self::Cookie(text) | Self::Token(text)) = self;
        &text[text.len() - Secret::TEXT_LEN..]
    }

    /// The public id of the sign-in that it proves.
    pub(crate) fn sign_in(&self) -> SignInId {
        Secret::parse(self.secret().as_bytes()).unwrap().sid()
    }

    /// The same with one letter changed, in the part that is secret.
    pub(crate) fn tampered(&self) -> Self {
        let at = self.secret().len() - 10;
        let letter = if self.secret().as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut secret = self.secret().to_owned();
        secret.replace_range(at..=at, letter);
        self.with_secret(&secret)
    }

    /// What somebody can make who knows the public id and nothing else.
    pub(crate) fn forged(&self) -> Self {
        self.with_secret(&Secret::generate(self.sign_in()).unwrap().to_text())
    }

    /// The same kind of credential with another secret inside.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        let with = |text: &str| format!("{}{secret}", &text[..text.len() - Secret::TEXT_LEN]);
        match self {
            Self::Cookie(text) => Self::Cookie(with(text)),
            Self::Token(text) => Self::Token(with(text)),
        }
    }
}
