//! [`RemoteKeysBuilder`], the options of remote keys, and the errors of wrong ones.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::BoxError;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::client::{Client, HttpClient, default_client};
use super::handle::RemoteKeys;
use super::schedule::{FLOOR, Schedule};
use super::source::{Address, Source, is_secure};
use crate::algorithm::{Algorithm, KeyRequirement};

/// The options of [`RemoteKeys`]: what [`RemoteKeys::discover`] and [`RemoteKeys::jwks`] return.
///
/// [`build`](Self::build) checks them. [`JwtAuth::new`](crate::JwtAuth::new) and
/// [`JwtAuth::trusted_issuer`](crate::JwtAuth::trusted_issuer) take a builder as well, and panic where
/// `build` returns an error.
#[must_use]
pub struct RemoteKeysBuilder {
    start: Start,
    client: Option<Arc<dyn Client>>,
    generation: Arc<AtomicU64>,
    is_configured: bool,
    authorities: Option<Vec<u8>>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    bearer_file: Option<PathBuf>,
    algorithm: Option<Algorithm>,
    key_use: Option<Box<str>>,
    max_interval: Duration,
    max_staleness: Duration,
    cooldown: Duration,
}

/// The default client, or `None` if there cannot be one.
pub(super) type SharedClient = Option<Arc<dyn Client>>;

/// What the builder starts from, as the application wrote it.
#[derive(Debug)]
enum Start {
    Issuer(Arc<str>),
    KeySet(Box<str>),
}

/// A mistake in the options of remote keys, or of an introspection endpoint.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidRemoteKeys {
    /// The text is not the URL of an issuer, a key set or an endpoint. An issuer has no query and no fragment.
    Url(Box<str>),
    /// The URL is neither `https` nor on this machine.
    NotHttps(Box<str>),
    /// This header is not valid, or the client sets it itself.
    Header(Box<str>),
    /// The certificate authorities cannot be read, or the system has none.
    Authorities(BoxError),
    /// The algorithm is not for RSA keys. Other keys are for one algorithm anyway.
    Algorithm(Algorithm),
    /// `max_interval` is shorter than a minute.
    Interval,
    /// `max_staleness` is shorter than `max_interval`.
    Staleness,
    /// `cooldown` is shorter than a second.
    Cooldown,
}

impl fmt::Display for InvalidRemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => {
                write!(f, "`{url}` is not the URL of an issuer, a key set or an endpoint")
            }
            Self::NotHttps(url) => {
                write!(
                    f,
                    "`{url}` must be `https`: `http` is only for `localhost` and loopback addresses"
                )
            }
            Self::Header(name) => write!(f, "`header` cannot set `{name}` to this value"),
            Self::Authorities(error) => write!(f, "no certificate authorities: {error}"),
            Self::Algorithm(name) => write!(f, "`rsa_algorithm` must be for RSA keys, not {name}"),
            Self::Interval => f.write_str("`max_interval` must be at least 1 minute"),
            Self::Staleness => f.write_str("`max_staleness` must be at least `max_interval`"),
            Self::Cooldown => f.write_str("`cooldown` must be at least 1 second"),
        }
    }
}

impl Error for InvalidRemoteKeys {}

impl RemoteKeysBuilder {
    pub(super) fn discover(issuer: Arc<str>) -> Self {
        Self::new(Start::Issuer(issuer))
    }

    pub(super) fn jwks(url: Box<str>) -> Self {
        Self::new(Start::KeySet(url))
    }

    fn new(start: Start) -> Self {
        Self {
            start,
            client: None,
            generation: Arc::default(),
            is_configured: true,
            authorities: None,
            query: Vec::new(),
            headers: Vec::new(),
            bearer_file: None,
            algorithm: None,
            key_use: None,
            max_interval: Duration::from_secs(3600),
            max_staleness: Duration::from_secs(24 * 3600),
            cooldown: Duration::from_secs(10),
        }
    }

    /// Sends requests with this client. The body of a request is empty. Defaults to hyper with rustls, which uses
    /// the certificate authorities of the system and no proxy.
    ///
    /// The client [must not follow redirects](HttpClient).
    pub fn client(self, client: impl HttpClient) -> Self {
        self.with_client(Arc::new(client))
    }

    /// Trusts these certificate authorities, in PEM, instead of those of the system. It has no effect on a
    /// [`client`](Self::client) of your own.
    pub fn certificate_authorities(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(pem.into()), ..self }
    }

    /// Adds a parameter to the query of every address, such as `appid` for an application of Entra ID with
    /// claims mapping.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header to requests to the configured host. Call it again with the same name to send several
    /// values. The header is not sent to other hosts to which a redirect or the discovery document leads.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the bearer token in this file to the configured host, and to no other. The file is read
    /// again for each request, as Kubernetes replaces the tokens of service accounts.
    pub fn bearer_file(self, path: impl Into<PathBuf>) -> Self {
        Self { bearer_file: Some(path.into()), ..self }
    }

    /// Sets the algorithm of RSA keys that name none. Defaults to RS256 or, if the discovery document does
    /// not list it, the first algorithm for RSA that it lists.
    pub fn rsa_algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm: Some(algorithm), ..self }
    }

    /// Accepts keys with this `use`, such as `jwt-svid` (SPIFFE), instead of `sig`.
    pub fn key_use(self, name: impl Into<Box<str>>) -> Self {
        Self { key_use: Some(name.into()), ..self }
    }

    /// Sets the maximum time between two fetches, whatever the headers of a response say. Defaults to one
    /// hour; must be at least one minute.
    pub fn max_interval(self, interval: Duration) -> Self {
        Self { max_interval: interval, ..self }
    }

    /// Sets for how long keys are trusted while the issuer does not answer. After that, tokens of the issuer
    /// get 503. Defaults to 24 hours; must be at least [`max_interval`](Self::max_interval).
    pub fn max_staleness(self, time: Duration) -> Self {
        Self { max_staleness: time, ..self }
    }

    /// Sets the minimum time between two fetches that tokens with unknown keys cause. Defaults to 10
    /// seconds; must be at least one second.
    pub fn cooldown(self, time: Duration) -> Self {
        Self { cooldown: time, ..self }
    }

    /// Sends requests with this client.
    pub(crate) fn with_client(self, client: Arc<dyn Client>) -> Self {
        Self { client: Some(client), ..self }
    }

    /// Shares the default client with the keys of other issuers.
    pub(super) fn shared_client(self, shared: &OnceLock<SharedClient>) -> Self {
        if self.client.is_some() || self.authorities.is_some() {
            return self;
        }
        // Without a client, `build` returns the error.
        let client = shared.get_or_init(|| default_client(None).ok());
        Self { client: client.clone(), ..self }
    }

    /// Makes the keys those of an issuer that a rule has admitted. The sets that arrive are counted in this
    /// number, also those of other issuers.
    pub(super) fn of_rule(self, generation: &Arc<AtomicU64>) -> Self {
        Self { generation: Arc::clone(generation), is_configured: false, ..self }
    }

    /// Checks the options. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// Returns an error that names the wrong option.
    pub fn build(self) -> Result<RemoteKeys, InvalidRemoteKeys> {
        let address = match &self.start {
            Start::Issuer(issuer) => {
                Address::Issuer { issuer: Arc::clone(issuer), documents: documents(issuer)? }
            }
            Start::KeySet(url) => Address::KeySet(checked_url(url)?),
        };
        if self.max_interval < FLOOR {
            return Err(InvalidRemoteKeys::Interval);
        }
        if self.max_staleness < self.max_interval {
            return Err(InvalidRemoteKeys::Staleness);
        }
        if self.cooldown < Duration::from_secs(1) {
            return Err(InvalidRemoteKeys::Cooldown);
        }
        if let Some(algorithm) = self.algorithm
            && !matches!(algorithm.key_requirement(), KeyRequirement::Rsa { .. })
        {
            return Err(InvalidRemoteKeys::Algorithm(algorithm));
        }
        let mut source = Source {
            address,
            client: client_or_default(self.client, self.authorities.as_deref())?,
            query: self.query,
            headers: headers(&self.headers)?,
            bearer_file: self.bearer_file,
            algorithm: self.algorithm,
            key_use: self.key_use,
        };
        source.address = match source.address.clone() {
            Address::KeySet(url) => Address::KeySet(source.with_query(url)),
            Address::Issuer { issuer, documents } => {
                let documents = documents.map(|url| source.with_query(url));
                Address::Issuer { issuer, documents }
            }
        };
        let schedule = Schedule::new(self.max_interval, self.cooldown);
        Ok(RemoteKeys::new(
            source,
            schedule,
            self.max_staleness,
            self.generation,
            self.is_configured,
        ))
    }
}

/// Returns this client, or one that trusts these authorities.
pub(crate) fn client_or_default(
    client: Option<Arc<dyn Client>>,
    authorities: Option<&[u8]>,
) -> Result<Arc<dyn Client>, InvalidRemoteKeys> {
    let client = client.map_or_else(|| default_client(authorities), Ok);
    client.map_err(|error| InvalidRemoteKeys::Authorities(error.into()))
}

/// Reads a URL over `https`, or over `http` on this machine.
pub(crate) fn checked_url(text: &str) -> Result<Url, InvalidRemoteKeys> {
    let invalid = || InvalidRemoteKeys::Url(text.into());
    let url = Url::parse(text).map_err(|_| invalid())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.fragment().is_some() || url.host().is_none() {
        return Err(invalid());
    }
    if !is_secure(&url) {
        return Err(InvalidRemoteKeys::NotHttps(text.into()));
    }
    Ok(url)
}

/// Returns where an issuer's discovery document may be: its path with the well-known path appended
/// (OpenID Connect Discovery 1.0 section 4), and with that of RFC 8414 section 3 inserted before it.
fn documents(issuer: &str) -> Result<[Url; 2], InvalidRemoteKeys> {
    let url = checked_url(issuer)?;
    if url.query().is_some() {
        return Err(InvalidRemoteKeys::Url(issuer.into()));
    }
    let path = url.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url
    };
    Ok([
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ])
}

fn headers(lines: &[(String, String)]) -> Result<HeaderMap, InvalidRemoteKeys> {
    const OWN: [HeaderName; 4] = [
        http::header::HOST,
        http::header::CONTENT_LENGTH,
        http::header::TRANSFER_ENCODING,
        http::header::IF_NONE_MATCH,
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(own_name), Ok(mut value)) = parsed else {
            return Err(InvalidRemoteKeys::Header(name.as_str().into()));
        };
        if OWN.contains(&own_name) {
            return Err(InvalidRemoteKeys::Header(name.as_str().into()));
        }
        value.set_sensitive(true);
        headers.append(own_name, value);
    }
    Ok(headers)
}

/// Leaves out the headers, which may contain secrets.
impl fmt::Debug for RemoteKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeysBuilder").field("start", &self.start).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: RemoteKeysBuilder) -> String {
        builder.build().map(|keys| format!("{keys:?} is accepted")).unwrap_err().to_string()
    }

    #[test]
    fn r01_documents_are_at_the_appended_and_the_inserted_path() {
        let of = |issuer| documents(issuer).unwrap().map(String::from);
        let by_root = [
            "https://idp.example/.well-known/openid-configuration",
            "https://idp.example/.well-known/oauth-authorization-server",
        ];
        assert_eq!(of("https://idp.example"), by_root);
        assert_eq!(of("https://idp.example/"), by_root);
        let by_path = [
            "https://idp.example:8443/realms/shop/.well-known/openid-configuration",
            "https://idp.example:8443/.well-known/oauth-authorization-server/realms/shop",
        ];
        assert_eq!(of("https://idp.example:8443/realms/shop"), by_path);
        assert_eq!(of("https://idp.example:8443/realms/shop/"), by_path);
    }

    #[test]
    fn wrong_options_are_named() {
        let keys = || RemoteKeys::jwks("https://idp.example/jwks");
        for issuer in [
            "",
            "idp.example",
            "https://",
            "https://a:b@idp.example",
            "https://a/#b",
            "https://a/?b",
        ] {
            assert!(error(RemoteKeys::discover(issuer)).contains("is not the URL"), "{issuer}");
        }
        assert!(error(keys().header("a b", "c")).contains("`header` cannot set `a b`"));
        assert!(error(keys().header("a", "\n")).contains("`header` cannot set `a`"));
        assert!(error(keys().header("Host", "a")).contains("`header` cannot set `Host`"));
        assert!(error(keys().max_interval(Duration::from_secs(59))).contains("`max_interval`"));
        assert!(error(keys().max_staleness(Duration::from_secs(60))).contains("`max_staleness`"));
        assert!(error(keys().cooldown(Duration::ZERO)).contains("`cooldown`"));
        assert!(error(keys().rsa_algorithm(Algorithm::Es256)).contains("`rsa_algorithm`"));
        assert!(error(keys().certificate_authorities("no PEM")).contains("authorities"));
    }

    #[test]
    fn sec_103_http_is_only_for_this_machine() {
        for url in [
            "http://idp.example/jwks",
            "http://localhost.idp.example",
            "ftp://localhost",
            "http://10.0.0.1",
        ] {
            assert!(error(RemoteKeys::jwks(url)).contains("must be `https`"), "{url}");
        }
        for url in
            ["http://localhost/jwks", "http://127.0.0.1:1", "http://[::1]", "https://idp.example"]
        {
            assert!(RemoteKeys::jwks(url).build().is_ok(), "{url}");
        }
    }
}
