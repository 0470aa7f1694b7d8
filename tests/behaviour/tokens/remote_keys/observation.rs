//! What an operator sees of remote keys.

use auth_jwt::testing::IssuerFault;

use super::{failure, issuer, keys, replace_key, status, token};
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
