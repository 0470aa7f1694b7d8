//! The issuer of a token is part of the identity of its subject.

use auth_core::{RejectionReason, Transport};
use auth_jwt::{Algorithm, JwtAuth, KeySet, Validation};
use http::Method;
use serde_json::{Map, Value, json};

use super::kit::{NOW, Signer, auth, clock, rejection, verify, with, without};
use crate::app::Me;
use crate::harness::{Credential, Framework, TestBackend, World, claims, jwt};

const OURS: &str = "https://shop.example";
const THEIRS: &str = "https://idp.example";

fn validation(issuer: &str) -> Validation {
    Validation::new().issuer(issuer).audience("shop")
}

fn of(issuer: &str) -> Value {
    with(json!({ "iss": issuer }))
}

#[tokio::test]
async fn sec_55_a_subject_of_another_issuer_is_another_user() {
    for algorithm in [Algorithm::Hs256, Algorithm::Es256] {
        let [a, b] = [algorithm, algorithm].map(Signer::new);
        let auth = auth(a.key.clone())
            .validation(validation(OURS))
            .trusted_issuer(b.key.clone(), validation(THEIRS));
        let one = verify(&auth, a.token(&of(OURS))).await.unwrap();
        let other = verify(&auth, b.token(&of(THEIRS))).await.unwrap();
        assert_eq!((one.subject(), other.subject()), ("alice", "alice"));
        assert_eq!((one.issuer(), other.issuer()), (Some(OURS), Some(THEIRS)));
        assert_eq!((one.local_subject(), other.local_subject()), (None, None));
    }
}

/// The keys of an issuer verify only its own tokens, whatever `kid` a header names.
#[tokio::test]
async fn sec_55_an_issuer_cannot_speak_for_another() {
    for (algorithm, reason) in
        [(Algorithm::Hs256, "bad signature"), (Algorithm::Es256, "unknown key")]
    {
        let [a, b] = [algorithm, algorithm].map(Signer::new);
        let auth = auth(a.key.clone())
            .validation(validation(OURS))
            .trusted_issuer(b.key.clone(), validation(THEIRS));
        for (signer, other, issuer) in [(&a, &b, THEIRS), (&b, &a, OURS)] {
            let own = json!({ "alg": algorithm.as_str(), "kid": signer.key.kid().unwrap_or("x") });
            assert_eq!(rejection(&auth, signer.forge(&own, &of(issuer))).await, reason);
            let named = json!({ "alg": algorithm.as_str(), "kid": other.key.kid().unwrap_or("x") });
            assert_eq!(rejection(&auth, signer.forge(&named, &of(issuer))).await, "bad signature");
            let unnamed = json!({ "alg": algorithm.as_str() });
            assert_eq!(
                rejection(&auth, signer.forge(&unnamed, &of(issuer))).await,
                "bad signature"
            );
        }
    }
}

/// Issuers are compared byte by byte.
#[tokio::test]
async fn sec_55_issuers_are_compared_exactly() {
    let [a, b] = [Algorithm::Hs256, Algorithm::Hs384].map(Signer::new);
    let alone = auth(a.key.clone()).validation(validation(OURS));
    let both = alone.clone().trusted_issuer(b.key.clone(), validation(THEIRS));
    let names = [
        "",
        "https://shop.example/",
        "https://shop.example ",
        "https://SHOP.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "https://shop.exampl",
        "https://evil.example/https://shop.example",
        "https://shop.example\0",
    ];
    for name in names {
        let token = a.token(&of(name));
        assert_eq!(rejection(&alone, &token).await, "wrong issuer", "{name}");
        assert_eq!(rejection(&both, &token).await, "unknown issuer", "{name}");
    }
    for auth in [&alone, &both] {
        for claims in [without("iss"), with(json!({ "iss": null }))] {
            assert_eq!(rejection(auth, a.token(&claims)).await, "no issuer");
        }
    }
    for name in [json!([OURS]), json!({ OURS: 1 }), json!(7)] {
        let token = a.token(&with(json!({ "iss": name })));
        assert_eq!(rejection(&alone, &token).await, "claim of the wrong type", "{name}");
        assert_eq!(rejection(&both, &token).await, "malformed", "{name}");
    }
    // The issuer that selects the keys is the one whose validation applies.
    let twice = format!(r#"{{"iss":"{THEIRS}","iss":"{OURS}","sub":"a","aud":"shop","exp":2e9}}"#);
    assert_eq!(rejection(&both, a.raw(r#"{"alg":"HS256"}"#, &twice)).await, "malformed");
    assert_eq!(rejection(&both, b.raw(r#"{"alg":"HS384"}"#, &twice)).await, "malformed");
}

/// Each issuer has its own validation, which applies to no other.
#[tokio::test]
async fn sec_55_an_issuer_is_held_to_its_own_policy() {
    let [a, b, c] = [Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Es256].map(Signer::new);
    let auth = auth(a.key.clone())
        .validation(validation(OURS).require("tenant"))
        .trusted_issuer(b.key.clone(), Validation::new().issuer(THEIRS).audience("theirs"))
        .trusted_issuer(
            c.key.clone(),
            validation("https://third.example").roles_pointer("/groups"),
        );
    let says = |issuer: &str, more: Value| {
        let (mut claims, Value::Object(more)) = (of(issuer), more) else { panic!("no claims") };
        claims.as_object_mut().unwrap().extend(more);
        claims
    };
    assert_eq!(rejection(&auth, a.token(&of(OURS))).await, "claim missing");
    assert!(verify(&auth, a.token(&says(OURS, json!({ "tenant": 1 })))).await.is_ok());
    assert_eq!(rejection(&auth, b.token(&of(THEIRS))).await, "wrong audience");
    assert!(verify(&auth, b.token(&says(THEIRS, json!({ "aud": "theirs" })))).await.is_ok());
    let ours = says(OURS, json!({ "aud": "theirs", "tenant": 1 }));
    assert_eq!(rejection(&auth, a.token(&ours)).await, "wrong audience");
    let groups = says("https://third.example", json!({ "groups": ["a"], "roles": ["b"] }));
    let identity = verify(&auth, c.token(&groups)).await.unwrap();
    assert_eq!(identity.roles().collect::<Vec<_>>(), ["a"]);
    assert_eq!(rejection(&auth, a.token(&of("https://third.example"))).await, "wrong algorithm");
}

#[test]
#[should_panic(expected = "another issuer has a name")]
fn sec_55_another_issuer_has_a_name() {
    let [a, b] = [Algorithm::Hs256, Algorithm::Hs256].map(Signer::new);
    drop(JwtAuth::new(a.key).trusted_issuer(b.key, Validation::new().audience("shop")));
}

#[test]
#[should_panic(expected = "is trusted already")]
fn sec_55_an_issuer_is_trusted_once() {
    let [a, b] = [Algorithm::Hs256, Algorithm::Hs256].map(Signer::new);
    drop(JwtAuth::new(a.key).validation(validation(OURS)).trusted_issuer(b.key, validation(OURS)));
}

/// Returns the key of an issuer that we trust in addition to our own sign-ins.
fn foreigner() -> Signer {
    Signer::shared(Algorithm::Hs512, &[9; 64])
}

/// Returns a node with sign-ins of its own, which also accepts users of another issuer.
async fn world() -> World {
    let backend = TestBackend {
        transport: Transport::Explicit,
        build: |setup| {
            let auth = jwt(setup).issuer(OURS).trusted_issuer(foreigner().key, validation(THEIRS));
            auth_core::Authenticator::erased(auth)
        },
    };
    World::start(backend, Framework::Axum).await
}

/// Signs alice in. Returns her credential, and the claims of her access token.
async fn alice(world: &World) -> (Credential, Map<String, Value>) {
    let credential = world.client().signed_in("alice").await;
    let claims = claims(credential.text());
    world.store.reset_calls();
    (credential, claims)
}

/// Claims of a foreign token that name our sign-ins have no effect on them.
#[tokio::test]
async fn sec_55_a_foreign_token_does_not_touch_our_sign_ins() {
    let world = world().await;
    let (alices, ours) = alice(&world).await;
    let token = foreigner().token(&with(json!({
        "iss": THEIRS, "sid": ours["sid"], "fam": ours["fam"], "name": "ALICE",
        "iat": ours["iat"], "exp": ours["exp"],
    })));
    let bearer = format!("Bearer {token}");
    let call = |method: Method, path: &str| {
        world.client().call(method, path).header("authorization", &bearer)
    };
    let me: Me = call(Method::GET, "/me").await.json();
    assert_eq!((me.subject.as_str(), me.sign_in), ("alice", None));
    assert_eq!(world.store.all_calls(), 0, "the store was asked about a token that is not ours");

    let devices = call(Method::GET, "/devices").await;
    assert!(!devices.text().contains(&alices.sign_in().to_string()), "{devices:?}");
    call(Method::DELETE, &format!("/devices/{}", alices.sign_in())).await;
    for path in ["/logout", "/logout-others", "/logout-everywhere", "/refresh"] {
        call(Method::POST, path).await;
        assert_eq!(world.status_of(&alices).await, 200, "{path}");
    }
    let cart = call(Method::GET, "/cart").await;
    assert!(!cart.status.is_success(), "{cart:?}");
}

/// Two users have the subject `alice`: one here, and one of a trusted issuer.
#[tokio::test]
async fn sec_101_a_foreign_identity_is_no_user_of_the_application() {
    let world = world().await;
    let (alices, ours) = alice(&world).await;
    let token = foreigner().token(&with(json!({
        "iss": THEIRS, "name": "ALICE", "iat": ours["iat"], "exp": ours["exp"],
    })));
    let ours = world.client_with(&alices);
    let theirs = world.client_with(&Credential::Token(token));
    for (path, expected) in [("/me", [200, 200]), ("/ours", [200, 403]), ("/theirs", [403, 200])] {
        for (client, expected) in [&ours, &theirs].into_iter().zip(expected) {
            assert_eq!(client.get(path).await.status, expected, "{path}");
        }
    }
    let [ours, theirs]: [Me; 2] = [ours.get("/me").await.json(), theirs.get("/me").await.json()];
    assert_eq!((ours.subject, ours.local_subject.as_deref()), ("alice".into(), Some("alice")));
    assert_eq!((theirs.subject, theirs.local_subject), ("alice".into(), None));
}

/// Only our own key signs for our sign-ins.
#[tokio::test]
async fn sec_55_a_foreign_key_cannot_sign_for_our_sign_ins() {
    let world = world().await;
    let (_, ours) = alice(&world).await;
    for alg in ["HS256", "HS512"] {
        let token = foreigner()
            .forge(&json!({ "alg": alg, "typ": "at+jwt" }), &Value::Object(ours.clone()));
        let bearer = format!("Bearer {token}");
        let reply = world.client().get("/me").header("authorization", &bearer).await;
        assert_eq!(reply.status, 401);
    }
    assert_eq!(world.store.all_calls(), 0);
}

/// Issuers that share a clock and a cache stay separate.
#[tokio::test]
async fn sec_55_cached_tokens_belong_to_one_issuer() {
    let [a, b] = [Algorithm::EdDsa, Algorithm::EdDsa].map(Signer::new);
    let clock = clock();
    let auth = auth(a.key.clone())
        .validation(validation(OURS))
        .trusted_issuer(b.key.clone(), validation(THEIRS));
    let auth = auth.clock(clock.clock());
    for _ in 0..2 {
        for (signer, issuer) in [(&a, OURS), (&b, THEIRS)] {
            let identity =
                verify(&auth, signer.token(&of(issuer))).await.map_err(RejectionReason::as_str);
            assert_eq!(identity.unwrap().authentication().issuer.as_deref(), Some(issuer));
        }
        assert_eq!(rejection(&auth, a.token(&of(THEIRS))).await, "bad signature");
    }
}

#[test]
#[should_panic(expected = "trusted already")]
fn an_issuer_cannot_have_the_name_of_a_trusted_one() {
    let [one, other] = [(), ()].map(|()| Signer::new(Algorithm::EdDsa).key);
    let validation = Validation::new().issuer("https://a.example").audience("shop");
    let _ = auth(one).trusted_issuer(other, validation).issuer("https://a.example");
}

/// RFC 9068 requires the issuer and the audience of an access token.
#[tokio::test]
async fn sec_53_55_access_tokens_require_an_issuer() {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth =
        auth(signer.key.clone()).validation(Validation::new().audience("shop").access_token());
    let claims = json!({ "iss": "https://a.example", "client_id": "c", "iat": NOW, "jti": "1" });
    let reason =
        rejection(&auth, signer.forge(&json!({ "alg": "EdDSA", "typ": "at+jwt" }), &with(claims)))
            .await;
    assert_eq!(reason, "access tokens take an issuer and an audience");
}

/// A token that names no key costs only a few signature checks.
#[tokio::test]
async fn sec_57_a_token_without_a_kid_is_tried_with_few_keys() {
    let signers: Vec<_> = (0..6).map(|_| Signer::new(Algorithm::EdDsa)).collect();
    let mut keys = KeySet::new();
    for (number, signer) in signers.iter().enumerate() {
        keys = keys.with(signer.key.clone().with_kid(&number.to_string())).unwrap();
    }
    let auth = auth(keys);
    let mut taken = 0;
    for signer in &signers {
        taken += usize::from(verify(&auth, signer.token(&with(json!({})))).await.is_ok());
    }
    assert_eq!(taken, 4);
}
