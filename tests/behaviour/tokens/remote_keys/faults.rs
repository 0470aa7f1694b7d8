//! An issuer that does not answer as it should: the fetch fails within its bounds, and the keys that were
//! fetched before go on.

use auth_jwt::testing::IssuerFault;

use super::{TIMEOUT, accepted_with, failure, issuer, keys, status, token};

#[tokio::test]
async fn sec_103_a_fetch_is_bounded_in_size() {
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        let server = issuer().await;
        server.fail_at(path, IssuerFault::EndlessBody);
        assert!(failure(&server.auth()).await.starts_with("too large: "));
        let large = " ".repeat(256 * 1024 + 1);
        server.fail_at(path, IssuerFault::Body(None, large));
        assert!(failure(&server.auth()).await.starts_with("too large: "));
    }
}

#[tokio::test]
async fn sec_103_a_fetch_is_bounded_in_time() {
    for fault in [IssuerFault::Silent, IssuerFault::SlowBody] {
        for path in ["/jwks", "/.well-known/openid-configuration"] {
            let server = issuer().await;
            server.fail_at(path, fault.clone());
            let auth = server.auth();
            let waiting = tokio::spawn({
                let (auth, token) = (auth.clone(), token(&server));
                async move { status(&auth, &token).await }
            });
            server.arrived(if path == "/jwks" { 2 } else { 1 }).await;
            server.issuer().clock().advance(TIMEOUT);
            assert_eq!(waiting.await.unwrap(), 503);
            let error = keys(&auth).status().last_error.unwrap().to_string();
            assert_eq!(error, "the issuer did not answer within 5 seconds");
        }
    }
}

#[tokio::test]
async fn r07_a_key_set_is_json_or_has_no_content_type() {
    for (content_type, accepted) in [
        (None, true),
        (Some("application/json"), true),
        (Some("application/json; charset=utf-8"), true),
        (Some("Application/JWK-Set+JSON;charset=UTF-8"), true),
        (Some("text/html"), false),
        (Some("text/plain"), false),
        (Some("application/jwt"), false),
        (Some("application/jsonp"), false),
    ] {
        let server = issuer().await;
        server.fail_at("/jwks", IssuerFault::Body(content_type, server.issuer().jwks()));
        let auth = server.auth();
        let expected = if accepted { 200 } else { 503 };
        assert_eq!(status(&auth, &token(&server)).await, expected, "{content_type:?}");
    }
}

/// The rows of the table in `docs/remote-keys.md` that fail a fetch. The two tests above have those that take time.
#[tokio::test]
async fn r05_r06_old_keys_go_on_whatever_the_issuer_answers_and_new_ones_are_unavailable() {
    let (server, auth, _) = accepted_with(|auth| auth.cache_capacity(0)).await;
    for (fault, kind) in [
        (IssuerFault::Away, "unreachable: "),
        (IssuerFault::EndlessBody, "too large: "),
        (IssuerFault::Status(204), "status: "),
        (IssuerFault::Status(401), "status: "),
        (IssuerFault::Status(404), "status: "),
        (IssuerFault::Status(429), "status: "),
        (IssuerFault::Status(500), "status: "),
        (IssuerFault::Redirect(String::new()), "address: "),
        (IssuerFault::Redirect("http://idp.example".into()), "address: "),
        (IssuerFault::Body(Some("text/html"), "<html>".into()), "content type: "),
        (IssuerFault::Body(None, "\0".repeat(1000)), "document: "),
        (IssuerFault::Body(None, "[".repeat(200_000)), "document: "),
        (
            IssuerFault::Body(None, r#"{"issuer":"http://localhost","jwks_uri":"a"}"#.into()),
            "document: ",
        ),
    ] {
        // The address of the key set is known, so a failed fetch asks for the document again.
        server.fail(fault.clone());
        let _ = keys(&auth).reload().await;
        let error = failure(&auth).await;
        assert!(error.starts_with(kind), "{fault:?}: {error}");
        assert_eq!(status(&auth, &token(&server)).await, 200);
        let without_keys = server.auth();
        assert_eq!(status(&without_keys, &token(&server)).await, 503, "{fault:?}");
        assert!(failure(&without_keys).await.starts_with(kind), "{fault:?}");
    }
    server.recover();
    keys(&auth).reload().await.unwrap();
    assert_eq!(keys(&auth).status().failures, 0);
    assert_eq!(status(&auth, "e30.e30.AA").await, 401, "a wrong token");
}
