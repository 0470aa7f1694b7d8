//! What a token proves.

use std::sync::Arc;

use auth_core::{AuthenticationInfo, Identity, Principal, RejectionReason, SignInId, Timestamp};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use parking_lot::Mutex;

use crate::claims::{Texts, TokenClaims};
use crate::validation::Validation;

/// What is read of a family's digest: enough to tell one from the next.
pub(crate) const FAMILY_BYTES: usize = 8;

/// What a token proves.
#[derive(Debug)]
pub enum TokenSubject<C> {
    /// Somebody, by the word of the issuer.
    Somebody(Identity<C>),
    /// A sign-in of ours, whose record says the rest.
    SignIn(OwnToken<C>),
}

/// What a token of ours says beside its sign-in's record.
#[derive(Debug)]
#[cfg_attr(not(feature = "sign-in"), expect(dead_code))]
pub struct OwnToken<C> {
    pub(crate) sid: SignInId,
    pub(crate) family: [u8; FAMILY_BYTES],
    /// Space-separated.
    pub(crate) scopes: Box<str>,
    pub(crate) expires_at: Timestamp,
    /// The identity that it last came to.
    pub(crate) last: Mutex<Option<Last<C>>>,
}

/// What a token came to by this very record in memory, which never changes. Its version would not do:
/// a store that lost the last versions in a failover counts them anew.
#[derive(Debug)]
#[cfg_attr(not(feature = "sign-in"), expect(dead_code))]
pub(crate) struct Last<C> {
    #[cfg(feature = "sign-in")]
    pub(crate) by: std::sync::Weak<auth_store::Record>,
    pub(crate) identity: Identity<C>,
}

impl<C> TokenSubject<C> {
    /// Somebody, with these claims of the application's.
    pub(crate) fn somebody(claims: &mut TokenClaims<'_>, own: C, policy: &Validation) -> Self {
        let subject = claims.subject.as_deref().unwrap_or_default();
        let mut principal = Principal::new(subject).claims(own);
        principal.scopes = claims.scopes();
        principal.acr = claims.acr.as_deref().map(Into::into);
        principal.amr = claims.amr.take().map(Into::into).unwrap_or_default();
        let mut authentication = AuthenticationInfo::new("jwt", policy.authenticated_at(claims));
        authentication.expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
        // Somebody else vouches, also where the token does not say who: it is no user of our own.
        authentication.issuer = Some(match &policy.issuer {
            Some(issuer) => Arc::clone(issuer), // it was found to be the token's
            None => claims.issuer.as_deref().unwrap_or_default().into(),
        });
        principal.roles = std::mem::take(&mut claims.roles);
        Self::Somebody(Identity::verified(principal, authentication))
    }
}

impl<C> OwnToken<C> {
    /// Every token of ours belongs to a sign-in.
    pub(crate) fn of(claims: &TokenClaims<'_>) -> Result<Self, RejectionReason> {
        let sid = claims.sign_in_id.as_deref().and_then(|sid| sid.parse().ok());
        let family = claims.family.as_deref().and_then(family_of);
        let (Some(sid), Some(family)) = (sid, family) else {
            return Err(RejectionReason::WrongKind);
        };
        let expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
        let scopes = match &claims.scope {
            Some(Texts::One(scopes)) => (**scopes).into(),
            _ => Box::default(),
        };
        Ok(Self { sid, family, scopes, expires_at, last: Mutex::new(None) })
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
