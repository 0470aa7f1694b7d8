//! The check of tokens of other issuers against a list of revocations, for the feature `sign-in`. Without it,
//! there is no list.

use auth_core::{AuthFuture, BoxError, Identity, Outcome, Rejection, RejectionReason, Timestamp};
#[cfg(feature = "sign-in")]
use auth_store::{RevocableToken, Revocations};

use crate::claims::TokenClaims;

/// Whether an earlier answer about a token may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// An earlier answer may be used.
    Cached,
    /// The store or the issuer is asked again.
    Anew,
}

/// Whether a token is revoked, or why that is not known.
type IsRevoked = AuthFuture<Result<bool, BoxError>>;

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

    fn is_revoked(&self, _: &RevocableNames, _: Timestamp, _: Freshness) -> IsRevoked {
        AuthFuture::ready(Ok(false))
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

    fn is_revoked(
        &self,
        names: &RevocableNames,
        now: Timestamp,
        freshness: Freshness,
    ) -> IsRevoked {
        let (Some(list), Some(token)) = (&self.list, &names.token) else {
            return AuthFuture::ready(Ok(false));
        };
        if freshness == Freshness::Cached
            && let Some(is_revoked) = list.try_is_revoked(token, now)
        {
            return AuthFuture::ready(Ok(is_revoked));
        }
        let (list, token) = (list.clone(), token.clone());
        AuthFuture::boxed(async move { Ok(list.is_revoked(&token, now).await?) })
    }
}

impl RevocationList {
    /// Returns the identity that a token proves, unless the token is revoked.
    pub(crate) fn admit<C: Send + Sync + 'static>(
        &self,
        identity: &Identity<C>,
        names: &RevocableNames,
        now: Timestamp,
        freshness: Freshness,
    ) -> AuthFuture<Outcome<C>> {
        match self.is_revoked(names, now, freshness).into_ready() {
            Ok(is_revoked) => AuthFuture::ready(admitted(identity, is_revoked)),
            Err(asking) => {
                let identity = identity.clone();
                AuthFuture::boxed(async move { admitted(&identity, asking.await) })
            }
        }
    }
}

fn admitted<C>(identity: &Identity<C>, is_revoked: Result<bool, BoxError>) -> Outcome<C> {
    const REVOKED: RejectionReason = RejectionReason::Other("revoked");
    match is_revoked {
        Ok(false) => Outcome::Authenticated(identity.clone()),
        Ok(true) => {
            let issuer = || identity.authentication().issuer.clone().unwrap_or_default();
            crate::rejections::count(REVOKED, issuer);
            Outcome::Rejected(Rejection::new("bearer", REVOKED))
        }
        Err(error) => Outcome::Unavailable(error),
    }
}
