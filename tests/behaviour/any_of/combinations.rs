//! The combinations of backends that these tests use.

use std::sync::Arc;

use auth_core::{Authenticator, any_of};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Store};

use crate::app::User;
use crate::harness::{
    ApiKeyAuth, Auth, Framework, Setup, TestBackend, TokenAuth, World, jwt, jwt_eddsa, session,
};

/// Returns a node with this combination.
pub(super) async fn world(build: fn(&Setup) -> Auth) -> World {
    World::start(TestBackend::by_cookie(build), Framework::Axum).await
}

/// All ways to write "API keys, cookies or tokens, and new sign-ins by cookie". They must behave
/// alike, whichever backend issues the tokens.
pub(super) const ALIKE: [fn(&Setup) -> Auth; 6] = [
    |setup| any_of((session(setup), ApiKeyAuth::new(setup), jwt(setup))).erased(),
    |setup| {
        any_of([any_of((session(setup), jwt_eddsa(setup))).erased(), keys_alone(setup)]).erased()
    },
    |setup| any_of((session(setup), ApiKeyAuth::new(setup), TokenAuth::new(setup))).erased(),
    |setup| any_of(at_run_time(setup)).erased(),
    |setup| {
        any_of((any_of((session(setup), ApiKeyAuth::new(setup))), TokenAuth::new(setup))).erased()
    },
    |setup| {
        let inner = any_of([session(setup).erased(), TokenAuth::new(setup).erased()]).erased();
        any_of([any_of([inner]).erased(), ApiKeyAuth::new(setup).erased()]).erased()
    },
];

fn at_run_time(setup: &Setup) -> Vec<Arc<dyn Authenticator<Claims = User>>> {
    vec![ApiKeyAuth::new(setup).erased(), session(setup).erased(), TokenAuth::new(setup).erased()]
}

/// New sign-ins use tokens by default.
pub(super) fn token_first(setup: &Setup) -> Auth {
    any_of((TokenAuth::new(setup), session(setup))).erased()
}

pub(super) fn cookie_first(setup: &Setup) -> Auth {
    any_of((session(setup), TokenAuth::new(setup))).erased()
}

pub(super) fn keys_alone(setup: &Setup) -> Auth {
    ApiKeyAuth::new(setup).erased()
}

/// Cookies have their own store; tokens use the store that the test can break.
pub(super) fn two_stores(setup: &Setup) -> Auth {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let cookies = session(&Setup { store, ..setup.clone() });
    any_of((cookies, TokenAuth::new(setup))).erased()
}

/// Two kinds of sessions, each with its own cookie.
pub(super) fn two_cookies(setup: &Setup) -> Auth {
    let store: Arc<dyn Store> = Arc::clone(&setup.store);
    let staff = SessionAuth::new(store).claims::<User>().clock(setup.clock.clone());
    let staff = staff.cookie(auth_core::CookiePolicy::host("staff").unwrap());
    any_of((session(setup), staff)).erased()
}
