//! Calls a handler through the layer, without a socket.
//!
//! The behaviour suite and the tests with Redis include this file.

use std::convert::Infallible;
use std::future::Future;

use auth_core::{AuthLayer, Authenticator};
use http::request::Parts;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

/// Sends a request through the layer to a handler, and returns the response.
pub(crate) async fn call<A, H, F>(
    layer: AuthLayer<A>,
    request: Request<()>,
    handler: H,
) -> Response<String>
where
    A: Authenticator,
    H: Fn(Parts) -> F + Clone,
    F: Future<Output = Response<String>>,
{
    let service = service_fn(|request: Request<()>| {
        let answer = handler(request.into_parts().0);
        async { Ok::<_, Infallible>(answer.await) }
    });
    layer.layer(service).oneshot(request).await.unwrap()
}
