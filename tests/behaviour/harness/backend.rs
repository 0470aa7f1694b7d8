//! The backends that the suite runs over, one function for each.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::{Authenticator, Clock, CrossOriginProtection, Persistence, Transport, any_of};
use auth_jwt::{Algorithm, JwtAuth, JwtSignIn, Key, KeySource, SigningKey, SigningKeys, Signs};
use auth_session::SessionAuth;
use auth_store::{Lifetime, SecretKind, SignInEvent, SignInLimit, Store};
use http::HeaderValue;
use parking_lot::Mutex;

use super::token::TokenAuth;
use super::users::Users;
use crate::app::User;

pub(crate) type Auth = Arc<dyn Authenticator<Claims = User>>;

/// Whether the layer lets requests without an identity through.
#[derive(Clone, Copy)]
pub(crate) enum Policy {
    Required,
    Optional,
}

/// The options of a backend.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    pub(crate) lifetime: Lifetime,
    /// The lifetime of access tokens. Defaults to that of sign-ins, so that advancing the clock affects
    /// only the sign-in.
    pub(crate) access_lifetime: Option<Duration>,
    pub(crate) limit: Option<SignInLimit>,
    /// The limits of kinds that do not count with others.
    pub(crate) limit_of: Vec<(SecretKind, SignInLimit)>,
    /// Where the application keeps what happens.
    pub(crate) events: Option<Arc<Mutex<Vec<SignInEvent>>>>,
    pub(crate) persistence: Persistence,
    pub(crate) clear_site_data: Option<HeaderValue>,
    pub(crate) trusted_origin: Option<&'static str>,
    /// What the layer trusts for every backend.
    pub(crate) cross_origin: CrossOriginProtection,
    /// A scheme of the `Authorization` header that the layer ignores.
    pub(crate) ignored_scheme: Option<&'static str>,
    /// The users whom the application checks.
    pub(crate) users: Option<Arc<Users>>,
    pub(crate) user_check_age: Option<Duration>,
}

/// A backend under test: how it is built, and by which transport clients sign in to it.
#[derive(Clone, Copy)]
pub(crate) struct TestBackend {
    pub(crate) transport: Transport,
    pub(crate) build: fn(&Setup) -> Auth,
}

impl TestBackend {
    /// A backend whose clients sign in by cookie.
    pub(crate) const fn by_cookie(build: fn(&Setup) -> Auth) -> Self {
        Self { transport: Transport::Ambient, build }
    }

    /// A backend whose clients sign in by token.
    pub(crate) const fn by_token(build: fn(&Setup) -> Auth) -> Self {
        Self { transport: Transport::Explicit, build }
    }

    /// A session in a cookie.
    pub(crate) fn session() -> Self {
        Self::by_cookie(|setup| session(setup).erased())
    }

    /// A session in an `Authorization` header.
    pub(crate) fn session_bearer() -> Self {
        Self::by_token(|setup| session(setup).accept_bearer().erased())
    }

    /// A token of a third-party backend.
    pub(crate) fn token() -> Self {
        Self::by_token(|setup| TokenAuth::new(setup).erased())
    }

    /// A JSON Web Token with a shared secret, and a refresh token in a cookie.
    pub(crate) fn jwt() -> Self {
        Self::by_token(|setup| jwt(setup).erased())
    }

    /// The same with a private key. Verified tokens are cached.
    pub(crate) fn jwt_eddsa() -> Self {
        Self::by_token(|setup| jwt_eddsa(setup).erased())
    }

    /// A session or a JSON Web Token, for clients that sign in by cookie.
    pub(crate) fn both_by_cookie() -> Self {
        Self::by_cookie(|setup| any_of((session(setup), jwt(setup))).erased())
    }

    /// A session or a cached JSON Web Token, for clients that sign in by token.
    pub(crate) fn both_by_token() -> Self {
        Self::by_token(|setup| any_of((session(setup), jwt_eddsa(setup))).erased())
    }
}

/// Applies the options that `SessionAuth` and `JwtAuth` have in common.
macro_rules! configured {
    ($auth:expr, $setup:ident, $($issued:ident),+) => {{
        let mut auth = $auth.clock($setup.clock.clone()).lifetime($setup.lifetime);
        if let Some(limit) = $setup.limit {
            auth = auth.max_sign_ins(limit.max.get(), limit.when_full);
        }
        let issued = [$(SecretKind::$issued),+];
        for (kind, limit) in $setup.limit_of.iter().filter(|(kind, _)| issued.contains(kind)) {
            auth = auth.max_sign_ins_of(*kind, limit.max.get(), limit.when_full);
        }
        if let Some(events) = $setup.events.clone() {
            auth = auth.on_event(move |event| events.lock().push(event));
        }
        if $setup.persistence == Persistence::Persistent {
            auth = auth.persistent();
        }
        if let Some(value) = &$setup.clear_site_data {
            auth = auth.clear_site_data(value.clone());
        }
        if let Some(origin) = $setup.trusted_origin {
            auth = auth.trusted_origin(origin).unwrap();
        }
        if let Some(users) = &$setup.users {
            auth = auth.check_user(users.check());
        }
        if let Some(age) = $setup.user_check_age {
            auth = auth.check_user_every(age);
        }
        auth
    }};
}

/// Builds a `SessionAuth` from a setup.
pub(crate) fn session(setup: &Setup) -> SessionAuth<User> {
    configured!(SessionAuth::new(Arc::clone(&setup.store)).claims::<User>(), setup, Cookie, Bearer)
}

/// Builds a `JwtAuth` with a shared secret from a setup.
pub(crate) fn jwt(setup: &Setup) -> JwtSignIn<User> {
    jwt_with(Key::hs256([7; 32]).unwrap(), setup)
}

/// Builds a `JwtAuth` with a private key, which is the same for every node.
pub(crate) fn jwt_eddsa(setup: &Setup) -> JwtSignIn<User> {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    let key = KEY.get_or_init(|| SigningKey::generate(Algorithm::EdDsa).unwrap());
    let keys = SigningKeys::new(key.clone()).clock(setup.clock.clone());
    jwt_with(keys.max_token_lifetime(setup.access_lifetime()), setup)
}

fn jwt_with(keys: impl KeySource<Mode = Signs>, setup: &Setup) -> JwtSignIn<User> {
    let auth = JwtAuth::new(keys).audience("shop").sign_in(Arc::clone(&setup.store));
    let auth = auth.claims::<User>().access_lifetime(setup.access_lifetime());
    configured!(auth, setup, Refresh)
}

impl Setup {
    /// Returns the options that a test begins with.
    pub(crate) fn over(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self {
            store,
            clock,
            policy: Policy::Optional,
            lifetime: Lifetime::default(),
            access_lifetime: None,
            limit: None,
            limit_of: Vec::new(),
            events: None,
            persistence: Persistence::Session,
            clear_site_data: None,
            trusted_origin: None,
            cross_origin: CrossOriginProtection::STRICT,
            ignored_scheme: None,
            users: None,
            user_check_age: None,
        }
    }

    fn access_lifetime(&self) -> Duration {
        self.access_lifetime.unwrap_or(self.lifetime.absolute())
    }
}
