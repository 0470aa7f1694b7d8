//! The audience of a token.

use auth_jwt::{Algorithm, JwtAuth, Key};
use auth_store::MemoryStore;
use serde_json::{Value, json};

use super::kit::{Signer, clock, rejection, verify, with, without};

/// Returns claims with this audience, or without one.
fn meant_for(audience: Option<Value>) -> Value {
    match audience {
        Some(audience) => with(json!({ "aud": audience })),
        None => without("aud"),
    }
}

#[tokio::test]
async fn sec_53_the_audience_must_be_present_and_ours() {
    let signer = Signer::new(Algorithm::Es256);
    let named = super::kit::auth(signer.key.clone());
    let two = named.clone().audience("warehouse");
    let none = JwtAuth::new(signer.key.clone()).clock(clock().clock());
    let any = none.clone().any_audience();
    let (wrong, no) = (Some("wrong audience"), Some("no audience"));
    let unexpected = Some("audience, but none is configured");
    // The claim, and the result for verifiers of: `shop`; `shop` or `warehouse`; no audience; any.
    let table = [
        (None, [no, no, None, None]),
        (Some(json!(null)), [no, no, None, None]),
        (Some(json!("shop")), [None, None, unexpected, None]),
        (Some(json!(["shop"])), [None, None, unexpected, None]),
        (Some(json!(["bank", "shop"])), [None, None, unexpected, None]),
        (Some(json!("warehouse")), [wrong, None, unexpected, None]),
        (Some(json!("bank")), [wrong, wrong, unexpected, None]),
        (Some(json!(["bank", "post"])), [wrong, wrong, unexpected, None]),
        (Some(json!([])), [wrong, wrong, unexpected, None]),
        (Some(json!("")), [wrong, wrong, unexpected, None]),
        (Some(json!("Shop")), [wrong, wrong, unexpected, None]),
        (Some(json!("shop ")), [wrong, wrong, unexpected, None]),
        (Some(json!("shop bank")), [wrong, wrong, unexpected, None]),
        (Some(json!("shop,bank")), [wrong, wrong, unexpected, None]),
        (Some(json!("shopping")), [wrong, wrong, unexpected, None]),
        (Some(json!("shop\0")), [wrong, wrong, unexpected, None]),
        (Some(json!("https://shop")), [wrong, wrong, unexpected, None]),
        (Some(json!("*")), [wrong, wrong, unexpected, None]),
    ];
    for (audience, expected) in table {
        let token = signer.token(&meant_for(audience.clone()));
        for (auth, expected) in [&named, &two, &none, &any].into_iter().zip(expected) {
            let reason = verify(auth, &token).await.err().map(auth_core::RejectionReason::as_str);
            assert_eq!(reason, expected, "{audience:?} for {auth:?}");
        }
    }
}

#[tokio::test]
async fn sec_53_an_audience_of_another_type_is_rejected() {
    let signer = Signer::new(Algorithm::Es256);
    let named = super::kit::auth(signer.key.clone());
    let any = JwtAuth::new(signer.key.clone()).clock(clock().clock()).any_audience();
    for audience in [
        json!(123),
        json!(true),
        json!({ "shop": true }),
        json!([123]),
        json!(["shop", 123]),
        json!(["shop", null]),
        json!([["shop"]]),
    ] {
        let token = signer.token(&meant_for(Some(audience.clone())));
        for auth in [&named, &any] {
            assert_eq!(rejection(auth, &token).await, "claim of the wrong type", "{audience}");
        }
    }
}

#[test]
#[should_panic(expected = "issued tokens need an audience")]
fn sec_54_no_tokens_are_issued_without_an_audience() {
    drop(JwtAuth::new(Key::hs256([7; 32]).unwrap()).sign_in(MemoryStore::new()));
}

#[test]
#[should_panic(expected = "issued tokens need an audience")]
fn sec_54_no_tokens_are_issued_for_any_audience() {
    let auth = JwtAuth::new(Key::hs256([7; 32]).unwrap());
    drop(auth.any_audience().sign_in(MemoryStore::new()));
}
