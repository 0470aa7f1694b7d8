//! Which keys of a published set are used.

use std::time::Duration;

use auth_jwt::testing::IssuerServer;
use auth_jwt::{Algorithm, InvalidKey, RemoteKeys, SigningKey};
use serde_json::{Value, json};

use super::super::kit::{NOW, Signer, encoded};
use super::{accepted, claims_of, failure, issuer, keys, status, token};

/// Publishes these keys beside those of the issuer.
fn publish(server: &IssuerServer, more: impl IntoIterator<Item = Value>) {
    let mut jwks: Value = serde_json::from_str(&server.issuer().jwks()).unwrap();
    jwks["keys"].as_array_mut().unwrap().extend(more);
    server.publish(jwks.to_string());
}

/// Returns the public key as a JWK without its `alg`.
fn without_alg(signer: &Signer) -> Value {
    let mut jwk = signer.jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk
}

/// Returns a token with the `kid` of the key, and this algorithm.
fn signed(server: &IssuerServer, signer: &Signer) -> String {
    let header = json!({ "alg": signer.algorithm.as_str(), "kid": signer.jwk()["kid"] });
    let mut claims = claims_of(server);
    claims["exp"] = json!(NOW + 36_000);
    signer.forge(&header, &claims)
}

#[tokio::test]
async fn r08_bad_keys_are_skipped_one_by_one() {
    let server = issuer().await;
    publish(
        &server,
        [
            json!({ "kty": "RSA", "kid": "weak", "n": encoded([0xff; 128]), "e": "AQAB" }),
            json!({ "kty": "EC", "kid": "off", "crv": "P-256", "x": encoded([1; 32]), "y": encoded([1; 32]) }),
            json!({ "kty": "PQ", "kid": "newer" }),
            json!({ "kid": "no type" }),
            json!("no key"),
        ],
    );
    let auth = server.auth();
    assert_eq!(status(&auth, &token(&server)).await, 200);
    let snapshot = keys(&auth).status();
    assert_eq!(snapshot.keys, 1);
    let skipped: Vec<_> = snapshot.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(skipped.len(), 5);
    assert_eq!(
        skipped[0],
        "key weak: an RSA key must have 2048 to 8192 bits, and this one has 1024"
    );
}

#[tokio::test]
async fn r08_a_set_without_a_usable_key_is_a_failed_fetch() {
    let (server, auth, token) = accepted().await;
    for set in
        [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"PQ"}]}"#, "{}", "[]", "", "<html>", "\u{feff}"]
    {
        server.publish(set);
        assert!(failure(&auth).await.starts_with("keys: "), "{set}");
        assert_eq!(status(&auth, &token).await, 200, "the old keys go on");
    }
}

#[tokio::test]
async fn r09_secrets_and_private_keys_never_count() {
    let server = issuer().await;
    let secret = Signer::new(Algorithm::Hs256);
    let pair = Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid("leaked"));
    let mut leaked = pair.jwk();
    leaked["d"] = json!(encoded([1; 32]));
    let mut factor = leaked.clone();
    factor["p"] = factor.as_object_mut().unwrap().remove("d").unwrap();
    let k = encoded(secret.secret().unwrap());
    publish(&server, [json!({ "kty": "oct", "kid": "s", "alg": "HS256", "k": k }), leaked, factor]);
    let auth = server.auth();
    assert_eq!(status(&auth, &token(&server)).await, 200);
    let header = json!({ "alg": "HS256", "kid": "s" });
    assert_eq!(status(&auth, &secret.forge(&header, &claims_of(&server))).await, 401);
    assert_eq!(status(&auth, &signed(&server, &pair)).await, 401);
    for skipped in keys(&auth).status().skipped.iter() {
        assert_eq!(skipped.error, InvalidKey::PublishedSecret);
    }
}

#[tokio::test]
async fn r09_keys_for_another_use_are_skipped() {
    let server = issuer().await;
    let pair = |kid| Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid(kid));
    let (encrypts, identifies) = (pair("enc"), pair("svid"));
    let with_use = |signer: &Signer, name: &str| {
        let mut jwk = signer.jwk();
        jwk["use"] = json!(name);
        jwk
    };
    publish(&server, [with_use(&encrypts, "enc"), with_use(&identifies, "jwt-svid")]);
    let auth = server.auth();
    assert_eq!(status(&auth, &token(&server)).await, 200);
    assert_eq!(status(&auth, &signed(&server, &encrypts)).await, 401);
    assert_eq!(status(&auth, &signed(&server, &identifies)).await, 401);

    let auth = server.auth_with(server.keys().key_use("jwt-svid"));
    assert_eq!(status(&auth, &signed(&server, &identifies)).await, 200);
    assert_eq!(status(&auth, &signed(&server, &encrypts)).await, 401);
}

#[tokio::test]
async fn r10_an_rsa_key_without_alg_is_for_one_algorithm() {
    let server = issuer().await;
    let (rs256, ps256) = (Signer::new(Algorithm::Rs256), Signer::new(Algorithm::Ps256));
    publish(&server, [without_alg(&rs256)]);
    let statuses = async |keys| {
        let auth = server.auth_with(keys);
        [
            status(&auth, &signed(&server, &rs256)).await,
            status(&auth, &signed(&server, &ps256)).await,
        ]
    };
    assert_eq!(statuses(server.keys()).await, [200, 401]);
    assert_eq!(statuses(server.keys().rsa_algorithm(Algorithm::Ps256)).await, [401, 200]);
    assert_eq!(statuses(RemoteKeys::jwks(server.keys_url())).await, [200, 401]);
    server.document("id_token_signing_alg_values_supported", json!(["ES256", "PS256"]));
    assert_eq!(statuses(server.keys()).await, [401, 200]);
    assert_eq!(statuses(server.keys().rsa_algorithm(Algorithm::Rs256)).await, [200, 401]);
}

/// Entra ID publishes the keys of several issuers in one set.
#[tokio::test]
async fn r11_a_key_with_an_issuer_is_for_its_tokens_only() {
    let server = IssuerServer::start_at("/one/v2.0").await.audience("shop");
    let name = server.issuer().name();
    let signer = Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid("entra"));
    let statuses = async |issuer: &str| {
        let mut jwk = signer.jwk();
        jwk["issuer"] = json!(issuer);
        publish(&server, [jwk]);
        let auth = server.auth();
        let token = |claims: Value| {
            let mut all = claims_of(&server);
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            signer.forge(&json!({ "alg": "EdDSA", "kid": "entra" }), &all)
        };
        [
            status(&auth, &token(json!({ "tid": "one" }))).await,
            status(&auth, &token(json!({ "tid": "two" }))).await,
            status(&auth, &token(json!({ "tid": 1 }))).await,
            status(&auth, &token(json!({}))).await,
        ]
    };
    assert_eq!(statuses(name).await, [200; 4]);
    assert_eq!(statuses("https://idp.example/one/v2.0").await, [401; 4]);
    assert_eq!(statuses("").await, [401; 4]);
    assert_eq!(statuses(&name.replace("/one/", "/{tenantid}/")).await, [200, 401, 401, 401]);
    assert_eq!(statuses(&name.replace("/one/", "/{tenant}/")).await, [401; 4]);
}

/// Entra ID publishes one key several times, each time with another issuer.
#[tokio::test]
async fn r11_a_key_may_be_published_for_several_issuers() {
    let server = IssuerServer::start_at("/one/v2.0").await.audience("shop");
    let name = server.issuer().name();
    let signer = Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid("entra"));
    let of = |issuer: &str| {
        let mut jwk = signer.jwk();
        jwk["issuer"] = json!(issuer);
        jwk
    };
    let other = "https://login.example/9188040d/v2.0";
    let template = name.replace("/one/", "/{tenantid}/");
    let mut claims = claims_of(&server);
    claims["tid"] = json!("one");
    let token = signer.forge(&json!({ "alg": "EdDSA", "kid": "entra" }), &claims);
    for [first, second] in [[other, &template], [&template, other], [name, other], [other, name]] {
        publish(&server, [of(first), of(second)]);
        let auth = server.auth();
        assert_eq!(status(&auth, &token).await, 200, "{first}, {second}");
        assert_eq!(keys(&auth).status().keys, 2, "it counts once, beside that of the server");
    }
    publish(&server, [of(other), of("https://login.example/2/v2.0")]);
    assert_eq!(status(&server.auth(), &token).await, 401);
    publish(&server, [of(other), signer.jwk()]);
    assert_eq!(status(&server.auth(), &token).await, 200, "it is also published without an issuer");
}

/// Keys of the application do not use up the tries of those that are fetched.
#[tokio::test]
async fn r10_keys_are_tried_for_a_token_without_a_kid_beside_others() {
    let server = issuer().await;
    let signer = Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid("1"));
    server.publish(json!({ "keys": [signer.jwk()] }).to_string());
    let others = (0..4).map(|_| Signer::new(Algorithm::EdDsa).key);
    let auth = others.fold(server.auth(), auth_jwt::JwtAuth::additional_key);
    keys(&auth).ready().await.unwrap();
    let unnamed = signer.forge(&json!({ "alg": "EdDSA" }), &claims_of(&server));
    assert_eq!(status(&auth, &unnamed).await, 200);
}

/// The response is then 304, which says nothing about the document.
#[tokio::test]
async fn r10_keys_are_read_again_if_the_document_lists_other_algorithms() {
    let server = issuer().await;
    let (rs256, ps256) = (Signer::new(Algorithm::Rs256), Signer::new(Algorithm::Ps256));
    publish(&server, [without_alg(&rs256)]);
    let auth = server.auth();
    assert_eq!(status(&auth, &signed(&server, &rs256)).await, 200);
    server.document("id_token_signing_alg_values_supported", json!(["PS256"]));
    server.issuer().clock().advance(Duration::from_secs(3600)); // the document is asked for again
    keys(&auth).reload().await.unwrap();
    assert_eq!(status(&auth, &signed(&server, &ps256)).await, 200);
    assert_eq!(status(&auth, &signed(&server, &rs256)).await, 401);
}

const CERTIFICATES: [(Algorithm, &str, &str); 2] = [
    (
        Algorithm::Rs256,
        include_str!("../keys/rsa_2048_private.pem"),
        include_str!("../keys/rsa_2048_certificate.pem"),
    ),
    (
        Algorithm::Es256,
        include_str!("../keys/p256_private.pem"),
        include_str!("../keys/p256_certificate.pem"),
    ),
];

fn certified(algorithm: Algorithm, private: &str) -> Signer {
    Signer::of(SigningKey::from_pem(algorithm, private).unwrap().with_kid("c"))
}

#[tokio::test]
async fn r10_a_key_may_be_a_certificate_only() {
    let server = issuer().await;
    for (algorithm, private, certificate) in CERTIFICATES {
        let signer = certified(algorithm, private);
        let body: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();
        let own = signer.jwk();
        let jwk =
            |x5c: Value| json!({ "kty": own["kty"], "crv": own["crv"], "kid": "c", "x5c": x5c });
        publish(&server, [jwk(json!([body, "a certificate of its issuer"]))]);
        assert_eq!(status(&server.auth(), &signed(&server, &signer)).await, 200, "{algorithm}");
        for wrong in [json!([]), json!([""]), json!("x"), json!([1]), json!([body[..40]])] {
            publish(&server, [jwk(wrong.clone())]);
            let auth = server.auth();
            assert_eq!(status(&auth, &signed(&server, &signer)).await, 401, "{wrong}");
            assert_eq!(keys(&auth).status().skipped.len(), 1);
        }
        let mut both = own.clone();
        both["x5c"] = json!("ignored, because the key is there");
        publish(&server, [both]);
        assert_eq!(status(&server.auth(), &signed(&server, &signer)).await, 200);
    }
}

#[tokio::test]
async fn r17_a_key_may_be_in_a_certificate_in_pem() {
    for (algorithm, private, certificate) in CERTIFICATES {
        let signer = certified(algorithm, private);
        let key = auth_jwt::Key::from_pem(algorithm, certificate).unwrap();
        let auth = super::super::kit::auth(key);
        let token = signer.token(&super::super::kit::claims());
        assert!(super::super::kit::verify(&auth, token).await.is_ok(), "{algorithm}");
        assert!(auth_jwt::Key::from_pem(Algorithm::EdDsa, certificate).is_err());
    }
}

/// Firebase publishes a certificate for each key.
#[tokio::test]
async fn r17_a_set_may_be_a_map_of_certificates() {
    let server = issuer().await;
    let [rsa, ec] = CERTIFICATES.map(|(_, _, certificate)| certificate);
    server.publish(json!({ "c": rsa, "other": ec, "broken": "-----BEGIN" }).to_string());
    let auth = server.auth();
    let [rs256, es256] = CERTIFICATES.map(|(algorithm, private, _)| certified(algorithm, private));
    assert_eq!(status(&auth, &signed(&server, &rs256)).await, 200);
    assert_eq!(status(&auth, &signed(&server, &es256)).await, 401, "it names another key");
    let snapshot = keys(&auth).status();
    assert_eq!((snapshot.keys, snapshot.skipped.len()), (2, 1));
    server.publish(json!({ "c": ec }).to_string());
    keys(&auth).reload().await.unwrap();
    assert_eq!(status(&auth, &signed(&server, &es256)).await, 200);
    assert_eq!(status(&auth, &signed(&server, &rs256)).await, 401);
    let pem = |count: usize| {
        let map: serde_json::Map<_, _> =
            (0..count).map(|kid| (kid.to_string(), json!(ec))).collect();
        Value::Object(map).to_string()
    };
    server.publish(pem(64));
    keys(&auth).reload().await.unwrap();
    for wrong in [pem(65), json!({ "error": "not found" }).to_string()] {
        server.publish(wrong);
        assert!(failure(&auth).await.starts_with("keys: "));
    }
}

#[tokio::test]
async fn r10_keys_on_p_521_are_used() {
    let server = issuer().await;
    let signer = Signer::of(SigningKey::generate(Algorithm::Es512).unwrap().with_kid("521"));
    publish(&server, [without_alg(&signer)]);
    assert_eq!(status(&server.auth(), &signed(&server, &signer)).await, 200);
}

#[tokio::test]
async fn r07_a_set_has_at_most_64_keys() {
    let server = issuer().await;
    let named = |count: usize| {
        let jwk = Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap()).jwk();
        (0..count).map(move |kid| {
            let mut jwk = jwk.clone();
            jwk["kid"] = json!(kid.to_string());
            jwk
        })
    };
    let auth = server.auth();
    publish(&server, named(63));
    assert_eq!(status(&auth, &token(&server)).await, 200);
    assert_eq!(keys(&auth).status().keys, 64);
    publish(&server, named(64));
    assert!(failure(&auth).await.contains("more than 64 keys"));
}
