//! Each key is for one algorithm, whatever the header says.

use auth_jwt::{Algorithm, JwtAuth, KeySet, SigningKeys};
use serde_json::json;

use super::kit::{Signer, auth, claims, encoded, parts, rejection, verify};

/// Tries every token with every key. Only the matching pair passes.
#[tokio::test]
async fn sec_49_every_algorithm_needs_its_own_key() {
    let signers = Signer::all();
    for verifier in &signers {
        let auth = auth(verifier.key.clone());
        for signer in &signers {
            let token = signer.token(&claims());
            if signer.algorithm == verifier.algorithm {
                assert!(verify(&auth, &token).await.is_ok(), "{signer:?}");
            } else {
                assert_eq!(
                    rejection(&auth, &token).await,
                    "wrong algorithm",
                    "{signer:?} {verifier:?}"
                );
            }
        }
    }
}

/// One RSA key under each of its algorithms: PS256 instead of RS256, a longer or a shorter hash.
#[tokio::test]
async fn sec_49_the_same_rsa_key_is_for_one_algorithm() {
    let of_rsa = |signer: &Signer| signer.algorithm.as_str().contains('S') && is_rsa(signer);
    let signers: Vec<_> = Signer::all().into_iter().filter(of_rsa).collect();
    assert_eq!(signers.len(), 6);
    for verifier in &signers {
        let auth = auth(verifier.key.clone());
        for signer in &signers {
            if signer.algorithm == verifier.algorithm {
                continue;
            }
            // Signed with another algorithm than the header names.
            let header = json!({ "alg": verifier.algorithm.as_str() });
            let token = signer.forge(&header, &claims());
            assert_eq!(rejection(&auth, &token).await, "bad signature", "{signer:?} {verifier:?}");
        }
    }
}

fn is_rsa(signer: &Signer) -> bool {
    ["RS", "PS"].iter().any(|family| signer.algorithm.as_str().starts_with(family))
}

#[tokio::test]
async fn sec_49_the_algorithm_none_is_rejected() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        let good = signer.token(&claims());
        let [_, payload, signature] = parts(&good);
        for alg in ["none", "None", "NONE", "nOnE", "", "null", "HS1", "RSA", "HS256 ", "hs256"] {
            let header = encoded(json!({ "alg": alg, "typ": "JWT" }).to_string());
            for signature in ["", "A", "AA", "AAAA", signature] {
                rejection(&auth, format!("{header}.{payload}.{signature}")).await;
            }
            let signed = signer.forge(&json!({ "alg": alg }), &claims());
            assert_eq!(rejection(&auth, signed).await, "unknown algorithm", "{alg}");
        }
        for alg in [json!(null), json!(256), json!(["HS256"]), json!({}), json!(true)] {
            let signed = signer.forge(&json!({ "alg": alg }), &claims());
            assert_eq!(rejection(&auth, signed).await, "malformed", "{alg}");
        }
        let signed = signer.forge(&json!({ "typ": "JWT" }), &claims());
        assert_eq!(rejection(&auth, signed).await, "no algorithm");
    }
}

/// The attack because of which JWT libraries have typed keys: a public key, which everyone knows,
/// as the secret of an HMAC.
#[tokio::test]
async fn sec_49_a_public_key_is_not_accepted_as_an_hmac_secret() {
    let secrets = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
    for signer in Signer::all() {
        if secrets.contains(&signer.algorithm) {
            continue;
        }
        let keys = SigningKeys::new(signer.pair());
        for secret in public_forms(&signer) {
            for algorithm in secrets {
                let forged = Signer::shared(algorithm, &padded(&secret, algorithm));
                for header in [
                    json!({ "alg": algorithm.as_str() }),
                    json!({ "alg": algorithm.as_str(), "kid": signer.key.kid() }),
                ] {
                    let token = forged.forge(&header, &claims());
                    let set = KeySet::from_jwks(&keys.jwks()).unwrap();
                    let wrong = "wrong algorithm";
                    assert_eq!(rejection(&auth(signer.key.clone()), &token).await, wrong);
                    assert_eq!(rejection(&auth(set), &token).await, wrong);
                    assert_eq!(rejection(&auth(keys.clone()), &token).await, wrong);
                }
            }
        }
    }
}

/// Pads a secret to the minimum length. HMAC pads short secrets with zeros, too, so the result is
/// the same.
fn padded(secret: &[u8], algorithm: Algorithm) -> Vec<u8> {
    let least = algorithm.as_str()[2..].parse::<usize>().unwrap() / 8;
    let mut secret = secret.to_vec();
    secret.resize(secret.len().max(least), 0);
    secret
}

/// Returns the forms of a public key in files: PEM with and without the final newline, DER, JWK,
/// and the numbers of the JWK.
fn public_forms(signer: &Signer) -> Vec<Vec<u8>> {
    let jwk = signer.jwk();
    let der = super::kit::public_der(signer);
    let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", der.clone())).replace("\r\n", "\n");
    let numbers = ["n", "x", "y"].iter().filter_map(|name| jwk[*name].as_str());
    let mut forms: Vec<Vec<u8>> =
        numbers.clone().map(super::kit::decoded).chain(numbers.map(Into::into)).collect();
    forms.push(pem.trim_end().as_bytes().to_vec());
    forms.push(pem.into_bytes());
    forms.push(der);
    forms.push(jwk.to_string().into_bytes());
    forms
}

/// A token for P-384 does not verify with a key on P-256, and vice versa, whatever the header says.
#[tokio::test]
async fn sec_49_a_curve_is_for_one_algorithm() {
    let [small, large] = [Algorithm::Es256, Algorithm::Es384].map(Signer::new);
    for (verifier, signer) in [(&small, &large), (&large, &small)] {
        let auth = auth(verifier.key.clone());
        for alg in [verifier.algorithm, signer.algorithm] {
            let token = signer.forge(&json!({ "alg": alg.as_str() }), &claims());
            rejection(&auth, &token).await;
        }
    }
    let ed = Signer::new(Algorithm::EdDsa);
    let token = ed.forge(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(rejection(&auth(small.key.clone()), token).await, "bad signature");
}

/// With several keys, a header selects a key but never its algorithm.
#[tokio::test]
async fn sec_49_a_kid_names_no_key_of_another_algorithm() {
    let [rsa, curve] = [Algorithm::Rs256, Algorithm::Es256].map(Signer::new);
    let keys = KeySet::new().with(rsa.key.clone()).unwrap().with(curve.key.clone()).unwrap();
    let auth: JwtAuth = auth(keys);
    for (signer, other) in [(&rsa, &curve), (&curve, &rsa)] {
        let header = json!({ "alg": signer.algorithm.as_str(), "kid": other.key.kid() });
        assert_eq!(rejection(&auth, signer.forge(&header, &claims())).await, "wrong algorithm");
        let header = json!({ "alg": signer.algorithm.as_str(), "kid": "x" });
        assert_eq!(rejection(&auth, signer.forge(&header, &claims())).await, "unknown key");
        let header = json!({ "alg": other.algorithm.as_str(), "kid": other.key.kid() });
        assert_eq!(rejection(&auth, signer.forge(&header, &claims())).await, "bad signature");
        let header = json!({ "alg": signer.algorithm.as_str(), "kid": signer.key.kid() });
        assert!(verify(&auth, signer.forge(&header, &claims())).await.is_ok());
    }
}
