//! The shop three times: behind a cookie, an opaque token and a JWT, for the comparison on the page.
//!
//! The handlers are those of the shop. The page sends its attacks here, so that they meet each kind of
//! credential whatever the shop itself accepts, and leave the user of the page signed in. The sign-ins are
//! in a store of their own. Every visitor of this page can make the customer an admin, so the customer's
//! secrets must not be valid at this shop, or at another one with its store.

use std::sync::Arc;

use auth_core::{AuthLayer, Authenticator, Clock, CookieBuilder, Identity};
use auth_jwt::{JwtAuth, SigningKeys};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, SignInManager};
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response, Result};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{CONTENT_SECURITY_POLICY, HOST};
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::shop::options::{AuthKind, Options};
use crate::shop::responses::NO_STORE;
use crate::shop::routes::router;
use crate::shop::setup_error::SetupError;
use crate::shop::signing_key::signing_key;
use crate::users::{User, Users};

/// The user of the comparison and the attacks, with the password `guest`.
const CUSTOMER: &str = "customer1";
/// The issuer and audience of the tokens: the shop itself accepts none of them.
const LAB: &str = "comparison";
/// The name of the customer's cookie.
pub(super) const COOKIE: &str = "compare";
/// The role that the customer gets and loses.
const ADMIN: &str = "admin";

/// A backend for each kind of credential, over one store in memory.
#[derive(Clone)]
pub(super) struct Lab {
    kinds: [(&'static str, Arc<dyn Authenticator<Claims = User>>); 3],
    manager: SignInManager,
}

impl Lab {
    pub(super) fn new(options: &Options, clock: &Clock) -> Result<Self, SetupError> {
        let store = super::observed(Arc::new(MemoryStore::new()));
        let cookie = CookieBuilder::new(COOKIE).path("/compare/cookie").insecure_http();
        let sessions = SessionAuth::new(Arc::clone(&store))
            .lifetime(options.session())
            .claims::<User>()
            .clock(clock.clone());
        let manager = sessions.sign_in_manager().clone();
        let cookies = sessions.clone().cookie(cookie.build().expect("a cookie for plain HTTP"));
        // A shop without tokens needs no key file. The other shops with this store have the same key.
        let file = options.signing_key.as_deref().filter(|_| options.auth != AuthKind::Session);
        let keys = SigningKeys::new(signing_key(file)?).max_token_lifetime(options.access());
        let tokens = JwtAuth::new(keys.clock(clock.clone()))
            .issuer(LAB)
            .audience(LAB)
            .sign_in(store)
            .access_lifetime(options.access())
            .lifetime(options.session())
            .claims::<User>()
            .clock(clock.clone())
            .insecure_http();
        let opaque = sessions.accept_bearer().erased();
        let kinds = [("cookie", cookies.erased()), ("opaque", opaque), ("jwt", tokens.erased())];
        Ok(Self { kinds, manager })
    }

    /// Returns the shop below `/compare/cookie`, `/compare/opaque` and `/compare/jwt`, and the page of the
    /// other site.
    pub(super) fn routes(&self, users: &Users) -> Router {
        let mut routes = Router::new().route("/other-site/{shop}", get(other_site));
        for (name, authenticator) in &self.kinds {
            let role = Router::new().route("/role", post(role)).with_state(self.manager.clone());
            let shop = super::inside(router(users.clone().customers(1)).merge(role));
            let layer = AuthLayer::new(Arc::clone(authenticator)).optional();
            routes =
                routes.nest(&format!("/compare/{name}"), shop.layer(layer.cache_control(NO_STORE)));
        }
        routes
    }
}

/// Whether the customer shall be an admin.
#[derive(Deserialize)]
struct Role {
    admin: bool,
}

/// `POST /role`: gives the customer the role `admin`, or takes it away, in all sign-ins. The customer does
/// what an administrator would do elsewhere. Other users cannot.
async fn role(
    me: Identity<User>,
    State(manager): State<SignInManager>,
    Json(Role { admin }): Json<Role>,
) -> Result<StatusCode> {
    if me.subject() != CUSTOMER {
        return Err(StatusCode::FORBIDDEN.into());
    }
    if admin {
        manager.grant_role(CUSTOMER, ADMIN).await?;
    } else {
        manager.revoke_role(CUSTOMER, ADMIN).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /other-site/{shop}`: returns a page of another site, with a form that posts to the shop at the host
/// `shop`. To a browser, `localhost` and `127.0.0.1` are different sites, so the page is of another site if
/// it is opened at the other one of the two.
async fn other_site(Path(shop): Path<String>, headers: HeaderMap) -> Result<Response> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let port = host.and_then(|host| host.parse::<Authority>().ok()?.port_u16());
    let (Some(port), "localhost" | "127.0.0.1" | "[::1]") = (port, &*shop) else {
        return Err(StatusCode::NOT_FOUND.into());
    };
    let shop = format!("http://{shop}:{port}");
    let policy =
        format!("default-src 'none'; style-src 'self'; form-action {shop}; frame-ancestors 'none'");
    // The address contains nothing that HTML would have to escape.
    let page = include_str!("other-site.html").replace("{action}", &format!("{shop}/logout"));
    Ok(([(CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response())
}
