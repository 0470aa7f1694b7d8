//! The signature is checked before any claim is read.

use auth_jwt::{Algorithm, JwtAuth};
use serde_json::json;

use super::kit::{Signer, auth, claims, encoded, flip, parts, rejection, verify, with};

/// Returns replacements for a character: its neighbours in the alphabet, and characters outside of
/// it.
fn others(character: u8) -> [u8; 6] {
    [character ^ 1, character ^ 2, character ^ 32, b'.', b'=', b'A']
}

/// One algorithm per family, because the code around the signature check is the same in a family.
const FAMILIES: [Algorithm; 5] =
    [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];

/// Returns a verifier, and a token that it accepts.
fn verifier_and_token(algorithm: Algorithm) -> (JwtAuth, String) {
    let signer = Signer::new(algorithm);
    (auth(signer.key.clone()), signer.token(&claims()))
}

#[tokio::test]
async fn sec_48_no_character_of_a_token_can_be_changed() {
    for algorithm in FAMILIES {
        let (auth, token) = verifier_and_token(algorithm);
        assert_eq!(verify(&auth, &token).await.unwrap().subject(), "alice");
        for at in 0..token.len() {
            for other in others(token.as_bytes()[at]) {
                let mut changed = token.clone().into_bytes();
                if changed[at] != other {
                    changed[at] = other;
                    rejection(&auth, &changed).await;
                }
            }
        }
        assert!(verify(&auth, &token).await.is_ok(), "the unchanged token is still accepted");
    }
}

#[tokio::test]
async fn sec_48_nothing_can_be_cut_off_or_added() {
    for algorithm in FAMILIES {
        let (auth, token) = verifier_and_token(algorithm);
        for length in 0..token.len() {
            rejection(&auth, &token[..length]).await;
            rejection(&auth, &token[token.len() - length..]).await;
        }
        for added in ["A", "AA", "AAAA", ".", ".AAAA", "=", "==", " ", "\t", "%20", "&x=y", "\0"] {
            rejection(&auth, format!("{token}{added}")).await;
        }
        for added in ["A", "AAAA", ".", "=", "\0"] {
            rejection(&auth, format!("{added}{token}")).await;
        }
    }
}

/// Parts of several valid tokens do not make a valid token.
#[tokio::test]
async fn sec_48_parts_cannot_be_exchanged() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        let alice = signer.token(&claims());
        let mallory = signer.token(&with(json!({ "sub": "mallory" })));
        let [header, payload, signature] = parts(&alice);
        let [_, others_payload, others_signature] = parts(&mallory);
        let exchanged = [
            [header, others_payload, signature],
            [header, payload, others_signature],
            [payload, header, signature],
            [header, payload, payload],
            [header, payload, ""],
            [header, "", signature],
            ["", payload, signature],
        ];
        for parts in exchanged {
            rejection(&auth, parts.join(".")).await;
        }
    }
}

/// A token with a wrong signature is rejected before its claims are read, so they have no effect.
#[tokio::test]
async fn sec_48_claims_of_a_wrongly_signed_token_are_not_read() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        for payload in ["{}", "not JSON", r#"{"sub":"a","sub":"b"}"#, r#"{"exp":"1"}"#] {
            let header = json!({ "alg": signer.algorithm.as_str() }).to_string();
            let token = signer.raw(header, payload);
            assert_ne!(rejection(&auth, &token).await, "bad signature", "{payload}");
            assert_eq!(rejection(&auth, flip(&token)).await, "bad signature", "{payload}");
        }
    }
}

/// A signature of zeros fits every message if a verifier does not check for it (CVE-2022-21449).
#[tokio::test]
async fn sec_48_a_signature_of_zeros_is_rejected() {
    for signer in Signer::all() {
        let token = signer.token(&claims());
        let [header, payload, signature] = parts(&token);
        let length = super::kit::decoded(signature).len();
        for bytes in [vec![0; length], vec![255; length], vec![0], vec![0; 2 * length]] {
            let forged = format!("{header}.{payload}.{}", encoded(bytes));
            let reason = rejection(&auth(signer.key.clone()), forged).await;
            assert_eq!(reason, "bad signature", "{signer:?}");
        }
    }
}

/// An ECDSA signature is two numbers side by side (RFC 7518 section 3.4), not their DER encoding.
#[tokio::test]
async fn sec_48_a_der_signature_is_rejected() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let signer = Signer::new(algorithm);
        let token = signer.token(&claims());
        let [header, payload, signature] = parts(&token);
        let signature = super::kit::decoded(signature);
        let integer = |number: &[u8]| {
            let number = [&[0], number].concat(); // positive
            [&[2, u8::try_from(number.len()).unwrap()], &*number].concat()
        };
        let (r, s) = signature.split_at(signature.len() / 2);
        let both = [integer(r), integer(s)].concat();
        let der = [&[48, u8::try_from(both.len()).unwrap()], &*both].concat();
        let forged = format!("{header}.{payload}.{}", encoded(der));
        assert_eq!(rejection(&auth(signer.key.clone()), forged).await, "bad signature");
    }
}
