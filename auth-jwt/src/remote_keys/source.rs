//! Fetches a key set, and before it the discovery document that names its address.
//!
//! Everything that a response contains is checked here. An address over `https` never leads to one over
//! `http`: not by a redirect, and not by the document.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use url::{Host, Url};

use super::client::Client;
use super::error::{FetchError, FetchErrorKind};
use super::freshness;
use crate::algorithm::{Algorithm, KeyRequirement};
use crate::key::Shown;
use crate::key_set::{KeySet, PublishedKeys};

/// The maximum number of redirects that one request follows.
const MAX_REDIRECTS: usize = 3;
/// The maximum time for which a discovery document is used.
const MAX_DOCUMENT_LIFETIME: Duration = Duration::from_secs(3600);

/// Where the keys are, and how to ask for them.
pub(super) struct Source {
    pub(super) address: Address,
    pub(super) client: Arc<dyn Client>,
    /// Added to every address.
    pub(super) query: Vec<(String, String)>,
    /// Sent to the configured host only, as the bearer token is.
    pub(super) headers: HeaderMap,
    pub(super) bearer_file: Option<PathBuf>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_use: Option<Box<str>>,
}

/// Where the keys of an issuer are found.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// At the address that the discovery document of this issuer names. The document is at one of these
    /// addresses.
    Issuer {
        issuer: Arc<str>,
        documents: [Url; 2],
    },
    KeySet(Url),
}

/// What earlier responses contained.
#[derive(Default)]
pub(super) struct Memory {
    discovered: Option<Discovered>,
    version: Option<Version>,
}

/// The last set, which need not be sent again while this is its version.
struct Version {
    address: Url,
    etag: HeaderValue,
    /// The algorithm that its RSA keys without one were read for.
    rsa_algorithm: Algorithm,
    lifetime: Option<Duration>,
}

/// The parts of a discovery document that are used.
#[derive(Clone)]
struct Discovered {
    jwks_uri: Url,
    /// For RSA keys that name no algorithm.
    algorithm: Option<Algorithm>,
    ends_at: Timestamp,
}

/// A discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
}

/// A response with keys.
pub(super) struct Fetched {
    /// The keys, or `None` if they have not changed.
    pub(super) set: Option<KeySet>,
    pub(super) lifetime: Option<Duration>,
}

impl Source {
    /// Fetches the keys. The memory is that of the last fetch.
    pub(super) async fn fetch(
        &self,
        memory: &mut Memory,
        clock: &Clock,
    ) -> Result<Fetched, FetchError> {
        // Only a fetch that succeeds keeps the address. After a failure or a timeout, which drops this
        // future, the document is asked again.
        let mut discovered = memory.discovered.take();
        let fetched = self.fetch_keys(memory, &mut discovered, clock).await?;
        memory.discovered = discovered;
        Ok(fetched)
    }

    async fn fetch_keys(
        &self,
        memory: &mut Memory,
        discovered: &mut Option<Discovered>,
        clock: &Clock,
    ) -> Result<Fetched, FetchError> {
        let (address, algorithm) = match &self.address {
            Address::KeySet(address) => (address.clone(), None),
            Address::Issuer { issuer, documents } => {
                let found = match discovered.take().filter(|it| clock.now() < it.ends_at) {
                    Some(known) => known,
                    None => self.discover(issuer, documents, clock).await?,
                };
                *discovered = Some(found.clone());
                (found.jwks_uri, found.algorithm)
            }
        };
        let rsa_algorithm = self.algorithm.or(algorithm).unwrap_or(Algorithm::Rs256);
        let known = memory
            .version
            .as_mut()
            .filter(|version| version.address == address && version.rsa_algorithm == rsa_algorithm);
        let response = self.get(&address, known.as_ref().map(|version| &version.etag)).await?;
        let lifetime = freshness::lifetime(response.headers(), clock.now());
        if let Some(known) = known
            && response.status() == StatusCode::NOT_MODIFIED
        {
            // The headers of this response replace the stored ones (RFC 9111 section 4.3.4).
            known.lifetime = lifetime.or(known.lifetime);
            return Ok(Fetched { set: None, lifetime: known.lifetime });
        }
        let rules = PublishedKeys { rsa_algorithm, key_use: self.key_use.as_deref() };
        let not_keys = |source| {
            let text = format!("{address} returned no usable key set");
            FetchError::with_source(FetchErrorKind::Keys, text, source)
        };
        let json = json_of(&address, &response)?;
        let set = KeySet::from_published(json, &rules).map_err(not_keys)?;
        let etag = response.headers().get(header::ETAG).cloned();
        memory.version = etag.map(|etag| Version { address, etag, rsa_algorithm, lifetime });
        Ok(Fetched { set: Some(set), lifetime })
    }

    /// Fetches the discovery document from the first address that has one. Any answer of the first address
    /// may come from a server that has the document at the second one: an error, or a page for browsers.
    async fn discover(
        &self,
        issuer: &str,
        documents: &[Url; 2],
        clock: &Clock,
    ) -> Result<Discovered, FetchError> {
        let [by_openid, by_oauth] = documents;
        let error = match self.discover_at(by_openid, issuer, clock).await {
            Err(error) if error.is_answer() => error,
            result => return result,
        };
        self.discover_at(by_oauth, issuer, clock).await.map_err(|second| {
            // What the second address answered says more only if there is nothing at the first one.
            let is_absent = |error: &FetchError| error.kind() == FetchErrorKind::Status;
            if is_absent(&error) && !is_absent(&second) { second } else { error }
        })
    }

    async fn discover_at(
        &self,
        address: &Url,
        issuer: &str,
        clock: &Clock,
    ) -> Result<Discovered, FetchError> {
        let response = self.get(address, None).await?;
        let wrong = |text: String| FetchError::new(FetchErrorKind::Document, text);
        let document: Document = serde_json::from_str(json_of(address, &response)?)
            .map_err(|error| wrong(format!("{address} is not a discovery document: {error}")))?;
        if document.issuer != issuer {
            let other = Shown(&document.issuer);
            return Err(wrong(format!("{address} is that of the issuer `{other}`")));
        }
        let jwks_uri = Url::parse(&document.jwks_uri)
            .map_err(|_| wrong(format!("{address} has a `jwks_uri` that is not a URL")))?;
        check_leads_to(address, &jwks_uri)?;
        let lifetime = freshness::lifetime(response.headers(), clock.now())
            .unwrap_or(MAX_DOCUMENT_LIFETIME)
            .min(MAX_DOCUMENT_LIFETIME);
        Ok(Discovered {
            jwks_uri: self.with_query(jwks_uri),
            algorithm: rsa_algorithm(&document.id_token_signing_alg_values_supported),
            ends_at: clock.now() + lifetime,
        })
    }

    /// Adds the configured query, unless the address has it already.
    pub(super) fn with_query(&self, mut address: Url) -> Url {
        for (name, value) in &self.query {
            if !address.query_pairs().any(|pair| pair.0 == **name && pair.1 == **value) {
                address.query_pairs_mut().append_pair(name, value);
            }
        }
        address
    }

    /// Sends a request, and follows redirects.
    async fn get(
        &self,
        address: &Url,
        etag: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, FetchError> {
        let mut at = address.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.client.send(self.request(&at, etag).await?).await?;
            let Some(to) = redirect(&at, &response)? else { return Ok(response) };
            check_leads_to(&at, &to)?;
            at = to;
        }
        let text = format!("{address} redirects more than {MAX_REDIRECTS} times");
        Err(FetchError::new(FetchErrorKind::Address, text))
    }

    async fn request(
        &self,
        at: &Url,
        etag: Option<&HeaderValue>,
    ) -> Result<Request<String>, FetchError> {
        const ACCEPT: &str = "application/json, application/jwk-set+json";
        const USER_AGENT: &str = concat!("auth-jwt/", env!("CARGO_PKG_VERSION"));
        let invalid = |error: http::Error| {
            FetchError::with_source(FetchErrorKind::Request, format!("{at} is not a URI"), error)
        };
        let request = Request::builder().method(Method::GET).uri(at.as_str());
        let mut request = request.body(String::new()).map_err(invalid)?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some(etag) = etag {
            headers.insert(header::IF_NONE_MATCH, etag.clone());
        }
        if self.address.configured().origin() == at.origin() {
            headers.extend(self.headers.clone()); // a header of ours is replaced
            if let Some(file) = &self.bearer_file {
                headers.insert(header::AUTHORIZATION, bearer(file.clone()).await?);
            }
        }
        Ok(request)
    }
}

impl Address {
    /// Returns the first address that the application configured.
    fn configured(&self) -> &Url {
        let (Self::Issuer { documents: [address, _], .. } | Self::KeySet(address)) = self;
        address
    }

    /// Returns what logs and metrics call this source.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Issuer { issuer, .. } => Arc::clone(issuer),
            Self::KeySet(address) => address[..url::Position::AfterPath].into(),
        }
    }
}

/// Reads a bearer token from its file, because it is replaced while the application runs.
async fn bearer(file: PathBuf) -> Result<HeaderValue, FetchError> {
    let unreadable = |error| {
        let text = "the bearer token cannot be read from its file";
        FetchError::with_source(FetchErrorKind::Request, text, error)
    };
    let reading = tokio::task::spawn_blocking(|| std::fs::read_to_string(file));
    let token = reading.await.map_err(std::io::Error::other);
    let token = token.and_then(|token| token).map_err(unreadable)?;
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim()))
        .map_err(|error| unreadable(std::io::Error::other(error)))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns whether keys may be fetched from this address: over `https`, or from this machine.
pub(super) fn is_secure(address: &Url) -> bool {
    let is_loopback = || match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    address.scheme() == "https" || (address.scheme() == "http" && is_loopback())
}

fn check_leads_to(from: &Url, to: &Url) -> Result<(), FetchError> {
    if is_secure(to) && (to.scheme() == "https" || from.scheme() == "http") {
        return Ok(());
    }
    let text = format!("{from} leads to {to}, which is not `https`");
    Err(FetchError::new(FetchErrorKind::Address, text))
}

/// Returns where a response redirects to, or `None` if it does not.
fn redirect(at: &Url, response: &Response<Bytes>) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
    let to = location.and_then(|to| at.join(to).ok());
    let text = || format!("{at} redirects to nothing that is a URL");
    to.map(Some).ok_or_else(|| FetchError::new(FetchErrorKind::Address, text()))
}

/// Returns the JSON text of a response.
pub(crate) fn json_of<'r>(
    address: &Url,
    response: &'r Response<Bytes>,
) -> Result<&'r str, FetchError> {
    if response.status() != StatusCode::OK {
        let text = format!("{address} returned the status {}", response.status());
        return Err(FetchError::new(FetchErrorKind::Status, text));
    }
    if let Some(content_type) = response.headers().get(header::CONTENT_TYPE) {
        let essence =
            content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        let is_json = ["application/json", "application/jwk-set+json"]
            .iter()
            .any(|json| essence.trim().eq_ignore_ascii_case(json));
        if !is_json {
            let text = format!("{address} returned the content type {content_type:?}");
            return Err(FetchError::new(FetchErrorKind::ContentType, text));
        }
    }
    std::str::from_utf8(response.body()).map_err(|error| {
        let text = format!("{address} did not return UTF-8");
        FetchError::with_source(FetchErrorKind::Keys, text, error)
    })
}

/// Returns the algorithm of RSA keys that name none: RS256 if the issuer uses it, or else the first
/// algorithm for RSA that it uses.
fn rsa_algorithm(names: &[String]) -> Option<Algorithm> {
    let mut used = names
        .iter()
        .filter_map(|name| name.parse::<Algorithm>().ok())
        .filter(|used| matches!(used.key_requirement(), KeyRequirement::Rsa { .. }));
    let first = used.next()?;
    if used.any(|other| other == Algorithm::Rs256) { Some(Algorithm::Rs256) } else { Some(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn sec_103_https_never_leads_to_http() {
        let leads = |from, to| check_leads_to(&url(from), &url(to)).is_ok();
        assert!(leads("https://idp.example/", "https://keys.example/jwks"));
        assert!(leads("http://127.0.0.1:1/", "http://[::1]:2/jwks"));
        assert!(leads("http://localhost/", "https://keys.example/jwks"));
        for to in [
            "http://idp.example/",
            "http://127.0.0.1/",
            "http://localhost/",
            "ftp://a/",
            "file:///a",
        ] {
            assert!(!leads("https://idp.example/", to), "{to}");
        }
        for to in ["http://idp.example/", "http://127.0.0.1.idp.example/", "http://128.0.0.1/"] {
            assert!(!leads("http://localhost/", to), "{to}");
        }
    }

    #[test]
    fn r10_keys_without_alg_are_for_an_algorithm_that_the_issuer_uses() {
        let of = |names: &[&str]| {
            rsa_algorithm(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["ES256", "HS256", "none"]), None);
        assert_eq!(of(&["ES256", "PS256", "RS256"]), Some(Algorithm::Rs256));
        assert_eq!(of(&["RS256"]), Some(Algorithm::Rs256));
        assert_eq!(of(&["PS384", "ES256", "PS256"]), Some(Algorithm::Ps384));
    }
}
