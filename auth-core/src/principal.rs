//! [`Principal`]: who a user is, as the application states it at sign-in, with [`Claims`] of its own.
//!
//! A principal proves nothing. A request carries it inside of an [`Identity`](crate::Identity), which
//! only a verifier creates.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::claims::Claims;

/// Who a user is: stated by the application at sign-in, or read from a credential by a verifier.
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
    /// The user's stable identifier at the issuer. A store lists a user's sign-ins by it.
    pub subject: Arc<str>,
    /// The user's roles, for [`Require::role`](crate::Require::role).
    pub roles: Vec<Box<str>>,
    /// The scopes that the client was granted (RFC 6749 section 3.3).
    pub scopes: Vec<Box<str>>,
    /// The authentication context class: how strongly the user was authenticated (`acr` in OpenID
    /// Connect Core).
    pub acr: Option<Box<str>>,
    /// The authentication methods, such as `pwd` or `otp` (RFC 8176).
    pub amr: Vec<Box<str>>,
    /// The application's own claims.
    pub claims: C,
}

impl Principal<Claims> {
    /// Creates a principal with this subject and nothing else.
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

    /// Replaces the application's claims and their type.
    #[must_use]
    pub fn claims<D>(self, claims: D) -> Principal<D> {
        let Self { subject, roles, scopes, acr, amr, claims: _ } = self;
        Principal { subject, roles, scopes, acr, amr, claims }
    }

    /// Returns whether the principal has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| **own == *role)
    }

    /// Returns whether the principal has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| **own == *scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_serialize_as_lists_of_strings() {
        let alice = Principal::new("alice").role("buyer").role("").scope("a b").amr("pwd");
        let json = serde_json::to_value(&alice).unwrap();
        assert_eq!(json["roles"], serde_json::json!(["buyer", ""]));
        assert_eq!(serde_json::from_value::<Principal>(json).unwrap(), alice);
    }

    #[test]
    fn roles_and_scopes_match_exactly() {
        let alice = Principal::new("alice").role("admin2").scope("cart:write");
        assert!(!alice.has_role("admin") && !alice.has_role("") && alice.has_role("admin2"));
        assert!(!alice.has_scope("cart") && alice.has_scope("cart:write"));
    }
}
