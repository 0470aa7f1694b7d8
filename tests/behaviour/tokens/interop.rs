//! Interoperability with npm's `jose` and Python's `PyJWT`: they verify our tokens, and we verify
//! theirs. `tests/run` installs both.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use auth_core::{Claims, RejectionReason};
use auth_jwt::{Algorithm, HmacKey, JwtAuth, Key, KeyRequirement, KeySet, SigningKeys};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::kit::{Signer, decoded, encoded, flip, parts, verify};

const ISSUER: &str = "https://shop.example";
/// The other name of `EdDSA`, which a tool may know (RFC 9864).
const ALSO: &str = "Ed25519";

/// The tools use the system's clock, so the token has to be valid now.
fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "alice",
        "aud": ["shop", "warehouse"],
        "iat": 1_700_000_000,
        "nbf": 1_700_000_000,
        "exp": 4_102_444_800_u64,
        "jti": "7",
        "name": "Älice \u{1f511} \"quoted\" \\ \u{2028}",
        "nested": { "list": [1, -2.5, null, true, {}] },
    })
}

/// A program that reads a batch of requests and answers it.
struct Tool {
    program: String,
    script: &'static str,
}

#[derive(Deserialize)]
struct Answers {
    verified: Vec<Verified>,
    issued: Issued,
}

#[derive(Debug, Deserialize)]
struct Verified {
    claims: Option<Value>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Issued {
    jwks: Value,
    /// By the name of the algorithm, which is also the name of the key.
    tokens: Map<String, Value>,
}

impl Tool {
    fn jose() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/jose.mjs");
        Self { program: "node".to_owned(), script }
    }

    /// Uses the first Python that has `PyJWT`. The one in the path may not be the system's.
    fn pyjwt() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/pyjwt.py");
        let has_it = |program: &&str| {
            let mut python = Command::new(program);
            python.args(["-c", "import jwt, cryptography"]).stderr(Stdio::null());
            python.status().is_ok_and(|status| status.success())
        };
        let program = ["python3", "/usr/bin/python3"].into_iter().find(has_it);
        let program =
            program.expect("no python3 has PyJWT and cryptography: `tests/run` installs them");
        Self { program: program.to_owned(), script }
    }

    fn ask(&self, batch: &Value) -> Answers {
        let Self { program, script } = self;
        let mut tool = Command::new(program)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`{program}`: {error}: `tests/run` installs it"));
        // The tool reads the whole batch before it writes anything.
        tool.stdin.take().unwrap().write_all(batch.to_string().as_bytes()).unwrap();
        let output = tool.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`tests/run` installs what {script} needs: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A key for each algorithm, with its name as the `kid`.
static OURS: LazyLock<Vec<Signer>> = LazyLock::new(|| {
    let named = |signer: Signer| match signer.algorithm.key_requirement() {
        KeyRequirement::Secret { .. } => signer,
        _ => Signer::of(signer.pair().with_kid(signer.algorithm.as_str())),
    };
    Signer::all().into_iter().map(named).collect()
});

/// Issues a token with the library itself and not with the signers of these tests.
fn issued_by_us(signer: &Signer) -> String {
    match signer.secret() {
        Some(secret) => shared(signer.algorithm, secret).sign("at+jwt", &claims()),
        None => SigningKeys::new(signer.pair()).sign("at+jwt", &claims()),
    }
    .unwrap()
}

fn shared(algorithm: Algorithm, secret: &[u8]) -> HmacKey {
    match algorithm {
        Algorithm::Hs384 => Key::hs384(secret),
        Algorithm::Hs512 => Key::hs512(secret),
        _ => Key::hs256(secret),
    }
    .unwrap()
}

/// Returns the JWK Set that we publish, with all of our keys.
fn our_jwks() -> Value {
    let mut pairs = OURS.iter().filter(|signer| signer.secret().is_none()).map(Signer::pair);
    let first = SigningKeys::new(pairs.next().unwrap());
    serde_json::from_str(&pairs.fold(first, SigningKeys::add_verifying).jwks()).unwrap()
}

/// Returns the token with one byte changed, in each of its parts.
fn changed(token: &str) -> [String; 3] {
    let [header, payload, signature] = parts(token);
    let change = |part: &str| {
        let mut bytes = decoded(part);
        let end = bytes.len() - 2; // the end of the last value
        bytes[end] ^= 1;
        encoded(bytes)
    };
    [
        format!("{}.{payload}.{signature}", change(header)),
        format!("{header}.{}.{signature}", change(payload)),
        flip(token),
    ]
}

fn our_tokens_are_understood(tool: &Tool) {
    let jwks = our_jwks();
    let mut cases = Vec::new();
    let mut good = Vec::new();
    for signer in &*OURS {
        let mut case = json!({
            "alg": signer.algorithm.as_str(), "issuer": ISSUER, "audience": "shop",
        });
        match signer.secret() {
            Some(secret) => case["secret"] = json!(encoded(secret)),
            None => case["jwks"] = jwks.clone(),
        }
        let token = issued_by_us(signer);
        let all = [vec![token.clone()], changed(&token).into()].concat();
        for (at, token) in all.into_iter().enumerate() {
            case["token"] = json!(token);
            cases.push(case.clone());
            good.push(at == 0);
        }
    }
    let batch = json!({ "verify": cases, "issue": [], "claims": {} });
    let verified = tool.ask(&batch).verified;
    assert_eq!(verified.len(), cases.len());
    for ((answer, case), good) in verified.iter().zip(&cases).zip(good) {
        match good {
            true => assert_eq!(answer.claims, Some(claims()), "{}: {answer:?}", case["alg"]),
            false => assert!(answer.error.is_some(), "{}: {answer:?}", case["alg"]),
        }
    }
}

async fn their_tokens_are_understood(tool: &Tool) {
    let names: Vec<&str> =
        Algorithm::ALL.map(Algorithm::as_str).into_iter().chain([ALSO]).collect();
    let batch = json!({ "verify": [], "issue": names, "claims": claims() });
    let Issued { jwks, tokens } = tool.ask(&batch).issued;
    let set = KeySet::from_jwks(&jwks.to_string()).unwrap();
    assert_eq!(set.skipped(), []);
    for name in names {
        let Some(token) = tokens.get(name).and_then(Value::as_str) else {
            assert_eq!(name, ALSO, "every tool knows all other names");
            continue;
        };
        let jwk = jwks["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == name).unwrap();
        let mut verifiers =
            vec![JwtAuth::new(set.clone()), JwtAuth::new(Key::from_jwk(&jwk.to_string()).unwrap())];
        if let Some(secret) = jwk["k"].as_str() {
            let key = shared(name.parse().unwrap(), &decoded(secret));
            verifiers.push(JwtAuth::new(Key::from(key)));
        }
        for auth in verifiers {
            let auth = auth.issuer(ISSUER).audience("shop");
            let identity = verify(&auth, token).await.map_err(RejectionReason::as_str);
            let received = serde_json::to_value::<&Claims>(identity.unwrap().claims()).unwrap();
            assert_eq!(received, claims(), "{name}");
            for changed in changed(token) {
                assert!(verify(&auth, changed).await.is_err(), "{name}");
            }
        }
    }
}

#[test]
#[cfg_attr(not(feature = "services"), ignore = "needs jose, which tests/run installs")]
fn jose_verifies_our_tokens() {
    our_tokens_are_understood(&Tool::jose());
}

#[test]
#[cfg_attr(not(feature = "services"), ignore = "needs PyJWT, which tests/run installs")]
fn pyjwt_verifies_our_tokens() {
    our_tokens_are_understood(&Tool::pyjwt());
}

#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs jose, which tests/run installs")]
async fn tokens_of_jose_are_verified() {
    their_tokens_are_understood(&Tool::jose()).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "services"), ignore = "needs PyJWT, which tests/run installs")]
async fn tokens_of_pyjwt_are_verified() {
    their_tokens_are_understood(&Tool::pyjwt()).await;
}
