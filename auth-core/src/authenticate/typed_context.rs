//! Admits or refuses a request, and defines the [`TypedContext`] that the layer keeps for it.
//!
//! The typed context knows the application's claims type; the request extension does not.

use std::any::{Any, TypeId, type_name};
use std::sync::{Arc, OnceLock};

use http::header::Entry;
use http::{HeaderMap, HeaderValue, header};

use crate::backend::{Authenticator, Outcome};
use crate::clock::Clock;
use crate::context::{
    AuthContext, Authorized, ErasedContext, FoundCredential, RequestSnapshot, RequestState,
    SignInContext, Transport,
};
use crate::error::ConfigError;
use crate::future::AuthFuture;
use crate::identity::Identity;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::rejection::{ChallengeReason, Rejection, RejectionReason};
use crate::sign_in_id::SignInId;

/// How the layer admitted a request.
#[derive(Debug)]
pub(crate) enum Admission<C> {
    Identified(Identity<C>),
    /// A known visitor.
    Visitor(SignInId),
    NotSignedIn,
    /// An explicit credential was rejected under `.optional()`. Only `Auth` lets the request pass.
    Rejected(Rejection),
}

/// What a layer decides for every backend.
#[derive(Clone, Debug)]
pub(crate) struct LayerOptions {
    pub(super) policy: Policy,
    /// The schemes of the `Authorization` header that count as absent.
    pub(super) ignored_schemes: Vec<Box<str>>,
    /// The `Cache-Control` of responses to known users, unless the application sets one.
    pub(super) cache_control: Option<HeaderValue>,
}

impl LayerOptions {
    pub(super) const DEFAULT: Self = Self {
        policy: Policy::Required,
        ignored_schemes: Vec::new(),
        cache_control: Some(HeaderValue::from_static("private, no-cache")),
    };
}

/// An authenticator with the options of its layer.
pub(crate) trait Layered: Authenticator {
    fn options(&self) -> &LayerOptions;
}

/// Whether a request may pass without an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Required,
    Optional,
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
        (Some(Outcome::Authenticated(identity) | Outcome::Renewed(identity, _)), _) => {
            Ok(Admission::Identified(identity))
        }
        (Some(Outcome::Unavailable(error)), _) => Err(Refusal::Unavailable(error)),
        (Some(Outcome::Anonymous(id)), Policy::Optional) => Ok(Admission::Visitor(id)),
        (None, Policy::Optional) => Ok(Admission::NotSignedIn),
        (Some(Outcome::Rejected(rejection)), Policy::Optional) => match ambient {
            Some(found) => {
                let Rejection { scheme, reason } = rejection;
                tracing::info!(scheme, %reason, "credential rejected, request is anonymous");
                found.rotated = reason == RejectionReason::Rotated;
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

/// The context of a request with its claims type: the admission, the authenticator, and the state.
pub(crate) struct TypedContext<C> {
    pub(crate) auth: Arc<dyn Layered<Claims = C>>,
    admission: Admission<C>,
    pub(crate) state: RequestState,
    /// The identity by the store, once it was revalidated.
    revalidated: OnceLock<Identity<C>>,
}

impl<C> TypedContext<C> {
    pub(crate) fn new(
        auth: Arc<dyn Layered<Claims = C>>,
        credential: Option<FoundCredential>,
        admission: Admission<C>,
        request: Option<Box<RequestSnapshot>>,
    ) -> Self {
        let sign_in = match &admission {
            Admission::Identified(identity) => identity.sign_in(),
            Admission::Visitor(id) => Some(*id),
            Admission::NotSignedIn | Admission::Rejected(_) => None,
        };
        let state = RequestState::new(credential, sign_in, request);
        Self { auth, admission, state, revalidated: OnceLock::new() }
    }

    pub(crate) fn identity(&self) -> Option<&Identity<C>> {
        match &self.admission {
            Admission::Identified(identity) => Some(self.revalidated.get().unwrap_or(identity)),
            _ => None,
        }
    }
}

impl<C: Send + Sync + 'static> TypedContext<C> {
    /// Adds `Cache-Control` to a response that may contain what only this user or visitor may see, unless
    /// the application has set it. A cache may store a response without it, even to a request with a
    /// cookie (RFC 9111 sections 3 and 4.2.2).
    pub(super) fn forbid_sharing(&self, headers: &mut HeaderMap) {
        let known = matches!(self.admission, Admission::Identified(_) | Admission::Visitor(_));
        if known
            && let Some(value) = &self.auth.options().cache_control
            && let Entry::Vacant(entry) = headers.entry(header::CACHE_CONTROL)
        {
            entry.insert(value.clone());
        }
    }

    /// Returns the context inside of the request's extension.
    pub(crate) fn of(context: &AuthContext) -> Result<Arc<Self>, ConfigError> {
        context.check_claims::<C>()?;
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(context.erased()) as _;
        Ok(any.downcast().expect("its claims type was checked"))
    }

    /// Returns the authenticator that found the credential. In a combination, that is a member.
    pub(crate) fn decider(&self) -> &dyn Authenticator<Claims = C> {
        let member = self.state.member().and_then(|path| self.auth.member(path));
        member.unwrap_or(&*self.auth)
    }

    /// Verifies the credential again, bypassing every cache. Returns `None` if the request has no
    /// identity.
    pub(crate) fn revalidate_identity(
        self: &Arc<Self>,
        request: &RequestSnapshot,
    ) -> Option<AuthFuture<Result<Identity<C>, Refusal>>> {
        let identity = self.identity()?;
        let outcome = match self.auth.sign_ins() {
            Some(sign_ins) => {
                sign_ins.revalidate(SignInContext::new(&self.state, request), identity)
            }
            None => Outcome::Authenticated(identity.clone()).into(),
        };
        let this = Arc::clone(self);
        Some(match outcome.into_ready() {
            Ok(outcome) => this.conclude(outcome).into(),
            Err(verifying) => AuthFuture::boxed(async move { this.conclude(verifying.await) }),
        })
    }

    fn conclude(&self, outcome: Outcome<C>) -> Result<Identity<C>, Refusal> {
        match outcome {
            Outcome::Authenticated(identity) | Outcome::Renewed(identity, _) => {
                // The first one stays: references to it may have been handed out.
                let _ = self.revalidated.set(identity.clone());
                Ok(identity)
            }
            Outcome::Anonymous(_) => Err(Refusal::Unauthenticated(None)),
            Outcome::Rejected(rejection) => Err(Refusal::Unauthenticated(Some(rejection))),
            Outcome::Unavailable(error) => Err(Refusal::Unavailable(error)),
        }
    }
}

impl<C: Send + Sync + 'static> ErasedContext for TypedContext<C> {
    fn state(&self) -> &RequestState {
        &self.state
    }
    fn claims_type(&self) -> (TypeId, &'static str) {
        (TypeId::of::<C>(), type_name::<C>())
    }
    fn identity(&self) -> Option<&dyn Any> {
        self.identity().map(|identity| identity as _)
    }
    fn authorized(&self) -> Option<Authorized<'_>> {
        let identity = self.identity()?;
        let Principal { roles, scopes, acr, .. } = identity.principal();
        Some(Authorized {
            subject: identity.subject(),
            roles,
            scopes,
            acr: acr.as_deref(),
            authenticated_at: identity.authenticated_at(),
        })
    }
    fn rejection(&self) -> Option<&Rejection> {
        match &self.admission {
            Admission::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        self.auth.challenge(reason, headers);
    }
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        let known = matches!(self.admission, Admission::Identified(_) | Admission::Visitor(_));
        let auth: &dyn Authenticator<Claims = C> = if known { self.decider() } else { &*self.auth };
        auth.sign_ins()?.session_backend()
    }
    fn clock(&self) -> &Clock {
        self.decider().clock()
    }
    fn ignored_schemes(&self) -> &[Box<str>] {
        &self.auth.options().ignored_schemes
    }
    fn revalidate(self: Arc<Self>, request: &RequestSnapshot) -> AuthFuture<Result<(), Refusal>> {
        let Some(revalidating) = self.revalidate_identity(request) else {
            return Err(Refusal::Unauthenticated(self.rejection().copied())).into();
        };
        match revalidating.into_ready() {
            Ok(revalidated) => revalidated.map(drop).into(),
            Err(revalidating) => AuthFuture::boxed(async { revalidating.await.map(drop) }),
        }
    }
    fn is_revalidated(&self) -> bool {
        self.revalidated.get().is_some()
    }
}
