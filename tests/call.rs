//! Calls a handler through the layer, without a socket.
//!
//! The behaviour suite and the tests with Redis include this file.

use std::convert::Infallible;

use auth_core::{AuthLayer, Authenticator};
use http::request::Parts;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

/// Sends a request through the layer to a handler, and returns the response.
pub(crate) async fn call(
    layer: AuthLayer<impl Authenticator>,
    request: Request<()>,
    handler: impl AsyncFn(Parts) -> Response<String>,
) -> Response<String> {
    let service = service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(handler(request.into_parts().0).await)
    });
    layer.layer(service).oneshot(request).await.unwrap()
}
