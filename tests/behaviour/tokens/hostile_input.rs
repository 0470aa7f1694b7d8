//! Hostile input: ambiguous JSON, invalid UTF-8, other spellings of base64url.

use auth_jwt::Algorithm;
use serde_json::{Value, json};

use super::kit::{NOW, Signer, auth, claims, encoded, parts, rejection, verify, with};

const HEADER: &str = r#"{"alg":"HS256"}"#;

/// Returns valid claims with these members at the end, as text.
fn and(members: &str) -> String {
    format!(r#"{{"sub":"alice","aud":"shop","exp":{},{members}}}"#, NOW + 300)
}

const REPEATED: &str = "repeated or reserved name of a claim";

/// Payloads with a valid signature about whose meaning two parsers could disagree.
#[tokio::test]
async fn sec_57_ambiguous_claims_are_rejected() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(500), close.repeat(500));
    let repeated = [
        and(r#""sub":"mallory""#),
        and(r#""sub":"alice""#),
        and(r#""\u0073ub":"mallory""#),
        and(r#""aud":["shop"]"#),
        and(r#""exp":4102444800"#),
        and(r#""nonce":1,"nonce":2"#),
        and(r#""amr":1,"amr":2"#),
        and(r#""jti":null,"jti":null"#),
        and(r#""cnf":null,"cnf":null"#),
        and(r#""x":{"y":1,"y":2}"#),
        and(r#""x":[{"y":[{"z":1,"z":1}]}]"#),
        and(r#""amr":[{"y":1,"y":1}]"#),
        and(r#""roles":"a","roles":"b""#),
        and(r#""roles":{"a":1,"a":1}"#),
    ];
    for payload in repeated {
        let rejected = rejection(&auth, signer.raw(HEADER, &payload)).await;
        assert_eq!(rejected, REPEATED, "{payload}");
    }
    let payloads = [
        and(r#""x":1e400"#),
        and(&format!(r#""x":1{}"#, "0".repeat(400))),
        and(&format!(r#""x":{}"#, deep("[", "]"))),
        and(&format!(r#""x":{}"#, deep(r#"{"x":"#, "}"))),
        and(r#""x":"\ud800""#),
        and(r#""x":"\udc00\ud800""#),
        and("\"x\":\"\u{1}\""),
        and("\"x\":\"\n\""),
        and(r#""x":01"#),
        and(r#""x":1.,"y":.5"#),
        and(r#""x":undefined"#),
        and(r#""x":1,"#),
        and("x:1"),
        and("'x':1"),
        and("/* x */\"x\":1"),
        format!("\u{feff}{}", claims()),
        format!("{}{}", claims(), claims()),
        format!("{}\0", claims()),
        format!("{},", claims()),
        format!("[{}]", claims()),
        json!(claims().to_string()).to_string(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"\"".to_owned(),
        "0".to_owned(),
        " ".to_owned(),
    ];
    for payload in payloads {
        let token = signer.raw(HEADER, &payload);
        assert_eq!(rejection(&auth, token).await, "malformed", "{payload:.200}");
    }
    for good in ["\"x\":1", "\"x\":[[[]],{\"y\":{\"y\":null}}]", "\"\\ud83d\\ude00\":-0.0e-9"] {
        assert!(verify(&auth, signer.raw(HEADER, and(good))).await.is_ok(), "{good}");
    }
    let spaced = format!(" \t\r\n{} \n", and("\"x\" : 1"));
    assert!(verify(&auth, signer.raw(HEADER, spaced)).await.is_ok(), "JSON may contain whitespace");
}

#[tokio::test]
async fn sec_57_ambiguous_headers_are_rejected() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    for header in [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"dpop+jwt","typ":"JWT"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"a"}"#,
        r#"{"alg":"HS256","x":1,"x":1}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":1}}"#,
        r#"{"alg":"HS256","x":1e400}"#,
        r#"{"alg":"HS256"}{}"#,
        r#"{"alg":"HS256"}.."#,
        r#"[{"alg":"HS256"}]"#,
        r#""HS256""#,
        "null",
        " ",
    ] {
        assert_eq!(
            rejection(&auth, signer.raw(header, and("\"x\":1"))).await,
            "malformed",
            "{header}"
        );
    }
    let deep = format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(rejection(&auth, signer.raw(deep, and("\"x\":1"))).await, "malformed");
}

/// Invalid UTF-8: truncated, overlong, surrogates, and beyond the last code point.
#[tokio::test]
async fn sec_57_invalid_utf_8_is_rejected() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let wrong: [&[u8]; 6] =
        [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9"];
    for bytes in wrong {
        let payload = [and("\"x\":\"").trim_end_matches('}').as_bytes(), bytes, b"\"}"].concat();
        assert_eq!(rejection(&auth, signer.raw(HEADER, payload)).await, "malformed", "{bytes:?}");
        let header = [br#"{"alg":"HS256","x":""#, bytes, b"\"}"].concat();
        assert_eq!(rejection(&auth, signer.raw(header, and("\"x\":1"))).await, "malformed");
    }
}

/// A part has exactly one spelling in base64url: no padding, no other characters. The signature is
/// over the text, so each of these is signed as it is.
#[tokio::test]
async fn sec_57_a_part_has_one_spelling() {
    for signer in [Algorithm::Hs256, Algorithm::EdDsa].map(Signer::new) {
        let auth = auth(signer.key.clone());
        let header = encoded(json!({ "alg": signer.algorithm.as_str(), "x": 1 }).to_string());
        let payload = encoded(with(json!({ "x": 1 })).to_string());
        let spellings = |part: &str| {
            let (start, end) = part.split_at(part.len() / 2);
            let mut all = vec![format!("{part}="), format!("{part}=="), format!("={part}")];
            for between in [" ", "\n", "\r\n", "\t", "-=", "%2B", "+", "/", "\u{e9}", "\0"] {
                all.push(format!("{start}{between}{end}"));
            }
            all.push(format!("{part} "));
            all.push(format!("{part}\n"));
            all.push(format!("{part}A"));
            all
        };
        for spelling in spellings(&header) {
            let token = signer.signed(&format!("{spelling}.{payload}"));
            assert_eq!(rejection(&auth, token).await, "malformed", "{spelling}");
        }
        for spelling in spellings(&payload) {
            let token = signer.signed(&format!("{header}.{spelling}"));
            assert_eq!(rejection(&auth, token).await, "malformed", "{spelling}");
        }
        let token = signer.signed(&format!("{header}.{payload}"));
        let signature = parts(&token)[2];
        for spelling in spellings(signature) {
            rejection(&auth, format!("{header}.{payload}.{spelling}")).await;
        }
        assert!(verify(&auth, &token).await.is_ok());
    }
}

/// The last character of a part has bits that belong to no byte. They must be zero; otherwise a
/// token would have several spellings.
#[tokio::test]
async fn sec_57_the_unused_bits_of_a_part_are_zero() {
    for signer in [Algorithm::Hs256, Algorithm::EdDsa].map(Signer::new) {
        let auth = auth(signer.key.clone());
        for filler in ["", "x", "xx"] {
            let header = json!({ "alg": signer.algorithm.as_str(), "x": filler }).to_string();
            let token = signer.raw(header, with(json!({ "x": filler })).to_string());
            assert!(verify(&auth, &token).await.is_ok());
            for at in 0..3 {
                let mut changed = parts(&token).map(str::to_owned);
                let last = changed[at].pop().unwrap();
                changed[at].push(if last == 'A' { 'B' } else { char::from(last as u8 ^ 1) });
                let token = if at == 2 {
                    changed.join(".")
                } else {
                    signer.signed(&format!("{}.{}", changed[0], changed[1]))
                };
                rejection(&auth, token).await;
            }
        }
    }
}

/// Claims that decide about a token, of another type than their definition requires.
#[tokio::test]
async fn sec_57_a_checked_claim_of_another_type_is_rejected() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    for name in ["sub", "iss"] {
        for value in [json!(7), json!(["alice"]), json!({ "a": 1 }), json!(true)] {
            let token = signer.token(&with(json!({ name: value })));
            assert_eq!(rejection(&auth, token).await, "claim of the wrong type", "{name}: {value}");
        }
    }
    for subject in [Value::Null, json!("")] {
        let token = signer.token(&with(json!({ "sub": subject })));
        assert_eq!(rejection(&auth, token).await, "no subject");
    }
    let token = signer.token(&with(json!({ "exp": null })));
    assert_eq!(rejection(&auth, token).await, "no expiry");
    assert_eq!(rejection(&auth, signer.token(&super::kit::without("sub"))).await, "no subject");
}

/// Issuers write objects, numbers and `null` into claims that are only reported.
#[tokio::test]
async fn a_reported_claim_of_another_type_is_absent() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let values = [
        json!(null),
        json!(-1),
        json!(true),
        json!([7]),
        json!(["a", 7]),
        json!([["a"]]),
        json!({ "a": "b" }),
        json!([{ "method": "password", "timestamp": 1 }]),
    ];
    let names = ["acr", "amr", "auth_time", "client_id", "jti", "roles", "scope", "scp", "sid"];
    for name in names {
        for value in &values {
            let claims = with(json!({ name: value }));
            let identity = verify(&auth, signer.token(&claims)).await.unwrap();
            let principal = identity.principal();
            assert_eq!(principal.acr, None, "{claims}");
            let lists = [&principal.amr, &principal.roles, &principal.scopes];
            assert!(lists.into_iter().all(Vec::is_empty), "{claims}");
            assert_eq!(identity.authenticated_at(), None, "{claims}");
            assert_eq!(identity.claims().get(name), Some(value), "the application can read it");
        }
    }
}

/// A claim that is `null` is like one that is not there.
#[tokio::test]
async fn a_claim_that_is_null_is_absent() {
    let signer = Signer::new(Algorithm::Hs256);
    let none = auth_jwt::JwtAuth::new(signer.key.clone()).clock(super::kit::clock().clock());
    let any = none.clone().any_audience();
    let names =
        ["iss", "nbf", "iat", "jti", "nonce", "at_hash", "c_hash", "events", "cnf", "name", "azp"];
    for name in names.into_iter().chain(["aud"]) {
        let token = signer.token(&with(json!({ "aud": null, name: null })));
        for auth in [&none, &any] {
            assert!(verify(auth, &token).await.is_ok(), "{name}");
        }
        let required = auth_jwt::Validation::new().any_audience().require(name);
        let reason = rejection(&none.clone().validation(required), &token).await;
        assert_eq!(reason, "claim missing", "{name}");
    }
    let nobodys = signer.token(&with(json!({ "aud": null })));
    assert_eq!(rejection(&auth(signer.key.clone()), nobodys).await, "no audience");
}
