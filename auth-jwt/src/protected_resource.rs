//! [`ProtectedResource`]: the metadata with which clients find the authorization server of an API (RFC 9728).
//!
//! Challenges name the address of the metadata, and [`ResourceMetadataService`] serves it.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Challenge, ChallengeReason};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use serde::Serialize;
use tower_service::Service;

use crate::document::{self, always_ready};

/// The path of the metadata, without that of the resource (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of an API whose clients find its authorization server by themselves, such as a server of the
/// Model Context Protocol.
///
/// Pass it to [`JwtAuth::protected_resource`](crate::JwtAuth::protected_resource), or pass only the URL if
/// there are no options.
///
/// ```
/// use auth_jwt::{JwtAuth, Key, ProtectedResource};
///
/// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// # let keys = Key::from_jwk(jwk)?;
/// let auth = JwtAuth::new(keys)
///     .issuer("https://login.example")
///     .audience("https://api.example/mcp")
///     .protected_resource(ProtectedResource::new("https://api.example/mcp").scope("tools:read"));
///
/// // for each path, with axum: `router.route_service(path, metadata.clone())`
/// let metadata = auth.resource_metadata();
/// assert_eq!(metadata.paths().last(), Some("/.well-known/oauth-protected-resource/mcp"));
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProtectedResource {
    resource: Box<str>,
    /// The scheme and the authority, and the path with the query.
    parts: [Box<str>; 2],
    scopes: Vec<Box<str>>,
    servers: Vec<Box<str>>,
    name: Option<Box<str>>,
}

impl ProtectedResource {
    /// Creates the metadata of the API at this URL. The URL is its resource identifier, which clients name when
    /// they ask for tokens (RFC 8707).
    ///
    /// # Panics
    ///
    /// Panics unless it is an `https` URL without a fragment. For `localhost` and loopback addresses, `http` is
    /// accepted as well.
    pub fn new(resource: &str) -> Self {
        let parts = split(resource).unwrap_or_else(|| {
            panic!(
                "`protected_resource` must be an `https` URL without a fragment, not `{resource}`"
            )
        });
        let (scopes, servers) = (Vec::new(), Vec::new());
        Self { resource: resource.into(), parts, scopes, servers, name: None }
    }

    /// Adds a scope that clients need for common requests. Challenges in 401 responses and the metadata list
    /// it. `offline_access` is ignored, because it is not a scope of the API.
    pub fn scope(mut self, scope: &str) -> Self {
        if scope != "offline_access" {
            self.scopes.push(scope.into());
        }
        self
    }

    /// Adds an authorization server. Defaults to the trusted issuers that have a fixed name.
    pub fn authorization_server(mut self, issuer: &str) -> Self {
        self.servers.push(issuer.into());
        self
    }

    /// Sets the name that clients show to their users.
    pub fn name(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Returns the address of the metadata.
    fn metadata_url(&self) -> String {
        let [origin, path] = &self.parts;
        format!("{origin}{WELL_KNOWN}{path}")
    }

    /// Adds the parameters that lead a client to its authorization server (RFC 9728 section 5.1, RFC 6750
    /// section 3).
    fn add_to(&self, challenge: Challenge, reason: &ChallengeReason<'_>) -> Challenge {
        let challenge = challenge.param("resource_metadata", &self.metadata_url());
        match reason {
            ChallengeReason::MissingCredential | ChallengeReason::InvalidCredential(_)
                if !self.scopes.is_empty() =>
            {
                challenge.param("scope", &self.scopes.join(" "))
            }
            _ => challenge,
        }
    }
}

/// Returns the challenge of an API for bearer tokens, which names the resource if there is one.
pub(crate) fn challenge(
    realm: &str,
    resource: Option<&ProtectedResource>,
    reason: &ChallengeReason<'_>,
) -> Challenge {
    let challenge = Challenge::bearer(realm, reason);
    match resource {
        Some(resource) => resource.add_to(challenge, reason),
        None => challenge,
    }
}

/// # Panics
///
/// Panics if the URL is not valid: see [`ProtectedResource::new`].
impl From<&str> for ProtectedResource {
    fn from(resource: &str) -> Self {
        Self::new(resource)
    }
}

/// Splits a resource identifier before its path, which is empty for `/`.
fn split(resource: &str) -> Option<[Box<str>; 2]> {
    let uri: Uri = resource.parse().ok().filter(|_| !resource.contains(['#', '@']))?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_local = ["localhost", "[::1]"].contains(&authority.host())
        || authority.host().parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    if scheme != "https" && !(scheme == "http" && is_local) {
        return None;
    }
    let path = uri.path_and_query().map(PathAndQuery::as_str).filter(|path| *path != "/");
    let path = path.unwrap_or_default();
    let path = path.strip_prefix("/?").map_or(path.to_owned(), |query| format!("?{query}"));
    Some([format!("{scheme}://{authority}").into(), path.into()])
}

/// The metadata of a protected resource (RFC 9728 section 2).
#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorization_servers: &'a [Box<str>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'a [Box<str>],
    bearer_methods_supported: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
}

/// A Tower service that serves the metadata of a [`ProtectedResource`].
///
/// The metadata is served at the well-known path followed by the path of the resource and, for older clients,
/// at the well-known path alone. Pages of every origin may read it. To let such pages read challenges as
/// well, expose the header `WWW-Authenticate` by CORS.
///
/// It responds to GET and HEAD; other paths get 404. It must not be behind the authentication layer.
#[derive(Clone, Debug)]
pub struct ResourceMetadataService {
    paths: Arc<[Box<str>]>,
    document: Arc<str>,
}

impl ResourceMetadataService {
    /// Creates the service. The issuers are the authorization servers, unless the resource names others.
    pub(crate) fn new<'i>(
        resource: &ProtectedResource,
        issuers: impl Iterator<Item = &'i str>,
    ) -> Self {
        let mut servers = resource.servers.clone();
        if servers.is_empty() {
            servers.extend(issuers.map(Into::into));
        }
        let metadata = Metadata {
            resource: &resource.resource,
            authorization_servers: &servers,
            scopes_supported: &resource.scopes,
            bearer_methods_supported: ["header"],
            resource_name: resource.name.as_deref(),
        };
        let document = serde_json::to_string(&metadata).expect("strings serialize to JSON");
        let path = resource.parts[1].split('?').next().unwrap_or_default();
        let mut paths = vec![WELL_KNOWN.into()];
        if !path.is_empty() {
            paths.push(format!("{WELL_KNOWN}{path}").into());
        }
        Self { paths: paths.into(), document: document.into() }
    }

    /// Returns the paths at which the metadata is served. Add a route for each.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(|path| &**path)
    }

    fn response(&self, method: &Method, path: &str) -> Response<String> {
        const MAX_AGE: Duration = Duration::from_secs(3600);
        if !self.paths().any(|own| own == path) {
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let document = (*self.document).to_owned();
        let mut response = document::response(method, "application/json", MAX_AGE, document);
        let any_origin = HeaderValue::from_static("*");
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any_origin);
        response
    }
}

impl<B> Service<Request<B>> for ResourceMetadataService {
    always_ready!(Ready);

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.response(request.method(), request.uri().path())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_is_between_the_host_and_the_path() {
        let url = |resource| ProtectedResource::new(resource).metadata_url();
        let root = "https://api.example/.well-known/oauth-protected-resource";
        assert_eq!(url("https://api.example"), root);
        assert_eq!(url("https://api.example/"), root);
        assert_eq!(url("https://api.example/mcp"), format!("{root}/mcp"));
        assert_eq!(url("https://api.example/a/b/?c=d"), format!("{root}/a/b/?c=d"));
        assert_eq!(url("https://api.example/?c=d"), format!("{root}?c=d"));
        let local = "http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp";
        assert_eq!(url("http://127.0.0.1:3000/mcp"), local);
    }

    #[test]
    fn a_resource_is_an_https_url_without_a_fragment() {
        for wrong in [
            "",
            "api.example",
            "/mcp",
            "http://api.example",
            "https://a/#b",
            "https://a@b/",
            "ftp://localhost",
            "http://127.0.0.1.example",
        ] {
            assert!(split(wrong).is_none(), "{wrong}");
        }
        for right in ["http://localhost:1/a", "http://[::1]:1", "http://127.1.2.3/", "https://a"] {
            assert!(split(right).is_some(), "{right}");
        }
    }
}
