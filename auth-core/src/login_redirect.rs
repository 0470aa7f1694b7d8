//! [`LoginRedirect`]: sends browsers to the login page instead of answering 401.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use url::form_urlencoded;

use crate::error::AuthErrorKind;
use crate::refusal::Refusal;
use crate::return_path::{InvalidReturnPath, ReturnPath};

/// A Tower layer that redirects browsers to the login page instead of answering 401.
///
/// It goes outside of the authentication layer. If a person opens a page in a browser and the response would
/// be 401, it redirects to the login page with 303. The query parameter `next` names the page to return to.
///
/// ```
/// # use auth_core::{AnyOf, Claims, InvalidReturnPath, LoginRedirect};
/// # use axum::Router;
/// # fn app(routes: Router, auth: auth_core::AuthLayer<AnyOf<Claims>>) -> Result<Router, InvalidReturnPath> {
/// let login = LoginRedirect::to("/login")?.step_up("/confirm")?;
/// let app: Router = routes.layer(auth).layer(login); // a later layer is outside of the earlier ones
/// # Ok(app) }
/// ```
///
/// The login page reads `next` as a [`ReturnPath`], which refuses other sites.
///
/// A request opens a page if the browser says so (`Sec-Fetch-Mode: navigate`). If the browser does not send
/// this header, the request opens a page if its `Accept` header contains `text/html`. All other requests keep
/// the 401 with its challenge: API calls, `fetch`, WebSockets, and every request with an `Authorization`
/// header. Refusals of this crate are redirected, among them an [`AuthError`](crate::AuthError) of the kind
/// [`Unauthenticated`](AuthErrorKind::Unauthenticated) that a handler returns. Another 401 of a handler is not.
///
/// The page to return to is the path of the request. If the method is not `GET` or `HEAD`, as when a form was
/// sent, `next` is left out, because the login page could not send the form again. With axum, use this layer
/// on the outermost router: the path that a nested router sees lacks its prefix.
///
/// A refused request for the login page itself keeps its 401, because its redirects would never end.
#[derive(Clone, Debug)]
#[must_use]
pub struct LoginRedirect(Arc<Targets>);

#[derive(Clone, Debug)]
struct Targets {
    login: ReturnPath,
    step_up: Option<ReturnPath>,
}

impl LoginRedirect {
    /// Creates the layer. `login` is the path of the login page. It may have a query.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidReturnPath`] if `login` is not a path of this site.
    pub fn to(login: &str) -> Result<Self, InvalidReturnPath> {
        Ok(Self(Arc::new(Targets { login: login.parse()?, step_up: None })))
    }

    /// Sets the page where a signed-in user authenticates again. The layer redirects a request to it if the
    /// last authentication was too long ago or too weak for the route
    /// ([`Require::max_auth_age`](crate::Require::max_auth_age), [`Require::acr`](crate::Require::acr),
    /// [`Require::amr`](crate::Require::amr)). Defaults to no redirect: such a request keeps its response.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidReturnPath`] if `path` is not a path of this site.
    pub fn step_up(self, path: &str) -> Result<Self, InvalidReturnPath> {
        let login = self.0.login.clone();
        Ok(Self(Arc::new(Targets { login, step_up: Some(path.parse()?) })))
    }
}

impl Targets {
    /// Returns where to redirect a refused request for this page.
    fn location(&self, page: &Page, refusal: &Refusal) -> Option<HeaderValue> {
        let target = match refusal {
            Refusal::Unauthenticated(_) => Some(&self.login),
            Refusal::Failed(error) if error.kind() == AuthErrorKind::Unauthenticated => {
                Some(&self.login)
            }
            Refusal::StepUp { .. } => self.step_up.as_ref(),
            _ => None,
        }?;
        if *page.path == *target.without_query() {
            return None;
        }
        let (target, fragment) = match target.as_str().split_once('#') {
            Some((target, fragment)) => (target, format!("#{fragment}")),
            None => (target.as_str(), String::new()),
        };
        let query = page.next.as_ref().map(|next| {
            let start = if target.contains('?') { '&' } else { '?' };
            let next = form_urlencoded::Serializer::new(String::new())
                .append_pair("next", next.as_str())
                .finish();
            format!("{start}{next}")
        });
        format!("{target}{}{fragment}", query.unwrap_or_default()).try_into().ok()
    }
}

/// A page that a person opens.
struct Page {
    path: Box<str>,
    next: Option<ReturnPath>,
}

impl Page {
    /// Returns `None` if the request does not open a page.
    fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        if !opens_a_page(headers) || headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let next = uri.path_and_query().filter(|_| is_read);
        let next = next.and_then(|path| path.as_str().parse().ok());
        Some(Self { path: uri.path().into(), next })
    }
}

fn opens_a_page(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get("sec-fetch-mode") {
        return mode == "navigate";
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(','));
    types.any(|media_type| {
        let name = media_type.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("text/html")
    })
}

impl<S> Layer<S> for LoginRedirect {
    type Service = LoginRedirectService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LoginRedirectService { targets: Arc::clone(&self.0), inner }
    }
}

/// The service of a [`LoginRedirect`].
#[derive(Clone, Debug)]
pub struct LoginRedirectService<S> {
    targets: Arc<Targets>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for LoginRedirectService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = LoginRedirectFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let page = Page::of(request.method(), request.uri(), request.headers());
        let page = page.map(|page| (Arc::clone(&self.targets), page));
        LoginRedirectFuture { inner: self.inner.call(request), page }
    }
}

pin_project! {
    /// The response future of a [`LoginRedirectService`].
    pub struct LoginRedirectFuture<F> {
        #[pin]
        inner: F,
        page: Option<(Arc<Targets>, Page)>,
    }
}

impl<F> fmt::Debug for LoginRedirectFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRedirectFuture").finish_non_exhaustive()
    }
}

impl<F, R, E> Future for LoginRedirectFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let refusal = response.extensions().get::<Arc<Refusal>>();
        let location = this.page.as_ref().zip(refusal);
        let location =
            location.and_then(|((targets, page), refusal)| targets.location(page, refusal));
        if let Some(location) = location {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.extensions_mut().remove::<Arc<Refusal>>(); // an outer layer writes no body for it
            let headers = response.headers_mut();
            headers.remove(header::WWW_AUTHENTICATE);
            headers.insert(header::LOCATION, location);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt as _, service_fn};

    use super::*;

    #[tokio::test]
    async fn an_outer_layer_finds_a_refusal_only_in_a_response_that_is_not_redirected() {
        let refuse = service_fn(async |_: Request<()>| {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            response.extensions_mut().insert(Arc::new(Refusal::Unauthenticated(None)));
            Ok::<_, Infallible>(response)
        });
        let service = LoginRedirect::to("/login").unwrap().layer(refuse);
        for (accept, status) in [("text/html", 303), ("application/json", 401)] {
            let request = Request::get("/cart").header(header::ACCEPT, accept).body(()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            let refusal = response.extensions().get::<Arc<Refusal>>();
            assert_eq!(refusal.is_some(), status == 401);
        }
    }
}
