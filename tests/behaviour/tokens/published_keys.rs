//! What others see of our keys: the JWK Set, `Debug` output, and signed objects.

use auth_core::ManualClock;
use auth_jwt::{Algorithm, SignError, SigningKeys};
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::kit::{Signer, auth, decoded, encoded, parts};

async fn answer(keys: &SigningKeys, method: Method) -> Response<String> {
    let request = Request::builder().method(method).uri("/.well-known/jwks.json").body(()).unwrap();
    keys.jwks_service().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn sec_60_the_set_is_served_with_a_max_age() {
    let keys = SigningKeys::new(Signer::new(Algorithm::EdDsa).pair());
    let get = answer(&keys, Method::GET).await;
    assert_eq!(get.status(), 200);
    assert_eq!(get.headers()[header::CONTENT_TYPE], "application/jwk-set+json");
    assert_eq!(get.headers()[header::CACHE_CONTROL], "public, max-age=300", "half of the lead");
    assert_eq!(*get.body(), keys.jwks());
    let head = answer(&keys, Method::HEAD).await;
    assert_eq!((head.status().as_u16(), head.body().as_str()), (200, ""));
    assert_eq!(head.headers()[header::CONTENT_LENGTH], get.body().len().to_string());
    let post = answer(&keys, Method::POST).await;
    assert_eq!(
        (post.status().as_u16(), &post.headers()[header::ALLOW]),
        (405, &"GET, HEAD".parse().unwrap())
    );
    keys.rotate(Signer::new(Algorithm::EdDsa).pair()).unwrap();
    assert_eq!(*answer(&keys, Method::GET).await.body(), keys.jwks(), "the set is up to date");
}

#[test]
fn sec_60_a_set_holds_only_public_keys() {
    let signers = Signer::all();
    let mut pairs = signers.iter().filter(|signer| signer.secret().is_none()).map(Signer::pair);
    let first = SigningKeys::new(pairs.next().unwrap());
    let jwks: Value =
        serde_json::from_str(&pairs.fold(first, SigningKeys::add_verifying).jwks()).unwrap();
    for key in jwks["keys"].as_array().unwrap() {
        let public = ["kty", "use", "alg", "kid", "crv", "n", "e", "x", "y"];
        for name in key.as_object().unwrap().keys() {
            assert!(public.contains(&name.as_str()), "{name}");
        }
        assert_eq!(key["use"], "sig");
    }
}

/// Neither a key nor its owner shows the private half.
#[test]
fn sec_74_debug_shows_no_key() {
    for signer in Signer::all() {
        let (shown, private) = match signer.secret() {
            Some(secret) => {
                let key = auth_jwt::Key::hs256(secret).unwrap();
                (format!("{key:?} {:?} {:?}", signer.key, auth(key.clone())), secret.to_vec())
            }
            None => {
                let pair = signer.pair();
                let pem = pair.to_pem().unwrap();
                let der = pem::parse(pem.as_bytes()).unwrap().into_contents();
                let keys = SigningKeys::new(pair.clone());
                (format!("{pair:?} {:?} {keys:?} {:?}", signer.key, auth(keys.clone())), der)
            }
        };
        for start in (0..private.len() - 8).step_by(3) {
            let part = &private[start..start + 8];
            assert!(!shown.contains(&encoded(part)) && !shown.contains(&format!("{part:?}")));
            let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!shown.contains(&hex));
        }
        assert!(shown.contains(&format!("{:?}", signer.algorithm)), "{shown}");
    }
}

/// A key signs any object, under any type.
#[test]
fn tokens_of_any_kind_can_be_made() {
    let secret = auth_jwt::Key::hs256([7; 32]).unwrap().with_kid("2026");
    let clock = ManualClock::new(auth_core::Timestamp::EPOCH).clock();
    let keys = SigningKeys::new(Signer::new(Algorithm::Es384).pair()).clock(clock);
    let claims = json!({ "exp": -1, "sub": "\u{1f511}", "z": 1, "a": [] });
    for (token, alg) in [
        (secret.sign("link+jwt", &claims).unwrap(), "HS256"),
        (keys.sign("link+jwt", &claims).unwrap(), "ES384"),
    ] {
        let [header, payload] = [0, 1]
            .map(|at| -> Value { serde_json::from_slice(&decoded(parts(&token)[at])).unwrap() });
        assert_eq!((&header["alg"], &header["typ"]), (&json!(alg), &json!("link+jwt")));
        assert!(header["kid"].is_string() && payload == claims);
    }
    for no_claims in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(secret.sign("JWT", &no_claims), Err(SignError::Claims), "{no_claims}");
        assert_eq!(keys.sign("JWT", &no_claims), Err(SignError::Claims), "{no_claims}");
    }
}
