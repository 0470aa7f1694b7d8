//! The backends that the suite runs over, one function each.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::{Authenticator, Clock, Persistence, Transport, any_of};
use auth_jwt::{Algorithm, JwtAuth, Key, KeySource, SigningKey, SigningKeys, Signs, WithSignIn};
use auth_session::SessionAuth;
use auth_store::{Lifetime, SignInLimit, Store};
use http::HeaderValue;

use super::token::TokenAuth;
use crate::app::User;

pub(crate) type Auth = Arc<dyn Authenticator<Claims = User>>;

/// Whether the layer lets requests without an identity through.
#[derive(Clone, Copy)]
pub(crate) enum Policy {
    Required,
    Optional,
}

/// What a backend is built with.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    pub(crate) lifetime: Lifetime,
    /// How long access tokens last. As long as sign-ins otherwise, so that turning the clock is
    /// about the sign-in.
    pub(crate) access_lifetime: Option<Duration>,
    pub(crate) limit: Option<SignInLimit>,
    pub(crate) persistence: Persistence,
    pub(crate) clear_site_data: Option<HeaderValue>,
    pub(crate) trusted_origin: Option<&'static str>,
}

/// A backend: how it is built, and how clients sign in to it.
#[derive(Clone, Copy)]
pub(crate) struct Backend {
    pub(crate) transport: Transport,
    pub(crate) build: fn(&Setup) -> Auth,
}

impl Backend {
    /// A session in a cookie.
    pub(crate) fn session() -> Self {
        Self { transport: Transport::Ambient, build: |setup| session(setup).erased() }
    }

    /// A session in an `Authorization` header.
    pub(crate) fn session_bearer() -> Self {
        Self {
            transport: Transport::Explicit,
            build: |setup| session(setup).accept_bearer().erased(),
        }
    }

    /// A token, by an authenticator that is not one of ours.
    pub(crate) fn token() -> Self {
        Self { transport: Transport::Explicit, build: |setup| TokenAuth::new(setup).erased() }
    }

    /// A JSON Web Token by a shared secret, and a refresh token in a cookie.
    pub(crate) fn jwt() -> Self {
        Self { transport: Transport::Explicit, build: |setup| jwt(setup).erased() }
    }

    /// The same by a private key: the signature of a token that came before is not verified again.
    pub(crate) fn jwt_eddsa() -> Self {
        Self { transport: Transport::Explicit, build: |setup| jwt_eddsa(setup).erased() }
    }

    /// A session or a JSON Web Token, for clients that sign in by cookie.
    pub(crate) fn both_by_cookie() -> Self {
        Self { transport: Transport::Ambient, build: both }
    }

    /// A session or a JSON Web Token that is remembered, for clients that sign in by token.
    pub(crate) fn both_by_token() -> Self {
        let build = |setup: &Setup| any_of((session(setup), jwt_eddsa(setup))).erased();
        Self { transport: Transport::Explicit, build }
    }
}

fn both(setup: &Setup) -> Auth {
    any_of((session(setup), jwt(setup))).erased()
}

/// `SessionAuth` as a setup says.
pub(crate) fn session(setup: &Setup) -> SessionAuth<User> {
    let mut auth = SessionAuth::new(Arc::clone(&setup.store))
        .claims::<User>()
        .clock(setup.clock.clone())
        .lifetime(setup.lifetime);
    if let Some(limit) = setup.limit {
        auth = auth.max_sign_ins(limit.max.get(), limit.when_full);
    }
    if setup.persistence == Persistence::Persistent {
        auth = auth.persistent();
    }
    if let Some(value) = &setup.clear_site_data {
        auth = auth.clear_site_data(value.clone());
    }
    if let Some(origin) = setup.trusted_origin {
        auth = auth.trusted_origin(origin).unwrap();
    }
    auth
}

/// `JwtAuth` with a shared secret, as a setup says.
pub(crate) fn jwt(setup: &Setup) -> JwtAuth<User, WithSignIn> {
    jwt_by(Key::hs256([7; 32]).unwrap(), setup)
}

/// `JwtAuth` with a private key, the same for every node.
pub(crate) fn jwt_eddsa(setup: &Setup) -> JwtAuth<User, WithSignIn> {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    let key = KEY.get_or_init(|| SigningKey::generate(Algorithm::EdDsa).unwrap());
    let keys = SigningKeys::new(key.clone()).clock(setup.clock.clone());
    jwt_by(keys.max_token_lifetime(setup.access_lifetime()), setup)
}

fn jwt_by(keys: impl KeySource<Mode = Signs>, setup: &Setup) -> JwtAuth<User, WithSignIn> {
    let mut auth = JwtAuth::new(keys)
        .audience("shop")
        .sign_in(Arc::clone(&setup.store))
        .claims::<User>()
        .clock(setup.clock.clone())
        .lifetime(setup.lifetime)
        .access_lifetime(setup.access_lifetime());
    if let Some(limit) = setup.limit {
        auth = auth.max_sign_ins(limit.max.get(), limit.when_full);
    }
    if setup.persistence == Persistence::Persistent {
        auth = auth.persistent();
    }
    if let Some(value) = &setup.clear_site_data {
        auth = auth.clear_site_data(value.clone());
    }
    if let Some(origin) = setup.trusted_origin {
        auth = auth.trusted_origin(origin).unwrap();
    }
    auth
}

impl Setup {
    fn access_lifetime(&self) -> Duration {
        self.access_lifetime.unwrap_or(self.lifetime.absolute())
    }
}
