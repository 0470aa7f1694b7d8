//! Who somebody is, as the application says it at sign-in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Claims of any shape: what a backend yields until `.claims::<User>()` names a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// The claim of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Sets a claim.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// Every claim, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self(claims)
    }
}

/// Who somebody is: what an application says when it signs somebody in, and what a verifier read
/// from a credential. A request carries it inside an [`Identity`](crate::Identity) only.
///
/// ```
/// use auth_core::Principal;
///
/// let alice = Principal::new("alice").role("buyer").scope("cart:write").acr("aal2");
/// assert!(alice.has_role("buyer") && !alice.has_role("admin"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Principal<C = Claims> {
    /// The user's stable name at the issuer; for sign-ins of ours, the key of device lists.
    pub subject: Arc<str>,
    /// What the user is, for [`Require::role`](crate::Require::role).
    pub roles: Vec<Box<str>>,
    /// What the client may do for the user (RFC 6749 section 3.3).
    pub scopes: Vec<Box<str>>,
    /// How well the user was authenticated (OpenID Connect Core, `acr`).
    pub acr: Option<Box<str>>,
    /// By which methods (RFC 8176).
    pub amr: Vec<Box<str>>,
    /// The application's own claims.
    pub claims: C,
}

impl Principal<Claims> {
    /// A principal with this subject and nothing else.
    #[must_use]
    pub fn new(subject: impl Into<Arc<str>>) -> Self {
        Self {
            subject: subject.into(),
            roles: Vec::new(),
            scopes: Vec::new(),
            acr: None,
            amr: Vec::new(),
            claims: Claims::default(),
        }
    }
}

impl<C> Principal<C> {
    /// Adds a role.
    #[must_use]
    pub fn role(mut self, role: impl Into<Box<str>>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Adds a scope.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Sets the authentication context class.
    #[must_use]
    pub fn acr(mut self, acr: impl Into<Box<str>>) -> Self {
        self.acr = Some(acr.into());
        self
    }

    /// Adds an authentication method.
    #[must_use]
    pub fn amr(mut self, method: impl Into<Box<str>>) -> Self {
        self.amr.push(method.into());
        self
    }

    /// Replaces the application's claims, and their type.
    #[must_use]
    pub fn claims<D>(self, claims: D) -> Principal<D> {
        let Self { subject, roles, scopes, acr, amr, claims: _ } = self;
        Principal { subject, roles, scopes, acr, amr, claims }
    }

    /// Whether the principal has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| **own == *role)
    }

    /// Whether the principal has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| **own == *scope)
    }
}
