//! The decisions of the layer, as pure functions.

use super::policy::Policy;
use crate::authenticator::{Attempt, Authenticator};
use crate::cross_site::RequestOrigin;
use crate::future::AuthFuture;
use crate::head::{Authorization, RequestHead};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::rejection::{Rejection, RejectionReason};
use crate::transport::{FoundCredential, Transport};
use crate::typed::Admission;

/// What a request's head says: how its credential came, and what became of it.
pub(super) struct Asked<C> {
    pub(super) found: Option<FoundCredential>,
    pub(super) outcome: Option<AuthFuture<Outcome<C>>>,
}

/// Asks the authenticator, unless the `Authorization` header or the request's origin decide.
#[inline]
pub(super) fn ask<A: Authenticator>(
    auth: &A,
    head: &RequestHead<'_>,
) -> Result<Asked<A::Claims>, Refusal> {
    let attempt = match head.authorization() {
        Authorization::Many => Some(rejected(head, RejectionReason::Duplicate)),
        authorization => match (auth.authenticate(head), authorization) {
            (Some(attempt), _) if attempt.in_header() => Some(attempt),
            // An `Authorization` header that nobody recognised is never passed over.
            (_, Authorization::One(_)) => Some(rejected(head, RejectionReason::Unrecognized)),
            (attempt, _) => attempt,
        },
    };
    let Some(attempt) = attempt else { return Ok(Asked { found: None, outcome: None }) };
    let found = FoundCredential {
        transport: attempt.transport(),
        member: attempt.member(),
        superseded: false,
    };
    if found.transport == Transport::Ambient {
        let origin = RequestOrigin::of(head.method(), head.uri(), head.headers());
        let checked = match auth.member(found.member) {
            Some(member) => member.cross_origin().check(&origin),
            None => auth.cross_origin().check(&origin),
        };
        checked.map_err(|_| Refusal::CrossOrigin)?;
    }
    Ok(Asked { found: Some(found), outcome: Some(attempt.into_outcome()) })
}

/// A bearer token is one whoever issued it (RFC 6750 names the error); another scheme is not ours.
#[cold]
fn rejected<C>(head: &RequestHead<'_>, reason: RejectionReason) -> Attempt<C> {
    let bearer = head.credentials("Bearer").is_some();
    let scheme = if bearer { "bearer" } else { "unrecognized" };
    Attempt::explicit(Outcome::Rejected(Rejection::new(scheme, reason)))
}

/// Lets a request in, and as whom; or refuses it.
#[inline]
pub(super) fn admit<C>(
    policy: Policy,
    found: &mut Option<FoundCredential>,
    outcome: Option<Outcome<C>>,
) -> Result<Admission<C>, Refusal> {
    let ambient = found.as_mut().filter(|found| found.transport == Transport::Ambient);
    match (outcome, policy) {
        (Some(Outcome::Authenticated(identity)), _) => Ok(Admission::Identified(identity)),
        (Some(Outcome::Unavailable(error)), _) => Err(Refusal::Unavailable(error)),
        (Some(Outcome::Anonymous(id)), Policy::Optional) => Ok(Admission::Visitor(id)),
        (None, Policy::Optional) => Ok(Admission::Nobody),
        (Some(Outcome::Rejected(rejection)), Policy::Optional) => match ambient {
            Some(found) => {
                let Rejection { scheme, reason } = rejection;
                tracing::info!(scheme, %reason, "credential rejected, request is anonymous");
                found.superseded = reason == RejectionReason::Rotated;
                Ok(Admission::Nobody)
            }
            None => Ok(Admission::Rejected(rejection)),
        },
        (Some(Outcome::Rejected(rejection)), Policy::Required) => {
            Err(Refusal::Unauthenticated(Some(rejection)))
        }
        (None | Some(Outcome::Anonymous(_)), Policy::Required) => {
            Err(Refusal::Unauthenticated(None))
        }
    }
}
