//! The combinations of backends that these tests use.

use std::sync::Arc;

use auth_core::{
    Attempt, Authenticator, ChallengeReason, Clock, CrossOriginProtection, MemberPath, RequestHead,
    SignInBackend, Transport, any_of,
};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Store};
use http::{HeaderMap, HeaderValue};

use crate::app::{Login, User};
use crate::harness::{
    ApiKeyAuth, Auth, Client, Credential, Framework, Setup, TestBackend, TokenAuth, World, jwt,
    jwt_eddsa, session,
};

/// Returns a node with this combination.
pub(super) async fn world(build: fn(&Setup) -> Auth) -> World {
    World::start(TestBackend::by_cookie(build), Framework::Axum).await
}

/// Returns a login by token.
pub(super) fn by_token(subject: &str) -> Login {
    Login::from(subject).via(Transport::Explicit)
}

/// Returns a cookie of alice, a token of this user, and a client with both.
pub(super) async fn cookie_and_token(
    world: &World,
    subject: &str,
) -> (Credential, Credential, Client) {
    let (_, cookie) = world.sign_in("alice").await;
    let app = world.client();
    assert_eq!(app.post("/login").json(&by_token(subject)).await.status, 200);
    let token = app.credential().unwrap();
    let both = world.client_with(&cookie).with_credential(&token);
    (cookie, token, both)
}

/// Checks that a sign-out of this client removes its cookies and ends every sign-in.
pub(super) async fn sign_out_ends(world: &World, client: &Client, credentials: [&Credential; 2]) {
    let cookies = client.cookies("/").split("; ").count();
    let reply = client.post("/logout").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, cookies), "{reply:?}");
    assert_eq!(client.cookies("/"), "");
    assert_eq!(world.statuses(credentials).await, [401, 401]);
    assert_eq!(world.sign_in_count().await, 0);
}

/// All ways to write "API keys, cookies or tokens, and new sign-ins by cookie". They must behave
/// alike, whichever backend issues the tokens.
pub(super) const ALIKE: [fn(&Setup) -> Auth; 7] = [
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
    |setup| {
        let inner = Wrapper(any_of((session(setup), TokenAuth::new(setup))).erased());
        any_of([Wrapper(any_of((inner, ApiKeyAuth::new(setup))).erased()).erased()]).erased()
    },
];

/// An authenticator of an application that adds something to another one, and forwards every method. It
/// may wrap a combination.
struct Wrapper(Auth);

impl Authenticator for Wrapper {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        self.0.authenticate(head)
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        self.0.challenge(reason, headers);
    }

    fn vary(&self) -> HeaderValue {
        self.0.vary()
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<User>> {
        self.0.sign_ins()
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        self.0.cross_origin()
    }

    fn clock(&self) -> &Clock {
        self.0.clock()
    }

    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = User>> {
        self.0.member(path)
    }

    fn named(&self, name: &str) -> Option<MemberPath> {
        self.0.named(name)
    }
}

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

/// Tokens have their own store; cookies use the store that the test can break.
pub(super) fn cookies_in_the_faulty_store(setup: &Setup) -> Auth {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let tokens = TokenAuth::new(&Setup { store, ..setup.clone() });
    any_of((session(setup), tokens)).erased()
}

/// Two kinds of sessions, each with its own cookie.
pub(super) fn two_cookies(setup: &Setup) -> Auth {
    let store: Arc<dyn Store> = Arc::clone(&setup.store);
    let staff = SessionAuth::new(store).claims::<User>().clock(setup.clock.clone());
    let staff = staff.cookie(auth_core::CookiePolicy::host("staff").unwrap());
    any_of((session(setup), staff)).erased()
}
