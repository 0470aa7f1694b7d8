//! The application that the suite sends requests to: a handler behind the layer of the backend.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower_service::Service;

use super::fixture::BackendFixture;
use super::report::{Violation, ensure};
use crate::auth::Auth;
use crate::authenticate::AuthLayer;
use crate::backend::{Attempt, Authenticator, SignedIn};
use crate::context::{AuthContext, Transport};
use crate::error::AuthError;
use crate::future::BoxFuture;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::require::Require;

/// The layer of a backend under test.
pub type TestLayer<C> = AuthLayer<Arc<dyn Authenticator<Claims = C>>>;

/// The application behind the layer, for every framework: a Tower service that reads no request body.
pub struct Handler<C>(Arc<MakePrincipal<C>>);

/// Returns the principal to sign in for a subject.
type MakePrincipal<C> = dyn Fn(&str) -> Principal<C> + Send + Sync;

impl<C> Clone for Handler<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Handler<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

impl<C: Send + Sync + 'static, B> Service<Request<B>> for Handler<C> {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (handler, (head, _)) = (self.clone(), request.into_parts());
        Box::pin(async move {
            let answer = handler.answer(&head).await;
            Ok(answer.unwrap_or_else(|refusal| refuse(&head, refusal)))
        })
    }
}

impl<C: Send + Sync + 'static> Handler<C> {
    async fn answer(&self, head: &Parts) -> Result<Response<String>, Refusal> {
        let auth = Auth::<C>::of(head)?;
        match head.uri.path() {
            "/who" => Ok(Response::new(who(&auth))),
            "/me" => {
                let identity = Identity::<C>::of(&head.extensions)?;
                let identity = identity.ok_or(Refusal::Unauthenticated(None))?;
                Ok(Response::new(identity.subject().to_owned()))
            }
            "/scoped" => {
                let context = AuthContext::of(&head.extensions, "the suite")?;
                Require::scope("a-scope-that-nobody-has").check(context)?;
                Ok(Response::default())
            }
            "/refresh" => answer_to(auth.refresh().await),
            "/sign-out" => Ok(auth.sign_out().await.map(|()| Response::default())?),
            "/revoke-others" => Ok(Response::new(auth.revoke_others().await?.to_string())),
            "/sign-ins" => {
                let sign_ins = auth.sign_ins().await?;
                let current = sign_ins.iter().filter(|sign_in| sign_in.current).count();
                Ok(Response::new(format!("{} {current}", sign_ins.len())))
            }
            path => match path.strip_prefix("/sign-in/") {
                Some(subject) => answer_to(auth.sign_in((self.0)(subject)).await),
                None => Ok(status(StatusCode::NOT_FOUND)),
            },
        }
    }
}

/// Returns the subject of the request, or why there is none.
fn who<C: Send + Sync + 'static>(auth: &Auth<C>) -> String {
    match (auth.identity(), auth.rejection()) {
        (Some(identity), _) => identity.subject().to_owned(),
        (None, Some(_)) => REJECTED.to_owned(),
        (None, None) => ANONYMOUS.to_owned(),
    }
}

fn answer_to(signed_in: Result<SignedIn, AuthError>) -> Result<Response<String>, Refusal> {
    Ok(match signed_in?.tokens {
        None => status(StatusCode::NO_CONTENT),
        Some(tokens) => Response::new(serde_json::to_string(&tokens).unwrap_or_default()),
    })
}

fn status(status: StatusCode) -> Response<String> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn refuse(head: &Parts, refusal: Refusal) -> Response<String> {
    match AuthContext::of(&head.extensions, "the suite") {
        Ok(context) => context.refuse(&head.headers, refusal),
        Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// What the handler answers to a request without a valid credential.
pub(super) const ANONYMOUS: &str = "(anonymous)";
pub(super) const REJECTED: &str = "(rejected)";

/// The users of the suite.
pub(super) const ADA: &str = "ada";
pub(super) const BOB: &str = "bob";

type Serve =
    dyn Fn(Request<String>) -> BoxFuture<Result<Response<String>, Violation>> + Send + Sync;

/// A backend, and two applications behind its layer.
pub(super) struct Tested<F> {
    pub(super) fixture: Arc<F>,
    required: Box<Serve>,
    optional: Box<Serve>,
}

/// How the layer treats requests without a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Required,
    Optional,
}

impl<F: BackendFixture> Tested<F> {
    pub(super) fn new<A, B>(
        fixture: Arc<F>,
        mount: &impl Fn(TestLayer<F::Claims>, Handler<F::Claims>) -> A,
    ) -> Self
    where
        A: Service<Request<String>, Response = Response<B>> + Clone + Send + Sync + 'static,
        A::Future: Send,
        A::Error: Into<Box<dyn Error + Send + Sync>>,
        B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let principal = Arc::clone(&fixture);
        let handler = Handler(Arc::new(move |subject| principal.principal(subject)));
        let layer = || AuthLayer::new(fixture.backend());
        let required = serve(mount(layer(), handler.clone()));
        let optional = serve(mount(layer().optional(), handler));
        Self { fixture, required, optional }
    }
}

fn serve<A, B>(application: A) -> Box<Serve>
where
    A: Service<Request<String>, Response = Response<B>> + Clone + Send + Sync + 'static,
    A::Future: Send,
    A::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    Box::new(move |request| {
        let mut application = application.clone();
        Box::pin(async move {
            poll_fn(|context| application.poll_ready(context)).await.map_err(Violation::failed)?;
            let response = application.call(request).await.map_err(Violation::failed)?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(Violation::failed)?.to_bytes();
            Ok(Response::from_parts(head, String::from_utf8_lossy(&body).into_owned()))
        })
    })
}

impl<F: BackendFixture> Tested<F> {
    pub(super) async fn send(
        &self,
        policy: Policy,
        request: Request<String>,
    ) -> Result<Response<String>, Violation> {
        match policy {
            Policy::Required => (self.required)(request).await,
            Policy::Optional => (self.optional)(request).await,
        }
    }

    /// Gets a page with these headers.
    pub(super) async fn get(
        &self,
        policy: Policy,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response<String>, Violation> {
        self.send(policy, request(Method::GET, path, headers)).await
    }

    /// Posts to the application whose layer lets requests without a credential through.
    pub(super) async fn post(
        &self,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response<String>, Violation> {
        self.send(Policy::Optional, request(Method::POST, path, headers)).await
    }

    /// Returns the subject of a request with these headers, or [`ANONYMOUS`] or [`REJECTED`].
    pub(super) async fn who(&self, headers: &HeaderMap) -> Result<String, Violation> {
        let response = self.get(Policy::Optional, "/who", headers).await?;
        ensure(response.status().is_success(), describe("an optional page", &response))?;
        Ok(response.into_body())
    }

    /// Requires that a request with these headers has an identity.
    pub(super) async fn is_valid(
        &self,
        headers: &HeaderMap,
        subject: &str,
        what: &str,
    ) -> Result<(), Violation> {
        let found = self.who(headers).await?;
        ensure(found == subject, format!("{what} of {subject} is for {found}"))
    }

    /// Requires that a request with these headers is refused, and tells the client how to authenticate. The
    /// application that lets requests without a credential through does not take it for a user either.
    pub(super) async fn is_rejected(
        &self,
        headers: &HeaderMap,
        what: &str,
    ) -> Result<(), Violation> {
        let refused = self.get(Policy::Required, "/me", headers).await?;
        ensure(refused.status() == StatusCode::UNAUTHORIZED, describe(what, &refused))?;
        is_challenged(&refused, what)?;
        let found = self.get(Policy::Optional, "/who", headers).await?;
        let expected = match self.attempt(headers, what) {
            Ok(attempt) if attempt.transport() == Transport::Ambient => ANONYMOUS,
            Ok(_) => REJECTED,
            // The layer rejects an `Authorization` header that no backend recognizes.
            Err(_) if headers.contains_key(header::AUTHORIZATION) => REJECTED,
            Err(unrecognized) => return Err(unrecognized),
        };
        ensure(found.body() == expected, describe(what, &found))?;
        let page = self.get(Policy::Optional, "/me", headers).await?;
        ensure(page.status() == StatusCode::UNAUTHORIZED, describe(what, &page))
    }

    /// Returns what the backend finds in a request with these headers.
    pub(super) fn attempt(
        &self,
        headers: &HeaderMap,
        what: &str,
    ) -> Result<Attempt<F::Claims>, Violation> {
        let request = request(Method::GET, "/who", headers);
        let attempt = self.fixture.backend().authenticate(&RequestHead::from(&request));
        attempt.ok_or_else(|| Violation::new(format!("{what} is taken for no credential")))
    }

    /// Returns a new credential of this user.
    pub(super) async fn issue(&self, subject: &str) -> Result<HeaderMap, Violation> {
        match self.fixture.issue(subject).await {
            Some(headers) => Ok(headers),
            None => self.sign_in(subject, &HeaderMap::new()).await,
        }
    }

    /// Signs in with these headers. Returns the new credential.
    pub(super) async fn sign_in(
        &self,
        subject: &str,
        headers: &HeaderMap,
    ) -> Result<HeaderMap, Violation> {
        let response = self.post(&format!("/sign-in/{subject}"), headers).await?;
        self.issued(&response, "a sign-in")
    }

    /// Returns the credential that a successful response has delivered.
    pub(super) fn issued(
        &self,
        response: &Response<String>,
        what: &str,
    ) -> Result<HeaderMap, Violation> {
        ensure(response.status().is_success(), describe(what, response))?;
        let credential = self.fixture.credential_of(response);
        ensure(!credential.is_empty(), format!("{what} delivers no credential"))?;
        Ok(credential)
    }

    /// Returns the headers of a credential without which it proves something else.
    pub(super) async fn deciding(
        &self,
        credential: &HeaderMap,
        subject: &str,
    ) -> Result<HeaderMap, Violation> {
        let mut deciding = HeaderMap::new();
        for name in credential.keys() {
            let mut others = credential.clone();
            others.remove(name);
            if self.who(&others).await? != subject {
                deciding.extend(
                    credential.get_all(name).iter().map(|value| (name.clone(), value.clone())),
                );
            }
        }
        Ok(deciding)
    }

    pub(super) fn signs_in(&self) -> bool {
        self.fixture.backend().sign_ins().is_some()
    }
}

pub(super) fn request(method: Method, path: &str, headers: &HeaderMap) -> Request<String> {
    let mut request = Request::new(String::new());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    request.headers_mut().clone_from(headers);
    request
}

/// Describes a response that differs from what is expected. It omits the headers, which may hold secrets.
pub(super) fn describe(what: &str, response: &Response<String>) -> String {
    let shown = if response.body().contains("token") { "tokens" } else { response.body() };
    format!("the response to {what} is {} with {shown:?}", response.status())
}

/// Requires a challenge in the syntax of RFC 9110 section 11.6.1.
pub(super) fn is_challenged(response: &Response<String>, what: &str) -> Result<(), Violation> {
    let challenges = response.headers().get_all(header::WWW_AUTHENTICATE);
    let is_scheme = |scheme: &str| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    ensure(challenges.iter().next().is_some(), format!("the response to {what} has no challenge"))?;
    for challenge in challenges {
        let challenge = challenge.to_str().unwrap_or_default();
        let scheme = challenge.split(' ').next().unwrap_or_default();
        ensure(is_scheme(scheme), format!("the challenge {challenge:?} begins with no scheme"))?;
    }
    Ok(())
}

/// Returns the `error` in the challenge of this scheme, if there is such a challenge.
pub(super) fn error_of(response: &Response<String>, scheme: &str) -> Option<Option<String>> {
    let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
    let mut challenges = challenges.filter_map(|challenge| challenge.to_str().ok());
    let challenge = challenges.find(|challenge| {
        let found = challenge.split(' ').next();
        found.is_some_and(|found| found.eq_ignore_ascii_case(scheme))
    })?;
    let error = challenge.split("error=\"").nth(1).and_then(|rest| rest.split('"').next());
    Some(error.map(str::to_owned))
}
