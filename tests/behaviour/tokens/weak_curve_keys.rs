//! Ed25519 keys that would accept any signature, or are no points of the curve.

use auth_jwt::{Algorithm, Key};
use serde_json::json;

use super::kit::{Signer, auth, claims, encoded, verify};

fn key(x: &[u8]) -> Option<Key> {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(x) });
    Key::from_jwk(&jwk.to_string()).ok()
}

/// Returns a point, which is encoded as its `y` and the sign of its `x`.
fn point(start: u8, end: u8) -> Vec<u8> {
    let mut point = vec![0; 32];
    (point[0], point[31]) = (start, end);
    point
}

#[test]
fn sec_56_an_ed25519_key_has_32_bytes_and_its_own_curve() {
    for length in [0, 31, 33, 57, 64] {
        assert!(key(&vec![7; length]).is_none(), "{length}");
    }
    let signer = Signer::new(Algorithm::EdDsa);
    for crv in ["X25519", "Ed448", "P-256", "ed25519", ""] {
        let mut jwk = signer.jwk();
        jwk["crv"] = json!(crv);
        assert!(Key::from_jwk(&jwk.to_string()).is_err(), "{crv}");
    }
}

/// No point of the curve has one of these as its `y`.
#[test]
fn sec_56_an_ed25519_key_is_a_point_of_its_curve() {
    for y in [2, 7, 8, 11] {
        assert!(key(&point(y, 0)).is_none(), "{y}");
        assert!(key(&point(y, 0x80)).is_none(), "{y}");
    }
}

/// With a key of small order, anyone can sign anything. This signature covers nothing at all.
#[tokio::test]
async fn sec_56_an_ed25519_key_of_small_order_is_rejected() {
    let one = point(1, 0);
    let Some(key) = key(&one) else { return };
    let header = encoded(r#"{"alg":"EdDSA"}"#);
    let signature = encoded([one, vec![0; 32]].concat());
    let forged = format!("{header}.{}.{signature}", encoded(claims().to_string()));
    let identity = verify(&auth(key), forged).await;
    panic!("the key was accepted, and a token without a signature gives {identity:?}");
}
