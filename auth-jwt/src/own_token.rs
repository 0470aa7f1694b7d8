//! Our own access tokens as credentials of stored sign-ins.
//!
//! `auth-store` decides when a credential proves a sign-in. This module compares a token with a
//! record, and joins the two into an identity. The user comes from the record; the expiry and the
//! scopes come from both.

use std::sync::{Arc, Weak};

use auth_core::{
    AuthenticationInfo, Identity, IdentitySource, Outcome, Principal, Rejection, RejectionReason,
    SignInId, Timestamp, Verified,
};
use auth_store::{Record, SecretKind, StoredCredential};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::claims::{Texts, TokenClaims, words};

/// How many bytes of a family's digest a token carries: enough to distinguish it from the next one.
pub(crate) const FAMILY_BYTES: usize = 8;

/// The claims of one of our tokens that are not in the record of its sign-in.
#[derive(Debug)]
pub(crate) struct OwnToken<C> {
    /// The `sid` claim.
    id: SignInId,
    family: [u8; FAMILY_BYTES],
    /// Separated by spaces.
    scopes: Box<str>,
    expires_at: Timestamp,
    last: Mutex<Option<LastIdentity<C>>>,
}

/// The last identity of a token, and the record from which it was derived. Records are compared by
/// address, because a record in memory never changes. Their versions cannot be compared instead: a
/// store that lost the last versions in a failover counts them again.
#[derive(Debug)]
struct LastIdentity<C> {
    by: Weak<Record>,
    identity: Identity<C>,
}

impl<C> OwnToken<C> {
    /// Reads the claims of an access token that we issued. Each names its sign-in.
    pub(crate) fn of(claims: &TokenClaims<'_>) -> Result<Self, RejectionReason> {
        let id = claims.session.as_deref().and_then(|id| id.parse().ok());
        let family = claims.family.as_deref().and_then(family_of);
        let (Some(id), Some(family)) = (id, family) else {
            return Err(RejectionReason::WrongKind);
        };
        let expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
        let scopes = match &claims.scope {
            Some(Texts::One(scopes)) => (**scopes).into(),
            _ => Box::default(),
        };
        Ok(Self { id, family, scopes, expires_at, last: Mutex::new(None) })
    }

    fn scopes(&self) -> impl Iterator<Item = &str> {
        words(&self.scopes)
    }
}

fn family_of(text: &str) -> Option<[u8; FAMILY_BYTES]> {
    let mut family = [0; FAMILY_BYTES + 1];
    if text.len() > FAMILY_BYTES / 3 * 4 + 3 {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD.decode(text.as_bytes(), Out::from_slice(&mut family)).ok()?;
    (&*decoded).try_into().ok()
}

impl<C: DeserializeOwned + Send + Sync + 'static> StoredCredential<C> for OwnToken<C> {
    fn id(&self) -> SignInId {
        self.id
    }

    fn scheme(&self) -> &'static str {
        "bearer"
    }

    /// Checks that the token was issued for this record. When the user signs in again, the record
    /// gets another family of refresh tokens.
    fn check(&self, record: &Record, _: Timestamp) -> Result<(), RejectionReason> {
        let has_token = record.kind.completed() == SecretKind::Refresh && !record.is_pending();
        if has_token && record.family.0[..FAMILY_BYTES] == self.family {
            Ok(())
        } else {
            Err(RejectionReason::Rotated)
        }
    }

    /// Returns the last identity of the token, if it was derived from this record. While another
    /// thread has the lock, joining again is faster than waiting.
    fn identify_cached(&self, record: &Arc<Record>) -> Option<Outcome<C>> {
        let last = self.last.try_lock()?;
        let LastIdentity { by, identity } = last.as_ref()?;
        std::ptr::eq(by.as_ptr(), Arc::as_ptr(record))
            .then(|| Outcome::Authenticated(identity.clone()))
    }

    fn identify(&self, record: &Arc<Record>) -> Result<Outcome<C>, serde_json::Error> {
        let Some(identity) = join(record, self)? else {
            return Ok(Outcome::Rejected(Rejection::new("bearer", RejectionReason::Unknown)));
        };
        if let Some(mut last) = self.last.try_lock() {
            *last = Some(LastIdentity { by: Arc::downgrade(record), identity: identity.clone() });
        }
        Ok(Outcome::Authenticated(identity))
    }

    /// Refreshing leaves access tokens valid.
    fn is_rotated(&self) -> bool {
        false
    }
}

/// Creates an identity from a record and a token. Returns `None` for the record of a visitor.
///
/// Roles and claims are the record's. A scope counts if both have it: neither an old token nor a
/// changed record widens what the other allows.
fn join<C>(
    record: &Arc<Record>,
    token: &OwnToken<C>,
) -> Result<Option<Identity<C>>, serde_json::Error>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let ends_at = token.expires_at.min(record.deadlines.ends_at);
    let Some(of_record) = record.verified::<C>()? else { return Ok(None) };
    let AuthenticationInfo { authenticated_at, actor, .. } = of_record.authentication();
    let mut authentication = AuthenticationInfo::new("jwt", *authenticated_at);
    authentication = authentication.sign_in(record.id).expires_at(ends_at);
    authentication.actor.clone_from(actor);
    let own = of_record.principal().scopes.iter().map(|scope| &**scope);
    let narrowed = if own.clone().eq(token.scopes()) {
        None
    } else {
        let Some(mut principal) = record.to_principal::<C>()? else { return Ok(None) };
        principal.scopes = own
            .filter(|scope| token.scopes().any(|of_token| *scope == of_token))
            .map(Into::into)
            .collect();
        Some(Box::new(principal))
    };
    let subject = of_record.principal().subject[..].into();
    Ok(Some(Identity::shared(Arc::new(JoinedIdentity {
        authentication,
        subject,
        of_record,
        narrowed,
    }))))
}

/// The principal of a record, with the authentication of a token.
struct JoinedIdentity<C> {
    authentication: AuthenticationInfo,
    /// Copied, because every request reads it and the record's lies in another cache line.
    subject: Box<str>,
    of_record: Arc<Verified<C>>,
    narrowed: Option<Box<Principal<C>>>,
}

impl<C: Send + Sync> IdentitySource<C> for JoinedIdentity<C> {
    fn principal(&self) -> &Principal<C> {
        self.narrowed.as_deref().unwrap_or_else(|| self.of_record.principal())
    }

    fn authentication(&self) -> &AuthenticationInfo {
        &self.authentication
    }

    fn subject(&self) -> &str {
        &self.subject
    }
}
