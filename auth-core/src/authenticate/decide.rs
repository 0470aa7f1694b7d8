//! The decisions of the layer, as pure functions: which credential counts, whether a request of its
//! origin may use it, and whether the request is admitted.

use super::typed_context::Admission;
use crate::backend::{Attempt, Authenticator, Outcome};
use crate::context::{FoundCredential, Transport};
use crate::cross_origin::RequestOrigin;
use crate::future::AuthFuture;
use crate::head::{Authorization, RequestHead};
use crate::refusal::Refusal;
use crate::rejection::{Rejection, RejectionReason};

/// Whether a request may pass without an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Required,
    Optional,
}

/// The credential that a request's head carries, and its verification. Both are `None` together.
pub(super) struct Found<C> {
    pub(super) credential: Option<FoundCredential>,
    pub(super) outcome: Option<AuthFuture<Outcome<C>>>,
}

/// Finds the credential that decides about the request. Refuses an ambient one if the request comes
/// from another site.
#[inline]
pub(super) fn find<A: Authenticator>(
    auth: &A,
    head: &RequestHead<'_>,
) -> Result<Found<A::Claims>, Refusal> {
    let attempt = match head.authorization() {
        Authorization::Many => Some(rejected(head, RejectionReason::Duplicate)),
        authorization => match (auth.authenticate(head), authorization) {
            (Some(attempt), _) if attempt.in_header() => Some(attempt),
            // An `Authorization` header that no authenticator recognizes is never ignored.
            (_, Authorization::One(_)) => Some(rejected(head, RejectionReason::Unrecognized)),
            (attempt, _) => attempt,
        },
    };
    let Some(attempt) = attempt else { return Ok(Found { credential: None, outcome: None }) };
    let credential = FoundCredential {
        transport: attempt.transport(),
        member: attempt.member(),
        superseded: false,
    };
    if credential.transport == Transport::Ambient {
        let origin = RequestOrigin::of(head.method(), head.uri(), head.headers());
        let checked = match auth.member(credential.member) {
            Some(member) => member.cross_origin().check(&origin),
            None => auth.cross_origin().check(&origin),
        };
        checked.map_err(|_| Refusal::CrossOrigin)?;
    }
    Ok(Found { credential: Some(credential), outcome: Some(attempt.into_outcome()) })
}

/// Rejects the `Authorization` header. For a bearer token of any issuer, RFC 6750 names the error; other
/// schemes have none.
#[cold]
fn rejected<C>(head: &RequestHead<'_>, reason: RejectionReason) -> Attempt<C> {
    let bearer = head.credentials("Bearer").is_some();
    let scheme = if bearer { "bearer" } else { "unrecognized" };
    Attempt::explicit(Outcome::Rejected(Rejection::new(scheme, reason)))
}

/// Decides whether a request is admitted, and with which identity.
#[inline]
pub(super) fn admit<C>(
    policy: Policy,
    credential: &mut Option<FoundCredential>,
    outcome: Option<Outcome<C>>,
) -> Result<Admission<C>, Refusal> {
    let ambient = credential.as_mut().filter(|found| found.transport == Transport::Ambient);
    match (outcome, policy) {
        (Some(Outcome::Authenticated(identity)), _) => Ok(Admission::Identified(identity)),
        (Some(Outcome::Unavailable(error)), _) => Err(Refusal::Unavailable(error)),
        (Some(Outcome::Anonymous(id)), Policy::Optional) => Ok(Admission::Visitor(id)),
        (None, Policy::Optional) => Ok(Admission::NotSignedIn),
        (Some(Outcome::Rejected(rejection)), Policy::Optional) => match ambient {
            Some(found) => {
                let Rejection { scheme, reason } = rejection;
                tracing::info!(scheme, %reason, "credential rejected, request is anonymous");
                found.superseded = reason == RejectionReason::Rotated;
                Ok(Admission::NotSignedIn)
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
