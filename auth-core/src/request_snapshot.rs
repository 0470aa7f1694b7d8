//! What of a request's head is kept.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use crate::cross_site::{CrossOriginError, CrossOriginProtection, RequestOrigin};

/// The parts of a request's head that outlive it where it has to be judged later.
pub(crate) struct RequestSnapshot {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// Without the headers: some are secrets.
impl fmt::Debug for RequestSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSnapshot").field("method", &self.method).finish_non_exhaustive()
    }
}

impl RequestSnapshot {
    const KEPT: [HeaderName; 7] = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::HOST,
        header::ORIGIN,
        header::UPGRADE,
        header::USER_AGENT,
        HeaderName::from_static("sec-fetch-site"),
    ];

    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let kept = Self::KEPT.into_iter().flat_map(|name| {
            let values = headers.get_all(&name).into_iter();
            values.map(move |value: &HeaderValue| (name.clone(), value.clone()))
        });
        Self { method: method.clone(), uri: uri.clone(), headers: kept.collect() }
    }

    /// Those of a request for which a visitor's cookie may have to be judged: nobody has judged
    /// where it comes from yet, and that matters.
    pub(crate) fn of_unjudged(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Box<Self>> {
        let origin = RequestOrigin::of(method, uri, headers);
        origin.is_unsafe().then(|| Box::new(Self::of(method, uri, headers)))
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn check_origin(
        &self,
        policy: &CrossOriginProtection,
    ) -> Result<(), CrossOriginError> {
        policy.check(&RequestOrigin::of(&self.method, &self.uri, &self.headers))
    }
}
