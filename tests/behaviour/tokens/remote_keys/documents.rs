//! The discovery document: where it is, and what it may contain.

use auth_core::Claims;
use auth_jwt::testing::{IssuerFault, IssuerServer};
use auth_jwt::{FetchErrorKind, JwtAuth, RemoteKeys, Validation};

use super::{TIMEOUT, accepted, failure, issuer, keys, status, token};

#[tokio::test]
async fn r01_keys_are_found_by_the_name_of_their_issuer() {
    for path in ["", "/", "/realms/shop", "/realms/shop/"] {
        let server = IssuerServer::start_at(path).await.audience("shop");
        let auth = JwtAuth::discover(server.issuer().name()).audience("shop");
        let auth = auth.clock(server.issuer().clock().clock());
        assert_eq!(status(&auth, &token(&server)).await, 200, "{path}");
    }
}

#[tokio::test]
async fn r01_the_path_is_also_inserted() {
    for path in ["", "/realms/shop"] {
        let server = IssuerServer::start_at(path).await.audience("shop");
        let appended = format!("{path}/.well-known/openid-configuration");
        server.fail_at(&appended, IssuerFault::Status(404));
        assert_eq!(status(&server.auth(), &token(&server)).await, 200, "{path}");
    }
}

/// A server may answer any path, with an error or with a page for browsers.
#[tokio::test]
async fn r01_the_path_is_also_inserted_if_the_first_address_has_something_else() {
    for fault in [
        IssuerFault::Status(500),
        IssuerFault::Status(204),
        IssuerFault::Redirect("http://idp.example/login".into()),
        IssuerFault::Body(Some("text/html"), "<html>".into()),
        IssuerFault::Body(None, "{}".into()),
        IssuerFault::Body(None, r#"{"issuer":"https://a.example","jwks_uri":"https://a"}"#.into()),
    ] {
        let server = issuer().await;
        server.fail_at("/.well-known/openid-configuration", fault.clone());
        assert_eq!(status(&server.auth(), &token(&server)).await, 200, "{fault:?}");
    }
}

#[tokio::test]
async fn r01_the_error_is_that_of_the_address_with_a_document() {
    let html = IssuerFault::Body(Some("text/html"), "<html>".into());
    for (first, second, reason) in [
        (IssuerFault::Status(404), html.clone(), "content type: "),
        (html, IssuerFault::Status(404), "content type: "),
        (IssuerFault::Status(503), IssuerFault::Status(404), "status: "),
        (IssuerFault::Status(503), IssuerFault::Away, "unreachable: "),
    ] {
        let server = issuer().await;
        server.fail_at("/.well-known/openid-configuration", first);
        server.fail_at("/.well-known/oauth-authorization-server", second);
        let error = failure(&server.auth()).await;
        assert!(error.starts_with(reason), "{error}");
    }
    let server = issuer().await;
    server.fail(IssuerFault::Away);
    failure(&server.auth()).await;
    assert_eq!(server.requests().len(), 1, "the second address is on the same host");
}

#[tokio::test]
async fn r01_the_issuer_of_the_document_is_the_configured_one_byte_for_byte() {
    for wrong in ["/", "?", " ", "x"] {
        let server = issuer().await;
        server.document("issuer", format!("{}{wrong}", server.issuer().name()));
        let auth = server.auth();
        assert_eq!(status(&auth, &token(&server)).await, 503);
        let error = keys(&auth).status().last_error.unwrap();
        assert_eq!(error.kind(), FetchErrorKind::Document, "{error}");
        assert_eq!(server.fetches(), 0, "its key set is not fetched");
    }
}

#[tokio::test]
async fn r01_tokens_of_another_issuer_with_the_same_keys_are_rejected() {
    let server = issuer().await;
    let auth = JwtAuth::new(server.keys()).validation(Validation::new().audience("shop"));
    let auth = auth.clock(server.issuer().clock().clock());
    assert_eq!(status(&auth, &token(&server)).await, 200);
    let other = super::long(&server).claim("iss", "https://idp.example").sign();
    assert_eq!(status(&auth, &other).await, 401);
}

#[tokio::test]
async fn r01_the_key_set_may_be_on_another_host() {
    let (server, host) = (issuer().await, issuer().await);
    host.publish(server.issuer().jwks());
    server.document("jwks_uri", host.keys_url());
    assert_eq!(status(&server.auth(), &token(&server)).await, 200);
    assert_eq!((server.fetches(), host.fetches()), (0, 1));
}

#[tokio::test]
async fn r01_two_issuers_are_discovered_in_one_layer() {
    let (ours, theirs) = (issuer().await, issuer().await);
    let auth = JwtAuth::new(ours.keys())
        .audience("shop")
        .trusted_issuer(theirs.keys(), Validation::new().audience("shop"))
        .clock(ours.issuer().clock().clock());
    assert_eq!(status(&auth, &token(&theirs)).await, 200);
    assert_eq!(ours.fetches(), 0, "the keys of one issuer are fetched at its first token");
    assert_eq!(status(&auth, &token(&ours)).await, 200);
    assert_eq!(auth.remote_keys().count(), 2);
}

#[tokio::test]
async fn r01_a_document_that_cannot_be_read_is_a_failed_fetch() {
    let html = "<!doctype html><title>Sign in</title>".to_owned();
    for (content_type, body, reason) in [
        (Some("text/html"), html.clone(), "content type: "),
        (None, html, "document: "),
        (Some("application/json"), String::new(), "document: "),
        (Some("application/json"), "{}".to_owned(), "document: "),
        (Some("application/json"), "[]".to_owned(), "document: "),
    ] {
        let server = issuer().await;
        server.fail(IssuerFault::Body(content_type, body));
        let error = failure(&server.auth()).await;
        assert!(error.starts_with(reason), "{error}");
    }
}

/// Returns an issuer, a layer that has its keys, and the server that its keys have moved to.
async fn moved() -> (IssuerServer, JwtAuth<Claims>, IssuerServer) {
    let (server, auth, _) = accepted().await;
    let moved = issuer().await;
    moved.publish(server.issuer().jwks());
    server.document("jwks_uri", moved.keys_url());
    (server, auth, moved)
}

#[tokio::test]
async fn the_address_is_asked_for_again_after_a_failed_fetch() {
    let (server, auth, moved) = moved().await;
    server.fail_at("/jwks", IssuerFault::Status(410));
    assert!(keys(&auth).reload().await.is_err());
    keys(&auth).reload().await.unwrap();
    assert_eq!(moved.fetches(), 1);
}

#[tokio::test]
async fn the_address_is_asked_for_again_after_a_fetch_that_timed_out() {
    let (server, auth, moved) = moved().await;
    server.fail_at("/jwks", IssuerFault::Silent);
    let reloading = tokio::spawn({
        let keys = keys(&auth);
        async move { keys.reload().await }
    });
    server.arrived(3).await;
    server.issuer().clock().advance(TIMEOUT);
    assert!(reloading.await.unwrap().is_err());
    keys(&auth).reload().await.unwrap();
    assert_eq!(moved.fetches(), 1);
}

#[tokio::test]
async fn sec_103_only_configured_issuers_are_asked_for_keys() {
    let (server, hostile) = (issuer().await, issuer().await);
    let auth = server.auth();
    for auth in [
        auth.clone(),
        auth.trusted_issuer(
            hostile.keys(),
            hostile.issuer().validation().issuer("https://other.example"),
        ),
    ] {
        assert_eq!(status(&auth, &token(&hostile)).await, 401);
    }
    assert!(hostile.requests().is_empty(), "its `iss` is no address");
    assert!(server.requests().is_empty(), "its tokens are of no use");
}

#[tokio::test]
async fn sec_103_a_document_never_leads_to_http_elsewhere() {
    for to in [
        "http://192.0.2.1/jwks",
        "http://localhost.example/jwks",
        "ftp://127.0.0.1/jwks",
        "file:///etc/passwd",
    ] {
        let server = issuer().await;
        server.document("jwks_uri", to);
        let error = failure(&server.auth()).await;
        assert!(error.starts_with("address: ") && error.contains(to), "{error}");
    }
}

#[tokio::test]
async fn sec_103_a_redirect_never_leads_to_http_elsewhere() {
    let server = issuer().await;
    let auth = server.auth_with(RemoteKeys::jwks(server.keys_url()));
    server.fail(IssuerFault::Redirect("http://192.0.2.1/jwks".into()));
    assert!(failure(&auth).await.starts_with("address: "));
    server.fail(IssuerFault::Redirect("/jwks".into()));
    assert!(failure(&auth).await.contains("more than 3 times"));
}

#[tokio::test]
async fn a_redirect_is_followed() {
    let (server, moved) = (issuer().await, issuer().await);
    moved.publish(server.issuer().jwks());
    server.fail_at("/jwks", IssuerFault::Redirect(moved.keys_url()));
    assert_eq!(status(&server.auth(), &token(&server)).await, 200);
}
