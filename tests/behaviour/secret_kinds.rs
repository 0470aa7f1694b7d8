//! A secret of one kind is not accepted as another, and a public id proves nothing.

use auth_core::{Authenticator, Identity, Outcome, Principal, SignInOptions, Transport, any_of};
use auth_store::{NewSignIn, SecretKind, SignInManager};
use http::Method;

use crate::app::{Login, Refresh, User};
use crate::harness::{
    Credential, Framework, REFRESH, SESSION, Setup, TestBackend, World, fresh_store, jwt, session,
};

suite!(every: sec_86_forged_secrets_for_a_known_id_do_no_harm);

suite!(explicit: sec_81_a_token_is_rejected_as_a_cookie);

suite!(bearer: sec_81_a_cookie_is_rejected_as_a_token);

behaviours! {
    sec_81_no_kind_of_secret_is_accepted_as_another,
    sec_88_an_api_key_loses_roles_with_its_user_and_gains_none,
}

suite!(pair:
    sec_81_a_refresh_token_authenticates_no_request,
    sec_81_an_access_token_cannot_be_refreshed,
);

async fn sec_86_forged_secrets_for_a_known_id_do_no_harm(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    for _ in 0..3 {
        let forger = world.client_with(&credential.forged());
        assert_eq!(forger.get("/me").await.status, 401);
        assert_eq!(forger.post("/refresh").await.status, 401);
        forger.post("/logout").await;
        forger.post("/logout-everywhere").await;
        forger.post("/cart").body("bait").await;
    }
    assert_eq!(world.status_of(&credential).await, 200);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_81_a_token_is_rejected_as_a_cookie(world: World) {
    let token = world.client().signed_in("alice").await;
    let as_cookie = Credential::Cookie(token.secret().to_owned());
    let thief = world.client_with(&as_cookie);
    assert_eq!(thief.get("/me").await.status, 401);
    assert_eq!(thief.get("/maybe").await.text(), "anonymous");
    assert_eq!(thief.post("/refresh").await.status, 401);
    thief.post("/logout").await;
    assert_eq!(world.status_of(&token).await, 200, "the sign-in has not ended");
}

async fn sec_81_a_cookie_is_rejected_as_a_token(world: World) {
    let token = world.client().signed_in("alice").await;
    // A cookie that a node with the other backend stored in the same store.
    let cookies = world.with_backend(TestBackend::session()).await;
    assert_eq!(cookies.transport(), Transport::Ambient);
    let cookie = cookies.client().signed_in("bob").await;

    let as_token = token.with_secret(cookie.secret());
    assert_eq!(world.status_of(&as_token).await, 401);
    let thief = world.client_with(&as_token);
    assert_eq!(thief.post("/refresh").await.status, 401);
    let by_body = world.client().post("/refresh").json(&Refresh::token(as_token.text())).await;
    assert_eq!(by_body.status, 401);
    let login = Login::from("mallory").via(world.transport());
    thief.post("/login").json(&login).await;
    assert_eq!(cookies.status_of(&cookie).await, 200);
}

/// In any header and with any prefix.
async fn sec_81_a_refresh_token_authenticates_no_request(world: World) {
    let credential = world.client().signed_in(Login::from("alice").role("admin")).await;
    let (token, secret) = (credential.refresh().unwrap(), credential.secret());
    for text in [token.to_owned(), secret.to_owned(), format!("ses_{secret}")] {
        for (name, start) in WAYS {
            let call = |path| world.client().get(path).header(name, &format!("{start}{text}"));
            for path in ["/me", "/admin", "/devices"] {
                assert_eq!(call(path).await.status, 401, "{name}: {start}{text} at {path}");
            }
            let maybe = call("/maybe").await;
            assert!(maybe.status == 401 || maybe.text() == "anonymous", "{maybe:?}");
        }
    }
    assert_eq!(world.status_of(&credential).await, 200);
    world.client_with(&credential).refreshed().await;
}

async fn sec_81_an_access_token_cannot_be_refreshed(world: World) {
    let credential = world.client().signed_in("alice").await;
    let token = credential.text();
    let call = || world.client().post("/refresh");
    assert_eq!(call().json(&Refresh::token(token)).await.status, 401);
    for (name, start) in WAYS {
        let reply = call().header(name, &format!("{start}{token}")).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{start}");
    }
    assert_eq!(world.sign_in_count().await, 1);
}

/// The headers that can carry a credential, and the prefixes of their values.
const WAYS: [(&str, &str); 7] = [
    ("cookie", "__Host-session="),
    ("cookie", "__Host-refresh="),
    ("cookie", "__Host-access="),
    ("authorization", "Bearer "),
    ("authorization", "Bearer ses_"),
    ("authorization", "Bearer ref_"),
    ("authorization", "Bearer tok_"),
];

/// Cookies, bearer tokens, access tokens and refresh tokens in one store and behind one layer.
async fn sec_81_no_kind_of_secret_is_accepted_as_another() {
    let build = |setup: &Setup| any_of((session(setup).accept_bearer(), jwt(setup))).erased();
    let world = World::start(TestBackend::by_cookie(build), Framework::Axum).await;
    let mut credentials = Vec::new();
    for backend in [TestBackend::session(), TestBackend::session_bearer(), TestBackend::jwt()] {
        let node = world.with_backend(backend).await;
        credentials.push(node.client().signed_in("alice").await);
    }
    let [cookie, bearer, pair] = &credentials[..] else { panic!("{credentials:?}") };
    let renews = [
        format!("{SESSION}={}", cookie.text()),
        format!("Bearer {}", bearer.text()),
        format!("{REFRESH}={}", pair.refresh().unwrap()),
    ];
    let authenticates = [&renews[0], &renews[1], &format!("Bearer {}", pair.text())];
    let mut secrets = vec![pair.text(), pair.refresh().unwrap(), bearer.text()];
    secrets.extend(credentials.iter().map(Credential::secret));

    for (name, start) in WAYS {
        for value in secrets.iter().map(|secret| format!("{start}{secret}")) {
            let call = |method, path| world.client().call(method, path).header(name, &value);
            let expected = if authenticates.contains(&&value) { 200 } else { 401 };
            assert_eq!(call(Method::GET, "/me").await.status, expected, "{value}");
            if !renews.contains(&value) {
                assert_eq!(call(Method::POST, "/refresh").await.status, 401, "{value}");
                if expected == 401 {
                    call(Method::POST, "/logout").await;
                    call(Method::POST, "/logout-everywhere").await;
                }
            }
        }
    }
    for wrong in [cookie.text(), pair.text(), pair.secret(), bearer.secret()] {
        let reply = world.client().post("/refresh").json(&Refresh::token(wrong)).await;
        assert_eq!(reply.status, 401, "{wrong}");
    }
    for credential in &credentials {
        assert_eq!(world.status_of(credential).await, 200);
        world.client_with(credential).refreshed().await;
    }
}

/// A change of the user's roles never gives an API key more than it was created with.
async fn sec_88_an_api_key_loses_roles_with_its_user_and_gains_none() {
    let manager = SignInManager::new(fresh_store().await);
    let issue = async |kind, roles: &[&str]| {
        let claims = User { name: "ADA".into() };
        let ada = Principal::new("ada").claims(claims).scope("stock:read");
        let ada = roles.iter().fold(ada, |ada, role| ada.role(*role));
        let new = NewSignIn::of(kind, &SignInOptions::new(ada), None).unwrap();
        manager.issue(&new).await.unwrap().secret
    };
    let kind = SecretKind::custom("robot-key");
    let key = issue(kind, &["reader", "buyer"]).await;
    let session = issue(SecretKind::Cookie, &["reader", "buyer", "admin"]).await;
    let roles = async |secret: &auth_store::Secret, kind| {
        let found: Outcome<User> = manager.revalidate(secret.clone(), kind).await;
        let Outcome::Authenticated(identity) = found else { panic!("{found:?}") };
        assert_eq!(scopes(&identity), ["stock:read"]);
        assert_eq!(identity.claims().name, "Ada");
        identity.principal().roles.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let changed = User { name: "Ada".into() };
    for (new, of_key) in [
        (&["admin", "buyer", "owner"][..], &["buyer"][..]),
        (&[], &[]),
        (&["reader", "buyer", "admin"], &["reader", "buyer"]),
    ] {
        assert_eq!(manager.update_claims("ada", new, &changed).await.unwrap(), 2);
        assert_eq!(roles(&key, kind).await, of_key);
        let of_session = roles(&session, SecretKind::Cookie).await;
        assert_eq!(of_session, new.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}

fn scopes(identity: &Identity<User>) -> Vec<&str> {
    identity.principal().scopes.iter().map(|scope| &**scope).collect()
}
