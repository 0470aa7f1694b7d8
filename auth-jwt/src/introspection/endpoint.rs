//! The request to an introspection endpoint, and its response.
//!
//! The token is in the body of the request, so that no log of addresses contains it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::remote_keys::{Client, FetchError, FetchErrorKind, json_of};

/// Where tokens are introspected.
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) client: Arc<dyn Client>,
    /// The `Authorization` header of the requests.
    pub(super) authorization: Option<HeaderValue>,
}

/// The response about one token, in JSON.
pub(super) struct Answer(Response<Bytes>);

/// The only member that every response has (RFC 7662 section 2.2).
#[derive(Deserialize)]
struct State {
    active: bool,
}

impl Endpoint {
    /// Sends a token.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint cannot be reached, or does not answer with JSON.
    pub(super) async fn ask(&self, token: &[u8]) -> Result<Answer, FetchError> {
        const USER_AGENT: &str = concat!("auth-jwt/", env!("CARGO_PKG_VERSION"));
        let token: String = form_urlencoded::byte_serialize(token).collect();
        let mut request = Request::post(self.url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .body(format!("token={token}&token_type_hint=access_token"))
            .map_err(|error| {
                let text = "the address of the introspection endpoint is not a URI";
                FetchError::with_source(FetchErrorKind::Request, text, error)
            })?;
        if let Some(credentials) = &self.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, credentials.clone());
        }
        Ok(Answer(self.client.send(request).await?))
    }

    /// Returns the claims of a token, in JSON, or `None` if the token is not active.
    ///
    /// # Errors
    ///
    /// Returns an error unless the response is that of an introspection.
    pub(super) fn claims<'a>(&self, answer: &'a Answer) -> Result<Option<&'a str>, FetchError> {
        let json = json_of(&self.url, &answer.0)?;
        // The text of the error could quote the response.
        let State { active } = serde_json::from_str(json).map_err(|_| {
            let text = format!("{} did not return an object with `active`", self.url);
            FetchError::new(FetchErrorKind::Document, text)
        })?;
        Ok(active.then_some(json))
    }
}
