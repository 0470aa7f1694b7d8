//! Keys that are too weak or for another use are rejected when they are loaded.

use auth_jwt::{Algorithm, HmacKey, InvalidKey, Key, KeySet, SigningKey};
use serde_json::{Value, json};

use super::kit::{Signer, auth, claims, decoded, encoded, verify};

const RSA_1024: [&str; 3] = [
    include_str!("keys/rsa_1024_public.pem"),
    include_str!("keys/rsa_1024_pkcs1_public.pem"),
    include_str!("keys/rsa_1024_private.pem"),
];

fn jwk(jwk: &Value) -> Result<Key, InvalidKey> {
    Key::from_jwk(&jwk.to_string())
}

/// Returns a JWK with these members instead of its own.
fn but(signer: &Signer, more: Value) -> Value {
    let (mut jwk, Value::Object(more)) = (signer.jwk(), more) else { panic!("no members") };
    jwk.as_object_mut().unwrap().extend(more);
    jwk
}

#[test]
fn sec_56_a_secret_is_at_least_as_long_as_the_hash() {
    type Make = fn(Vec<u8>) -> Result<HmacKey, InvalidKey>;
    let cases: [(Make, &str, usize); 3] =
        [(Key::hs256, "HS256", 32), (Key::hs384, "HS384", 48), (Key::hs512, "HS512", 64)];
    for (make, alg, least_bytes) in cases {
        let too_short = Some(InvalidKey::TooShort { least_bytes });
        for length in [0, 1, 8, least_bytes - 1] {
            assert_eq!(make(vec![7; length]).err(), too_short, "{alg} {length}");
            let oct = json!({ "kty": "oct", "alg": alg, "k": encoded(vec![7; length]) });
            assert_eq!(HmacKey::from_jwk(&oct.to_string()).err(), too_short, "{alg} {length}");
            assert_eq!(jwk(&oct).err(), too_short, "{alg} {length}");
        }
        for length in [least_bytes, least_bytes + 1, 1000] {
            assert!(make(vec![7; length]).is_ok(), "{alg} {length}");
        }
    }
}

#[test]
fn sec_56_an_rsa_key_has_at_least_2048_bits() {
    let rsa = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= n.len() * 8 - bits;
        json!({ "kty": "RSA", "alg": "RS256", "e": "AQAB", "n": encoded(n) })
    };
    for bits in [8, 512, 1024, 2047, 8193, 16384] {
        assert_eq!(jwk(&rsa(bits)).err(), Some(InvalidKey::RsaSize { bits }), "{bits}");
    }
    for bits in [2048, 3072, 4096, 8192] {
        assert!(jwk(&rsa(bits)).is_ok(), "{bits}");
    }
    // Leading zeros do not make the number larger.
    let padded = [vec![0; 128], vec![0xff; 128]].concat();
    let padded = json!({ "kty": "RSA", "alg": "RS256", "e": "AQAB", "n": encoded(padded) });
    assert_eq!(jwk(&padded).err(), Some(InvalidKey::RsaSize { bits: 1024 }));
    let empty = json!({ "kty": "RSA", "alg": "RS256", "e": "AQAB", "n": "" });
    assert_eq!(jwk(&empty).err(), Some(InvalidKey::RsaSize { bits: 0 }));

    let of_rsa = Algorithm::ALL.into_iter().filter(|alg| alg.as_str()[..2].ends_with('S'));
    for algorithm in of_rsa {
        for pem in RSA_1024 {
            Key::from_pem(algorithm, pem).unwrap_err();
            SigningKey::from_pem(algorithm, pem).unwrap_err();
        }
    }
    let public = Key::from_pem(Algorithm::Rs256, RSA_1024[0]).unwrap_err();
    assert_eq!(public, InvalidKey::RsaSize { bits: 1024 });
}

/// The product of two primes that have the form of the faulty library.
const ROCA: &str = concat!(
    "kyF3qideN5rtvbt6fFsKi8hQGeCtBjY_YeFzt26k8SmmgEMyPT8KFvmhewWQLMdQzp8TK0t9S-RUmVffnD0lxUL-VB",
    "ZoHLVCG41T_ZES3o2TFPG8V8gCtcaAp0m56bFzbTgQhuaeRIoxc-WAfbDUtNUTbu30QqG3l9hBkMhF3NHeCUH87D5c",
    "rdcjInARn0n5RXtQQavNO36L9JsqmX6bbvayUKaALvU59jHaIUR17X9Ccer1hakKpTnSs-gkg2dbluYUEjxa_Sxapr",
    "NB53_U6ptMoHQpkMJzpYVGLAqtOviraZ3AxzCHSuPWru-krLdFUaBh7Lnmqftt-Gy6jXhp7Q",
);

#[test]
fn sec_56_rsa_keys_of_a_faulty_library_are_rejected() {
    for algorithm in ["RS256", "PS512"] {
        let key = json!({ "kty": "RSA", "alg": algorithm, "n": ROCA, "e": "AQAB" });
        assert_eq!(jwk(&key).unwrap_err(), InvalidKey::Roca);
    }
    let mut other = decoded(ROCA);
    *other.last_mut().unwrap() ^= 2;
    let key = json!({ "kty": "RSA", "alg": "RS256", "n": encoded(other), "e": "AQAB" });
    assert!(jwk(&key).is_ok(), "its neighbour has another form");
}

#[test]
fn sec_56_an_rsa_exponent_is_odd_and_greater_than_one() {
    let signer = Signer::new(Algorithm::Rs256);
    for e in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0, 0], &[1; 9]] {
        let key = but(&signer, json!({ "e": encoded(e) }));
        assert!(matches!(jwk(&key), Err(InvalidKey::Malformed(_))), "{e:?}");
    }
}

/// The algorithms with curves whose points have two coordinates, and the length of each.
const CURVES: [(Algorithm, usize); 3] =
    [(Algorithm::Es256, 32), (Algorithm::Es384, 48), (Algorithm::Es512, 66)];

/// Some issuers cut off the leading zeros of a coordinate.
#[tokio::test]
async fn leading_zeros_of_a_coordinate_may_be_missing() {
    for (algorithm, length) in CURVES {
        let short = |text: &Value| decoded(text.as_str().unwrap())[0] == 0;
        let signer = loop {
            let signer = Signer::new(algorithm);
            let jwk = signer.jwk();
            if short(&jwk["x"]) || short(&jwk["y"]) {
                break signer;
            }
        };
        let cut = |text: &Value| {
            let number = decoded(text.as_str().unwrap());
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            encoded(&number[zeros..])
        };
        let own = signer.jwk();
        let cut = but(&signer, json!({ "x": cut(&own["x"]), "y": cut(&own["y"]) }));
        let token = signer.token(&claims());
        let set = KeySet::from_jwks(&json!({ "keys": [cut] }).to_string()).unwrap();
        assert!(verify(&auth(jwk(&cut).unwrap()), &token).await.is_ok(), "{algorithm} {length}");
        assert!(verify(&auth(set), &token).await.is_ok());
    }
}

/// Others write a zero in front of a coordinate, as for the sign of a number.
#[tokio::test]
async fn a_coordinate_may_have_more_zeros_in_front() {
    for (algorithm, _) in CURVES {
        let signer = Signer::new(algorithm);
        let own = signer.jwk();
        let longer =
            |text: &Value| encoded([&[0, 0][..], &decoded(text.as_str().unwrap())].concat());
        let longer = but(&signer, json!({ "x": longer(&own["x"]), "y": longer(&own["y"]) }));
        let auth = auth(jwk(&longer).unwrap());
        assert!(verify(&auth, &signer.token(&claims())).await.is_ok(), "{algorithm}");
    }
}

/// With points that are not on the curve, or on another one, an attacker could find a private key
/// or forge signatures.
#[test]
fn sec_56_a_public_key_is_a_point_of_its_curve() {
    for (algorithm, length) in CURVES {
        let signer = Signer::new(algorithm);
        let own = signer.jwk();
        let y = decoded(own["y"].as_str().unwrap());
        let turned: Vec<u8> = y.iter().map(|byte| byte ^ 0x55).collect();
        for more in [
            json!({ "y": encoded(&turned) }),
            json!({ "x": own["y"], "y": own["x"] }),
            json!({ "x": encoded(vec![0; length]), "y": encoded(vec![0; length]) }),
            json!({ "x": encoded(vec![0xff; length]) }),
            json!({ "x": "", "y": "" }),
            json!({ "y": encoded(&y[..y.len() - 1]) }),
            json!({ "y": encoded([&[1], &*y].concat()) }),
            json!({ "y": null }),
            json!({ "y": "not base64url!" }),
            json!({ "crv": if length == 66 { "P-384" } else { "P-521" } }),
            json!({ "crv": "secp256k1" }),
            json!({ "crv": "Ed25519" }),
            json!({ "crv": null }),
            json!({ "crv": if length == 32 { "P-384" } else { "P-256" } }),
            json!({ "kty": "OKP" }),
            json!({ "kty": "RSA" }),
            json!({ "kty": "oct" }),
            json!({ "kty": "ec" }),
            json!({ "alg": "ES256K" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "none" }),
            json!({ "alg": "RS256" }),
            json!({ "alg": if length == 32 { "ES384" } else { "ES256" } }),
            json!({ "alg": if length == 66 { "ES384" } else { "ES512" } }),
        ] {
            let key = but(&signer, more.clone());
            assert!(jwk(&key).is_err(), "{more}");
        }
    }
}

#[test]
fn sec_56_a_key_for_another_use_is_rejected() {
    for signer in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa].map(Signer::new) {
        for more in [
            json!({ "use": "enc" }),
            json!({ "use": "SIG" }),
            json!({ "use": "" }),
            json!({ "key_ops": ["encrypt"] }),
            json!({ "key_ops": ["deriveKey", "wrapKey"] }),
            json!({ "key_ops": [] }),
            json!({ "use": "sig", "key_ops": ["encrypt"] }),
        ] {
            assert_eq!(
                jwk(&but(&signer, more.clone())).err(),
                Some(InvalidKey::UseMismatch),
                "{more}"
            );
        }
        for more in [json!({ "use": null, "key_ops": ["verify"] }), json!({ "use": "sig" })] {
            assert!(jwk(&but(&signer, more.clone())).is_ok(), "{more}");
        }
    }
    let secret =
        json!({ "kty": "oct", "alg": "HS256", "k": encoded([7; 32]), "key_ops": ["verify"] });
    assert_eq!(HmacKey::from_jwk(&secret.to_string()).err(), Some(InvalidKey::UseMismatch));
    assert!(jwk(&secret).is_ok(), "a key for `verify` is accepted");
}

/// Some issuers give several keys one name. All of them are tried with a token, so there may be only a
/// few.
#[tokio::test]
async fn sec_57_all_of_a_few_keys_with_one_name_are_tried() {
    let signers: Vec<_> = (0..5).map(|_| Signer::new(Algorithm::Es256)).collect();
    let named = |signer: &Signer| but(signer, json!({ "kid": "1" }));
    let keys: Vec<_> = signers.iter().map(named).collect();
    let set = KeySet::from_jwks(&json!({ "keys": keys }).to_string()).unwrap();
    assert_eq!(set.len(), 4);
    let too_many = InvalidKey::TooManyWithKid("1".into());
    assert_eq!(set.skipped()[0].error, too_many);
    assert_eq!(set.clone().with(jwk(&keys[4]).unwrap()).err(), Some(too_many));
    let auth = auth(set);
    for (number, signer) in signers.iter().enumerate() {
        for header in [json!({ "alg": "ES256", "kid": "1" }), json!({ "alg": "ES256" })] {
            let verified = verify(&auth, signer.forge(&header, &claims())).await;
            assert_eq!(verified.is_ok(), number < 4, "{number} {header}");
        }
    }
}

/// A published secret would not be secret. So a secret in a set has to name its algorithm.
#[test]
fn sec_56_a_secret_in_a_set_names_its_algorithm() {
    let oct = json!({ "kty": "oct", "kid": "1", "k": encoded([7; 64]) });
    let set = json!({ "keys": [oct, Signer::new(Algorithm::EdDsa).jwk()] });
    let set = KeySet::from_jwks(&set.to_string()).unwrap();
    assert_eq!((set.len(), &set.skipped()[0].error), (1, &InvalidKey::NoAlgorithm));
    for algorithm in Algorithm::ALL {
        let public = Signer::new(Algorithm::Es256).jwk().to_string();
        let fits = Key::from_jwk_for(algorithm, &public).is_ok();
        assert_eq!(fits, algorithm == Algorithm::Es256, "{algorithm}");
    }
}

#[test]
fn sec_56_57_a_key_set_is_read_strictly() {
    let good = Signer::new(Algorithm::EdDsa).jwk();
    let twice = good.to_string().replacen('{', r#"{"kty":"OKP","#, 1);
    for set in [
        "",
        "[]",
        "{}",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[1,null,"x",[]]}"#,
        r#"{"keys":[{"kty":["OKP"]}]}"#,
        r#"{"keys":[],"keys":[]}"#,
        &format!(r#"{{"keys":[{twice}]}}"#),
        &format!(r#"{{"keys":[{good}]}}x"#),
        &format!(r#"{{"keys":[{good}],"keys":[{good}]}}"#),
        &format!(r#"{{"keys":[{good},{}1{}]}}"#, "[".repeat(500), "]".repeat(500)),
        &good.to_string(),
    ] {
        assert!(KeySet::from_jwks(set).is_err(), "{set:.100}");
    }
    assert!(Key::from_jwk(&twice).is_err());
    let many = |count: usize| {
        let keys: Vec<Value> = (0..count)
            .map(|kid| {
                let mut key = good.clone();
                key["kid"] = json!(kid.to_string());
                key
            })
            .collect();
        KeySet::from_jwks(&json!({ "keys": keys }).to_string())
    };
    assert_eq!(many(KeySet::MAX_KEYS).unwrap().len(), KeySet::MAX_KEYS);
    assert!(many(KeySet::MAX_KEYS + 1).is_err());
}
