//! How applications configure tokens: their own claims, roles, scopes and checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::{Outcome, RejectionReason, Timestamp};
use auth_jwt::testing::{TestIssuer, TestToken};
use auth_jwt::{Algorithm, JwtAuth, Validation};
use serde::Deserialize;
use serde_json::json;

use super::kit::{NOW, Signer, auth, rejection, verify, with};

#[derive(Debug, PartialEq, Deserialize)]
struct User {
    name: String,
    #[serde(default)]
    seats: Vec<u32>,
}

#[tokio::test]
async fn claims_are_read_into_the_applications_type() {
    let issuer = TestIssuer::new("https://idp.example").audience("shop");
    let auth = issuer.auth().claims::<User>();
    let token = issuer.token("alice").claim("name", "Alice").claim("seats", json!([1, 2]));
    let identity = verify(&auth, token.sign()).await.unwrap();
    assert_eq!(*identity.claims(), User { name: "Alice".to_owned(), seats: vec![1, 2] });
    let other = issuer.token("alice").claim("name", 7).sign();
    assert_eq!(rejection(&auth, other).await, "claims of another shape");
    assert_eq!(rejection(&auth, issuer.token("alice").sign()).await, "claims of another shape");
}

#[tokio::test]
async fn all_claims_are_available_without_a_type() {
    let issuer = TestIssuer::new("https://idp.example").audience("shop");
    let token = issuer.token("alice").claim("x", json!({ "y": [1, null, "z"] })).sign();
    let identity = verify(&issuer.auth(), token).await.unwrap();
    assert_eq!(identity.claims().get("x"), Some(&json!({ "y": [1, null, "z"] })));
    assert_eq!(identity.claims().get("iss"), Some(&json!("https://idp.example")));
    assert_eq!(identity.claims().get("y"), None);
}

#[tokio::test]
async fn an_identity_has_the_claims_of_the_token() {
    let issuer = TestIssuer::new("https://idp.example").audience("shop");
    let token = issuer.token("alice").role("admin").role("buyer").scope("read").scope("write");
    let token = token
        .claim("acr", "aal2")
        .claim("amr", json!(["pwd", "otp"]))
        .claim("auth_time", NOW - 50)
        .sign();
    let identity = verify(&issuer.auth(), token).await.unwrap();
    assert_eq!((identity.subject(), identity.scheme()), ("alice", "jwt"));
    assert_eq!(identity.authentication().issuer.as_deref(), Some("https://idp.example"));
    assert_eq!(identity.sign_in(), None);
    assert_eq!(identity.authenticated_at(), Some(Timestamp::from_secs(NOW - 50)));
    assert_eq!(identity.expires_at(), Timestamp::from_secs(NOW + 300));
    assert_eq!(identity.roles().collect::<Vec<_>>(), ["admin", "buyer"]);
    assert!(identity.has_scope("read") && identity.has_scope("write"));
    let principal = identity.principal();
    assert_eq!(principal.acr.as_deref(), Some("aal2"));
    assert_eq!(principal.amr.join(" "), "pwd otp");
}

/// The authentication time is `auth_time`, and otherwise unknown. `iat` does not count, because every
/// refresh issues a new token without a new authentication.
#[tokio::test]
async fn sec_18_the_time_of_the_sign_in_is_not_guessed() {
    let issuer = TestIssuer::new("https://idp.example").audience("shop");
    let at = async |auth, token: TestToken| {
        verify(auth, token.sign()).await.map(|identity| identity.authenticated_at())
    };
    let (auth, token) = (issuer.auth(), issuer.token("alice"));
    assert_eq!(at(&auth, token.clone()).await.unwrap(), None);
    let stated = token.clone().claim("auth_time", NOW - 60);
    assert_eq!(at(&auth, stated).await.unwrap(), Some(Timestamp::from_secs(NOW - 60)));
    let ahead = |secs| token.clone().claim("auth_time", NOW + secs);
    assert_eq!(at(&auth, ahead(60)).await.unwrap(), Some(Timestamp::from_secs(NOW + 60)));
    assert_eq!(at(&auth, ahead(61)).await.unwrap(), None, "it is not believed");
    let by_issue = issuer.auth().validation(issuer.validation().insecure_auth_time_from_iat());
    assert_eq!(at(&by_issue, token).await.unwrap(), Some(Timestamp::from_secs(NOW)));
}

/// A list of revoked tokens that grows while the server runs.
#[tokio::test]
async fn a_check_runs_on_each_use() {
    let signer = Signer::new(Algorithm::EdDsa);
    for remembered in [0, 10_000] {
        let revoked = Arc::new(AtomicBool::new(false));
        let list = Arc::clone(&revoked);
        let validation = Validation::new()
            .audience("shop")
            .check(move |_| if list.load(Ordering::SeqCst) { Err("revoked") } else { Ok(()) });
        let auth = auth(signer.key.clone()).validation(validation).cache_capacity(remembered);
        let token = signer.token(&with(json!({})));
        assert!(verify(&auth, &token).await.is_ok());
        revoked.store(true, Ordering::SeqCst);
        assert_eq!(rejection(&auth, &token).await, "revoked", "with a cache of {remembered}");
        revoked.store(false, Ordering::SeqCst);
        assert!(verify(&auth, &token).await.is_ok());
    }
}

#[tokio::test]
async fn the_roles_pointer_finds_roles_anywhere_in_the_claims() {
    let signer = Signer::new(Algorithm::EdDsa);
    let validation = Validation::new().audience("shop");
    let roles = async |validation: Validation, claims: serde_json::Value| {
        let auth = auth(signer.key.clone()).validation(validation);
        let identity =
            verify(&auth, signer.token(&with(claims))).await.map_err(RejectionReason::as_str)?;
        Ok::<_, &str>(identity.roles().collect::<Vec<_>>().join(" "))
    };
    let keycloak = json!({ "realm_access": { "roles": ["a", "b"] }, "roles": ["c"] });
    assert_eq!(roles(validation.clone(), keycloak.clone()).await.as_deref(), Ok("c"));
    let at = |pointer: &str| validation.clone().roles_pointer(pointer);
    assert_eq!(roles(at("/realm_access/roles"), keycloak).await.as_deref(), Ok("a b"));
    let named = json!({ "https://shop.example/roles": "a" });
    assert_eq!(roles(at("/https:~1~1shop.example~1roles"), named).await.as_deref(), Ok("a"));
    let tilde = json!({ "a~b": { "": ["x"] } });
    assert_eq!(roles(at("/a~0b/"), tilde).await.as_deref(), Ok("x"));
    assert_eq!(roles(at("/realm_access/roles"), json!({})).await.as_deref(), Ok(""));
    assert_eq!(roles(at("/a/b"), json!({ "a": {} })).await.as_deref(), Ok(""));
    let object = json!({ "b": { "x": { "1": "shop" }, "y": null } });
    for other in [json!([]), json!("b"), json!({ "b": 7 }), json!({ "b": [["x"]] }), json!(null)] {
        assert_eq!(roles(at("/a/b"), json!({ "a": other })).await.as_deref(), Ok(""), "{other}");
        let in_keys = at("/a/b").roles_in_keys();
        assert_eq!(roles(in_keys, json!({ "a": other })).await.as_deref(), Ok(""), "{other}");
    }
    assert_eq!(roles(at("/a/b"), json!({ "a": object })).await.as_deref(), Ok(""));
    assert_eq!(
        roles(at("/a/b").roles_in_keys(), json!({ "a": object })).await.as_deref(),
        Ok("x y")
    );
    let list = json!({ "a": { "b": ["x"] } });
    assert_eq!(roles(at("/a/b").roles_in_keys(), list).await.as_deref(), Ok("x"));
}

/// This includes claims that have a meaning of their own, such as `scope`.
#[tokio::test]
async fn roles_may_be_in_a_claim_with_another_use() {
    let signer = Signer::new(Algorithm::EdDsa);
    for name in ["scope", "scp", "amr", "aud", "client_id"] {
        let validation = Validation::new().audience("shop").roles_pointer(&format!("/{name}"));
        let auth = auth(signer.key.clone()).validation(validation);
        let identity = verify(&auth, signer.token(&with(json!({ name: "shop" })))).await.unwrap();
        assert_eq!(identity.roles().collect::<Vec<_>>(), ["shop"], "{name}");
    }
}

#[tokio::test]
async fn scopes_are_read_in_every_form() {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone());
    for claims in [
        json!({ "scope": "read write" }),
        json!({ "scope": ["read", "write"] }),
        json!({ "scp": "read write" }),
        json!({ "scp": ["read", "write"] }),
        json!({ "scope": "read", "scp": ["write"] }),
        json!({ "scope": " read  write " }),
    ] {
        let identity = verify(&auth, signer.token(&with(claims.clone()))).await.unwrap();
        assert!(identity.has_scope("read") && identity.has_scope("write"), "{claims}");
        assert_eq!(identity.principal().scopes.len(), 2, "{claims}");
        assert!(!identity.has_scope("rea") && !identity.has_scope(""));
    }
}

#[tokio::test]
async fn a_claim_can_be_required() {
    let signer = Signer::new(Algorithm::EdDsa);
    for name in ["tenant", "jti", "iss", "nbf", "acr", "scope", "roles", "auth_time"] {
        let auth =
            auth(signer.key.clone()).validation(Validation::new().audience("shop").require(name));
        assert_eq!(
            rejection(&auth, signer.token(&with(json!({})))).await,
            "claim missing",
            "{name}"
        );
        let value = if ["nbf", "auth_time"].contains(&name) { json!(NOW) } else { json!("x") };
        let token = signer.token(&with(json!({ name: value })));
        assert!(verify(&auth, token).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn an_application_can_add_checks() {
    let signer = Signer::new(Algorithm::EdDsa);
    let is = |name: &'static str, error: &'static str| {
        move |claims: &auth_core::Claims| match claims.get(name) {
            Some(value) if value == true => Ok(()),
            _ => Err(error),
        }
    };
    let validation = Validation::new().audience("shop");
    let validation =
        validation.check(is("email_verified", "email not verified")).check(is("paid", "debts"));
    for remembered in [0, 10] {
        let auth =
            auth(signer.key.clone()).validation(validation.clone()).cache_capacity(remembered);
        for (claims, expected) in [
            (json!({}), Some("email not verified")),
            (json!({ "email_verified": "true", "paid": true }), Some("email not verified")),
            (json!({ "email_verified": true }), Some("debts")),
            (json!({ "email_verified": true, "paid": true }), None),
        ] {
            let token = signer.token(&with(claims));
            for _ in 0..2 {
                let reason = verify(&auth, &token).await.err().map(RejectionReason::as_str);
                assert_eq!(reason, expected);
            }
        }
    }
}

/// Returns a verifier whose check must not run, and the key that signs for it.
fn with_a_check_that_must_not_run() -> (Signer, JwtAuth) {
    let signer = Signer::new(Algorithm::EdDsa);
    let validation =
        Validation::new().audience("shop").check(|_| panic!("the check ran on an invalid token"));
    let auth = auth(signer.key.clone()).validation(validation);
    (signer, auth)
}

/// A check sees only valid tokens.
#[tokio::test]
async fn a_check_comes_after_all_others() {
    let (signer, auth) = with_a_check_that_must_not_run();
    let good = signer.token(&with(json!({})));
    assert_eq!(rejection(&auth, super::kit::flip(&good)).await, "bad signature");
    for claims in [json!({ "aud": "bank" }), json!({ "sub": "" }), json!({ "nonce": "n" })] {
        rejection(&auth, signer.token(&with(claims))).await;
    }
}

/// A check does not see expired tokens, or tokens that are not valid yet.
#[tokio::test]
async fn a_check_comes_after_the_time() {
    let (signer, auth) = with_a_check_that_must_not_run();
    assert_eq!(rejection(&auth, signer.token(&with(json!({ "exp": NOW - 61 })))).await, "expired");
    let later = signer.token(&with(json!({ "nbf": NOW + 61 })));
    assert_eq!(rejection(&auth, later).await, "not yet valid");
}

#[tokio::test]
async fn a_test_issuer_behaves_like_any_issuer() {
    let issuer = TestIssuer::with_algorithm("https://idp.example", Algorithm::Es256);
    let auth = issuer.auth();
    let token = issuer.token("alice").sign();
    assert!(matches!(auth.verify(token.as_bytes()).await, Outcome::Authenticated(_)));
    issuer.rotate();
    let next = issuer.token("alice").sign();
    assert!(verify(&auth, next).await.is_ok());
    assert_eq!(rejection(&auth, token).await, "expired", "the rotation advanced the clock");
    assert_eq!(issuer.jwks().matches("\"kid\"").count(), 2);
    assert_eq!(rejection(&auth, issuer.token("alice").without("exp").sign()).await, "no expiry");
    assert_eq!(rejection(&auth, issuer.token("alice").typ("dpop+jwt").sign()).await, "wrong kind");
}
