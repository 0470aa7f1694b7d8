//! What a sign-in gives to the client.

use std::fmt;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::sign_in_id::SignInId;

/// What a sign-in or refresh gives to the client besides cookies, which are queued already.
///
/// As an axum response: the token response if there are tokens, otherwise 204.
#[derive(Clone, Debug)]
#[must_use = "tokens reach the client only if they are sent"]
#[non_exhaustive]
pub struct SignedIn {
    /// The sign-in's public name.
    pub sign_in: SignInId,
    /// Tokens for the response's body; none if a cookie carries the sign-in.
    pub tokens: Option<TokenResponse>,
}

impl SignedIn {
    /// A sign-in that a cookie carries.
    pub fn by_cookie(sign_in: SignInId) -> Self {
        Self { sign_in, tokens: None }
    }

    /// A sign-in that these tokens carry.
    pub fn by_tokens(sign_in: SignInId, tokens: TokenResponse) -> Self {
        Self { sign_in, tokens: Some(tokens) }
    }
}

/// A successful token response: serializes as RFC 6749 section 5.1 says. `Debug` shows no token.
#[derive(Clone)]
#[non_exhaustive]
pub struct TokenResponse {
    /// What the client sends as `Authorization: Bearer`.
    pub access_token: Box<str>,
    /// For how long, counted from the response.
    pub expires_in: Duration,
    /// What renews it, if it is delivered in the body.
    pub refresh_token: Option<Box<str>>,
    /// The granted scopes, space-separated, if they are not what the client asked for.
    pub scope: Option<Box<str>>,
}

impl TokenResponse {
    /// A bearer token, good for so long.
    #[must_use]
    pub fn bearer(access_token: impl Into<Box<str>>, expires_in: Duration) -> Self {
        Self { access_token: access_token.into(), expires_in, refresh_token: None, scope: None }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl Serialize for TokenResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("access_token", &self.access_token)?;
        map.serialize_entry("token_type", "Bearer")?;
        map.serialize_entry("expires_in", &self.expires_in.as_secs())?;
        if let Some(refresh_token) = &self.refresh_token {
            map.serialize_entry("refresh_token", refresh_token)?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        map.end()
    }
}
