//! The routes, and the layers around them.

use auth_core::{AuthLayer, Authenticator, Require};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{map_response, map_response_with_state};
use axum::routing::{delete, get, post};

use super::headers::{self, Transport};
use super::{account, cart, devices, errors, page};
use crate::users::{User, Users};

/// The most bytes of a request's body: a password or an item of the cart is short.
const BODY: usize = 16 * 1024;

/// The whole shop: the routes behind this backend, the open ones, and the headers around them.
pub fn app<A>(users: Users, auth: A, transport: Transport) -> Router
where
    A: Authenticator<Claims = User>,
{
    router(users)
        .layer(AuthLayer::new(auth).optional())
        .merge(open())
        .layer(map_response(errors::to_json))
        .layer(map_response_with_state(transport, headers::add))
}

/// The routes that depend on who asks, without the authentication layer that they need.
pub fn router(users: Users) -> Router {
    Router::new()
        .route("/login", post(account::login))
        .route("/me", get(account::me))
        .route("/admin", get(account::admin).route_layer(Require::role("admin")))
        .route("/refresh", post(account::refresh))
        .route("/logout", post(account::logout))
        .route("/logout-others", post(devices::logout_others))
        .route("/logout-everywhere", post(devices::logout_everywhere))
        .route("/devices", get(devices::list))
        .route("/devices/{sign_in}", delete(devices::end))
        .route("/cart", get(cart::show).post(cart::add))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(users)
}

/// The routes that are the same for everybody: they answer even when the store does not.
fn open() -> Router {
    page::router().route("/healthz", get(async || "ok"))
}
