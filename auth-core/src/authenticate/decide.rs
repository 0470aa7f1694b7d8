//! The decisions of the layer, as pure functions.

use super::policy::Policy;
use crate::authenticator::{Attempt, Authenticator};
use crate::carrier::{Carrier, Found};
use crate::cross_site::RequestOrigin;
use crate::future::AuthFuture;
use crate::head::{Authorization, Head};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::rejection::{Reason, Rejection};
use crate::typed::Standing;

/// What a request's head says: how its credential came, and what became of it.
pub(super) struct Asked<C> {
    pub(super) found: Option<Found>,
    pub(super) outcome: Option<AuthFuture<Outcome<C>>>,
}

/// Asks the authenticator, unless the `Authorization` header or the request's origin decide.
#[inline]
pub(super) fn ask<A: Authenticator>(
    auth: &A,
    head: &Head<'_>,
) -> Result<Asked<A::Claims>, Refusal> {
    let attempt = match head.authorization() {
        Authorization::Many => Some(rejected(head, Reason::Duplicate)),
        authorization => match (auth.authenticate(head), authorization) {
            (Some(attempt), _) if attempt.in_header() => Some(attempt),
            // An `Authorization` header that nobody recognised is never passed over.
            (_, Authorization::One(_)) => Some(rejected(head, Reason::Unrecognized)),
            (attempt, _) => attempt,
        },
    };
    let Some(attempt) = attempt else { return Ok(Asked { found: None, outcome: None }) };
    let found = Found { carrier: attempt.carrier(), backend: attempt.backend(), late: false };
    if found.carrier == Carrier::Ambient {
        let origin = RequestOrigin::of(head.method(), head.uri(), head.headers());
        auth.cross_site(found.backend).check(&origin).map_err(|_| Refusal::CrossSite)?;
    }
    Ok(Asked { found: Some(found), outcome: Some(attempt.into_outcome()) })
}

/// A bearer token is one whoever issued it (RFC 6750 names the error); another scheme is not ours.
#[cold]
fn rejected<C>(head: &Head<'_>, reason: Reason) -> Attempt<C> {
    let bearer = head.credentials("Bearer").is_some();
    let scheme = if bearer { "bearer" } else { "unrecognized" };
    Attempt::explicit(Outcome::Rejected(Rejection::new(scheme, reason)))
}

/// Lets a request in, and as whom; or refuses it.
#[inline]
pub(super) fn admit<C>(
    policy: Policy,
    found: &mut Option<Found>,
    outcome: Option<Outcome<C>>,
) -> Result<Standing<C>, Refusal> {
    let ambient = found.as_mut().filter(|found| found.carrier == Carrier::Ambient);
    match (outcome, policy) {
        (Some(Outcome::Authenticated(identity)), _) => Ok(Standing::Identified(identity)),
        (Some(Outcome::Unavailable(error)), _) => Err(Refusal::Unavailable(error)),
        (Some(Outcome::Anonymous(id)), Policy::Optional) => Ok(Standing::Visitor(id)),
        (None, Policy::Optional) => Ok(Standing::Nobody),
        (Some(Outcome::Rejected(rejection)), Policy::Optional) => match ambient {
            Some(found) => {
                let Rejection { scheme, reason } = rejection;
                tracing::info!(scheme, %reason, "credential rejected, request is anonymous");
                found.late = reason == Reason::Rotated;
                Ok(Standing::Nobody)
            }
            None => Ok(Standing::Rejected(rejection)),
        },
        (Some(Outcome::Rejected(rejection)), Policy::Required) => {
            Err(Refusal::Unauthenticated(Some(rejection)))
        }
        (None | Some(Outcome::Anonymous(_)), Policy::Required) => {
            Err(Refusal::Unauthenticated(None))
        }
    }
}
