//! The whole shop: its routes, and the layers around them.
//!
//! The [routes](super::routes) behind the authentication layer are separate from those that do not depend
//! on the user.

use auth_core::AuthLayer;
use axum::Router;
use axum::middleware::{map_request, map_response, map_response_with_state};
use axum::routing::get;

use super::authentication::Authentication;
use super::options::Deployment;
use super::routes::router;
use super::{inspector, page, responses};
use crate::serve::forwarded;
use crate::users::Users;

/// Returns the whole shop: the routes behind the authentication layer, the public routes, and the
/// headers of all responses.
///
/// `authentication` is any authenticator whose claims are [`User`](crate::users::User), or the result
/// of [`authentication`](super::authentication()).
pub fn app(
    users: Users,
    authentication: impl Into<Authentication>,
    deployment: Deployment,
) -> Router {
    let Authentication { authenticator, public_routes, throttle, inspector } =
        authentication.into();
    let users = match throttle {
        Some(throttle) => users.throttled(throttle),
        None => users,
    };
    let inspected = inspector.as_ref().map_or_else(Router::new, |it| it.routes(&users));
    let routes = router(users);
    let routes = if inspector.is_some() { inspector::inside(routes) } else { routes };
    let app = routes
        // `optional` lets requests without a credential pass: a visitor can fill a cart and sign in.
        // A handler that extracts `Identity` still answers 401 to them.
        .layer(AuthLayer::new(authenticator).optional().cache_control(responses::NO_STORE))
        // Routes merged after the layer are not behind it. They answer while the store does not.
        .merge(public().merge(public_routes))
        .merge(inspected)
        // The outermost layers also see the refusals of the authentication layer.
        .layer(map_response(responses::errors_as_json))
        .layer(map_response_with_state(deployment, responses::add_headers));
    let app = match deployment {
        Deployment::BehindTls => app.layer(map_request(forwarded)),
        Deployment::InsecureLoopback => app,
    };
    match inspector {
        Some(inspector) => inspector.around(app),
        None => app,
    }
}

/// Returns the routes that do not depend on the user.
fn public() -> Router {
    page::router().route("/healthz", get(async || "ok"))
}
