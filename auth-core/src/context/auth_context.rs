//! [`AuthContext`], the request extension, and the trait object inside of it.
//!
//! The trait object hides the claims type, so that the extension has the same type for every layer.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Response};

use super::request_state::RequestState;
use super::sign_in_context::RequestSnapshot;
use crate::clock::{Clock, Timestamp};
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::future::AuthFuture;
use crate::head::RequestHead;
use crate::refusal::{self, Refusal};
use crate::rejection::{ChallengeReason, Rejection};

/// The authentication of a request: what the layer found, and what handlers have changed since.
///
/// It is the layer's only request extension. Handlers use [`Identity`](crate::Identity),
/// [`Auth`](crate::Auth) and `Session`, which find it.
#[derive(Clone)]
pub struct AuthContext(Arc<dyn ErasedContext>);

impl AuthContext {
    pub(crate) fn new(erased: Arc<dyn ErasedContext>) -> Self {
        Self(erased)
    }

    /// Returns the context of the request with these extensions.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError::NoLayer`], which names `wanted`.
    pub fn of<'a>(
        extensions: &'a Extensions,
        wanted: &'static str,
    ) -> Result<&'a Self, ConfigError> {
        extensions.get().ok_or(ConfigError::NoLayer { wanted })
    }

    /// Returns the state of the request, which is independent of the claims type.
    #[must_use]
    pub fn state(&self) -> &RequestState {
        self.0.state()
    }

    /// Returns what the backend that found the request's credential provides for a `Session`: its
    /// [`session_backend`](crate::SignInBackend::session_backend).
    #[must_use]
    pub fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.session_backend()
    }

    /// Returns whether the request acts for a user: that of its credential, or one who has signed in
    /// since.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        self.0.is_identified()
    }

    /// Returns why an [explicit](crate::Transport::Explicit) credential was rejected under `.optional()`.
    /// Code that needs the identity must refuse such a request.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.0.rejection()
    }

    /// Adds the layer's challenges to an error whose response is 401.
    #[must_use]
    pub fn challenge(&self, error: AuthError) -> AuthError {
        self.0.add_challenges(error)
    }

    /// Returns the response with which the layer would refuse a request that has these headers. Its body is
    /// empty. If the refusal is a configuration error and the body that of axum, it explains the fix.
    #[must_use]
    pub fn refuse<B: Default + 'static>(
        &self,
        request: &HeaderMap,
        refusal: Refusal,
    ) -> Response<B> {
        let backend = self.0.authorized().map(|identity| identity.scheme);
        let challenger: refusal::Challenger<'_> =
            &|reason, headers| self.0.challenge(reason, headers);
        refusal.into_response(refusal::grpc(request), backend, self.0.clock(), challenger)
    }

    pub(crate) fn erased(&self) -> &Arc<dyn ErasedContext> {
        &self.0
    }

    /// Checks that the layer authenticates the claims type `C`.
    pub(crate) fn check_claims<C: 'static>(&self) -> Result<(), ConfigError> {
        let (id, layer) = self.0.claims_type();
        if id == TypeId::of::<C>() {
            return Ok(());
        }
        Err(ConfigError::WrongClaims { wanted: type_name::<C>(), layer })
    }
}

impl fmt::Debug for AuthContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthContext({:?})", self.0.authorized())
    }
}

/// What [`Require`](crate::Require) reads of an identity, whatever its claims type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorized<'a> {
    pub(crate) subject: &'a str,
    pub(crate) scheme: &'static str,
    pub(crate) roles: &'a [Box<str>],
    pub(crate) scopes: &'a [Box<str>],
    pub(crate) acr: Option<&'a str>,
    pub(crate) amr: &'a [Box<str>],
    pub(crate) issuer: Option<&'a str>,
    /// Whether the identity is of a user of this application.
    pub(crate) is_local: bool,
    /// Whether another user acts for this one.
    pub(crate) has_actor: bool,
    pub(crate) authenticated_at: Option<Timestamp>,
}

/// The context of a request without its claims type.
pub(crate) trait ErasedContext: Any + Send + Sync {
    fn state(&self) -> &RequestState;
    fn claims_type(&self) -> (TypeId, &'static str);

    /// The `Identity<C>` of the request, if there is one.
    fn identity(&self) -> Option<&dyn Any>;
    fn authorized(&self) -> Option<Authorized<'_>>;
    fn is_identified(&self) -> bool;
    fn rejection(&self) -> Option<&Rejection>;
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap);
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)>;
    fn clock(&self) -> &Clock;

    /// Copies what backends need of this request after its head is gone.
    fn snapshot(&self, head: &RequestHead<'_>) -> RequestSnapshot;

    /// Verifies the credential against the store, which replaces the request's identity.
    fn revalidate(self: Arc<Self>, request: &RequestSnapshot) -> AuthFuture<Result<(), Refusal>>;
    fn is_revalidated(&self) -> bool;
}

impl dyn ErasedContext {
    /// Adds the layer's challenges to an error whose response is 401.
    pub(crate) fn add_challenges(&self, error: AuthError) -> AuthError {
        let rejection = match error.kind() {
            AuthErrorKind::Unauthenticated => error.rejection().or(self.rejection()),
            AuthErrorKind::WrongCredentials => None, // the request's own credential is not the cause
            _ => return error,
        };
        let mut headers = HeaderMap::new();
        self.challenge(
            &rejection
                .map_or(ChallengeReason::MissingCredential, ChallengeReason::InvalidCredential),
            &mut headers,
        );
        error.with_challenges(headers)
    }
}
