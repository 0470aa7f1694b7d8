//! Requests to a handler of the test, through the layer but without a socket.

use auth_core::{AnyOf, AuthLayer, SignIn, Transport, any_of};
use http::request::Parts;
use http::{Request, Response};

use super::call::call;
use super::credential::Credential;
use super::world::World;
use crate::app::User;

/// Sets the transport of a sign-in.
pub(crate) fn sign_in_by<C>(sign_in: SignIn<C>, transport: Transport) -> SignIn<C> {
    match transport {
        Transport::Explicit => sign_in.as_tokens(),
        Transport::Ambient => sign_in.as_cookie(),
    }
}

impl World {
    /// Sends a request with this credential through the layer to a handler, and returns the response.
    pub(crate) async fn handle(
        &self,
        credential: Option<&Credential>,
        handler: impl AsyncFn(Parts) -> Response<String>,
    ) -> Response<String> {
        self.handle_behind(any_of([self.auth()]).optional(), credential, handler).await
    }

    /// The same, through this layer.
    pub(crate) async fn handle_behind(
        &self,
        layer: AuthLayer<AnyOf<User>>,
        credential: Option<&Credential>,
        handler: impl AsyncFn(Parts) -> Response<String>,
    ) -> Response<String> {
        let mut request = Request::post("/").body(()).unwrap();
        for (name, value) in credential.into_iter().flat_map(Credential::headers) {
            request.headers_mut().append(name, value.try_into().unwrap());
        }
        call(layer, request, handler).await
    }
}
