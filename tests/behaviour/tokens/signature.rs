//! The signature decides before any claim is read.

use auth_jwt::Algorithm;
use serde_json::json;

use super::kit::{Signer, ask, auth, claims, encoded, flip, parts, refused, with};

/// What stands in the place of a character: its neighbours in the alphabet, and what is none of it.
fn others(character: u8) -> [u8; 6] {
    [character ^ 1, character ^ 2, character ^ 32, b'.', b'=', b'A']
}

/// One for each family: the checks around the signature are the same in all of them.
const FAMILIES: [Algorithm; 5] =
    [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];

#[tokio::test]
async fn sec_48_no_character_of_a_token_can_be_changed() {
    for algorithm in FAMILIES {
        let signer = Signer::new(algorithm);
        let auth = auth(signer.key.clone());
        let token = signer.token(&claims());
        assert_eq!(ask(&auth, &token).await.unwrap().subject(), "alice");
        for at in 0..token.len() {
            for other in others(token.as_bytes()[at]) {
                let mut changed = token.clone().into_bytes();
                if changed[at] != other {
                    changed[at] = other;
                    refused(&auth, &changed).await;
                }
            }
        }
        assert!(ask(&auth, &token).await.is_ok(), "the token itself is as good as before");
    }
}

#[tokio::test]
async fn sec_48_nothing_can_be_cut_off_or_added() {
    for algorithm in FAMILIES {
        let signer = Signer::new(algorithm);
        let auth = auth(signer.key.clone());
        let token = signer.token(&claims());
        for length in 0..token.len() {
            refused(&auth, &token[..length]).await;
            refused(&auth, &token[token.len() - length..]).await;
        }
        for added in ["A", "AA", "AAAA", ".", ".AAAA", "=", "==", " ", "\t", "%20", "&x=y", "\0"] {
            refused(&auth, format!("{token}{added}")).await;
        }
        for added in ["A", "AAAA", ".", "=", "\0"] {
            refused(&auth, format!("{added}{token}")).await;
        }
    }
}

/// Parts of good tokens make no good token together.
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
            refused(&auth, parts.join(".")).await;
        }
    }
}

/// What a wrong token says has no influence: it is refused before its claims are read.
#[tokio::test]
async fn sec_48_claims_of_a_wrong_token_are_not_read() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        for payload in ["{}", "not JSON", r#"{"sub":"a","sub":"b"}"#, r#"{"exp":"1"}"#] {
            let header = json!({ "alg": signer.algorithm.as_str() }).to_string();
            let token = signer.raw(header, payload);
            assert_ne!(refused(&auth, &token).await, "bad signature", "{payload}");
            assert_eq!(refused(&auth, flip(&token)).await, "bad signature", "{payload}");
        }
    }
}

/// A signature of all zeros fits every message if a verifier forgets to look (CVE-2022-21449).
#[tokio::test]
async fn sec_48_empty_numbers_are_no_signature() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        let token = signer.token(&claims());
        let [header, payload, signature] = parts(&token);
        let length = super::kit::decoded(signature).len();
        for bytes in [vec![0; length], vec![255; length], vec![0], vec![0; 2 * length]] {
            let forged = format!("{header}.{payload}.{}", encoded(bytes));
            assert_eq!(refused(&auth, forged).await, "bad signature", "{signer:?}");
        }
    }
}

/// A signature of ECDSA is two numbers side by side (RFC 7518 section 3.4), not their DER.
#[tokio::test]
async fn sec_48_a_signature_in_der_is_refused() {
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
        assert_eq!(refused(&auth(signer.key.clone()), forged).await, "bad signature");
    }
}
