//! The exchange of one claims type: what the layer let in, and by whom.

use std::any::{Any, type_name};
use std::sync::{Arc, OnceLock};

use http::{Extensions, HeaderMap};

use crate::authenticator::Authenticator;
use crate::clock::Clock;
use crate::context::{AuthContext, Erased, RequestState};
use crate::error::ConfigError;
use crate::future::AuthFuture;
use crate::identity::{Identity, Traits};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::rejection::{ChallengeReason, Rejection};
use crate::request_snapshot::RequestSnapshot;
use crate::sign_in_context::SignInContext;
use crate::sign_in_id::SignInId;
use crate::transport::FoundCredential;

/// What the layer let in.
#[derive(Debug)]
pub(crate) enum Admission<C> {
    Identified(Identity<C>),
    /// A known visitor whom nobody has signed in.
    Visitor(SignInId),
    Nobody,
    /// A rejected explicit credential under `.optional()`: only `Auth` may pass.
    Rejected(Rejection),
}

pub(crate) struct TypedContext<C> {
    pub(crate) auth: Arc<dyn Authenticator<Claims = C>>,
    pub(crate) standing: Admission<C>,
    pub(crate) state: RequestState,
    /// What the store itself said, once it was asked.
    confirmed: OnceLock<Identity<C>>,
}

impl<C> TypedContext<C> {
    pub(crate) fn new(
        auth: Arc<dyn Authenticator<Claims = C>>,
        found: Option<FoundCredential>,
        standing: Admission<C>,
        request: Option<Box<RequestSnapshot>>,
    ) -> Self {
        let sign_in = match &standing {
            Admission::Identified(identity) => identity.sign_in(),
            Admission::Visitor(id) => Some(*id),
            Admission::Nobody | Admission::Rejected(_) => None,
        };
        let state = RequestState::new(found, sign_in, request);
        Self { auth, standing, state, confirmed: OnceLock::new() }
    }

    pub(crate) fn identity(&self) -> Option<&Identity<C>> {
        match &self.standing {
            Admission::Identified(identity) => Some(self.confirmed.get().unwrap_or(identity)),
            _ => None,
        }
    }
}

impl<C: Send + Sync + 'static> TypedContext<C> {
    /// Returns the authenticator that found the credential: of a combination, its member.
    pub(crate) fn decider(&self) -> &dyn Authenticator<Claims = C> {
        let member = self.state.member().and_then(|path| self.auth.member(path));
        member.unwrap_or(&*self.auth)
    }

    /// Asks the backend that decided, past every copy. None if nobody is there to be confirmed.
    pub(crate) fn revalidate(
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
            Err(asking) => AuthFuture::boxed(async move { this.conclude(asking.await) }),
        })
    }

    fn conclude(&self, outcome: Outcome<C>) -> Result<Identity<C>, Refusal> {
        match outcome {
            Outcome::Authenticated(identity) => {
                let _ = self.confirmed.set(identity.clone()); // what was lent before stays as it is
                Ok(identity)
            }
            Outcome::Anonymous(_) => Err(Refusal::Unauthenticated(None)),
            Outcome::Rejected(rejection) => Err(Refusal::Unauthenticated(Some(rejection))),
            Outcome::Unavailable(error) => Err(Refusal::Unavailable(error)),
        }
    }
}

impl<C: Send + Sync + 'static> Erased for TypedContext<C> {
    fn state(&self) -> &RequestState {
        &self.state
    }
    fn claims_type(&self) -> &'static str {
        type_name::<C>()
    }
    fn traits(&self) -> Option<Traits<'_>> {
        self.identity().map(Identity::traits)
    }
    fn rejection(&self) -> Option<&Rejection> {
        match &self.standing {
            Admission::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        self.auth.challenge(reason, headers);
    }
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        let known = matches!(self.standing, Admission::Identified(_) | Admission::Visitor(_));
        let auth = if known { self.decider() } else { &*self.auth };
        auth.sign_ins()?.session_backend()
    }
    fn clock(&self) -> &Clock {
        self.decider().clock()
    }
    fn revalidate(self: Arc<Self>, request: &RequestSnapshot) -> AuthFuture<Result<(), Refusal>> {
        let Some(confirming) = Self::revalidate(&self, request) else {
            return Err(Refusal::Unauthenticated(self.rejection().copied())).into();
        };
        match confirming.into_ready() {
            Ok(confirmed) => confirmed.map(drop).into(),
            Err(asking) => AuthFuture::boxed(async { asking.await.map(drop) }),
        }
    }
    fn is_revalidated(&self) -> bool {
        self.confirmed.get().is_some()
    }
}

impl AuthContext {
    /// The typed exchange inside.
    pub(crate) fn typed<C: Send + Sync + 'static>(&self) -> Result<&TypedContext<C>, ConfigError> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref().ok_or_else(|| self.wrong_claims::<C>())
    }

    /// The typed exchange itself, to keep.
    pub(crate) fn to_typed<C: Send + Sync + 'static>(
        &self,
    ) -> Result<Arc<TypedContext<C>>, ConfigError> {
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(&self.0) as _;
        any.downcast().map_err(|_| self.wrong_claims::<C>())
    }

    fn wrong_claims<C>(&self) -> ConfigError {
        ConfigError::WrongClaims { wanted: type_name::<C>(), layer: self.0.claims_type() }
    }
}

impl<C: Send + Sync + 'static> Identity<C> {
    /// The identity of the request with these extensions, if somebody is there: for plain hyper
    /// and tonic. Under axum, extract `Identity<C>` or `Option<Identity<C>>`.
    ///
    /// # Errors
    /// What to answer instead: 401 if the request's `Authorization` header was rejected, which is
    /// not the same as nobody; 500 if no authentication layer saw the request, or one with other
    /// claims. [`AuthContext::refuse`] makes a response of it.
    pub fn of(extensions: &Extensions) -> Result<Option<&Self>, Refusal> {
        let typed = AuthContext::of(extensions, type_name::<Self>())?.typed()?;
        match typed.rejection() {
            Some(rejection) => Err(Refusal::Unauthenticated(Some(*rejection))),
            None => Ok(typed.identity()),
        }
    }
}
