//! [`BackendFixture`], what a backend's author implements to run the suite.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::Value;

use crate::backend::Authenticator;
use crate::principal::Principal;

/// A backend under test, and what the suite needs to know about its credentials.
///
/// The default methods are for a backend whose credentials neither expire nor end, and which depends on
/// nothing that can fail. The suite then leaves out the checks of these cases.
#[async_trait]
pub trait BackendFixture: Send + Sync + 'static {
    /// The claims of the backend.
    type Claims: Send + Sync + 'static;

    /// Returns the backend. Each call returns one over the same sign-ins, as on another node.
    fn backend(&self) -> Arc<dyn Authenticator<Claims = Self::Claims>>;

    /// Returns the principal that the suite signs in for this subject.
    fn principal(&self, subject: &str) -> Principal<Self::Claims>;

    /// Returns the headers of a request with a new valid credential of this user. Defaults to `None`: the
    /// suite then signs in, and calls [`credential_of`](Self::credential_of).
    async fn issue(&self, subject: &str) -> Option<HeaderMap> {
        let _ = subject;
        None
    }

    /// Returns the headers of a client that has received this response to a sign-in or a refresh. Empty if
    /// it holds no credential.
    ///
    /// Defaults to all cookies, and an access token in JSON (RFC 6749 section 5.1) as `Authorization`.
    fn credential_of(&self, response: &Response<String>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let cookies = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let is_set = |cookie: &&str| cookie.split_once('=').is_some_and(|(_, it)| !it.is_empty());
        let cookies: Vec<_> = cookies.filter(is_set).collect();
        if !cookies.is_empty() {
            insert(&mut headers, header::COOKIE, &cookies.join("; "));
        }
        let body: Value = serde_json::from_str(response.body()).unwrap_or_default();
        if let (Some(token), Some(kind)) =
            (body["access_token"].as_str(), body["token_type"].as_str())
        {
            insert(&mut headers, header::AUTHORIZATION, &format!("{kind} {token}"));
        }
        headers
    }

    /// Returns requests with credentials of this kind that are malformed, forged, or meant for another
    /// purpose. The suite adds those that differ from a valid one by a letter. There must be at least one.
    fn invalid(&self) -> Vec<HeaderMap>;

    /// Makes every credential that was issued until now expire, for example by advancing the clock of the
    /// backend. Returns `false`, the default, if credentials never expire.
    async fn expire(&self) -> bool {
        false
    }

    /// Ends every credential of this user, as an administrator does. Returns `false`, the default, if
    /// credentials cannot be revoked.
    async fn revoke(&self, subject: &str) -> bool {
        let _ = subject;
        false
    }

    /// Returns whether the backend [refreshes](crate::Auth::refresh) its credentials. Defaults to `true`. It
    /// concerns backends that sign in.
    fn refreshes(&self) -> bool {
        true
    }

    /// Makes what the backend depends on fail, such as its store, or lets it work again. Returns `false`, the
    /// default, if it depends on nothing that can fail.
    fn set_failing(&self, failing: bool) -> bool {
        let _ = failing;
        false
    }
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;

    struct Fixture;

    impl BackendFixture for Fixture {
        type Claims = Claims;
        fn backend(&self) -> Arc<dyn Authenticator<Claims = Claims>> {
            unreachable!("not called")
        }
        fn principal(&self, subject: &str) -> Principal {
            Principal::new(subject)
        }
        fn invalid(&self) -> Vec<HeaderMap> {
            Vec::new()
        }
    }

    #[test]
    fn a_cookie_that_ends_with_padding_is_a_credential_and_a_removed_one_is_none() {
        let response = Response::builder()
            .header(header::SET_COOKIE, "one=YWI=; Path=/")
            .header(header::SET_COOKIE, "two=; Max-Age=0")
            .body(String::new());
        let credential = Fixture.credential_of(&response.unwrap_or_default());
        assert_eq!(
            credential.get(header::COOKIE).map(HeaderValue::as_bytes),
            Some(&b"one=YWI="[..])
        );
    }
}
