//! The validity period of a token: `exp`, `nbf`, `iat` and leeway.

use std::time::Duration;

use auth_core::{ManualClock, Timestamp};
use auth_jwt::{Algorithm, JwtAuth, Validation};
use serde_json::{Value, json};

use super::kit::{NOW, Signer, auth, rejection, verify, with, without};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Returns a verifier with this validation at this moment.
fn at(signer: &Signer, validation: &Validation, millis: u64) -> JwtAuth {
    let clock = ManualClock::new(Timestamp::from_millis(millis));
    auth(signer.key.clone()).validation(validation.clone()).clock(clock.clock())
}

#[tokio::test]
async fn sec_51_a_token_without_an_expiry_is_rejected() {
    for signer in Signer::all() {
        let auth = auth(signer.key.clone());
        assert_eq!(rejection(&auth, signer.token(&without("exp"))).await, "no expiry");
    }
}

/// A date is a number. A parser that accepts `"1"` would also accept `"0x1"`, `"1e9"` and `""`.
#[tokio::test]
async fn sec_51_a_date_of_another_type_is_rejected() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let wrong = [
        json!("4102444800"),
        json!(""),
        json!("2100-01-01T00:00:00Z"),
        json!(true),
        json!([4_102_444_800_u64]),
        json!({ "$gt": 0 }),
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(9_007_199_254_740_994_u64),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in &wrong {
            let token = signer.token(&with(json!({ name: value })));
            assert_eq!(rejection(&auth, token).await, "claim of the wrong type", "{name}: {value}");
        }
    }
    for huge in ["1e400", "-1e400", "NaN", "Infinity", "0x7fffffff", "01", "1.", "1e", "+1"] {
        let payload = format!(r#"{{"sub":"alice","aud":"shop","exp":{huge}}}"#);
        let token = signer.raw(r#"{"alg":"HS256"}"#, payload);
        assert_eq!(rejection(&auth, token).await, "malformed", "{huge}");
    }
}

#[tokio::test]
async fn sec_51_a_date_is_any_number_of_seconds() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let exp = async |exp: &str| {
        let payload = format!(r#"{{"sub":"alice","aud":"shop","exp":{exp}}}"#);
        let identity = verify(&auth, signer.raw(r#"{"alg":"HS256"}"#, payload)).await;
        identity
            .map(|identity| identity.expires_at().as_secs())
            .map_err(auth_core::RejectionReason::as_str)
    };
    assert_eq!(exp("1800000100").await, Ok(1_800_000_100));
    assert_eq!(exp("1800000100.75").await, Ok(1_800_000_100), "a fraction is cut off");
    assert_eq!(exp("1.8000001e9").await, Ok(1_800_000_100));
    assert_eq!(exp("253402300800").await, Ok(253_402_300_800), "the year 10000");
    assert_eq!(exp("9007199254740992").await, Ok(9_007_199_254_740_992), "the largest");
    for past in ["0", "0.0", "-0", "1", "1799999940"] {
        assert_eq!(exp(past).await, Err("expired"), "{past}");
    }
}

/// Checks a table of moments: the millisecond before a boundary, and the boundary itself.
async fn boundaries(validation: Validation, claims: &Value, moments: &[(u64, Option<&str>)]) {
    for signer in [Algorithm::Hs256, Algorithm::EdDsa].map(Signer::new) {
        let token = signer.token(claims);
        for (millis, expected) in moments {
            let asked = verify(&at(&signer, &validation, *millis), &token).await;
            let reason = asked.err().map(auth_core::RejectionReason::as_str);
            assert_eq!(reason, *expected, "{claims} at {millis}");
        }
        // The same clock and the same cache, moved from one moment to the next.
        let clock = ManualClock::new(Timestamp::EPOCH);
        let auth = auth(signer.key.clone()).validation(validation.clone()).clock(clock.clock());
        for (millis, expected) in moments {
            clock.advance(Duration::from_millis(millis - clock.now().as_millis()));
            let reason = verify(&auth, &token).await.err().map(auth_core::RejectionReason::as_str);
            assert_eq!(reason, *expected, "{claims} turned to {millis}");
        }
    }
}

const NOT_YET: Option<&str> = Some("not yet valid");
const EXPIRED: Option<&str> = Some("expired");
const FUTURE: Option<&str> = Some("issued in the future");
const TOO_OLD: Option<&str> = Some("too old");

#[tokio::test]
async fn sec_51_a_token_expires_at_its_exp_plus_leeway() {
    let validation = Validation::new().audience("shop");
    let claims = json!({ "sub": "alice", "aud": "shop", "exp": NOW });
    let end = NOW * 1000;
    boundaries(validation.clone().leeway(secs(0)), &claims, &[(end - 1, None), (end, EXPIRED)])
        .await;
    let later = [(end, None), (end + 59_999, None), (end + 60_000, EXPIRED)];
    boundaries(validation.clone(), &claims, &later).await;
    boundaries(validation.leeway(secs(60)), &claims, &later).await;
}

#[tokio::test]
async fn sec_51_a_token_is_valid_from_its_nbf_minus_leeway() {
    let validation = Validation::new().audience("shop");
    for (name, reason) in [("nbf", NOT_YET), ("iat", FUTURE)] {
        let claims = json!({ "sub": "alice", "aud": "shop", name: NOW, "exp": NOW + 300 });
        let begin = NOW * 1000;
        let exact = [(begin - 1, reason), (begin, None)];
        let strict = validation.clone().leeway(secs(0)).issued_at_leeway(secs(0));
        boundaries(strict, &claims, &exact).await;
        let earlier = [(begin - 60_001, reason), (begin - 60_000, None)];
        boundaries(validation.clone(), &claims, &earlier).await;
        boundaries(validation.clone().leeway(secs(60)), &claims, &earlier).await;
    }
    // The later of the two counts.
    let claims =
        json!({ "sub": "alice", "aud": "shop", "nbf": NOW, "iat": NOW + 60, "exp": NOW + 300 });
    let begin = (NOW + 60) * 1000;
    let strict = validation.leeway(secs(0)).issued_at_leeway(secs(0));
    boundaries(strict, &claims, &[(begin - 1, FUTURE), (begin, None)]).await;
}

/// The clock of an issuer may be ahead, whatever the leeway for `exp` is.
#[tokio::test]
async fn r18_iat_has_a_leeway_of_its_own() {
    let validation = Validation::new().audience("shop");
    let claims = json!({ "sub": "alice", "aud": "shop", "iat": NOW, "exp": NOW + 300 });
    let begin = NOW * 1000;
    let ahead = |secs: u64| {
        [(begin - secs * 1000 - 1, FUTURE), (begin - secs * 1000, None), (begin + 299_999, None)]
    };
    boundaries(validation.clone().leeway(secs(0)), &claims, &ahead(60)).await;
    boundaries(validation.clone().leeway(secs(120)), &claims, &ahead(120)).await;
    let set = validation.clone().leeway(secs(0)).issued_at_leeway(secs(300));
    boundaries(set, &claims, &ahead(300)).await;
    let aged = validation.leeway(secs(5)).issued_at_leeway(secs(300)).max_age(secs(400));
    boundaries(aged, &claims, &ahead(5)).await;
}

#[tokio::test]
async fn sec_51_a_token_can_be_too_old_before_it_expires() {
    let validation = Validation::new().audience("shop").max_age(secs(60));
    let claims = json!({ "sub": "alice", "aud": "shop", "iat": NOW, "exp": NOW + 3600 });
    let end = (NOW + 60) * 1000;
    let exact = [(end - 1, None), (end, TOO_OLD)];
    boundaries(validation.clone().leeway(secs(0)), &claims, &exact).await;
    boundaries(validation.clone(), &claims, &[(end + 9999, None), (end + 10_000, TOO_OLD)]).await;

    let signer = Signer::new(Algorithm::Hs256);
    let auth = at(&signer, &validation, NOW * 1000);
    assert_eq!(rejection(&auth, signer.token(&without("iat"))).await, "no time of issue");
    for ahead in [11, 20] {
        let token = signer.token(&with(json!({ "iat": NOW + ahead })));
        assert_eq!(rejection(&auth, token).await, "issued in the future");
    }
}

/// The clock of an issuer may be ahead. With a maximum age, it may not be ahead by as much.
#[tokio::test]
async fn a_token_may_be_issued_a_moment_ahead() {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone());
    for ahead in [0, 1, 20, 60] {
        let token = signer.token(&with(json!({ "iat": NOW + ahead })));
        assert!(verify(&auth, token).await.is_ok(), "{ahead}");
    }
    let token = signer.token(&with(json!({ "iat": NOW + 61 })));
    assert_eq!(rejection(&auth, token).await, "issued in the future");
}

/// Leeway is for clocks that differ. The identity expires at the `exp` of its token.
#[tokio::test]
async fn sec_51_an_identity_expires_without_leeway() {
    let signer = Signer::new(Algorithm::EdDsa);
    let validation = Validation::new().audience("shop");
    let token = signer.token(&with(json!({ "exp": NOW + 5 })));
    let identity = verify(&at(&signer, &validation, (NOW + 6) * 1000), &token).await.unwrap();
    assert_eq!(identity.expires_at(), Timestamp::from_secs(NOW + 5));
}

/// A token with an `exp` before its `nbf` is never valid.
#[tokio::test]
async fn sec_51_a_token_that_expires_before_its_nbf_is_rejected() {
    let claims = json!({ "sub": "a", "aud": "shop", "nbf": NOW + 300, "exp": NOW + 50 });
    let moments = [NOW, NOW + 50, NOW + 110, NOW + 240, NOW + 300, NOW + 400];
    let signer = Signer::new(Algorithm::Hs256);
    for moment in moments {
        let auth = at(&signer, &Validation::new().audience("shop"), moment * 1000);
        rejection(&auth, signer.token(&claims)).await;
    }
}
