//! One request and its response, as authentication sees them: the only request extension.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use http::{Extensions, HeaderMap, Response};
use parking_lot::Mutex;

use crate::acting::ActiveSignIn;
use crate::clock::Clock;
use crate::cross_site::{CrossOriginError, CrossOriginProtection};
use crate::effects::ResponseEffects;
use crate::error::{AuthError, ConfigError};
use crate::future::AuthFuture;
use crate::identity::Traits;
use crate::refusal::{self, Refusal};
use crate::rejection::{ChallengeReason, Rejection};
use crate::request_snapshot::RequestSnapshot;
use crate::sign_in_id::SignInId;
use crate::transport::{FoundCredential, MemberPath, Transport};

/// What the layer found out about a request, and what handlers made of it since.
///
/// It is the request's only extension, and knows no claims type: so a wrong one can be told from a
/// missing layer. Handlers use [`Identity`](crate::Identity), [`Auth`](crate::Auth) and `Session`, which find it.
#[derive(Clone)]
pub struct AuthContext(pub(crate) Arc<dyn Erased>);

impl AuthContext {
    /// The exchange of the request with these extensions.
    ///
    /// # Errors
    /// [`ConfigError::NoLayer`], naming what was `wanted`.
    pub fn of<'a>(
        extensions: &'a Extensions,
        wanted: &'static str,
    ) -> Result<&'a Self, ConfigError> {
        extensions.get().ok_or(ConfigError::NoLayer { wanted })
    }

    /// What belongs to this exchange, whatever the claims' type.
    #[must_use]
    pub fn state(&self) -> &RequestState {
        self.0.state()
    }

    /// What the deciding backend offers to a `Session`: its
    /// [`session_host`](crate::SignInBackend::session_backend).
    #[must_use]
    pub fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.session_backend()
    }

    /// Whether somebody is signed in.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        self.0.traits().is_some()
    }

    /// Why an `Authorization` header was rejected, under `.optional()`: whoever needs to know who it
    /// is has to refuse the request.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.0.rejection()
    }

    /// Adds to an [`Unauthenticated`](crate::AuthErrorKind::Unauthenticated) error what could have worked.
    #[must_use]
    pub fn challenge(&self, error: AuthError) -> AuthError {
        self.0.explain(error)
    }

    /// A response that refuses the request with these headers, as the layer would.
    #[must_use]
    pub fn refuse<B: Default>(&self, request: &HeaderMap, refusal: Refusal) -> Response<B> {
        refusal.into_response(refusal::grpc(request), &|reason, headers| {
            self.0.challenge(reason, headers);
        })
    }

    pub(crate) fn erased(&self) -> &dyn Erased {
        &*self.0
    }
}

impl fmt::Debug for AuthContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthContext({:?})", self.0.traits())
    }
}

/// The exchange without its claims' type.
pub(crate) trait Erased: Any + Send + Sync {
    fn state(&self) -> &RequestState;
    fn claims_type(&self) -> &'static str;
    fn traits(&self) -> Option<Traits<'_>>;
    fn rejection(&self) -> Option<&Rejection>;
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap);
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)>;
    fn clock(&self) -> &Clock;

    /// Asks the store itself who it is: the identity is that from then on.
    fn revalidate(self: Arc<Self>, request: &RequestSnapshot) -> AuthFuture<Result<(), Refusal>>;
    fn is_revalidated(&self) -> bool;
}

/// What outlives a request's head: written by handlers, read before the response leaves. A request
/// that only reads its identity writes nothing here.
#[derive(Debug)]
pub struct RequestState {
    found: Option<FoundCredential>,
    sign_in: Option<SignInId>,
    request: Option<Box<RequestSnapshot>>,
    written: OnceLock<Box<Written>>,
}

#[derive(Debug)]
struct Written {
    sign_in: Mutex<ActiveSignIn>,
    effects: Mutex<ResponseEffects>,
    hook: OnceLock<Arc<dyn ResponseHook>>,
}

/// The one thing that runs before a response leaves. Whoever keeps state for the request puts it
/// there at its first use ([`RequestState::hook_or_init`]), so that other requests pay nothing.
pub trait ResponseHook: Any + Send + Sync + fmt::Debug {
    /// Does what has to be done first. If it fails, the client gets a refusal instead.
    fn before_response(self: Arc<Self>, context: &AuthContext)
    -> AuthFuture<Result<(), AuthError>>;

    /// Forgets what was to be done: it belonged to a sign-in for which the request acts no more.
    fn discard(&self);
}

impl RequestState {
    pub(crate) fn new(
        found: Option<FoundCredential>,
        sign_in: Option<SignInId>,
        request: Option<Box<RequestSnapshot>>,
    ) -> Self {
        Self { found, sign_in, request, written: OnceLock::new() }
    }

    /// Whether the response may set a visitor's cookie. A browser leaves a user's cookies out of a
    /// request that another site makes; one that is set in return would take their place.
    ///
    /// # Errors
    /// [`CrossOriginError`] if the request comes from another site that is not trusted.
    pub fn check_origin(&self, policy: &CrossOriginProtection) -> Result<(), CrossOriginError> {
        self.request.as_ref().map_or(Ok(()), |request| request.check_origin(policy))
    }

    /// Whether a newer cookie has taken the place of the request's: it must not be replaced.
    #[must_use]
    pub fn is_superseded(&self) -> bool {
        self.found.is_some_and(|found| found.superseded)
    }

    fn written(&self) -> &Written {
        self.written.get_or_init(|| {
            Box::new(Written {
                sign_in: Mutex::new(ActiveSignIn::since_before(self.sign_in)),
                effects: Mutex::default(),
                hook: OnceLock::new(),
            })
        })
    }

    /// How the credential that decided came; none if none came.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Some(self.found?.transport)
    }

    /// Returns which member of a combination found the credential that decided.
    pub(crate) fn member(&self) -> Option<MemberPath> {
        self.found.map(|found| found.member)
    }

    /// The stored sign-in that this request acts for: the credential's, until the request changed it.
    #[must_use]
    pub fn sign_in(&self) -> Option<SignInId> {
        self.written.get().map_or(self.sign_in, |written| written.sign_in.lock().id())
    }

    /// The sign-in that was made in this request: to be taken back if the response cannot leave.
    #[must_use]
    pub fn new_sign_in(&self) -> Option<SignInId> {
        self.written.get()?.sign_in.lock().made_here()
    }

    /// A backend made this sign-in: the request acts for it from now on.
    pub fn signed_in(&self, id: SignInId) {
        *self.written().sign_in.lock() = ActiveSignIn::newly(id);
    }

    /// The request acts for this sign-in from now on, which was there before.
    pub fn switch_to(&self, id: SignInId) {
        if self.sign_in() != Some(id) {
            self.discard();
            *self.written().sign_in.lock() = ActiveSignIn::since_before(Some(id));
        }
    }

    /// The sign-in was taken back; the request acts as it did before.
    pub fn undo_sign_in(&self, before: Option<SignInId>) {
        *self.written().sign_in.lock() = ActiveSignIn::since_before(before);
    }

    /// The sign-in is over; the request acts for nobody from now on.
    pub fn signed_out(&self) {
        self.discard();
        *self.written().sign_in.lock() = ActiveSignIn::since_before(None);
    }

    /// Forgets what the request meant to do to the sign-in that it acted for.
    pub fn discard(&self) {
        if let Some(hook) = self.hook() {
            hook.discard();
        }
    }

    /// Changes what the response will carry.
    pub fn effects(&self, change: impl FnOnce(&mut ResponseEffects)) {
        change(&mut self.written().effects.lock());
    }

    /// The state that runs before the response leaves; made by the first caller.
    pub fn hook_or_init(
        &self,
        new: impl FnOnce() -> Arc<dyn ResponseHook>,
    ) -> &Arc<dyn ResponseHook> {
        self.written().hook.get_or_init(new)
    }

    /// The state that runs before the response leaves, if there is any.
    #[must_use]
    pub fn hook(&self) -> Option<&Arc<dyn ResponseHook>> {
        self.written.get()?.hook.get()
    }

    pub(crate) fn write_effects(&self, headers: &mut HeaderMap) {
        if let Some(written) = self.written.get() {
            written.effects.lock().write(headers);
        }
    }
}
