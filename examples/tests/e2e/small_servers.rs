//! The small servers, used as the first lines of their files describe.

use std::process::Command;

use auth_core::Clock;
use auth_jwt::testing::{IssuerFault, IssuerServer};
use auth_servers::until;
use serde_json::json;

use crate::harness::{Curl, Process, Tokens};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "wonderland")];

#[test]
fn jwt_signs_in_refreshes_and_signs_out() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwt"));
    let mut server = Process::start(command.arg("127.0.0.1:0"));
    let alice = Curl::with_jar(&server.announced("tokens at "));
    let me = |tokens: &Tokens| {
        let response = alice.get("/me").bearer(&tokens.access).send();
        (response.status, response.body)
    };
    assert_eq!(alice.get("/me").send().status, 401);
    let wrong = alice.post("/login").form(&[ALICE[0], ("password", "builder")]).send();
    assert_eq!(wrong.status, 401);

    let first = Tokens::of(&alice.post("/login").form(&ALICE).send());
    assert_eq!(me(&first), (200, "hello alice\n".to_owned()));
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_eq!(me(&second).0, 200);
    assert_eq!(alice.post("/logout").send().status, 200);
    assert_eq!((me(&first).0, me(&second).0), (401, 401));
    assert_eq!(alice.post("/refresh").send().status, 401);
}

fn grpc(args: &[&str]) -> Process {
    Process::start(Command::new(env!("CARGO_BIN_EXE_grpc")).args(args))
}

#[test]
fn grpc_demo_calls_without_and_with_a_token() {
    let mut demo = grpc(&["--demo", "--listen", "127.0.0.1:0"]);
    assert_eq!(demo.exit_code(), Some(0), "{}", demo.stderr());
    let stdout = demo.stdout();
    let responses: Vec<_> = stdout.lines().skip(2).collect();
    assert_eq!(responses, ["refused: Unauthenticated (16)", "hello alice"]);
}

#[test]
fn grpc_rejects_calls_with_a_status() {
    let mut server = grpc(&["--listen", "127.0.0.1:0"]);
    let token = server.announced("alice's token: ");
    let url = server.announced("gRPC at ");
    let call = |token: &[&str]| {
        let mut client = grpc(&[&["--client", &url], token].concat());
        (client.exit_code(), client.stdout())
    };
    assert_eq!(call(&["--token", &token]), (Some(0), "hello alice\n".to_owned()));
    let rejected = (Some(1), "refused: Unauthenticated (16)\n".to_owned());
    assert_eq!(call(&[]), rejected);
    assert_eq!(call(&["--token", &format!("{token}x")]), rejected);
    assert_eq!(call(&["--token", "nonsense"]), rejected);
}

#[test]
fn grpc_stops_on_a_signal() {
    let mut server = grpc(&["--listen", "127.0.0.1:0"]);
    server.announced("gRPC at ");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit_code(), Some(0), "{}", server.stderr());
}

/// Starts the server. Returns its URL as well.
fn resource_server(provider: &IssuerServer, more: &[&str]) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resource_server"));
    let command = command.args(["--issuer", provider.issuer().name(), "--audience", "shop"]);
    let mut server = Process::start(command.args(["--listen", "127.0.0.1:0"]).args(more));
    let url = server.announced("tokens at ");
    (server, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_server_tells_who_sent_a_token() {
    let provider = IssuerServer::start().await.audience("shop");
    let (_server, url) = resource_server(&provider, &["--scope", "read"]);
    let curl = Curl::new(&url);
    let now = Clock::system().now().as_secs();
    let token = provider.issuer().token("alice").claim("iat", now).claim("exp", now + 300);
    let ask = |token: &str| curl.get("/whoami").bearer(token).send();
    let answer = ask(&token.clone().scope("read").scope("write").role("buyer").sign());
    let expected = json!({
        "subject": "alice", "issuer": provider.issuer().name(), "scopes": ["read", "write"],
        "roles": ["buyer"],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let refused = ask(&token.clone().scope("write").sign());
    let challenge = refused.header("www-authenticate").unwrap();
    assert_eq!(refused.status, 403);
    assert!(challenge.contains(r#"error="insufficient_scope", scope="read""#), "{challenge}");
    assert_eq!(ask(&token.clone().claim("aud", "bank").sign()).status, 401);
    assert_eq!(ask(&token.clone().claim("exp", now - 100).sign()).status, 401);
    assert_eq!(curl.get("/whoami").send().status, 401);
}

/// It starts all the same, so that it can be started before the provider.
#[tokio::test(flavor = "multi_thread")]
async fn resource_server_states_what_is_wrong_with_its_provider() {
    let other = json!({ "issuer": "http://localhost", "jwks_uri": "http://localhost/jwks" });
    let html = IssuerFault::Body(Some("text/html"), "<html>".to_owned());
    for (path, fault, reason) in [
        ("", IssuerFault::Away, "the issuer cannot be reached"),
        ("", html.clone(), "returned the content type \"text/html\""),
        ("", IssuerFault::Redirect("http://idp.example/".to_owned()), "which is not `https`"),
        ("", IssuerFault::EndlessBody, "the response is larger than 256 KiB"),
        ("", IssuerFault::Status(500), "returned the status 500"),
        ("", IssuerFault::Body(None, other.to_string()), "is that of the issuer"),
        ("/jwks", html, "returned the content type \"text/html\""),
        ("/jwks", IssuerFault::Body(None, r#"{"keys":[]}"#.to_owned()), "no usable key set"),
    ] {
        let provider = IssuerServer::start().await.audience("shop");
        provider.fail_at(path, fault);
        let (server, url) = resource_server(&provider, &[]);
        until(reason, || server.stderr().contains(reason).then_some(()));
        let now = Clock::system().now().as_secs();
        let token = provider.issuer().token("alice").claim("iat", now).claim("exp", now + 300);
        let response = Curl::new(&url).get("/whoami").bearer(&token.sign()).send();
        assert_eq!(response.status, 503, "{reason}");
        assert!(response.header("retry-after").is_some(), "{reason}");
    }
}

#[test]
fn resource_server_does_not_start_with_a_wrong_option() {
    for (issuer, expected) in [
        ("http://login.example", "must be `https`"),
        ("https://a@login.example", "is not the URL of an issuer"),
        ("login.example", "is not the URL of an issuer"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_resource_server"));
        let output = command.args(["--issuer", issuer, "--audience", "shop"]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{issuer}");
        let named = format!("--issuer: `{issuer}`");
        assert!(error.contains(expected) && error.contains(&named), "{error}");
    }
}
