//! A response with its whole body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::de::DeserializeOwned;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Returns the values of a header, joined with commas.
    pub(crate) fn header(&self, name: HeaderName) -> String {
        let values: Vec<_> =
            self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(", ")
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all(header::SET_COOKIE).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// Returns the `Set-Cookie` header for this name, if there is one.
    ///
    /// # Panics
    ///
    /// Panics if there are several.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<&str> {
        let named = |cookie: &&str| cookie.split('=').next() == Some(name);
        let found: Vec<_> = self.set_cookies().into_iter().filter(named).collect();
        assert!(found.len() < 2, "{name} twice in {self:?}");
        found.first().copied()
    }

    /// Returns whether the response says that the store is unavailable, and when to try again.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
            && self.headers.contains_key(header::RETRY_AFTER)
            && self.set_cookies().is_empty()
    }
}
