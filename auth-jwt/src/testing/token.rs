//! A token of the test issuer, before it is signed.
//!
//! Its methods set and remove claims, and `sign` returns the token.

use std::time::Duration;

use auth_core::Timestamp;
use serde_json::{Map, Value, json};

use crate::signing_keys::SigningKeys;

/// A token that is not signed yet. Its claims can be anything, including what no issuer should
/// write.
///
/// It starts with `iss`, `sub`, `iat`, `exp`, `jti` and `client_id`, and with `aud` if the issuer has one.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestToken {
    keys: SigningKeys,
    typ: String,
    issued_at: Timestamp,
    claims: Map<String, Value>,
}

impl TestToken {
    pub(super) fn new(keys: SigningKeys, now: Timestamp, lifetime: Duration) -> Self {
        let token = Self { keys, typ: "at+jwt".to_owned(), issued_at: now, claims: Map::new() };
        token
            .claim("iat", now.as_secs())
            .claim("jti", "test")
            .claim("client_id", "test")
            .lifetime(lifetime)
    }

    #[cfg(feature = "remote-keys")]
    pub(super) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Sets a claim. It replaces one with the same name.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets how long the token is valid after it was issued. Defaults to five minutes.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        let ends_at = self.issued_at + lifetime;
        self.claim("exp", ends_at.as_secs())
    }

    /// Adds a role to `roles`.
    pub fn role(self, role: &str) -> Self {
        let mut roles = self.claims.get("roles").cloned().unwrap_or_else(|| json!([]));
        if let Value::Array(roles) = &mut roles {
            roles.push(role.into());
        }
        self.claim("roles", roles)
    }

    /// Adds a scope to `scope`.
    pub fn scope(self, scope: &str) -> Self {
        let scopes = match self.claims.get("scope").and_then(Value::as_str) {
            Some(others) => format!("{others} {scope}"),
            None => scope.to_owned(),
        };
        self.claim("scope", scopes)
    }

    /// Sets the `typ` of the header. Defaults to `at+jwt`.
    pub fn typ(self, typ: &str) -> Self {
        Self { typ: typ.to_owned(), ..self }
    }

    /// Signs the token, with the current key of the issuer.
    ///
    /// # Panics
    ///
    /// Panics if no key can sign.
    #[must_use]
    pub fn sign(&self) -> String {
        self.keys.sign(&self.typ, &self.claims).expect("a test issuer has a key that signs")
    }
}
