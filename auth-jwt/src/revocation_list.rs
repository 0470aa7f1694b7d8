//! The check of tokens of other issuers against a list of revocations, for the feature `sign-in`. Without it,
//! there is no list.

use auth_core::{AuthFuture, Identity, Outcome, Timestamp};
#[cfg(feature = "sign-in")]
use auth_core::{Rejection, RejectionReason};
#[cfg(feature = "sign-in")]
use auth_store::{RevocableToken, Revocations};

use crate::claims::TokenClaims;

/// The list of revocations of a backend, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationList {
    #[cfg(feature = "sign-in")]
    pub(crate) list: Option<Revocations>,
}

/// The names by which a token can be revoked. They are kept only if there is a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocableNames {
    #[cfg(feature = "sign-in")]
    token: Option<Box<RevocableToken>>,
}

#[cfg(not(feature = "sign-in"))]
impl RevocableNames {
    pub(crate) fn of(_: &TokenClaims<'_>) -> Self {
        Self {}
    }
}

#[cfg(not(feature = "sign-in"))]
impl RevocationList {
    pub(crate) fn is_set(&self) -> bool {
        false
    }

    pub(crate) fn admit<C>(
        &self,
        identity: &Identity<C>,
        _: &RevocableNames,
        _: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        AuthFuture::ready(Outcome::Authenticated(identity.clone()))
    }

    pub(crate) fn admit_by_store<C>(
        &self,
        identity: &Identity<C>,
        names: &RevocableNames,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        self.admit(identity, names, now)
    }
}

#[cfg(feature = "sign-in")]
impl RevocableNames {
    /// Returns the names of a token of another issuer.
    pub(crate) fn of(claims: &TokenClaims<'_>) -> Self {
        let issuer = claims.issuer.as_deref().unwrap_or_default();
        let subject = claims.subject.as_deref().unwrap_or_default();
        let mut token = RevocableToken::new(issuer, subject, claims.issued_at);
        if let Some(sid) = &claims.session {
            token = token.session(issuer, sid);
        }
        if let Some(jti) = &claims.token_id {
            token = token.id(issuer, jti);
        }
        Self { token: Some(Box::new(token)) }
    }
}

#[cfg(feature = "sign-in")]
impl RevocationList {
    /// Returns whether the names of tokens have to be kept.
    pub(crate) fn is_set(&self) -> bool {
        self.list.is_some()
    }

    /// Returns the identity that a token proves, unless the token is revoked.
    pub(crate) fn admit<C: Send + Sync + 'static>(
        &self,
        identity: &Identity<C>,
        names: &RevocableNames,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        let (Some(list), Some(token)) = (&self.list, &names.token) else {
            return AuthFuture::ready(Outcome::Authenticated(identity.clone()));
        };
        if let Some(is_revoked) = list.try_is_revoked(token, now) {
            return AuthFuture::ready(unless_revoked(identity, is_revoked));
        }
        self.admit_by_store(identity, names, now)
    }

    /// The same by the store itself, bypassing every cached copy.
    pub(crate) fn admit_by_store<C: Send + Sync + 'static>(
        &self,
        identity: &Identity<C>,
        names: &RevocableNames,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        let (Some(list), Some(token)) = (&self.list, &names.token) else {
            return AuthFuture::ready(Outcome::Authenticated(identity.clone()));
        };
        let (list, token, identity) = (list.clone(), token.clone(), identity.clone());
        AuthFuture::boxed(async move {
            match list.is_revoked(&token, now).await {
                Ok(is_revoked) => unless_revoked(&identity, is_revoked),
                Err(error) => Outcome::Unavailable(error.into()),
            }
        })
    }
}

#[cfg(feature = "sign-in")]
fn unless_revoked<C>(identity: &Identity<C>, is_revoked: bool) -> Outcome<C> {
    const REVOKED: RejectionReason = RejectionReason::Other("revoked");
    if !is_revoked {
        return Outcome::Authenticated(identity.clone());
    }
    let issuer = || identity.authentication().issuer.clone().unwrap_or_default();
    crate::rejections::count(REVOKED, issuer);
    Outcome::Rejected(Rejection::new("bearer", REVOKED))
}
