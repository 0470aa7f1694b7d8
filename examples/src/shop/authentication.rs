//! The one place that names backends.

use std::fmt;
use std::sync::Arc;

use auth_core::{Authenticator, Clock, any_of};
use auth_jwt::{JwtAuth, SigningKeys, WithSignIn};
use auth_session::SessionAuth;
use auth_store::{OverflowPolicy, Store};
use axum::Router;
use http::HeaderValue;

use super::headers::Exposure;
use super::options::{AuthKind, Options};
use super::setup_error::SetupError;
use super::signing_key::signing_key;
use super::store::store;
use crate::users::User;

/// How many devices a user may be signed in on; the next one ends the oldest.
const DEVICES: u32 = 5;
/// What a browser forgets when its user signs out.
const FORGET: HeaderValue = HeaderValue::from_static(r#""cache", "storage""#);
/// Who issues tokens, and for whom: every shop with the same store and the same signing key.
const SHOP: &str = "shop";

/// Any backend, chosen at run time, and what it shows to everybody.
#[derive(Clone)]
pub struct Backend {
    pub(super) auth: Arc<dyn Authenticator<Claims = User>>,
    pub(super) open: Router,
}

impl<A: Authenticator<Claims = User>> From<A> for Backend {
    fn from(auth: A) -> Self {
        Self { auth: auth.erased(), open: Router::new() }
    }
}

impl Backend {
    /// Services that verify tokens find their keys there.
    fn publishing(self, keys: &SigningKeys) -> Self {
        let jwks = keys.jwks_service();
        Self { open: self.open.route_service("/.well-known/jwks.json", jwks), ..self }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

/// The backend that the command line asks for. It goes by this clock, which tests turn.
///
/// # Errors
/// If this build does not have it, the store cannot be reached, or there is no key to sign tokens
/// with. None repeats the password of the store.
///
/// # Panics
/// Outside of a tokio runtime, with a store that several shops share.
pub async fn backend(
    options: &Options,
    transport: Exposure,
    clock: &Clock,
) -> Result<Backend, SetupError> {
    let store = store(options).await?;
    let session = session(options, transport, Arc::clone(&store)).clock(clock.clone());
    if options.auth == AuthKind::Session {
        return Ok(session.accept_bearer().into());
    }
    if options.store.is_shared() && options.signing_key.is_none() {
        tracing::warn!("without --signing-key, other shops refuse this one's tokens");
    }
    let keys = signing_keys(options, clock)?;
    let tokens = tokens(options, transport, keys.clone(), store).clock(clock.clone());
    let backend: Backend = if options.auth == AuthKind::Both {
        any_of((session, tokens)).into()
    } else {
        tokens.into()
    };
    Ok(backend.publishing(&keys))
}

fn session(options: &Options, transport: Exposure, store: Arc<dyn Store>) -> SessionAuth<User> {
    let auth = SessionAuth::new(store)
        .lifetime(options.session())
        .max_sign_ins(DEVICES, OverflowPolicy::EvictOldest)
        .clear_site_data(FORGET)
        .claims::<User>();
    match transport {
        Exposure::BehindTls => auth,
        Exposure::InsecureLoopback => auth.insecure_http(),
    }
}

fn tokens(
    options: &Options,
    transport: Exposure,
    keys: SigningKeys,
    store: Arc<dyn Store>,
) -> JwtAuth<User, WithSignIn> {
    let auth = JwtAuth::new(keys)
        .issuer(SHOP)
        .audience(SHOP)
        .sign_in(store)
        .access_lifetime(options.access())
        .lifetime(options.token_sign_in())
        .max_sign_ins(DEVICES, OverflowPolicy::EvictOldest)
        .clear_site_data(FORGET)
        .claims::<User>();
    match transport {
        Exposure::BehindTls => auth,
        Exposure::InsecureLoopback => auth.insecure_http(),
    }
}

fn signing_keys(options: &Options, clock: &Clock) -> Result<SigningKeys, SetupError> {
    let key = signing_key(options.signing_key.as_deref())?;
    Ok(SigningKeys::new(key).max_token_lifetime(options.access()).clock(clock.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    async fn answer(args: &[&str]) -> Result<(), String> {
        let options = Options::parse_from(["shop"].iter().chain(args));
        let backend = backend(&options, Exposure::InsecureLoopback, &Clock::system()).await;
        backend.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn every_kind_of_backend_is_there() {
        assert_eq!(answer(&[]).await, Ok(()));
        for kind in ["session", "jwt", "both"] {
            assert_eq!(answer(&["--auth", kind]).await, Ok(()), "{kind}");
            assert_eq!(answer(&["--auth", kind, "--access", "1000000"]).await, Ok(()), "{kind}");
        }
    }
}
