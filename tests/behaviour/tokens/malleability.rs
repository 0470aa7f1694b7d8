//! ECDSA signatures are malleable: from `(r, s)` anyone can compute `(r, n - s)`, which is valid,
//! too. So a token has two texts, and its revocation must not depend on the text.

use auth_core::Authenticator;
use auth_jwt::{Algorithm, JwtAuth, SigningKey};
use http::Method;

use super::kit::{Signer, auth, decoded, encoded, parts, rejection, verify, with};
use crate::app::{Me, User};
use crate::harness::{Credential, Framework, Setup, TestBackend, World};

/// Returns the order of a curve.
fn order(algorithm: Algorithm) -> Vec<u8> {
    let hex = match algorithm {
        Algorithm::Es256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Algorithm::Es384 => concat!(
            "ffffffffffffffffffffffffffffffffffffffffffffffff",
            "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        ),
        other => panic!("{other} uses no elliptic curve of this test"),
    };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Returns `a - b` for numbers of the same length, where `a` is the larger one.
fn less(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digits = a.iter().zip(b).rev().map(|(a, b)| {
        let digit = i16::from(*a) - i16::from(*b) - borrow;
        borrow = i16::from(digit < 0);
        u8::try_from(digit.rem_euclid(256)).unwrap()
    });
    let mut digits: Vec<u8> = digits.collect();
    digits.reverse();
    digits
}

/// Returns the same token with the other signature.
fn twin(algorithm: Algorithm, token: &str) -> String {
    let [header, payload, signature] = parts(token);
    let signature = decoded(signature);
    let (r, s) = signature.split_at(signature.len() / 2);
    let twin = [r, &less(&order(algorithm), s)].concat();
    format!("{header}.{payload}.{}", encoded(twin))
}

#[tokio::test]
async fn sec_58_both_signatures_verify() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let signer = Signer::new(algorithm);
        let auth = auth(signer.key.clone());
        let token = signer.token(&with(serde_json::json!({ "jti": "7" })));
        let twin = twin(algorithm, &token);
        assert_ne!(twin, token);
        let [one, other] =
            [verify(&auth, &token).await.unwrap(), verify(&auth, &twin).await.unwrap()];
        assert_eq!(one.authentication(), other.authentication());
        assert_eq!(one.principal(), other.principal());
        assert_eq!(other.claims().get("jti").unwrap(), "7");
    }
}

/// An application with a list of revoked tokens by `jti` refuses both.
#[tokio::test]
async fn sec_58_a_list_of_revoked_tokens_covers_both() {
    let signer = Signer::new(Algorithm::Es256);
    let validation = auth_jwt::Validation::new().audience("shop").check(|claims| {
        let revoked = claims.get("jti").is_some_and(|jti| jti == "7");
        if revoked { Err("revoked") } else { Ok(()) }
    });
    let auth = auth(signer.key.clone()).validation(validation);
    let token = signer.token(&with(serde_json::json!({ "jti": "7" })));
    assert_eq!(rejection(&auth, &token).await, "revoked");
    assert_eq!(rejection(&auth, twin(Algorithm::Es256, &token)).await, "revoked");
}

/// Returns a backend that signs with ECDSA and caches verified tokens.
fn by_ecdsa(setup: &Setup) -> crate::harness::Auth {
    // The key of RFC 7515 appendix A.3, so that every node has the same one.
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
    JwtAuth::new(SigningKey::from_jwk(jwk).unwrap())
        .audience("shop")
        .sign_in(std::sync::Arc::clone(&setup.store))
        .claims::<User>()
        .clock(setup.clock.clone())
        .erased()
}

#[tokio::test]
async fn sec_58_what_ends_a_sign_in_ends_both() {
    let backend = TestBackend::by_token(by_ecdsa);
    let world = World::start(backend, Framework::Axum).await;
    for ending in ["sign-out", "another device", "everywhere", "an administrator"] {
        let (_, credential) = world.sign_in("alice").await;
        let token = credential.text().to_owned();
        let twins = [token.clone(), twin(Algorithm::Es256, &token)].map(Credential::Token);
        let mut seen = Vec::new();
        for credential in &twins {
            seen.push(world.client_with(credential).get("/me").await.json::<Me>());
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].sign_in, Some(credential.sign_in()));
        let twin = world.client_with(&twins[1]);
        let ended = match ending {
            "sign-out" => twin.post("/logout").await.status,
            "another device" => {
                let path = format!("/devices/{}", credential.sign_in());
                world.client().signed_in("alice").await;
                twin.call(Method::DELETE, &path).await.status
            }
            "everywhere" => twin.post("/logout-everywhere").await.status,
            _ => {
                use auth_store::Store;
                world.store.revoke_subject("alice").await.unwrap();
                http::StatusCode::OK
            }
        };
        assert!(ended.is_success(), "{ending}: {ended}");
        for credential in &twins {
            assert_eq!(world.status_of(credential).await, 401, "{ending}");
        }
    }
}

/// Returns `a + b`. The digits are in little-endian order.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let digits = a.iter().zip(b).map(|(a, b)| {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        digit.to_le_bytes()[0]
    });
    let mut digits: Vec<u8> = digits.collect();
    digits.extend((carry > 0).then_some(1));
    digits
}

/// Signatures of Ed25519 and RSA are not malleable: a number that is too large is no valid
/// signature (RFC 8032 section 5.1.7, RFC 8017 section 5.2.2).
#[tokio::test]
async fn sec_58_other_signatures_have_one_form() {
    let ed = Signer::new(Algorithm::EdDsa);
    let token = ed.token(&super::kit::claims());
    let [header, payload, signature] = parts(&token);
    let signature = decoded(signature);
    let (r, s) = signature.split_at(32);
    // The order of the group, 2^252 + 27742317777372353535851937790883648493.
    let mut order = vec![
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14,
    ];
    order.resize(31, 0);
    order.push(0x10);
    let forged = encoded([r, &sum(s, &order)].concat());
    assert_eq!(
        rejection(&auth(ed.key.clone()), format!("{header}.{payload}.{forged}")).await,
        "bad signature"
    );

    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let rsa = Signer::new(algorithm);
        let token = rsa.token(&super::kit::claims());
        let [header, payload, signature] = parts(&token);
        let backwards = |bytes: Vec<u8>| bytes.into_iter().rev().collect::<Vec<_>>();
        let n = backwards(decoded(rsa.jwk()["n"].as_str().unwrap()));
        let larger = backwards(sum(&backwards(decoded(signature)), &n));
        let padded = [vec![0], decoded(signature)].concat();
        for forged in [larger, padded] {
            let forged = format!("{header}.{payload}.{}", encoded(forged));
            assert_eq!(rejection(&auth(rsa.key.clone()), forged).await, "bad signature");
        }
    }
}
