//! Tokens of any kind, signed by our keys.

use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::jws;
use crate::key::HmacKey;
use crate::signing_keys::SigningKeys;

impl HmacKey {
    /// A token of this type (`typ`) with these claims, for links in mails, for other services, for
    /// tests. It says what it is given and nothing else: `exp` and `aud` are yours to set.
    ///
    /// # Errors
    /// If the claims are no JSON object.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let kid = self.held.kid.as_deref();
        let unsigned =
            jws::unsigned(self.algorithm(), kid, typ, claims).ok_or(SignError::Claims)?;
        let signature = self.mac(unsigned.as_bytes());
        Ok(jws::signed(unsigned, &signature))
    }
}

impl SigningKeys {
    /// A token of this type (`typ`) with these claims, by the key that signs now. It says what it
    /// is given and nothing else: `exp` and `aud` are yours to set.
    ///
    /// # Errors
    /// If the claims are no JSON object.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let key = self.current().ok_or(SignError::Key)?;
        let unsigned = jws::unsigned(key.algorithm(), Some(key.kid()), typ, claims);
        let unsigned = unsigned.ok_or(SignError::Claims)?;
        let signature = key.signature(unsigned.as_bytes()).map_err(|_| SignError::Key)?;
        Ok(jws::signed(unsigned, &signature))
    }
}

/// Why a token was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The claims are no JSON object.
    Claims,
    /// No key could sign.
    Key,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claims => "the claims of a token are a JSON object",
            Self::Key => "no key could sign the token",
        })
    }
}

impl Error for SignError {}
