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
use crate::cross_origin::CrossOriginProtection;
use crate::error::ConfigError;
use crate::future::AuthFuture;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::metrics;
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

impl<C> Admission<C> {
    /// Counts the request, and adds its user to the current span if the layer does so.
    #[inline]
    pub(super) fn record(&self, options: &LayerOptions) {
        let (identity, backend) = match self {
            Self::Identified(identity) => ("user", identity.scheme()),
            Self::Visitor(_) => ("visitor", ""),
            Self::NotSignedIn => ("none", ""),
            Self::Rejected(rejection) => ("rejected", rejection.scheme),
        };
        metrics::allowed(identity, backend);
        if options.records_user
            && let Self::Identified(identity) = self
        {
            tracing::Span::current().record("enduser.id", identity.subject());
        }
    }
}

/// What a layer decides for every backend.
#[derive(Clone, Debug)]
pub(crate) struct LayerOptions {
    pub(super) policy: Policy,
    /// The schemes of the `Authorization` header that count as absent.
    pub(super) ignored_schemes: Vec<Box<str>>,
    /// The `Cache-Control` of responses to known users, unless the application sets one.
    pub(super) cache_control: Option<HeaderValue>,
    /// The origins that are trusted for every backend.
    pub(super) protection: CrossOriginProtection,
    /// Whether the current span gets the user's subject.
    pub(super) records_user: bool,
}

impl LayerOptions {
    pub(super) const DEFAULT: Self = Self {
        policy: Policy::Required,
        ignored_schemes: Vec::new(),
        cache_control: Some(HeaderValue::from_static("private, no-cache")),
        protection: CrossOriginProtection::STRICT,
        records_user: false,
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
    credential: Option<FoundCredential>,
    outcome: Option<Outcome<C>>,
) -> Result<Admission<C>, Refusal> {
    match (outcome, policy) {
        (Some(Outcome::Authenticated(identity)), _) => Ok(Admission::Identified(identity)),
        (Some(Outcome::Unavailable(error)), _) => Err(Refusal::Unavailable(error)),
        (Some(Outcome::Anonymous(id)), Policy::Optional) => Ok(Admission::Visitor(id)),
        (None, Policy::Optional) => Ok(Admission::NotSignedIn),
        (Some(Outcome::Rejected(rejection)), Policy::Optional) => match credential {
            Some(found) if found.transport == Transport::Ambient => {
                let Rejection { scheme, reason } = rejection;
                tracing::info!(scheme, %reason, "credential rejected, request is anonymous");
                Ok(Admission::NotSignedIn)
            }
            _ => Ok(Admission::Rejected(rejection)),
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
    /// Whom the request acts for, once that has changed.
    changes: IdentityChanges<C>,
}

/// For whom a request acts after a change, and the changes that followed. None is ever removed,
/// because references to it may have been handed out.
struct IdentityChanges<C>(OnceLock<Box<IdentityChange<C>>>);

struct IdentityChange<C> {
    /// `None` if the backend that refreshed another sign-in did not report the user.
    subject: Option<Arc<str>>,
    /// `None` if the backend did not report it.
    identity: Option<Identity<C>>,
    cause: Cause,
    next: IdentityChanges<C>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A sign-in or refresh in this request.
    SignIn,
    /// A sign-in in this request that is not complete.
    Pending,
    /// The identity is that of the store.
    Revalidation,
}

impl<C> IdentityChanges<C> {
    fn iter(&self) -> impl Iterator<Item = &IdentityChange<C>> {
        let first = self.0.get();
        std::iter::successors(first, |change| change.next.0.get()).map(|change| &**change)
    }

    #[inline]
    fn last(&self) -> Option<&IdentityChange<C>> {
        self.iter().last()
    }

    fn add(&self, subject: Option<Arc<str>>, identity: Option<Identity<C>>, cause: Cause) {
        let next = Self(OnceLock::new());
        let mut change = Box::new(IdentityChange { subject, identity, cause, next });
        let mut at = self;
        while let Err(taken) = at.0.set(change) {
            change = taken;
            at = &at.0.get().expect("it was not empty").next;
        }
    }
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
        let state = RequestState::of_request(credential, sign_in, request);
        Self { auth, admission, state, changes: IdentityChanges(OnceLock::new()) }
    }

    pub(crate) fn identity(&self) -> Option<&Identity<C>> {
        match (self.changes.last(), &self.admission) {
            (Some(change), _) => change.identity.as_ref(),
            (None, Admission::Identified(identity)) => Some(identity),
            (None, _) => None,
        }
    }

    /// Makes the request act for this subject, after a sign-in or a refresh.
    pub(crate) fn act_for(&self, subject: Option<Arc<str>>, identity: Option<Identity<C>>) {
        self.changes.add(subject, identity, Cause::SignIn);
    }

    /// Makes the request anonymous until a second factor is verified.
    pub(crate) fn act_for_pending(&self) {
        self.changes.add(None, None, Cause::Pending);
    }

    /// Returns the subject whose sign-ins the request may list and end: a user who is signed in here.
    /// Returns `Some(None)` for a user of another issuer, because an equal subject there is a
    /// different user.
    pub(crate) fn local_subject(&self) -> Option<Option<&str>> {
        if let Some(IdentityChange { subject, cause: Cause::SignIn, .. }) = self.changes.last() {
            return subject.as_deref().map(Some);
        }
        Some(self.identity()?.local_subject())
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
        let this = Arc::clone(self);
        // The request's credential does not prove the sign-in that it acts for now.
        if self.acts_for_own_sign_in() {
            let identity = identity.clone();
            return Some(AuthFuture::boxed(async move {
                let outcome = this.find_in_store(identity).await;
                this.conclude(outcome)
            }));
        }
        let outcome = self.auth.revalidate(SignInContext::new(&self.state, request), identity);
        Some(match outcome.into_ready() {
            Ok(outcome) => this.conclude(outcome).into(),
            Err(verifying) => AuthFuture::boxed(async move { this.conclude(verifying.await) }),
        })
    }

    /// Delivers the request's credential again, if that is due. If it fails, the client keeps the credential that
    /// it has.
    pub(super) async fn renew_credential(&self) {
        if let (Some(request), Some(sign_ins)) = (self.state.renewal(), self.auth.sign_ins())
            && let Err(error) = sign_ins.renew(SignInContext::new(&self.state, request)).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "credential not renewed");
        }
    }

    fn is_revalidated(&self) -> bool {
        self.changes.last().is_some_and(|change| change.cause == Cause::Revalidation)
    }

    fn acts_for_own_sign_in(&self) -> bool {
        self.changes.iter().any(|change| change.cause == Cause::SignIn)
    }

    /// Looks for the sign-in of this identity, which this request started, among those of its user.
    async fn find_in_store(&self, identity: Identity<C>) -> Outcome<C> {
        let Some(backend) = self.auth.sign_ins() else {
            return Outcome::Authenticated(identity);
        };
        match backend.stored_sign_ins().list(identity.subject()).await {
            Ok(listed) if listed.iter().any(|info| Some(info.id) == identity.sign_in()) => {
                Outcome::Authenticated(identity)
            }
            Ok(_) => Outcome::Rejected(Rejection::new(identity.scheme(), RejectionReason::Unknown)),
            Err(error) => Outcome::Unavailable(error.into()),
        }
    }

    fn conclude(&self, outcome: Outcome<C>) -> Result<Identity<C>, Refusal> {
        match outcome {
            Outcome::Authenticated(identity) => {
                // The first one stays, so that a stream that revalidates often adds no more.
                if !self.is_revalidated() {
                    let subject = Arc::clone(&identity.principal().subject);
                    self.changes.add(Some(subject), Some(identity.clone()), Cause::Revalidation);
                }
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
        let Principal { roles, scopes, acr, amr, .. } = identity.principal();
        Some(Authorized {
            subject: identity.subject(),
            scheme: identity.scheme(),
            roles,
            scopes,
            acr: acr.as_deref(),
            amr,
            issuer: identity.issuer(),
            is_local: identity.local_subject().is_some(),
            has_actor: identity.actor().is_some(),
            authenticated_at: identity.authenticated_at(),
        })
    }
    fn is_identified(&self) -> bool {
        match self.changes.last() {
            Some(change) => change.cause != Cause::Pending,
            None => matches!(self.admission, Admission::Identified(_)),
        }
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
        let auth: &dyn Authenticator<Claims = C> =
            match self.state.active_member().and_then(|path| self.auth.member(path)) {
                Some(member) => member,
                None if known => self.decider(),
                None => &*self.auth,
            };
        auth.sign_ins()?.session_backend()
    }
    fn clock(&self) -> &Clock {
        self.decider().clock()
    }
    fn snapshot(&self, head: &RequestHead<'_>) -> RequestSnapshot {
        let (vary, LayerOptions { ignored_schemes, protection, .. }) =
            (self.auth.vary(), self.auth.options());
        let (method, uri, headers) = (head.method(), head.uri(), head.headers());
        RequestSnapshot::of(method, uri, headers, &vary, ignored_schemes).trusting(protection)
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
        self.is_revalidated()
    }
}
