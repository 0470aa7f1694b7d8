//! API keys beside sessions in one store, and HTTP Basic: authenticators of an application's own.
//! `cargo run -p examples --bin api_key`.
//!
//! ```text
//! curl -c jar -d 'username=alice&password=wonderland' http://localhost:3000/login
//! curl -b jar -d 'label=robot&scope=stock:read' http://localhost:3000/keys
//! curl -H 'X-Api-Key: <the access_token of the response>' http://localhost:3000/stock
//! curl -b jar http://localhost:3000/keys
//! curl -b jar -X DELETE http://localhost:3000/keys/<the id in the list>
//! curl -u alice:wonderland http://localhost:3000/me
//! ```
//!
//! The backend for API keys is in `src/api_keys.rs`.
//!
//! Prefer sessions, tokens or API keys to HTTP Basic. It is here because some clients support nothing
//! else. Its drawbacks:
//!
//! - Every request contains the password, so it must only be used over TLS.
//! - The user cannot sign out, or revoke one device.
//! - Verifying a password is slow by design, and happens on every request. Attackers can use that to
//!   exhaust the server.
//! - A browser that knows the password also sends it with requests that other sites make. It is an
//!   ambient credential like a cookie. The authenticator declares it as one, so that the layer rejects
//!   cross-origin requests.

#![allow(clippy::print_stdout)] // prints where it listens

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    Attempt, Auth, AuthFuture, AuthenticationInfo, Authenticator, Challenge, ChallengeReason,
    Clock, Identity, Outcome, Principal, Rejection, RejectionReason, RequestHead, Require,
    SignInId, SignedIn, any_of,
};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Store, UserCheck};
use axum::extract::{Path, State};
use axum::response::Result;
use axum::routing::{delete, get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use examples::api_keys::{self, ApiKeys};
use examples::serve;
use examples::users::{Login, User, Users};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

/// The scopes that a key may have.
const SCOPES: [&str; 2] = ["stock:read", "stock:write"];

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = app(Arc::new(MemoryStore::new()), Users::demo(), &Clock::system());
    let listener = TcpListener::bind(serve::address()?).await?;
    println!("API keys at http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

/// Sessions and API keys in one store. New sign-ins are sessions, because that backend comes first.
fn app(store: Arc<dyn Store>, users: Users, clock: &Clock) -> Router {
    // A user who is disabled loses all sessions and all keys within a minute.
    let enabled = users.clone();
    let check = move |user: UserCheck| ready(Ok(enabled.is_enabled(&user.subject)));
    // `insecure_http` is for development only: it allows the cookie without TLS.
    let sessions = SessionAuth::new(Arc::clone(&store)).insecure_http().claims::<User>();
    let sessions = sessions.check_user(check.clone()).check_user_every(Duration::from_secs(60));
    let sessions = sessions.clock(clock.clone());
    let keys = ApiKeys::new(store).check_user(check).clock(clock.clone());
    let basic = Basic { users: users.clone() };
    Router::new()
        .route("/login", post(login))
        .route("/logout", post(async |auth: Auth<User>| auth.sign_out().await))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/me", get(me))
        .route("/stock", get(async || "plenty\n").route_layer(Require::scope("stock:read")))
        .route("/keys", get(list_keys).post(create_key))
        .route("/keys/{key}", delete(revoke_key))
        .with_state(users)
        .layer(any_of((sessions, keys, basic)).optional())
}

async fn me(me: Identity<User>) -> String {
    format!("{}\n", json!({ "subject": me.subject(), "scheme": me.scheme() }))
}

async fn login(users: State<Users>, auth: Auth<User>, form: Form<Login>) -> Result<SignedIn> {
    let checked = users.check(&form.username, &form.password).await;
    let principal = checked.map_err(|_| auth.wrong_credentials("wrong password"))?;
    Ok(auth.sign_in(principal).await?)
}

/// Ends all sessions and all keys of the user.
async fn logout_everywhere(auth: Auth<User>) -> Result<String> {
    Ok(format!("{} ended\n", auth.revoke_all().await?))
}

/// A key to create. The scopes are separated by spaces.
#[derive(Deserialize)]
struct NewKey {
    label: String,
    scope: String,
}

/// A key as the list shows it. Times are Unix seconds.
#[derive(Serialize)]
struct Key {
    id: SignInId,
    label: Option<Box<str>>,
    created_at: u64,
    last_used_at: u64,
    expires_at: u64,
}

/// Creates a key. The response contains it, and the user stays signed in.
async fn create_key(
    me: Identity<User>,
    auth: Auth<User>,
    Form(new): Form<NewKey>,
) -> Result<SignedIn> {
    require_person(&me)?;
    let scopes: Vec<_> = new.scope.split_whitespace().collect();
    if scopes.iter().any(|scope| !SCOPES.contains(scope)) {
        return Err(StatusCode::BAD_REQUEST.into());
    }
    // A key has scopes and no roles, so that it can do less than its owner.
    let user = me.local_subject().ok_or(StatusCode::FORBIDDEN)?;
    let owner = Principal::new(user).claims(me.claims().clone());
    let owner = scopes.into_iter().fold(owner, Principal::scope);
    Ok(auth.sign_in(owner).backend(api_keys::NAME).label(new.label).await?)
}

/// Lists the keys of the user, oldest first.
async fn list_keys(me: Identity<User>, auth: Auth<User>) -> Result<Json<Vec<Key>>> {
    require_person(&me)?;
    let mut sign_ins = auth.sign_ins().await?;
    sign_ins.retain(|info| info.kind == api_keys::NAME);
    let keys = sign_ins.into_iter().map(|info| Key {
        id: info.id,
        label: info.label,
        created_at: info.created_at.as_secs(),
        last_used_at: info.last_seen_at.as_secs(),
        expires_at: info.expires_at.as_secs(),
    });
    Ok(Json(keys.collect()))
}

/// Revokes a key of the user, and no session.
async fn revoke_key(me: Identity<User>, auth: Auth<User>, key: Path<SignInId>) -> Result<()> {
    require_person(&me)?;
    let sign_ins = auth.sign_ins().await?;
    let is_key = sign_ins.iter().any(|info| info.id == *key && info.kind == api_keys::NAME);
    if is_key && auth.revoke(*key).await? { Ok(()) } else { Err(StatusCode::NOT_FOUND.into()) }
}

/// Requires a person: a key that could create others would outlive its own revocation.
fn require_person(me: &Identity<User>) -> Result<()> {
    if me.scheme() == "session" { Ok(()) } else { Err(StatusCode::FORBIDDEN.into()) }
}

/// HTTP Basic (RFC 7617) with the passwords of the users. Read the warning above first.
struct Basic {
    users: Users,
}

impl Authenticator for Basic {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let Some((username, password)) = user_and_password(head.credentials("Basic")?) else {
            let rejection = Rejection::new("basic", RejectionReason::Malformed);
            return Some(Attempt::ambient_header(Outcome::Rejected(rejection)));
        };
        let users = self.users.clone();
        // `Users::check` verifies the password on a thread that may block.
        Some(Attempt::ambient_header(AuthFuture::boxed(async move {
            match users.check(&username, &password).await {
                Ok(principal) => authenticated("basic", principal),
                Err(_) => Outcome::Rejected(Rejection::new("basic", RejectionReason::Unknown)),
            }
        })))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if matches!(
            reason,
            ChallengeReason::MissingCredential | ChallengeReason::InvalidCredential(_)
        ) {
            let basic = Challenge::new("Basic").param("realm", "examples");
            basic.param("charset", "UTF-8").append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("authorization")
    }
}

/// Decodes the credentials. The username ends at the first colon; the password may contain colons.
fn user_and_password(credentials: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

/// Returns the identity of a valid credential. It has no time of authentication: a script keeps its key, and a
/// browser its password, and both send it without a user. A route with `Require::max_auth_age` refuses it.
fn authenticated(scheme: &'static str, principal: Principal<User>) -> Outcome<User> {
    let authentication = AuthenticationInfo::new(scheme, None);
    Outcome::Authenticated(Identity::verified(principal, authentication))
}

#[cfg(test)]
mod tests {
    use argon2::Params;
    use auth_core::{ManualClock, Timestamp};
    use axum::body::{Body, to_bytes};
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use http::{Method, Request};
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// The server, its clock, and its store.
    struct Server {
        app: Router,
        clock: ManualClock,
        store: Arc<MemoryStore>,
        users: Users,
    }

    /// The status, the cookie and the body of a response.
    struct Reply {
        status: u16,
        cookie: String,
        headers: HeaderMap,
        body: String,
    }

    impl Reply {
        fn json(&self) -> Value {
            serde_json::from_str(&self.body).unwrap()
        }

        /// Returns the key in a response.
        fn key(&self) -> String {
            assert_eq!((self.status, &self.json()["token_type"]), (200, &json!("ApiKey")));
            assert_eq!(self.headers["cache-control"], "no-store");
            self.json()["access_token"].as_str().unwrap().to_owned()
        }
    }

    impl Server {
        fn start() -> Self {
            let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
            let store = Arc::new(MemoryStore::new());
            let users = Users::demo_with(&Params::new(8, 1, 1, None).unwrap());
            let app = app(Arc::clone(&store) as _, users.clone(), &clock.clock());
            Self { app, clock, store, users }
        }

        async fn send(
            &self,
            method: Method,
            path: &str,
            header: (&str, &str),
            form: &str,
        ) -> Reply {
            let request = Request::builder().method(method).uri(path).header(header.0, header.1);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let request = request.body(Body::from(form.to_owned())).unwrap();
            let response = self.app.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let cookie = parts.headers.get("set-cookie").map_or("", |it| it.to_str().unwrap());
            let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            Reply { status: parts.status.as_u16(), cookie, headers: parts.headers, body }
        }

        /// Signs Alice in, and returns her cookie.
        async fn alice(&self) -> String {
            let form = "username=alice&password=wonderland";
            self.send(Method::POST, "/login", ("accept", "*/*"), form).await.cookie
        }

        async fn create(&self, cookie: &str, form: &str) -> Reply {
            self.send(Method::POST, "/keys", ("cookie", cookie), form).await
        }

        async fn two_keys(&self, cookie: &str) -> [String; 2] {
            let created = [self.create(cookie, READS).await, self.create(cookie, READS).await];
            created.map(|reply| reply.key())
        }

        async fn get(&self, path: &str, header: (&str, &str)) -> Reply {
            self.send(Method::GET, path, header, "").await
        }

        async fn status_of(&self, key: &str) -> u16 {
            self.get("/me", ("x-api-key", key)).await.status
        }

        async fn keys(&self, cookie: &str) -> Vec<Value> {
            self.get("/keys", ("cookie", cookie)).await.json().as_array().unwrap().clone()
        }
    }

    const READS: &str = "label=robot&scope=stock:read";

    #[tokio::test]
    async fn a_user_creates_a_key_and_stays_signed_in() {
        let server = Server::start();
        let cookie = server.alice().await;
        let key = server.create(&cookie, READS).await.key();
        let me = server.get("/me", ("x-api-key", &key)).await.json();
        assert_eq!(me, json!({ "subject": "alice", "scheme": "api-key" }));
        let me = server.get("/me", ("cookie", &cookie)).await.json();
        assert_eq!(me, json!({ "subject": "alice", "scheme": "session" }));
        assert_eq!(server.store.len(), 2);
    }

    #[tokio::test]
    async fn a_key_can_do_what_its_scopes_allow_and_no_more() {
        let server = Server::start();
        let cookie = server.alice().await;
        let reads = server.create(&cookie, READS).await.key();
        let writes = server.create(&cookie, "label=w&scope=stock:write").await.key();
        assert_eq!(server.get("/stock", ("x-api-key", &reads)).await.status, 200);
        assert_eq!(server.get("/stock", ("x-api-key", &writes)).await.status, 403);
        assert_eq!(server.create(&cookie, "label=x&scope=admin").await.status, 400);
        for (method, path) in [(Method::POST, "/keys"), (Method::GET, "/keys")] {
            let reply = server.send(method, path, ("x-api-key", &reads), READS).await;
            assert_eq!(reply.status, 403, "a key manages no keys");
        }
    }

    #[tokio::test]
    async fn the_store_holds_no_key() {
        let server = Server::start();
        let key = server.create(&server.alice().await, READS).await.key();
        let listed = server.store.list("alice").await.unwrap();
        let record = listed.iter().find(|record| record.kind.scheme() == api_keys::NAME).unwrap();
        let (stored, secret) = (record.to_bytes(), URL_SAFE_NO_PAD.decode(&key[5..91]).unwrap());
        let holds = |part: &[u8]| stored.windows(part.len()).any(|bytes| bytes == part);
        assert!(holds(b"api-key") && !holds(&secret[16..32]) && !holds(&secret[32..]));
    }

    #[tokio::test]
    async fn a_mistyped_or_repeated_key_is_rejected() {
        let server = Server::start();
        let cookie = server.alice().await;
        let key = server.create(&cookie, READS).await.key();
        let other = server.create(&cookie, READS).await.key();
        let mut mistyped = key.clone().into_bytes();
        mistyped[40] = if mistyped[40] == b'a' { b'b' } else { b'a' };
        let mistyped = String::from_utf8(mistyped).unwrap();
        for wrong in [&mistyped, &key[5..], &key[..key.len() - 1], &key[..91], "", "shop_"] {
            let reply = server.get("/me", ("x-api-key", wrong)).await;
            assert_eq!(reply.status, 401, "{wrong}");
            assert!(reply.headers.get_all("www-authenticate").iter().any(|it| it == "ApiKey"));
        }
        for (second, status) in [(&key, 200), (&other, 401)] {
            let request = Request::get("/me").header("x-api-key", &key).header("x-api-key", second);
            let response = server.app.clone().oneshot(request.body(Body::empty()).unwrap()).await;
            assert_eq!(response.unwrap().status(), status);
        }
        let bearer = format!("Bearer ses_{}", &key[5..91]);
        assert_eq!(server.get("/me", ("authorization", &bearer)).await.status, 401);
        let as_cookie = format!("session={}", &key[5..91]);
        assert_eq!(server.get("/me", ("cookie", &as_cookie)).await.status, 401);
    }

    #[tokio::test]
    async fn the_list_shows_the_last_use_and_a_revoked_key_is_dead() {
        let server = Server::start();
        let cookie = server.alice().await;
        let [first, second] = server.two_keys(&cookie).await;
        server.clock.advance(DAY / 2);
        let cookie = server.alice().await;
        assert_eq!(server.status_of(&second).await, 200);

        let listed = server.keys(&cookie).await;
        let used = |key: &Value| key["last_used_at"].as_u64().unwrap() - 1_800_000_000;
        assert_eq!(listed.iter().map(used).collect::<Vec<_>>(), [0, 12 * 3600]);
        assert_eq!(listed[0]["label"], "robot");
        let path = format!("/keys/{}", listed[0]["id"].as_str().unwrap());
        let revoke = || server.send(Method::DELETE, &path, ("cookie", &cookie), "");
        assert_eq!((revoke().await.status, revoke().await.status), (200, 404));
        assert_eq!((server.status_of(&first).await, server.status_of(&second).await), (401, 200));
    }

    #[tokio::test]
    async fn a_session_is_not_revoked_as_a_key() {
        let server = Server::start();
        let cookie = server.alice().await;
        let session = server.store.list("alice").await.unwrap()[0].id;
        let path = format!("/keys/{session}");
        let revoked = server.send(Method::DELETE, &path, ("cookie", &cookie), "").await;
        assert_eq!(revoked.status, 404);
        assert_eq!(server.get("/me", ("cookie", &cookie)).await.status, 200);
    }

    #[tokio::test]
    async fn a_disabled_user_loses_every_key_within_a_minute() {
        let server = Server::start();
        let cookie = server.alice().await;
        let key = server.create(&cookie, READS).await.key();
        server.users.disable("alice");
        server.clock.advance(Duration::from_secs(60));
        assert_eq!(server.status_of(&key).await, 401);
        assert_eq!(server.get("/me", ("cookie", &cookie)).await.status, 401);
        assert_eq!(server.alice().await, "", "she cannot sign in");
        assert_eq!(server.store.len(), 0);
    }

    #[tokio::test]
    async fn a_key_ends_after_ninety_days_of_use() {
        let server = Server::start();
        let key = server.create(&server.alice().await, READS).await.key();
        for _ in 0..89 {
            server.clock.advance(DAY);
            assert_eq!(server.status_of(&key).await, 200);
        }
        server.clock.advance(DAY);
        assert_eq!(server.status_of(&key).await, 401);
        assert!(server.keys(&server.alice().await).await.is_empty());
    }

    /// Keys and sessions have limits of their own.
    #[tokio::test]
    async fn the_twenty_first_key_is_refused_and_no_login_ends_a_key() {
        let server = Server::start();
        let cookie = server.alice().await;
        let mut keys = Vec::new();
        for _ in 0..20 {
            keys.push(server.create(&cookie, READS).await.key());
        }
        assert_eq!(server.create(&cookie, READS).await.status, 403);
        for _ in 0..3 {
            let form = "username=alice&password=wonderland";
            // The key authenticates the login, and survives it.
            let login = server.send(Method::POST, "/login", ("x-api-key", &keys[0]), form).await;
            assert_eq!(server.get("/me", ("cookie", &login.cookie)).await.status, 200);
        }
        for key in &keys {
            assert_eq!(server.status_of(key).await, 200);
        }
    }

    #[tokio::test]
    async fn a_key_signs_itself_out_and_logging_out_everywhere_ends_all() {
        let server = Server::start();
        let cookie = server.alice().await;
        let [first, second] = server.two_keys(&cookie).await;
        server.send(Method::POST, "/logout", ("x-api-key", &first), "").await;
        assert_eq!((server.status_of(&first).await, server.status_of(&second).await), (401, 200));
        let ended = server.send(Method::POST, "/logout-everywhere", ("cookie", &cookie), "").await;
        assert_eq!(ended.body, "2 ended\n");
        assert_eq!(server.status_of(&second).await, 401);
        assert!(server.store.list("alice").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_key_is_created_without_a_request_and_for_another_time() {
        let server = Server::start();
        let keys = ApiKeys::new(Arc::clone(&server.store)).clock(server.clock.clock());
        let robot = Principal::new("robot").scope("stock:read").claims(User::named("Robot"));
        let hour = auth_store::Lifetime::new(None, Duration::from_secs(3600)).unwrap();
        let (short, long) = (
            keys.issue(robot.clone(), "short", Some(hour)).await.unwrap(),
            keys.issue(robot, "long", None).await.unwrap(),
        );
        assert_eq!(server.get("/stock", ("x-api-key", &short)).await.status, 200);
        server.clock.advance(DAY);
        assert_eq!((server.status_of(&short).await, server.status_of(&long).await), (401, 200));
    }

    #[test]
    fn the_username_ends_at_the_first_colon() {
        let decode = |text: &str| user_and_password(STANDARD.encode(text).as_bytes());
        let pair = |username: &str, password: &str| Some((username.into(), password.into()));
        assert_eq!(decode("alice:a:b"), pair("alice", "a:b"));
        assert_eq!(decode(":"), pair("", ""));
        assert_eq!(decode("alice"), None);
        assert_eq!(user_and_password(b"!"), None);
        assert_eq!(user_and_password(&[0xff]), None);
    }
}
