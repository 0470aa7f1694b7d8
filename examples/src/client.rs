//! [`TestClient`], which sends requests to a router in the same process. The guide uses it to show what
//! its applications answer.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt as _;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A client that keeps cookies, as a browser with one tab does. A clone is a client with the same cookies.
#[derive(Clone, Debug)]
pub struct TestClient {
    app: Router,
    cookies: Vec<(String, String)>,
    token: Option<String>,
}

/// A response whose body has been received completely.
#[derive(Clone, Debug)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl TestClient {
    /// Creates a client without cookies.
    #[must_use]
    pub fn new(app: &Router) -> Self {
        Self { app: app.clone(), cookies: Vec::new(), token: None }
    }

    /// Returns a client with the same cookies for another router, such as that of another node.
    #[must_use]
    pub fn connected_to(&self, app: &Router) -> Self {
        Self { app: app.clone(), ..self.clone() }
    }

    /// Sends this token with each request, as `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Returns the value of the cookie with this name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(own, _)| own == name).map(|(_, value)| &**value)
    }

    /// Sets a cookie, such as one of an earlier release.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(own, _)| own != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }

    /// Sends a GET request.
    ///
    /// # Panics
    ///
    /// Panics if `path` is not a path.
    pub async fn get(&mut self, path: &str) -> TestResponse {
        self.send(Request::get(path).body(Body::empty()).expect("a path")).await
    }

    /// Sends a form, such as `name=alice&password=wonderland`, from a page of the same site.
    ///
    /// # Panics
    ///
    /// Panics if `path` is not a path.
    pub async fn post(&mut self, path: &str, form: &str) -> TestResponse {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        self.send(request.expect("a path")).await
    }

    /// Sends a request, and adds the cookies and the token. Without a header `Sec-Fetch-Site`, the request comes
    /// from the same site.
    ///
    /// # Panics
    ///
    /// Panics if the body of the response is not text.
    pub async fn send(&mut self, mut request: Request<Body>) -> TestResponse {
        let headers = request.headers_mut();
        let same_origin = HeaderValue::from_static("same-origin");
        headers.entry(SEC_FETCH_SITE).or_insert(same_origin);
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| [&**name, value].join("=")).collect();
        for (name, value) in [
            (header::COOKIE, Some(cookies.join("; ")).filter(|it| !it.is_empty())),
            (header::AUTHORIZATION, self.token.as_ref().map(|token| format!("Bearer {token}"))),
        ] {
            if let Some(value) = value {
                headers.insert(name, value.try_into().expect("a header"));
            }
        }
        let response = self.app.clone().oneshot(request).await.expect("a router never fails");
        let (parts, body) = response.into_parts();
        parts.headers.get_all(header::SET_COOKIE).iter().for_each(|cookie| self.store(cookie));
        let body = to_bytes(body, usize::MAX).await.expect("a complete body");
        let body = String::from_utf8(body.into()).expect("a body of text");
        TestResponse { status: parts.status, headers: parts.headers, body }
    }

    /// Stores a cookie, or removes it if its `Max-Age` is zero.
    fn store(&mut self, cookie: &HeaderValue) {
        let cookie = cookie.to_str().expect("a cookie of text");
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let Some((name, value)) = pair.split_once('=') else { return };
        match attributes.split(';').any(|it| it.trim().eq_ignore_ascii_case("max-age=0")) {
            true => self.cookies.retain(|(own, _)| own != name),
            false => self.set_cookie(name, value),
        }
    }
}

impl TestResponse {
    /// Parses the body as JSON.
    ///
    /// # Panics
    ///
    /// Panics if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a body of JSON")
    }
}
