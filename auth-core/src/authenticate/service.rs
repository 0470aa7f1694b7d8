//! [`AuthLayer`], its service and its response future.
//!
//! If a request carries several credentials, the service chooses the one that decides who sent it. It
//! also checks the origin of the request. The future waits for the verification, runs the inner
//! service, and finishes the response.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::thread;

use http::{HeaderMap, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::typed_context::{Admission, LayerOptions, Layered, Policy, TypedContext, admit};
use crate::backend::{
    Attempt, Authenticator, Outcome, SignInBackend, TokenIssuers, forward_authenticator,
};
use crate::clock::Clock;
use crate::context::{
    AuthContext, ErasedContext, FoundCredential, MemberPath, RequestSnapshot, SignInContext,
    Transport, directives, vary,
};
use crate::cookie::is_token;
use crate::cross_origin::CrossOriginProtection;
use crate::error::{AuthError, AuthErrorKind};
use crate::future::{AuthFuture, BoxFuture};
use crate::head::{Authorization, RequestHead};
use crate::identity::Identity;
use crate::refusal::{self, Refusal};
use crate::rejection::{ChallengeReason, Rejection, RejectionReason};

/// Turns any [`Authenticator`] into a Tower layer.
///
/// The backends are layers themselves. Their `.optional()` returns an `AuthLayer`, and an
/// application's own authenticator becomes a layer with [`AuthLayer::new`]:
///
/// ```
/// use auth_core::{AuthLayer, Authenticator};
/// use axum::{Router, routing::get};
///
/// fn app(auth: impl Authenticator) -> Router {
///     Router::new().route("/", get(|| async { "hello" })).layer(AuthLayer::new(auth))
/// }
/// ```
///
/// Put a CORS layer outside of it: preflight requests carry no credentials and would be refused.
pub struct AuthLayer<A> {
    auth: Shards<A>,
}

impl<A: Authenticator> AuthLayer<A> {
    /// Creates a layer that refuses every request without an identity.
    #[must_use]
    pub fn new(auth: A) -> Self {
        Self { auth: Shards::new(auth) }
    }

    fn change(self, change: impl FnOnce(&mut LayerOptions)) -> Self {
        Self { auth: self.auth.change(change) }
    }

    /// Lets requests without an identity through.
    ///
    /// An invalid [ambient](Transport::Ambient) credential, such as a cookie, counts as none. A request
    /// with an invalid [explicit](Transport::Explicit) one, such as a bearer token, passes as well, but
    /// [`Require`](crate::Require) and the extractors refuse it, except [`Auth`](crate::Auth), which
    /// returns the [reason](crate::Auth::rejection).
    #[must_use]
    pub fn optional(self) -> Self {
        self.change(|options| options.policy = Policy::Optional)
    }

    /// Treats an `Authorization` header with this scheme, such as `Basic`, as absent: it belongs to a proxy
    /// in front of the application. Any other header that no authenticator recognizes is refused. May be
    /// called several times.
    ///
    /// ```
    /// use auth_core::{AuthLayer, Authenticator};
    ///
    /// fn staging<A: Authenticator>(auth: A) -> AuthLayer<A> {
    ///     AuthLayer::new(auth).ignored_scheme("Basic") // the password of the staging server
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `scheme` is not the name of a scheme (RFC 9110 section 11.1).
    #[must_use]
    pub fn ignored_scheme(self, scheme: impl Into<Box<str>>) -> Self {
        let scheme = scheme.into();
        let is_token = !scheme.is_empty() && scheme.bytes().all(is_token);
        assert!(is_token, "`ignored_scheme` must be the name of a scheme, such as `Basic`");
        self.change(|options| options.ignored_schemes.push(scheme))
    }

    /// Sets the `Cache-Control` of responses to users and known visitors, unless the application has set
    /// one. Defaults to `private, no-cache`. Responses that set a credential always get `no-store`.
    ///
    /// # Panics
    ///
    /// Panics if `value` contains neither `private` nor `no-store`: a shared cache could give the
    /// response to another user.
    #[must_use]
    pub fn cache_control(self, value: HeaderValue) -> Self {
        let forbids = |name: &[u8]| directives(&value).any(|it| it.eq_ignore_ascii_case(name));
        let keeps_private = forbids(b"private") || forbids(b"no-store");
        assert!(keeps_private, "`cache_control` must contain `private` or `no-store`");
        self.change(|options| options.cache_control = Some(value))
    }

    /// Trusts the origins that this policy trusts, for the cookies of every backend behind this layer, in
    /// addition to those that a backend trusts itself. Defaults to [`CrossOriginProtection::STRICT`], which
    /// trusts none.
    ///
    /// ```
    /// use auth_core::{AuthLayer, Authenticator, Claims, CrossOriginProtection, InvalidOrigin, any_of};
    ///
    /// fn layer(
    ///     sessions: impl Authenticator<Claims = Claims>,
    ///     tokens: impl Authenticator<Claims = Claims>,
    /// ) -> Result<AuthLayer<impl Authenticator<Claims = Claims>>, InvalidOrigin> {
    ///     let app = CrossOriginProtection::STRICT.trusted_origin("https://app.example.com")?;
    ///     Ok(any_of((sessions, tokens)).optional().cross_origin(app))
    /// }
    /// ```
    #[must_use]
    pub fn cross_origin(self, policy: CrossOriginProtection) -> Self {
        self.change(|options| options.protection = policy)
    }

    /// Adds the user's subject to the span of each request, as the attribute `enduser.id` of OpenTelemetry's
    /// semantic conventions. The span of each request then contains personal data, so this is off by default. Some
    /// log events name the subject in any case, such as those of sign-ins, revocations and unmet requirements.
    ///
    /// The span is the current one outside of this layer, such as that of a trace layer, and needs the field:
    ///
    /// ```
    /// use tracing::field::Empty;
    ///
    /// let span = tracing::info_span!("request", enduser.id = Empty, error.type = Empty);
    /// ```
    ///
    /// If the span has the field `error.type`, a refusal records its reason there, whether or not this method
    /// is called. The reason contains nothing of the request.
    #[must_use]
    pub fn record_user_id(self) -> Self {
        self.change(|options| options.records_user = true)
    }

    /// Adds no `Cache-Control` to responses to users and known visitors. A shared cache may then give the
    /// response for one user to another, unless the application sets the header itself.
    #[must_use]
    pub fn insecure_without_cache_control(self) -> Self {
        self.change(|options| options.cache_control = None)
    }
}

impl<A> Clone for AuthLayer<A> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone() }
    }
}

impl<A> fmt::Debug for AuthLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer").field("options", self.auth.options()).finish_non_exhaustive()
    }
}

impl<A, S> Layer<S> for AuthLayer<A> {
    type Service = AuthService<A, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService { auth: self.auth.clone(), inner }
    }
}

/// Authenticates a request, and calls the inner service or refuses the request. See [`AuthLayer`].
pub struct AuthService<A, S> {
    auth: Shards<A>,
    inner: S,
}

impl<A, S> AuthService<A, S> {
    /// Creates a service that refuses every request without an identity.
    #[must_use]
    pub fn new(auth: A, inner: S) -> Self {
        Self { auth: Shards::new(auth), inner }
    }
}

impl<A, S: Clone> Clone for AuthService<A, S> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), inner: self.inner.clone() }
    }
}

impl<A, S> fmt::Debug for AuthService<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("options", self.auth.options()).finish_non_exhaustive()
    }
}

impl<A, S, B, R> Service<Request<B>> for AuthService<A, S>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<A, S, B, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let auth = self.auth.of_this_thread();
        let LayerOptions { ignored_schemes, protection, .. } = &auth.options;
        let head = RequestHead::from(&request).ignoring(ignored_schemes).trusting(protection);
        let Found { credential, outcome } = match find(&**auth, &head) {
            Ok(found) => found,
            Err(refusal) => return ResponseFuture::new(refuse(&**auth, &request, refusal)),
        };
        let outcome = match outcome.map(AuthFuture::into_ready).transpose() {
            Ok(outcome) => outcome,
            Err(verifying) => {
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone); // the ready one
                let auth = Arc::clone(auth);
                let pending = Some(Box::new(Pending { auth, credential, request, inner }));
                return ResponseFuture::new(State::Verifying { verifying, pending });
            }
        };
        // The outcome was in memory: nothing is cloned or boxed, and the inner service is called here.
        ResponseFuture::new(enter(auth, credential, outcome, request, &mut self.inner))
    }
}

/// The credential that a request's head carries, and its verification. Both are `None` together.
struct Found<C> {
    credential: Option<FoundCredential>,
    outcome: Option<AuthFuture<Outcome<C>>>,
}

/// Finds the credential that decides about the request. Refuses an ambient one if the request comes
/// from another site.
#[inline]
fn find<A: Authenticator>(auth: &A, head: &RequestHead<'_>) -> Result<Found<A::Claims>, Refusal> {
    let attempt = match head.authorization() {
        Authorization::Many => Some(rejected(head, RejectionReason::Duplicate)),
        // An `Authorization` header that no authenticator recognizes is never ignored.
        Authorization::One(_) => match auth.authenticate(&head.without_cookies()) {
            Some(attempt) if attempt.in_header() => Some(attempt),
            _ => Some(rejected(head, RejectionReason::Unrecognized)),
        },
        Authorization::Absent => auth.authenticate(head),
    };
    let Some(attempt) = attempt else { return Ok(Found { credential: None, outcome: None }) };
    let credential = FoundCredential { transport: attempt.transport(), member: attempt.member() };
    if credential.transport == Transport::Ambient {
        let policy = match auth.member(credential.member) {
            Some(member) => member.cross_origin(),
            None => auth.cross_origin(),
        };
        head.check_origin(policy).map_err(Refusal::CrossOrigin)?;
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

pin_project! {
    /// The response future of [`AuthService`](crate::AuthService).
    pub struct ResponseFuture<A: Authenticator, S, B, F, R> {
        #[pin]
        state: State<A, S, B, F, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<A: Authenticator, S, B, F, R> {
        // The outcome is not in memory. What is needed to continue is boxed.
        Verifying { verifying: BoxFuture<Outcome<A::Claims>>, pending: Option<Box<Pending<A, S, B>>> },
        Running { #[pin] inner: F, context: Unanswered<A::Claims> },
        // The response is ready, but its hook is not, such as a session that is being saved.
        Saving { saving: BoxFuture<Result<(), AuthError>>, response: Option<Response<R>>, context: Unanswered<A::Claims> },
        Refused { response: Option<Response<R>> },
    }
}

/// The context of a request that has no response yet. If there never is one, because the inner service
/// fails or the client hangs up, the sign-ins that the request started are rolled back.
struct Unanswered<C>(Option<Arc<TypedContext<C>>>);

impl<C> Unanswered<C> {
    #[inline]
    fn context(&self) -> &Arc<TypedContext<C>> {
        self.0.as_ref().expect("taken with the state that holds it")
    }
}

impl<C> Drop for Unanswered<C> {
    #[inline]
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.state.abandon();
        }
    }
}

struct Pending<A, S, B> {
    auth: Arc<Shard<A>>,
    credential: Option<FoundCredential>,
    request: Request<B>,
    inner: S,
}

impl<A: Authenticator, S, B, F, R> ResponseFuture<A, S, B, F, R> {
    #[inline(always)]
    fn new(state: State<A, S, B, F, R>) -> Self {
        Self { state }
    }
}

impl<A: Authenticator, S, B, F, R> fmt::Debug for ResponseFuture<A, S, B, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<A, S, B, R> Future for ResponseFuture<A, S, B, S::Future, R>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>>,
    R: Default + 'static,
{
    type Output = Result<Response<R>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Verifying { verifying, pending } => {
                    let outcome = ready!(verifying.as_mut().poll(cx));
                    let pending = pending.take().expect("polled after completion");
                    let Pending { auth, credential, request, mut inner } = *pending;
                    enter(&auth, credential, Some(outcome), request, &mut inner)
                }
                StateProj::Running { inner, context } => {
                    // The response is changed in place, and moved only if it has to wait.
                    let mut polled = inner.poll(cx);
                    let Poll::Ready(Ok(response)) = &mut polled else { return polled };
                    match run_hook(context.context()) {
                        None => {
                            finish(context.context(), response, Ok(()));
                            return polled;
                        }
                        Some(Ok(saved)) => {
                            finish(context.context(), response, saved);
                            return polled;
                        }
                        Some(Err(saving)) => {
                            let context = Unanswered(context.0.take());
                            let response = Some(ready!(polled)?);
                            State::Saving { saving, response, context }
                        }
                    }
                }
                StateProj::Saving { saving, response, context } => {
                    let saved = ready!(saving.as_mut().poll(cx));
                    let mut response = response.take().expect("polled after completion");
                    finish(context.context(), &mut response, saved);
                    return Poll::Ready(Ok(response));
                }
                StateProj::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
            };
            state.set(next);
        }
    }
}

type Saved = Result<(), AuthError>;

/// Starts the response hook, if there is one, and then the renewal of the credential, if that is due.
fn run_hook<C: Send + Sync + 'static>(
    context: &Arc<TypedContext<C>>,
) -> Option<Result<Saved, BoxFuture<Saved>>> {
    let hook = context.state.hook().map(|hook| {
        let context = AuthContext::new(Arc::clone(context) as _);
        Arc::clone(hook).before_response(&context)
    });
    if context.state.renewal().is_none() {
        return hook.map(AuthFuture::into_ready);
    }
    let (hook, context) = (hook.unwrap_or_else(|| Ok(()).into()), Arc::clone(context));
    Some(Err(Box::pin(async move {
        hook.await?;
        context.renew_credential().await; // as late as possible: the credential may have been replaced
        Ok(())
    })))
}

/// Adds the headers of authentication. Replaces the response by a refusal if its hook failed.
///
/// A sign-in whose credential was in the response's body is rolled back with it. So is every other one,
/// unless it is only the application's data that is wrong: then the refusal carries the cookie.
fn finish<C, R>(context: &TypedContext<C>, response: &mut Response<R>, saved: Saved)
where
    C: Send + Sync + 'static,
    R: Default + 'static,
{
    if let Err(error) = saved {
        let wrong_data =
            matches!(error.kind(), AuthErrorKind::TooLarge | AuthErrorKind::Serialization);
        if !wrong_data || context.state.has_credential_in_body() {
            context.state.roll_back();
        }
        *response = refusal_of(context, response, error);
    }
    let headers = response.headers_mut();
    vary(headers, context.auth.vary());
    context.state.deliver(headers);
    context.forbid_sharing(headers);
}

#[cold]
fn refusal_of<C, R>(
    context: &TypedContext<C>,
    response: &Response<R>,
    error: AuthError,
) -> Response<R>
where
    C: Send + Sync + 'static,
    R: Default + 'static,
{
    let grpc = refusal::grpc(response.headers());
    let refusal = match error.kind() {
        // The sign-in has ended since the request started.
        AuthErrorKind::Unauthenticated => {
            let scheme = context.identity().map_or("session", Identity::scheme);
            Refusal::Unauthenticated(Some(Rejection::new(scheme, RejectionReason::Unknown)))
        }
        _ => Refusal::Failed(error.log(context.clock())),
    };
    let backend = context.identity().map(Identity::scheme);
    refusal.into_response(grpc, backend, context.clock(), &|reason, headers| {
        context.challenge(reason, headers);
    })
}

/// Calls the inner service with the context in the request's extensions, or refuses the request.
#[inline(always)] // so that the future is built in its final place
fn enter<A, S, B, R>(
    auth: &Arc<Shard<A>>,
    credential: Option<FoundCredential>,
    outcome: Option<Outcome<A::Claims>>,
    mut request: Request<B>,
    inner: &mut S,
) -> State<A, S, B, S::Future, R>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>>,
    R: Default + 'static,
{
    match admit(auth.options.policy, credential, outcome) {
        Ok(admission) => {
            admission.record(&auth.options);
            // The response may set a visitor's cookie, which depends on the request's origin and on
            // its rejected cookie.
            let (method, uri, headers) = (request.method(), request.uri(), request.headers());
            let snapshot = match (&admission, credential) {
                (Admission::NotSignedIn, None) => RequestSnapshot::of_unsafe(method, uri, headers),
                (Admission::NotSignedIn, Some(_)) => {
                    Some(RequestSnapshot::with_cookies(method, uri, headers))
                }
                _ => None,
            };
            let protection = &auth.options.protection;
            let snapshot = snapshot.map(|it| Box::new(it.trusting(protection)));
            let renewal = match &admission {
                Admission::Identified(identity) if identity.renewal_is_due() => {
                    let ignored = &auth.options.ignored_schemes;
                    let snapshot = RequestSnapshot::of(method, uri, headers, &auth.vary(), ignored);
                    Some(snapshot.trusting(protection))
                }
                _ => None,
            };
            let auth = Arc::clone(auth) as _;
            let context = Arc::new(TypedContext::new(auth, credential, admission, snapshot));
            if let Some(request) = renewal {
                context.state.renew_before_response(request);
            }
            request.extensions_mut().insert(AuthContext::new(Arc::clone(&context) as _));
            State::Running { inner: inner.call(request), context: Unanswered(Some(context)) }
        }
        Err(refusal) => refuse(&**auth, &request, refusal),
    }
}

#[cold]
fn refuse<A: Authenticator, S, B, F, R: Default + 'static>(
    auth: &Shard<A>,
    request: &Request<B>,
    refusal: Refusal,
) -> State<A, S, B, F, R> {
    let grpc = refusal::grpc(request.headers());
    let challenger: refusal::Challenger<'_> = &|reason, headers| auth.challenge(reason, headers);
    let mut response = refusal.into_response(grpc, None, auth.clock(), challenger);
    vary(response.headers_mut(), auth.vary());
    State::Refused { response: Some(response) }
}

/// One authenticator, shared by all requests without a shared reference count.
///
/// Every request holds its authenticator, so every request counts a reference. With a single counter,
/// all cores would contend for its cache line; here each thread has a counter of its own.
struct Shards<A>(Arc<[Arc<Shard<A>>]>);

/// One counter, far enough from the next one for any cache.
#[repr(align(128))]
struct Shard<A> {
    auth: Arc<A>,
    options: LayerOptions,
}

#[cfg(feature = "testing")]
impl<C: Send + Sync + 'static> TypedContext<C> {
    /// Creates the context of a request without a credential, behind an optional layer.
    pub(crate) fn without_credential(auth: impl Authenticator<Claims = C>) -> Arc<Self> {
        let shard = Shard { auth: Arc::new(auth), options: LayerOptions::DEFAULT };
        Arc::new(Self::new(Arc::new(shard), None, Admission::NotSignedIn, None))
    }
}

impl<A> Shards<A> {
    fn new(auth: A) -> Self {
        let auth = Arc::new(auth);
        static COUNT: LazyLock<usize> = LazyLock::new(|| {
            thread::available_parallelism().map_or(1, usize::from).min(16).next_power_of_two()
        });
        let shard = || Shard { auth: Arc::clone(&auth), options: LayerOptions::DEFAULT };
        Self((0..*COUNT).map(|_| Arc::new(shard())).collect())
    }

    fn options(&self) -> &LayerOptions {
        &self.0[0].options
    }

    fn change(self, change: impl FnOnce(&mut LayerOptions)) -> Self {
        let mut options = self.options().clone();
        change(&mut options);
        let shards = self.0.iter();
        let changed = |shard: &Arc<Shard<A>>| {
            Arc::new(Shard { auth: Arc::clone(&shard.auth), options: options.clone() })
        };
        Self(shards.map(changed).collect())
    }

    #[inline]
    fn of_this_thread(&self) -> &Arc<Shard<A>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! { static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) }
        let own = OWN.try_with(|own| *own).unwrap_or(0); // fails while the thread shuts down
        &self.0[own & (self.0.len() - 1)]
    }
}

impl<A> Clone for Shards<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Authenticator> Authenticator for Shard<A> {
    forward_authenticator!(A::Claims, |this| this.auth);
}

impl<A: Authenticator> Layered for Shard<A> {
    fn options(&self) -> &LayerOptions {
        &self.options
    }
}
