//! Whether the sign-in of a token still stands, and what it says of its user.

use std::sync::Arc;

use auth_core::{
    AuthFuture, AuthenticationInfo, Identity, IdentitySource, Outcome, Principal, RejectionReason,
    SignInBackend, Timestamp, Verified,
};
use auth_store::{Expiry, Peek, Record, SecretKind, SignInManager};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desk::WithSignIn;
use crate::authenticator::{Mode, rejected};
use crate::claims::words;
use crate::good_token::VerifiedToken;
use crate::jwt_auth::JwtAuth;
use crate::proven::{FAMILY_BYTES, Last, OwnToken, TokenSubject};

impl<C> Mode<C> for WithSignIn
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn conclude(
        auth: &JwtAuth<C, Self>,
        verified: VerifiedToken<C>,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        match verified.proven() {
            TokenSubject::Somebody(identity) => {
                AuthFuture::ready(Outcome::Authenticated(identity.clone()))
            }
            TokenSubject::SignIn(token) => match ask(&auth.mode, token, now) {
                Some(outcome) => AuthFuture::ready(outcome),
                None => ask_the_store(&auth.mode, verified, now),
            },
        }
    }

    fn sign_ins(auth: &JwtAuth<C, Self>) -> Option<&dyn SignInBackend<C>> {
        Some(auth)
    }
}

/// Asks the store what it knows without waiting.
fn ask<C>(mode: &WithSignIn, token: &OwnToken<C>, now: Timestamp) -> Option<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let sign_ins = &mode.desk.sign_ins;
    let mut at_once = None;
    sign_ins.store().peek(&token.sid, &mut |peek| {
        at_once = match peek {
            Peek::Authoritative(record) => Some(judge(sign_ins, record, token, now)),
            // A copy may be a moment old: what it cannot confirm, only the store can deny.
            Peek::Cached(record) => {
                Some(judge(sign_ins, Some(record), token, now)).filter(Judged::is_good)
            }
            Peek::Miss => None,
        };
    });
    at_once.map(|judged| judged.conclude(sign_ins, token, now))
}

/// Waits for what the store itself says, past every copy. There is nothing to ask about a token of
/// another issuer: it is what it was verified to be.
pub(super) fn ask_the_store<C>(
    mode: &WithSignIn,
    verified: VerifiedToken<C>,
    now: Timestamp,
) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let desk = Arc::clone(&mode.desk);
    AuthFuture::boxed(async move {
        let token = match verified.proven() {
            TokenSubject::SignIn(token) => token,
            TokenSubject::Somebody(identity) => return Outcome::Authenticated(identity.clone()),
        };
        let sign_ins = &desk.sign_ins;
        match sign_ins.store().load(&token.sid).await {
            Ok(record) => {
                judge(sign_ins, record.as_ref(), token, now).conclude(sign_ins, token, now)
            }
            Err(error) => Outcome::Unavailable(error.into()),
        }
    })
}

/// What a record says of a token. What it entails is done when the store is asked no more.
enum Judged<C> {
    /// What it said last time.
    Same {
        identity: Identity<C>,
        touch: bool,
    },
    /// Something new.
    Good {
        record: Arc<Record>,
        touch: bool,
    },
    Expired(Arc<Record>, Expiry),
    Bad(RejectionReason),
}

fn judge<C>(
    sign_ins: &SignInManager,
    record: Option<&Arc<Record>>,
    token: &OwnToken<C>,
    now: Timestamp,
) -> Judged<C> {
    let Some(record) = record else { return Judged::Bad(RejectionReason::Unknown) };
    if !token.is_of(record) {
        return Judged::Bad(RejectionReason::Rotated);
    }
    if let Some(expiry) = record.expiry(now) {
        return Judged::Expired(Arc::clone(record), expiry);
    }
    let touch = sign_ins.touch_is_due(record, now);
    match token.identity_by(record) {
        Some(identity) => Judged::Same { identity, touch },
        None => Judged::Good { record: Arc::clone(record), touch },
    }
}

impl<C> OwnToken<C> {
    /// Whether it was issued for this record as it stands: the user has not signed in anew since.
    pub(super) fn is_of(&self, record: &Record) -> bool {
        record.kind == SecretKind::Refresh && record.family.0[..FAMILY_BYTES] == self.family
    }

    /// The identity that it last came to, if it was by this record. Whoever would have to wait for it
    /// is faster without.
    fn identity_by(&self, record: &Arc<Record>) -> Option<Identity<C>> {
        let last = self.last.try_lock()?;
        let Last { by, identity } = last.as_ref()?;
        std::ptr::eq(by.as_ptr(), Arc::as_ptr(record)).then(|| identity.clone())
    }
}

impl<C> Judged<C> {
    fn is_good(&self) -> bool {
        matches!(self, Self::Same { .. } | Self::Good { .. })
    }

    fn conclude(self, sign_ins: &SignInManager, token: &OwnToken<C>, now: Timestamp) -> Outcome<C>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        if let Self::Same { touch: true, .. } | Self::Good { touch: true, .. } = self {
            sign_ins.touch(token.sid, now);
        }
        match self {
            Self::Same { identity, .. } => Outcome::Authenticated(identity),
            Self::Good { record, .. } => identify(&record, token),
            Self::Expired(record, expiry) => {
                sign_ins.expire(&record, expiry);
                rejected(RejectionReason::Expired)
            }
            Self::Bad(reason) => rejected(reason),
        }
    }
}

/// The identity that the token comes to by this record.
fn identify<C>(record: &Arc<Record>, token: &OwnToken<C>) -> Outcome<C>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let identity = match join(record, token) {
        Ok(Some(identity)) => identity,
        Ok(None) => return rejected(RejectionReason::Unknown),
        Err(error) => return unreadable(record, error.line(), error.column()),
    };
    if let Some(mut last) = token.last.try_lock() {
        *last = Some(Last { by: Arc::downgrade(record), identity: identity.clone() });
    }
    Outcome::Authenticated(identity)
}

/// Roles and claims are the record's. A scope counts if both have it: neither an old token nor a
/// changed record widens what the other allows.
fn join<C>(
    record: &Arc<Record>,
    token: &OwnToken<C>,
) -> Result<Option<Identity<C>>, serde_json::Error>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let ends_at = token.expires_at.min(record.limits.ends_at);
    let authentication = AuthenticationInfo::new("jwt", record.authenticated_at)
        .sign_in(record.sid)
        .expires_at(ends_at);
    let Some(of_record) = record.verified::<C>()? else { return Ok(None) };
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
    Ok(Some(Identity::shared(Arc::new(Joined { authentication, subject, of_record, narrowed }))))
}

impl<C> OwnToken<C> {
    fn scopes(&self) -> impl Iterator<Item = &str> {
        words(&self.scopes)
    }
}

/// Who it is by the record, and the facts by the token.
struct Joined<C> {
    authentication: AuthenticationInfo,
    /// A copy of its own, made with the rest: the record's lies far away, and every request asks.
    subject: Box<str>,
    of_record: Arc<Verified<C>>,
    narrowed: Option<Box<Principal<C>>>,
}

impl<C: Send + Sync> IdentitySource<C> for Joined<C> {
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

/// The application's claims have changed since: the user has to sign in again. It is said where, and
/// not what: the text of the error repeats the claim.
#[cold]
fn unreadable<C>(record: &Record, line: usize, column: usize) -> Outcome<C> {
    let sign_in = record.sid;
    tracing::error!(%sign_in, line, column, "the stored claims are not the layer's");
    rejected(RejectionReason::Other("stored claims"))
}
