//! What an operator sees of remote keys.

use auth_jwt::testing::IssuerFault;
use auth_jwt::{Algorithm, SigningKey};
use serde_json::json;

use super::super::kit::Signer;
use super::{failure, issuer, keys, long, replace_key, status, token};
use crate::harness::EventCapture;

#[tokio::test]
async fn r20_the_status_shows_keys_age_and_failures() {
    let server = issuer().await;
    let auth = server.auth();
    let start = server.issuer().clock().now();
    let before = keys(&auth).status();
    assert_eq!((before.keys, before.failures, before.fetched_at), (0, 0, None));
    keys(&auth).ready().await.unwrap();
    let ready = keys(&auth).status();
    assert_eq!((ready.keys, ready.failures, ready.fetched_at), (1, 0, Some(start)));
    assert_eq!(ready.trusted_until, Some(start + super::DAY));
    server.fail(IssuerFault::Status(500));
    for failures in 1..3 {
        assert!(failure(&auth).await.contains("the status 500"));
        assert_eq!(keys(&auth).status().failures, failures);
    }
    server.recover();
    keys(&auth).reload().await.unwrap();
    let again = keys(&auth).status();
    assert_eq!((again.failures, again.last_error.is_none()), (0, true));
}

#[tokio::test]
async fn r20_changes_and_failures_are_events() {
    let server = issuer().await;
    let (auth, events) = (server.auth(), EventCapture::start());
    let count = |lines: &[String], text: &str| {
        lines
            .iter()
            .filter(|line| line.contains(text) && line.contains(server.issuer().name()))
            .count()
    };
    assert_eq!(status(&auth, &token(&server)).await, 200);
    assert_eq!(count(&events.take(), "INFO key set changed"), 1);
    keys(&auth).reload().await.unwrap();
    assert_eq!(count(&events.take(), "INFO"), 0, "nothing changed");
    replace_key(&server);
    keys(&auth).reload().await.unwrap();
    let lines = events.take();
    assert_eq!(count(&lines, "INFO key set changed"), 1, "{lines:?}");
    assert_eq!(count(&lines, "INFO key withdrawn by its issuer"), 1);
    server.publish(r#"{"keys":[{"kty":"oct","kid":"s","k":"AAAA"}]}"#);
    failure(&auth).await;
    let lines = events.take();
    assert_eq!(count(&lines, "WARN key set fetch failed"), 1);
    assert_eq!(count(&lines, "key s: the key is published, and must be secret"), 1);
    assert!(!format!("{lines:?}").contains("AAAA"));
}

/// A name that an issuer chose must not write lines of its own into a log.
#[tokio::test]
async fn r20_a_kid_is_logged_escaped_and_shortened() {
    let server = issuer().await;
    let (auth, events) = (server.auth(), EventCapture::start());
    let kid = format!("a\nINFO key set changed {}", "x".repeat(10_000));
    let signer = Signer::of(SigningKey::generate(Algorithm::EdDsa).unwrap().with_kid(&kid));
    let skipped = json!({ "kty": "PQ", "kid": kid });
    let algorithm = json!({ "kty": "OKP", "kid": "b", "alg": kid });
    server.publish(json!({ "keys": [signer.jwk(), skipped, algorithm] }).to_string());
    keys(&auth).reload().await.unwrap();
    server.publish(server.issuer().jwks());
    keys(&auth).reload().await.unwrap();
    server.publish(json!({ "keys": [skipped, algorithm] }).to_string());
    failure(&auth).await;
    let lines = events.take();
    let shown = lines.iter().filter(|line| line.contains(r"a\nINFO key set changed xxx"));
    assert!(shown.count() >= 3, "{lines:?}");
    for line in lines {
        assert!(line.len() < 600 && !line.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn r20_what_an_issuer_sends_is_shortened_in_errors() {
    let server = issuer().await;
    for document in [
        json!({ "issuer": "x\n".repeat(50_000), "jwks_uri": "https://a" }),
        json!({ "issuer": server.issuer().name(), "jwks_uri": "http://a.example/".to_owned() + &"x".repeat(90_000) }),
        json!({ "issuer": 1, "jwks_uri": "x".repeat(90_000) }),
        json!({ "issuer": "", "jwks_uri": "", "id_token_signing_alg_values_supported": "x".repeat(90_000) }),
    ] {
        server.fail(IssuerFault::Body(None, document.to_string()));
        let error = failure(&server.auth()).await;
        assert!(error.len() < 600 && !error.contains('\n'), "{}: {error}", error.len());
    }
}

/// A claim that is only reported never refuses a token. If it has another type, that is an event.
#[tokio::test]
async fn r20_a_reported_claim_of_another_type_is_an_event() {
    let server = issuer().await;
    let (auth, events) = (server.auth(), EventCapture::start());
    let supabase = long(&server).claim("amr", json!([{ "method": "password" }]));
    let adfs = supabase.claim("auth_time", "2027-01-15T08:00:00.000Z").claim("acr", json!(null));
    assert_eq!(status(&auth, &adfs.sign()).await, 200);
    let lines = events.take();
    let ignored: Vec<_> = lines.iter().filter(|line| line.contains("claim ignored")).collect();
    assert_eq!(ignored.len(), 2, "{ignored:?}");
    assert!(ignored[0].contains("amr") && ignored[1].contains("auth_time"), "{ignored:?}");
    assert!(!format!("{ignored:?}").contains("password"), "values are not logged");
}
