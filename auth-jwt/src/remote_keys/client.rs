//! The HTTP client: any Tower service, or hyper with rustls.
//!
//! [`Client`] hides the service's type, and bounds the size of the body that it reads. It is not exported, so
//! that [`HttpClient`] has no other implementations.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use auth_core::{BoxError, BoxFuture};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnectorBuilder};
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::error::{FetchError, FetchErrorKind};

/// The maximum size of a response's body.
const MAX_BODY: usize = 256 * 1024;

/// Sends requests, and reads the whole response.
pub trait Client: Send + Sync + 'static {
    fn send(&self, request: Request<String>) -> BoxFuture<Result<Response<Bytes>, FetchError>>;
}

/// An HTTP client: a Tower service that takes a [`Request<String>`](Request), and returns a [`Response`] with any
/// [`Body`].
///
/// Every service `S` with `S: Service<Request<String>, Response = Response<B>> + Clone + Send + Sync + 'static` is a
/// client, if its future and the data of `B` are `Send`, `B` is `Send + 'static`, and the errors of both are
/// `Into<`[`BoxError`]`>`.
///
/// A client must not follow redirects, because it would not check where they lead. A closure becomes a client with
/// `tower::service_fn`. For `reqwest`, that is
///
/// ```ignore
/// let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let keys = RemoteKeys::discover(issuer).client(tower::service_fn(move |request| {
///     let client = client.clone();
///     async move {
///         let response = client.execute(reqwest::Request::try_from(request)?).await?;
///         Ok::<http::Response<reqwest::Body>, reqwest::Error>(response.into())
///     }
/// }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an HTTP client",
    label = "not a cloneable `Service<Request<String>>` that returns a `Response`",
    note = "a closure becomes a client with `tower::service_fn`"
)]
pub trait HttpClient: Client {}

impl<T: Client> HttpClient for T {}

impl<S, B> Client for S
where
    S: Service<Request<String>, Response = Response<B>, Future: Send, Error: Into<BoxError>>,
    S: Clone + Send + Sync + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    fn send(&self, request: Request<String>) -> BoxFuture<Result<Response<Bytes>, FetchError>> {
        let mut service = self.clone();
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(unreachable)?;
            let response = service.call(request).await.map_err(unreachable)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    let text = "the response is larger than 256 KiB";
                    return FetchError::new(FetchErrorKind::TooLarge, text);
                }
                unreachable(error)
            })?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }
}

fn unreachable(error: impl Into<BoxError>) -> FetchError {
    FetchError::with_source(FetchErrorKind::Unreachable, "the issuer cannot be reached", error)
}

/// Creates the default client. It trusts these authorities, or those of the system. It opens a connection
/// for each request, does not follow redirects, and does not read the system's proxy variables.
pub(crate) fn default_client(authorities: Option<&[u8]>) -> Result<Arc<dyn Client>, io::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let tls = match authorities {
        Some(pem) => tls.with_root_certificates(roots(pem)?),
        None => tls.with_native_roots()?,
    };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.with_no_client_auth())
        .https_or_http()
        .enable_http1()
        .build();
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build::<_, String>(connector);
    Ok(Arc::new(client))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, io::Error> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let mut roots = RootCertStore::empty();
    match roots.add_parsable_certificates(certificates.map_err(io::Error::other)?) {
        (0, _) => Err(io::Error::other("the PEM contains no certificate")),
        (_, 0) => Ok(roots),
        _ => Err(io::Error::other("the PEM contains a certificate that cannot be read")),
    }
}
