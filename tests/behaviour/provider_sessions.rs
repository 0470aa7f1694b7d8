//! Sign-ins by an identity provider, which ends them (OpenID Connect Back-Channel Logout 1.0).

use std::sync::LazyLock;

use auth_jwt::{
    Algorithm, BackChannelLogout, JwtAuth, Revocations, SigningKey, SigningKeys, Validation,
};
use auth_store::{SignInManager, Store};
use http::{Request, Response, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{Login, ProviderLogin};
use crate::harness::{Fault, Op, World};

suite!(every:
    a_logout_ends_the_sign_ins_of_its_session,
    a_logout_of_a_subject_ends_all_of_its_sign_ins,
    a_logout_of_a_session_ends_sign_ins_without_one,
    a_sign_in_after_the_logout_of_its_session_is_refused,
    a_new_session_of_the_same_sign_in_survives_the_logout_of_the_old_one,
    a_logout_also_revokes_the_tokens_of_the_provider,
    a_logout_token_of_each_form_is_accepted,
    a_numeric_subject_logs_out_if_the_application_accepts_them,
    sec_76_a_failed_logout_is_reported_and_can_be_repeated,
    sec_52_only_logout_tokens_log_out,
);

const PROVIDER: &str = "https://login.example";
const CLIENT: &str = "the-shop";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

static KEYS: LazyLock<SigningKeys> =
    LazyLock::new(|| SigningKeys::new(SigningKey::generate(Algorithm::EdDsa).unwrap()));

fn now(world: &World) -> u64 {
    world.clock.clock().now().as_secs()
}

/// A login by this session of the provider.
fn login(world: &World, user: &str, sid: Option<&str>) -> Login {
    let subject = format!("{user}-at-the-provider");
    let (sid, issued_at) = (sid.map(str::to_owned), now(world));
    let provider = ProviderLogin { issuer: PROVIDER.to_owned(), subject, sid, issued_at };
    Login { provider: Some(provider), ..Login::from(user) }
}

/// Returns the claims of a logout token, with these members added or replaced.
fn claims(world: &World, more: Value) -> Value {
    let now = now(world);
    let mut claims = json!({
        "iss": PROVIDER, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "1",
        "events": { EVENT: {} },
    });
    let Value::Object(more) = more else { panic!("no claims") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

async fn send(world: &World, token: &str) -> Response<String> {
    send_to(world, Validation::new().issuer(PROVIDER).audience(CLIENT), token).await
}

async fn send_to(world: &World, client: Validation, token: &str) -> Response<String> {
    let mut sign_ins = SignInManager::new(world.store.clone() as std::sync::Arc<dyn Store>);
    sign_ins.settings.clock = world.setup.clock.clone();
    let logout = BackChannelLogout::new(KEYS.clone(), client).clock(world.setup.clock.clone());
    let form = "application/x-www-form-urlencoded";
    let request = Request::post("/").header(header::CONTENT_TYPE, form);
    let request = request.body(format!("logout_token={token}")).unwrap();
    logout.sign_ins(&sign_ins).service().oneshot(request).await.unwrap()
}

/// Sends a logout token with these claims, and returns the status of the response.
async fn log_out(world: &World, more: Value) -> u16 {
    let token = KEYS.sign("logout+jwt", &claims(world, more)).unwrap();
    let response = send(world, &token).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    response.status().as_u16()
}

async fn a_logout_ends_the_sign_ins_of_its_session(world: World) {
    let (_, first) = world.sign_in(login(&world, "alice", Some("s1"))).await;
    let (_, second) = world.sign_in(login(&world, "alice", Some("s1"))).await;
    let (_, other) = world.sign_in(login(&world, "alice", Some("s2"))).await;
    let (_, local) = world.sign_in("alice").await;
    assert_eq!(world.statuses([&first, &second, &other, &local]).await, [200; 4]);

    assert_eq!(log_out(&world, json!({ "sid": "s1", "sub": "alice-at-the-provider" })).await, 200);

    assert_eq!(world.statuses([&first, &second, &other, &local]).await, [401, 401, 200, 200]);
    assert_eq!(log_out(&world, json!({ "sid": "s2" })).await, 200, "a subject is not needed");
    assert_eq!(world.statuses([&other, &local]).await, [401, 200]);
    assert_eq!(log_out(&world, json!({ "sid": "s2" })).await, 200, "it can be repeated");
}

async fn a_logout_of_a_subject_ends_all_of_its_sign_ins(world: World) {
    let (_, first) = world.sign_in(login(&world, "alice", Some("s1"))).await;
    let (_, second) = world.sign_in(login(&world, "alice", None)).await;
    let (_, bob) = world.sign_in(login(&world, "bob", None)).await;
    // A time may have a fraction (RFC 7519).
    let logout = json!({ "sub": "alice-at-the-provider", "iat": now(&world) as f64 + 0.5 });
    world.advance(std::time::Duration::from_secs(1));
    let (_, later) = world.sign_in(login(&world, "alice", None)).await;

    assert_eq!(log_out(&world, logout).await, 200);

    assert_eq!(world.statuses([&first, &second, &bob, &later]).await, [401, 401, 200, 200]);
}

/// A provider may name the session in its logout tokens only.
async fn a_logout_of_a_session_ends_sign_ins_without_one(world: World) {
    let (_, unnamed) = world.sign_in(login(&world, "alice", None)).await;
    let (_, other) = world.sign_in(login(&world, "alice", Some("s2"))).await;
    let (_, bob) = world.sign_in(login(&world, "bob", None)).await;
    let logout = json!({ "sid": "s1", "sub": "alice-at-the-provider", "iat": now(&world) });
    world.advance(std::time::Duration::from_secs(1));
    let (_, later) = world.sign_in(login(&world, "alice", None)).await;

    assert_eq!(log_out(&world, json!({ "sid": "s1" })).await, 200, "of an unknown subject");
    assert_eq!(world.statuses([&unnamed, &other, &bob, &later]).await, [200; 4]);
    assert_eq!(log_out(&world, logout).await, 200);
    assert_eq!(world.statuses([&unnamed, &other, &bob, &later]).await, [401, 200, 200, 200]);
}

/// The ID token was issued before the logout, and arrives after it.
async fn a_sign_in_after_the_logout_of_its_session_is_refused(world: World) {
    let late = [login(&world, "alice", Some("s1")), login(&world, "alice", None)];
    assert_eq!(log_out(&world, json!({ "sid": "s1" })).await, 200);
    assert_eq!(log_out(&world, json!({ "sub": "alice-at-the-provider" })).await, 200);
    for login in late {
        let client = world.client();
        let reply = client.login(login).await;
        assert_eq!((reply.status.as_u16(), client.credential()), (401, None), "{reply:?}");
    }
    world.advance(std::time::Duration::from_secs(1));
    world.sign_in(login(&world, "alice", Some("s2"))).await;
}

/// A user who logs in again in the same browser keeps the sign-in, which belongs to the new session then.
async fn a_new_session_of_the_same_sign_in_survives_the_logout_of_the_old_one(world: World) {
    let (client, old) = world.sign_in(login(&world, "alice", Some("s1"))).await;
    let new = client.signed_in(login(&world, "alice", Some("s2"))).await;
    assert_eq!(old.sign_in(), new.sign_in());
    assert_eq!(log_out(&world, json!({ "sid": "s1" })).await, 200);
    assert_eq!(world.status_of(&new).await, 200);
    let refused = client.login(login(&world, "alice", Some("s1"))).await;
    assert_eq!(refused.status, 401);
    world.store.records().await; // it is restored in the background
    assert_eq!(world.status_of(&new).await, 200, "the sign-in is as it was");
    assert_eq!(log_out(&world, json!({ "sid": "s2" })).await, 200);
    assert_eq!(world.status_of(&new).await, 401);
}

async fn a_logout_also_revokes_the_tokens_of_the_provider(world: World) {
    let list = Revocations::new(world.store.clone()).clock(world.setup.clock.clone());
    let api = JwtAuth::new(KEYS.clone()).verify_only().issuer(PROVIDER).audience("api");
    let api = api.clock(world.setup.clock.clone()).revocations(list);
    let mut token = claims(&world, json!({ "aud": "api", "sub": "alice", "sid": "s1" }));
    token.as_object_mut().unwrap().remove("events");
    let token = KEYS.sign("JWT", &token).unwrap();
    let verified = async || api.verify(token.as_bytes()).await;
    assert!(matches!(verified().await, auth_core::Outcome::Authenticated(_)));
    assert_eq!(log_out(&world, json!({ "sid": "s1" })).await, 200);
    assert!(matches!(verified().await, auth_core::Outcome::Rejected(_)));
}

async fn sec_76_a_failed_logout_is_reported_and_can_be_repeated(world: World) {
    let (_, credential) = world.sign_in(login(&world, "alice", Some("s1"))).await;
    for op in [Op::Load, Op::List, Op::DeleteIfVersion] {
        world.store.set(op, Fault::Fails);
        assert_eq!(log_out(&world, json!({ "sid": "s1" })).await, 503, "{op:?}");
        world.store.clear_faults();
        assert_eq!(world.status_of(&credential).await, 200, "{op:?}");
    }
    assert_eq!(log_out(&world, json!({ "sid": "s1" })).await, 200);
    assert_eq!(world.status_of(&credential).await, 401);
}

/// The forms that the source code and the documents of providers show.
async fn a_logout_token_of_each_form_is_accepted(world: World) {
    let [alice, bob] = ["alice-at-the-provider", "bob-at-the-provider"];
    for (provider, typ, more) in [
        ("Auth0", "logout+jwt", json!({ "sub": alice, "sid": "s1", "trace_id": "1" })),
        ("Hydra", "JWT", json!({ "aud": [CLIENT], "sid": "s2", "exp": null })),
        (
            "Keycloak",
            "JWT",
            json!({
                "typ": "Logout", "aud": [CLIENT], "sub": alice, "sid": "s3",
                "events": { EVENT: {}, "revoke_offline_access": true },
            }),
        ),
        (
            "Keycloak before 25",
            "JWT",
            json!({ "typ": "Logout", "sub": alice, "sid": "s4", "exp": null }),
        ),
        ("without sessions", "logout+jwt", json!({ "sub": alice })),
    ] {
        let mut all = claims(&world, more);
        let sid = all.get("sid").and_then(Value::as_str);
        let (_, credential) = world.sign_in(login(&world, "alice", sid.or(Some("s5")))).await;
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let mut other = all.clone();
        match all.get("sid") {
            Some(_) => other["sid"] = json!("another"),
            None => other["sub"] = json!(bob),
        }
        let other = KEYS.sign(typ, &other).unwrap();
        assert_eq!(send(&world, &other).await.status(), 200, "{provider}");
        assert_eq!(world.status_of(&credential).await, 200, "{provider}");
        let token = KEYS.sign(typ, &all).unwrap();
        assert_eq!(send(&world, &token).await.status(), 200, "{provider}");
        assert_eq!(world.status_of(&credential).await, 401, "{provider}");
    }
}

/// Some providers number their users. The application states the subject of an ID token as text.
async fn a_numeric_subject_logs_out_if_the_application_accepts_them(world: World) {
    let mut login = login(&world, "alice", None);
    login.provider.as_mut().unwrap().subject = "17".to_owned();
    let (_, credential) = world.sign_in(login).await;
    let token = KEYS.sign("logout+jwt", &claims(&world, json!({ "sub": 17 }))).unwrap();
    assert_eq!(send(&world, &token).await.status(), 400);
    assert_eq!(world.status_of(&credential).await, 200);
    let client = Validation::new().issuer(PROVIDER).audience(CLIENT).numeric_subject();
    assert_eq!(send_to(&world, client, &token).await.status(), 200);
    assert_eq!(world.status_of(&credential).await, 401);
}

async fn sec_52_only_logout_tokens_log_out(world: World) {
    let (_, credential) = world.sign_in(login(&world, "alice", Some("s1"))).await;
    let sid = json!({ "sid": "s1" });
    for (why, more) in [
        ("another issuer", json!({ "iss": "https://login.exampl" })),
        ("another audience", json!({ "aud": "the-shop-2" })),
        ("an ID token", json!({ "events": null })),
        ("no event", json!({ "events": {} })),
        ("another event", json!({ "events": { "http://schemas.openid.net/event/other": {} } })),
        ("an event without an object", json!({ "events": { EVENT: 1 } })),
        ("a nonce", json!({ "nonce": "a" })),
        ("no id", json!({ "jti": null })),
        ("no time of issue", json!({ "iat": null })),
        ("expired", json!({ "iat": now(&world) - 300, "exp": now(&world) - 100 })),
        ("no expiry, and issued long ago", json!({ "iat": now(&world) - 181, "exp": null })),
        ("neither session nor subject", json!({ "sid": null, "sub": null })),
        ("an empty session", json!({ "sid": "" })),
    ] {
        let mut all = sid.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(log_out(&world, all).await, 400, "{why}");
    }
    let right = claims(&world, sid);
    for typ in ["at+jwt", "secevent+jwt"] {
        let token = KEYS.sign(typ, &right).unwrap();
        assert_eq!(send(&world, &token).await.status(), 400, "{typ}");
    }
    let stranger = SigningKeys::new(SigningKey::generate(Algorithm::EdDsa).unwrap());
    let token = stranger.sign("logout+jwt", &right).unwrap();
    assert_eq!(send(&world, &token).await.status(), 400);
    assert_eq!(world.status_of(&credential).await, 200);
    // Some providers write no special type.
    let token = KEYS.sign("JWT", &right).unwrap();
    assert_eq!(send(&world, &token).await.status(), 200);
    assert_eq!(world.status_of(&credential).await, 401);
}
