//! A token about to be signed.

use std::time::Duration;

use auth_core::Timestamp;
use serde_json::{Map, Value, json};

use crate::signing_keys::SigningKeys;

/// A token about to be signed. It may say anything, also what no issuer should say.
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

    /// Sets a claim, or replaces it.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// How long it is good, from when it was issued.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        let ends_at = self.issued_at + lifetime;
        self.claim("exp", ends_at.as_secs())
    }

    /// Adds a role, under `roles`.
    pub fn role(self, role: &str) -> Self {
        let mut roles = self.claims.get("roles").cloned().unwrap_or_else(|| json!([]));
        if let Value::Array(roles) = &mut roles {
            roles.push(role.into());
        }
        self.claim("roles", roles)
    }

    /// Adds a scope, under `scope`.
    pub fn scope(self, scope: &str) -> Self {
        let scopes = match self.claims.get("scope").and_then(Value::as_str) {
            Some(others) => format!("{others} {scope}"),
            None => scope.to_owned(),
        };
        self.claim("scope", scopes)
    }

    /// Its type, the `typ` of the header: `at+jwt` otherwise.
    pub fn typ(self, typ: &str) -> Self {
        Self { typ: typ.to_owned(), ..self }
    }

    /// The signed token.
    ///
    /// # Panics
    /// If every key was withdrawn.
    #[must_use]
    pub fn sign(&self) -> String {
        self.keys.sign(&self.typ, &self.claims).expect("a test issuer has a key")
    }
}
