//! The routes of the shop, and the layers around them.
//!
//! Routes behind the authentication layer are separate from those that do not depend on the user.

use auth_core::{AuthLayer, Require};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{map_response, map_response_with_state};
use axum::routing::{delete, get, post};

use super::authentication::Authentication;
use super::options::Deployment;
use super::{account, cart, devices, events, login, page, responses};
use crate::users::Users;

/// The size limit of a request body, in bytes. The longest bodies are a password or an item.
const MAX_BODY: usize = 16 * 1024;

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
    let Authentication { authenticator, public_routes, throttle } = authentication.into();
    let users = match throttle {
        Some(throttle) => users.throttled(throttle),
        None => users,
    };
    router(users)
        // `optional` lets requests without a credential pass: a visitor can fill a cart and sign in.
        // A handler that extracts `Identity` still answers 401 to them.
        .layer(AuthLayer::new(authenticator).optional().cache_control(responses::NO_STORE))
        // Routes merged after the layer are not behind it. They answer while the store does not.
        .merge(public().merge(public_routes))
        // The outermost layers also see the refusals of the authentication layer.
        .layer(map_response(responses::errors_as_json))
        .layer(map_response_with_state(deployment, responses::add_headers))
}

/// Returns the routes that need the authentication layer, without the layer.
pub fn router(users: Users) -> Router {
    Router::new()
        .route("/login", post(login::login))
        .route("/me", get(account::me))
        .route("/admin", get(account::admin).route_layer(admin()))
        .route("/events", get(events::events))
        .route("/refresh", post(account::refresh))
        .route("/logout", post(account::logout))
        .merge(devices())
        .route("/cart", get(cart::show).post(cart::add))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(users)
}

/// Requires the role `admin`, by the store's current record: a cached sign-in could still have a role
/// that was revoked up to two seconds ago.
fn admin() -> Require {
    Require::all([Require::revalidated(), Require::role("admin")])
}

/// Returns the device routes. They require the scope `devices`, which a client can drop when it
/// refreshes its token.
///
/// The routes that end sign-ins also require that the store confirms the caller's own sign-in. So a
/// stolen credential that was revoked a moment ago cannot end the user's other sign-ins.
fn devices() -> Router<Users> {
    let ending = Router::new()
        .route("/logout-others", post(devices::logout_others))
        .route("/logout-everywhere", post(devices::logout_everywhere))
        .route("/devices/{sign_in}", delete(devices::end))
        .route_layer(Require::revalidated());
    Router::new()
        .route("/devices", get(devices::list))
        .merge(ending)
        .route_layer(Require::scope("devices"))
}

/// Returns the routes that do not depend on the user.
fn public() -> Router {
    page::router().route("/healthz", get(async || "ok"))
}
