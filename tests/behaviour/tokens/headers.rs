//! The header of a token brings no keys and selects only among ours.

use std::io::ErrorKind;
use std::net::TcpListener;

use auth_jwt::{Algorithm, KeySet};
use serde_json::{Value, json};

use super::kit::{Signer, auth, claims, rejection, verify};

/// Returns a header with this algorithm and these members.
fn header(signer: &Signer, more: Value) -> Value {
    let mut header = json!({ "alg": signer.algorithm.as_str(), "typ": "JWT" });
    let Value::Object(more) = more else { panic!("{more} is no header") };
    header.as_object_mut().unwrap().extend(more);
    header
}

/// Every way to bring a key in a header, with the key that made the signature. The verifier must
/// not connect to the address of the key.
#[tokio::test]
async fn sec_50_a_key_in_the_header_is_not_used() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    place.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", place.local_addr().unwrap());
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        let [ours, mallory] = [algorithm, algorithm].map(Signer::new);
        let auth = auth(ours.key.clone());
        let certificate = super::kit::encoded(super::kit::public_der(&mallory));
        for more in [
            json!({ "jwk": mallory.jwk() }),
            json!({ "jwk": mallory.jwk(), "kid": ours.key.kid() }),
            json!({ "jwk": mallory.jwk(), "kid": mallory.key.kid() }),
            json!({ "jku": url, "kid": mallory.key.kid() }),
            json!({ "jku": url }),
            json!({ "x5u": url }),
            json!({ "x5c": [certificate], "x5t": "AAAA", "x5t#S256": "AAAA" }),
            json!({ "jku": "file:///etc/passwd" }),
            json!({ "jwk": { "kty": "oct", "k": "AAAA" } }),
        ] {
            let token = mallory.forge(&header(&mallory, more.clone()), &claims());
            let reason = rejection(&auth, token).await;
            assert!(["unknown key", "bad signature"].contains(&reason), "{reason}: {more}");
            let token = ours.forge(&header(&ours, more.clone()), &claims());
            match more["kid"] == json!(mallory.key.kid()) {
                true => assert_eq!(rejection(&auth, token).await, "unknown key", "{more}"),
                false => {
                    assert!(verify(&auth, token).await.is_ok(), "the member is ignored: {more}");
                }
            }
        }
    }
    assert_eq!(
        place.accept().unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "the verifier connected to the address"
    );
}

/// Returns names that would be harmful in a path, a query or a log.
fn hostile_names() -> Vec<String> {
    let texts = [
        "",
        " ",
        "../../../../../../dev/null",
        "/etc/passwd",
        "..\\..\\windows\\win.ini",
        "' OR 1=1 --",
        "'; DROP TABLE keys; --",
        "| sleep 10",
        "$(reboot)",
        "${jndi:ldap://127.0.0.1/a}",
        "http://127.0.0.1/keys.json",
        "{{7*7}}",
        "%00",
        "key\0",
        "key\r\nSet-Cookie: a=b",
        "\u{1b}[2J",
        "\u{202e}yek",
        "KEY",
        "key ",
        "ke\u{301}y",
        "*",
        "ke.",
    ];
    texts.map(str::to_owned).into_iter().chain(["k".repeat(4096)]).collect()
}

#[tokio::test]
async fn sec_50_a_hostile_kid_names_no_key() {
    for algorithm in [Algorithm::Hs256, Algorithm::Es256] {
        let signer = Signer::new(algorithm);
        let named = auth(signer.key.clone().with_kid("key"));
        let several = KeySet::new()
            .with(signer.key.clone().with_kid("key"))
            .unwrap()
            .with(Signer::new(algorithm).key.with_kid("other"))
            .unwrap();
        let several = auth(several);
        for kid in hostile_names() {
            let token = signer.forge(&header(&signer, json!({ "kid": kid })), &claims());
            assert_eq!(rejection(&named, &token).await, "unknown key", "{kid:?}");
            assert_eq!(rejection(&several, &token).await, "unknown key", "{kid:?}");
        }
        for kid in [json!(1), json!(["key"]), json!({ "key": "key" })] {
            let token = signer.forge(&header(&signer, json!({ "kid": kid })), &claims());
            assert_eq!(rejection(&named, &token).await, "malformed", "{kid}");
        }
        let token = signer.forge(&header(&signer, json!({ "kid": "key" })), &claims());
        assert!(verify(&named, &token).await.is_ok() && verify(&several, &token).await.is_ok());
    }
}

/// Without a `kid`, every key of the algorithm is tried, and no other.
#[tokio::test]
async fn a_token_without_a_kid_is_tried_with_every_key() {
    let signers = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256];
    let signers = signers.map(Signer::new);
    let add = |keys: KeySet, signer: &Signer| keys.with(signer.key.clone()).unwrap();
    let auth = auth(signers.iter().fold(KeySet::new(), add));
    for signer in &signers {
        assert!(verify(&auth, signer.token(&claims())).await.is_ok(), "{signer:?}");
        let stranger = Signer::new(signer.algorithm);
        assert_eq!(rejection(&auth, stranger.token(&claims())).await, "bad signature");
    }
    let stranger = Signer::new(Algorithm::Es384);
    assert_eq!(rejection(&auth, stranger.token(&claims())).await, "wrong algorithm");
}

/// Critical members, and those of encrypted or detached tokens.
#[tokio::test]
async fn sec_50_an_unsupported_critical_header_is_rejected() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        for more in [
            json!({ "crit": ["exp"], "exp": 1 }),
            json!({ "crit": ["b64"], "b64": true }),
            json!({ "crit": [] }),
            json!({ "crit": null }),
            json!({ "b64": false }),
            json!({ "b64": true }),
            json!({ "zip": "DEF" }),
            json!({ "enc": "A256GCM" }),
        ] {
            let token = signer.forge(&header(&signer, more.clone()), &claims());
            assert_eq!(rejection(&auth, token).await, "unsupported header", "{more}");
        }
        let more = json!({ "cty": "x", "x5t": 7, "unheard of": { "a": [null, 1.5] } });
        let token = signer.forge(&header(&signer, more), &claims());
        assert!(verify(&auth, token).await.is_ok(), "an unknown member is ignored");
    }
}

/// Some issuers write every member, also those that have no value.
#[tokio::test]
async fn a_kid_that_is_null_names_no_key() {
    let signer = Signer::new(Algorithm::Es256);
    for key in [signer.key.clone(), signer.key.clone().with_kid("key")] {
        let auth = auth(key);
        let token = signer.forge(&header(&signer, json!({ "kid": null })), &claims());
        assert!(verify(&auth, token).await.is_ok());
        for wrong in [json!({ "typ": null }), json!({ "alg": null })] {
            let token = signer.forge(&header(&signer, wrong.clone()), &claims());
            assert_eq!(rejection(&auth, token).await, "malformed", "{wrong}");
        }
    }
}

/// SPIFFE writes `JOSE` (JWT-SVID section 2.2).
#[tokio::test]
async fn a_plain_token_may_have_the_type_of_every_jws() {
    let signer = Signer::new(Algorithm::Es256);
    let plain = auth(signer.key.clone());
    let token = signer.forge(&header(&signer, json!({ "typ": "JOSE" })), &claims());
    assert!(verify(&plain, &token).await.is_ok());
    let of_one_kind = auth(signer.key.clone())
        .validation(auth_jwt::Validation::new().audience("shop").typ("link+jwt"));
    assert_eq!(rejection(&of_one_kind, &token).await, "wrong kind");
}
