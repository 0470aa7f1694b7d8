//! [`TestUser`]: a user who is signed in, for the tests of an application (feature `testing`).
//!
//! The sign-in is a real one, made by the backend under test. So what a handler does with `Identity`,
//! [`Auth`] and `Session` in a test is what it does in production.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Method, Request, header};
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::Auth;
use crate::authenticate::TypedContext;
use crate::backend::{Authenticator, SignedIn};
use crate::context::RequestSnapshot;
use crate::error::AuthError;

/// A user who is signed in, without a login route and a password: a layer that adds the user's credential to
/// requests.
///
/// Put it outside of the authentication layer, such as around the whole application. A request that has an
/// `Authorization` or `Cookie` header of its own passes unchanged.
///
/// ```
/// use auth_core::testing::TestUser;
/// use auth_core::{AuthError, AuthLayer, Authenticator, Claims, Identity, Principal};
/// use axum::{Router, routing::get};
///
/// async fn orders(user: Identity) -> String {
///     format!("orders of {}", user.subject())
/// }
///
/// async fn app_of_alice<A>(auth: A) -> Result<Router, AuthError>
/// where
///     A: Authenticator<Claims = Claims> + Clone, // a SessionAuth, a JwtAuth, or `any_of` both
/// {
///     let principal = Principal::new("alice").role("buyer");
///     let alice = TestUser::sign_in(auth.clone(), |auth| auth.sign_in(principal)).await?;
///     Ok(Router::new().route("/orders", get(orders)).layer(AuthLayer::new(auth)).layer(alice))
/// }
/// ```
///
/// With a store in memory, a test needs no service. With [`ManualClock`](crate::ManualClock) as the clock of
/// the backend, it advances the time until the sign-in expires.
#[derive(Clone)]
pub struct TestUser {
    headers: HeaderMap,
}

crate::redacted_debug!(TestUser {});

impl TestUser {
    /// Signs a user in, as a handler does for a request without a credential. `sign_in` gets the [`Auth`] of this
    /// request and can use all of its options, such as [`as_tokens`](crate::SignIn::as_tokens).
    ///
    /// # Errors
    ///
    /// Returns the errors of `sign_in`, and a [configuration error](crate::ConfigError::NoSignIns) if the
    /// backend only verifies credentials.
    pub async fn sign_in<A, F>(
        auth: A,
        sign_in: impl FnOnce(Auth<A::Claims>) -> F,
    ) -> Result<Self, AuthError>
    where
        A: Authenticator,
        F: IntoFuture<Output = Result<SignedIn, AuthError>>,
    {
        let mut login = Request::new(());
        *login.method_mut() = Method::POST;
        let snapshot = RequestSnapshot::new(&login, &auth.vary());
        let context = TypedContext::without_credential(auth);
        let handle = Auth::in_context(Arc::clone(&context), snapshot);
        let signed_in = sign_in(handle).await?;
        let mut response = HeaderMap::new();
        context.state.deliver(&mut response);
        Ok(Self { headers: credential(&response, &signed_in) })
    }

    /// Returns the headers that carry the user's credential: `Cookie`, `Authorization`, or both if a cookie
    /// carries the refresh token.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

/// Returns the headers that a client sends after this response.
fn credential(response: &HeaderMap, signed_in: &SignedIn) -> HeaderMap {
    let value =
        |text: String| HeaderValue::try_from(text).expect("a credential fits into a header");
    let cookies = response.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    let kept: Vec<_> = cookies.filter(|pair| !pair.ends_with('=')).collect(); // the others are removals
    let mut headers = HeaderMap::new();
    if !kept.is_empty() {
        headers.insert(header::COOKIE, value(kept.join("; ")));
    }
    if let Some(tokens) = &signed_in.tokens {
        let credential = format!("{} {}", tokens.token_type, tokens.access_token);
        headers.insert(header::AUTHORIZATION, value(credential));
    }
    headers.values_mut().for_each(|value| value.set_sensitive(true));
    headers
}

impl<S> Layer<S> for TestUser {
    type Service = TestUserService<S>;

    fn layer(&self, inner: S) -> TestUserService<S> {
        TestUserService { headers: self.headers.clone(), inner }
    }
}

/// The service of a [`TestUser`].
#[derive(Clone)]
pub struct TestUserService<S> {
    headers: HeaderMap,
    inner: S,
}

crate::redacted_debug!(TestUserService<S> {});

impl<S: Service<Request<B>>, B> Service<Request<B>> for TestUserService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let headers = request.headers_mut();
        let own = [header::AUTHORIZATION, header::COOKIE];
        if !own.iter().any(|name| headers.contains_key(name)) {
            headers.extend(self.headers.clone());
        }
        self.inner.call(request)
    }
}
