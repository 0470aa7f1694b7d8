//! [`EndpointService`]: endpoints that other programs call with a form in the body of a POST request.
//!
//! A closure decides the answer to one form. What all endpoints have in common is here: the method, the
//! authentication of the client, the parameters, and the form of errors (RFC 6749 section 5.2).

use std::fmt;
use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, BoxError, BoxFuture, Challenge, to_completion};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use tower_service::Service;

use crate::client_secrets::ClientSecrets;
use crate::document::always_ready;

/// The room for the other parameters of a form beside its token.
const OTHER_PARAMETERS: usize = 4096;

/// A Tower service that answers forms which clients post, such as
/// [introspection](crate::JwtAuth::introspection_service) and
/// [revocation](crate::JwtAuth::revocation_service).
///
/// It accepts POST requests at any path, and responds with 405 to other methods. It must not be behind the
/// authentication layer, which would refuse the credentials of clients. It reads no cookie, so a page of
/// another site cannot act as the user by calling it.
#[derive(Clone)]
pub struct EndpointService {
    /// Answers a form.
    answer: Arc<dyn Fn(Form) -> BoxFuture<Answer> + Send + Sync>,
    /// The maximum length of the token in a form.
    max_token_bytes: usize,
    clients: Option<ClientSecrets>,
}

pub(crate) type Answer = Result<Response<String>, EndpointError>;

impl EndpointService {
    /// Creates a service whose forms have tokens of at most this length.
    pub(crate) fn new<F>(
        max_token_bytes: usize,
        answer: impl Fn(Form) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let answer = Arc::new(move |form| Box::pin(answer(form)) as BoxFuture<Answer>);
        Self { answer, max_token_bytes, clients: None }
    }

    /// Requires that a request authenticates as one of these clients. Replaces the clients that were required
    /// before. Defaults to no authentication, except for
    /// [introspection](crate::JwtAuth::introspection_service), which always requires it.
    #[must_use]
    pub fn clients(self, clients: ClientSecrets) -> Self {
        Self { clients: Some(clients), ..self }
    }

    /// Answers a request. The client is authenticated before its form is read.
    async fn answer<B>(self, request: Request<B>) -> Answer
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(EndpointError::Method);
        }
        if self.clients.is_some_and(|clients| !clients.has(&head.headers)) {
            return Err(EndpointError::InvalidClient);
        }
        // Percent-encoding makes at most three bytes of one.
        let max_bytes = self.max_token_bytes * 3 + OTHER_PARAMETERS;
        let form = Form::read(&head.headers, body, max_bytes).await?;
        // What a client asked to end is ended even if it hangs up.
        to_completion((self.answer)(form)).await
    }
}

impl<B> Service<Request<B>> for EndpointService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    always_ready!(BoxFuture);

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let answer = service.answer(request).await;
            Ok(answer.unwrap_or_else(EndpointError::response))
        })
    }
}

impl fmt::Debug for EndpointService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointService").field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// Why an endpoint refuses a request or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// The method is not POST.
    Method,
    /// The form is too long, is not a form, or lacks a parameter.
    InvalidRequest,
    /// The client did not authenticate.
    InvalidClient,
    /// The store did not answer.
    Unavailable,
    /// The store has no room. To ask again at once does not help.
    Full,
}

impl From<AuthError> for EndpointError {
    fn from(error: AuthError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "endpoint failed");
        match error.kind() {
            AuthErrorKind::TooLarge => Self::Full,
            _ => Self::Unavailable,
        }
    }
}

impl EndpointError {
    fn response(self) -> Response<String> {
        let (status, code) = match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "invalid_request"),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
            // The status of a logout that failed (OpenID Connect Back-Channel Logout 1.0 section 2.8).
            Self::Full => (StatusCode::BAD_REQUEST, "server_error"),
        };
        let mut response = respond(status, Some(&json!({ "error": code })));
        let headers = response.headers_mut();
        match self {
            Self::Method => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
            Self::InvalidRequest | Self::Full => {}
            Self::InvalidClient => {
                let realm = Challenge::DEFAULT_REALM;
                Challenge::new("Basic").param("realm", realm).append_to(headers);
            }
            Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
        }
        response
    }
}

/// Returns a response with this JSON, or without a body, which no cache keeps.
pub(crate) fn respond(status: StatusCode, json: Option<&Value>) -> Response<String> {
    let mut response = Response::new(json.map(Value::to_string).unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if json.is_some() {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    response
}

/// How many parameters a form may have. Each one is compared with all others.
const MAX_PARAMETERS: usize = 32;

/// The parameters of a form, each of which occurs once (RFC 6749 section 3.1).
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    async fn read<B>(headers: &HeaderMap, body: B, max_bytes: usize) -> Result<Self, EndpointError>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let invalid = EndpointError::InvalidRequest;
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let media_type = media_type.and_then(|it| it.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(invalid);
        }
        let body = Limited::new(body, max_bytes).collect().await.map_err(|_| invalid)?;
        let mut form = Vec::<(String, String)>::new();
        for (name, value) in form_urlencoded::parse(&body.to_bytes()) {
            if form.len() == MAX_PARAMETERS || form.iter().any(|(known, _)| *known == name) {
                return Err(invalid);
            }
            form.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(form))
    }

    /// Returns the value of a parameter. An empty one counts as missing.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidRequest`](EndpointError::InvalidRequest) if there is none.
    pub(crate) fn require(&self, name: &str) -> Result<&str, EndpointError> {
        let mut values = self.0.iter().filter(|(known, value)| known == name && !value.is_empty());
        values.next().map(|(_, value)| &**value).ok_or(EndpointError::InvalidRequest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fault: reading a form took quadratic time, before any client was known.
    #[tokio::test]
    async fn a_form_of_many_parameters_is_refused() {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form_type)]);
        for (count, accepted) in [(MAX_PARAMETERS, true), (MAX_PARAMETERS + 1, false)] {
            let form: Vec<_> = (0..count).map(|name| format!("{name}=1")).collect();
            let form = Form::read(&headers, form.join("&"), usize::MAX).await;
            assert_eq!(form.is_ok(), accepted, "{count}");
        }
    }

    /// The fault: the client was told to ask again in a second.
    #[test]
    fn a_store_without_room_does_not_ask_the_client_to_repeat() {
        for (kind, status, retry) in
            [(AuthErrorKind::TooLarge, 400, None), (AuthErrorKind::Unavailable, 503, Some("1"))]
        {
            let response = EndpointError::from(AuthError::new(kind, "why")).response();
            let after = response.headers().get(header::RETRY_AFTER).map(|it| it.to_str().unwrap());
            assert_eq!((response.status().as_u16(), after), (status, retry));
        }
    }
}
