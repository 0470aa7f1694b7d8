//! Chooses and configures the backends. No other module of the shop names one.
//!
//! An application usually has one backend and writes this in five lines. The shop selects it at run
//! time, so the authenticator is a trait object.

use std::fmt;
use std::sync::Arc;

use auth_core::{Authenticator, Clock, any_of};
use auth_jwt::{JwtAuth, SigningKeys};
use auth_session::SessionAuth;
use auth_store::{OverflowPolicy, Store, Throttle};
use axum::Router;
use http::HeaderValue;

use super::inspector::{self, Inspector};
use super::options::{AuthKind, Deployment, Options};
use super::setup_error::SetupError;
use super::signing_key::signing_key;
use super::store::store;
use crate::users::User;

/// The limit of sign-ins per user. The next sign-in ends the oldest one.
const MAX_DEVICES: u32 = 5;
/// What a browser deletes when the user signs out (`Clear-Site-Data`).
const CLEAR_SITE_DATA: HeaderValue = HeaderValue::from_static(r#""cache", "storage""#);
/// The issuer and the audience of tokens. All shops with the same store and signing key share it.
const SHOP: &str = "shop";

/// The authenticator of the shop, the public routes that belong to it, and the inspector if it is on.
#[derive(Clone)]
pub struct Authentication {
    pub(super) authenticator: Arc<dyn Authenticator<Claims = User>>,
    pub(super) public_routes: Router,
    /// Counts wrong passwords, together with the other shops that have the same store.
    pub(super) throttle: Option<Throttle>,
    pub(super) inspector: Option<Inspector>,
}

impl<A: Authenticator<Claims = User>> From<A> for Authentication {
    fn from(authenticator: A) -> Self {
        Self {
            authenticator: authenticator.erased(),
            public_routes: Router::new(),
            throttle: None,
            inspector: None,
        }
    }
}

impl Authentication {
    /// Publishes the public keys, so that other services can verify the shop's tokens.
    fn with_jwks(self, keys: &SigningKeys) -> Self {
        let jwks = keys.jwks_service();
        let public_routes = self.public_routes.route_service("/.well-known/jwks.json", jwks);
        Self { public_routes, ..self }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication").finish_non_exhaustive()
    }
}

/// Creates the authentication that the command line selects. All backends read the time from `clock`.
///
/// # Errors
///
/// Returns an error if the store cannot be reached or its URL is invalid, or if there is no key to
/// sign tokens with. No error contains the password of the store.
///
/// # Panics
///
/// Panics outside of a Tokio runtime, with a store that several shops share.
pub async fn authentication(
    options: &Options,
    deployment: Deployment,
    clock: &Clock,
) -> Result<Authentication, SetupError> {
    let store = store(options).await?;
    let store = if options.inspector() { inspector::observed(store) } else { store };
    let inspector = options.inspector().then(|| Inspector::new(options, clock));
    let inspector = inspector.transpose()?;
    let throttle = Throttle::new(Arc::clone(&store)).clock(clock.clone());
    let backends = backends(options, deployment, store, clock)?;
    Ok(Authentication { throttle: Some(throttle), inspector, ..backends })
}

/// Both backends share the store, so a device list contains the sign-ins of both.
fn backends(
    options: &Options,
    deployment: Deployment,
    store: Arc<dyn Store>,
    clock: &Clock,
) -> Result<Authentication, SetupError> {
    let sessions = sessions(options, deployment, Arc::clone(&store), clock);
    if options.auth == AuthKind::Session {
        return Ok(sessions.accept_bearer().into());
    }
    if options.store.is_shared() && options.signing_key.is_none() {
        tracing::warn!(
            "no --signing-key: other shops with this store reject the tokens of this one"
        );
    }
    let key = signing_key(options.signing_key.as_deref())?;
    let keys = SigningKeys::new(key).max_token_lifetime(options.access()).clock(clock.clone());
    let tokens = JwtAuth::new(keys.clone())
        .issuer(SHOP)
        .audience(SHOP)
        .sign_in(store) // each token belongs to a stored sign-in, so it can be revoked
        .access_lifetime(options.access())
        .lifetime(options.token_sign_in())
        .max_sign_ins(MAX_DEVICES, OverflowPolicy::EvictOldest)
        .clear_site_data(CLEAR_SITE_DATA)
        .claims::<User>()
        .clock(clock.clone());
    let tokens = match deployment {
        Deployment::BehindTls => tokens,
        Deployment::InsecureLoopback => tokens.insecure_http(),
    };
    // The first of both signs in by default: browsers get a cookie unless they ask for tokens.
    let authentication: Authentication = match options.auth {
        AuthKind::Both => any_of((sessions, tokens)).into(),
        _ => tokens.into(),
    };
    Ok(authentication.with_jwks(&keys))
}

fn sessions(
    options: &Options,
    deployment: Deployment,
    store: Arc<dyn Store>,
    clock: &Clock,
) -> SessionAuth<User> {
    let sessions = SessionAuth::new(store)
        .lifetime(options.session())
        .max_sign_ins(MAX_DEVICES, OverflowPolicy::EvictOldest)
        .clear_site_data(CLEAR_SITE_DATA)
        .claims::<User>()
        .clock(clock.clone());
    match deployment {
        Deployment::BehindTls => sessions,
        Deployment::InsecureLoopback => sessions.insecure_http(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    async fn setup(args: &[&str]) -> Result<(), String> {
        let options = Options::parse_from(["shop"].iter().chain(args));
        let deployment = Deployment::InsecureLoopback;
        let authentication = authentication(&options, deployment, &Clock::system()).await;
        authentication.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn every_kind_can_be_set_up() {
        assert_eq!(setup(&[]).await, Ok(()));
        for kind in ["session", "jwt", "both"] {
            assert_eq!(setup(&["--auth", kind]).await, Ok(()), "{kind}");
            assert_eq!(setup(&["--auth", kind, "--access", "1000000"]).await, Ok(()), "{kind}");
        }
    }
}
