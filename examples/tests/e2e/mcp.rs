//! The server of the Model Context Protocol: with curl, with the client of `rmcp`, and with the conformance
//! tests of the protocol.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use auth_core::Clock;
use auth_jwt::testing::IssuerServer;
use auth_servers::OidcProvider;
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult};
use rmcp::service::{PeerRequestOptions, RequestHandle, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{ClientCredentialsConfig, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, ServiceExt};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Curl, Process, Response, Tokens};

const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Returns the server, and the URL of its host.
fn mcp(args: &[&str]) -> (Process, String) {
    let listen = ["--listen", "127.0.0.1:0"];
    let mut server =
        Process::start(Command::new(env!("CARGO_BIN_EXE_mcp")).args(listen).args(args));
    let url = server.announced("mcp at ");
    (server, url.strip_suffix("/mcp").unwrap().to_owned())
}

/// Signs a user of the server in.
fn sign_in(curl: &Curl, username: &str, password: &str) -> String {
    let form = [("username", username), ("password", password)];
    Tokens::of(&curl.post("/login").form(&form).send()).access
}

/// Calls a tool, or another method without a name.
fn call(curl: &Curl, token: Option<&str>, method: &str, name: &str) -> Response {
    let params = json!({ "name": name, "arguments": {} });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = curl.post("/mcp").header("accept: application/json, text/event-stream");
    let request = request.json(&body);
    match token {
        Some(token) => request.bearer(token).send(),
        None => request.send(),
    }
}

#[test]
fn mcp_requires_the_scopes_of_each_tool() {
    let (_server, url) = mcp(&[]);
    let curl = Curl::new(&url);
    let [alice, bob] = [("alice", "wonderland"), ("bob", "builder")]
        .map(|(username, password)| sign_in(&curl, username, password));
    let listed = call(&curl, Some(&alice), "tools/call", "list_orders");
    assert_eq!(listed.status, 200);
    assert!(listed.body.contains("orders for alice: tea, cake"), "{}", listed.body);

    let challenge = |response: &Response| response.header("www-authenticate").unwrap().to_owned();
    let metadata = format!(r#"resource_metadata="{url}{METADATA}/mcp""#);
    for name in ["cancel_orders", "Cancel_Orders", ""] {
        let refused = call(&curl, Some(&alice), "tools/call", name);
        assert_eq!(refused.status, 403, "{name}");
        let challenge = challenge(&refused);
        let all = r#"error="insufficient_scope", scope="orders:read orders:write""#;
        assert!(challenge.contains(all) && challenge.contains(&metadata), "{challenge}");
    }
    let cancelled = call(&curl, Some(&bob), "tools/call", "cancel_orders");
    assert!(cancelled.body.contains("cancelled by bob"), "{}", cancelled.body);

    for token in [None, Some("e30.e30.AA"), Some(&*format!("{alice}A"))] {
        let refused = call(&curl, token, "tools/list", "");
        assert_eq!(refused.status, 401);
        let challenge = challenge(&refused);
        assert!(challenge.contains(&metadata) && challenge.contains(r#"scope="orders:read""#));
    }
    let in_query = curl.post(&format!("/mcp?access_token={alice}")).json(&json!({})).send();
    assert_eq!(in_query.status, 401);
}

#[test]
fn mcp_clients_find_the_authorization_server_also_in_a_browser() {
    let (_server, url) = mcp(&[]);
    let curl = Curl::new(&url);
    for path in [METADATA.to_owned(), format!("{METADATA}/mcp")] {
        let response = curl.get(&path).send();
        let metadata = response.json();
        assert_eq!(metadata["resource"], format!("{url}/mcp"));
        assert_eq!(metadata["authorization_servers"], json!([url]));
        assert_eq!(metadata["scopes_supported"], json!(["orders:read"]));
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    }
    let origin = "origin: https://app.example";
    let refused = curl.post("/mcp").header(origin).json(&json!({})).send();
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-expose-headers"), Some("www-authenticate"));
    let preflight = curl
        .call("OPTIONS", "/mcp")
        .header(origin)
        .header("access-control-request-method: POST")
        .header("access-control-request-headers: authorization,mcp-method,mcp-protocol-version")
        .send();
    assert_eq!(preflight.status, 200);
    let allowed = preflight.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("mcp-method"), "{allowed}");
}

/// Returns the client of `rmcp`, connected with this token.
async fn connect(url: &str, token: &str) -> RunningService<RoleClient, ()> {
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{url}/mcp"));
    let config = config.auth_header(token);
    ().serve(StreamableHttpClientTransport::from_config(config)).await.unwrap()
}

fn tool(name: &'static str) -> CallToolRequestParams {
    CallToolRequestParams::new(name)
}

/// Starts a call whose response is a stream without end.
async fn watch(client: &RunningService<RoleClient, ()>) -> RequestHandle<RoleClient> {
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(tool("watch_orders")));
    let options = PeerRequestOptions::no_options();
    let mut watching = client.send_cancellable_request(request, options).await.unwrap();
    let early = timeout(Duration::from_millis(500), &mut watching.rx).await;
    assert!(early.is_err(), "the stream goes on: {early:?}");
    watching
}

async fn ends(watching: RequestHandle<RoleClient>) {
    let ended = timeout(Duration::from_secs(10), watching.await_response()).await;
    let ended = ended.expect("the stream ends");
    assert!(!matches!(ended, Ok(ServerResult::CallToolResult(_))), "{ended:?}");
}

#[tokio::test]
async fn mcp_ends_a_stream_with_the_sign_in() {
    let (_server, url) = mcp(&[]);
    let curl = Curl::new(&url);
    let token = sign_in(&curl, "alice", "wonderland");
    let client = connect(&url, &token).await;
    let watching = watch(&client).await;
    assert_eq!(curl.post("/logout").bearer(&token).send().status, 200);
    ends(watching).await;
    assert_eq!(call(&curl, Some(&token), "tools/list", "").status, 401);
}

/// The provider reports the end of the session by a logout token.
#[tokio::test(flavor = "multi_thread")]
async fn mcp_ends_a_stream_with_the_session_at_the_provider() {
    let provider = IssuerServer::start().await.audience("api");
    let issuer = provider.issuer().name();
    let (_server, url) =
        mcp(&["--issuer", issuer, "--audience", "api", "--client", "the-client-id"]);
    let curl = Curl::new(&url);
    let now = Clock::system().now().as_secs();
    let of_session = |sid: &str| {
        let token = provider.issuer().token("alice").claim("sid", sid);
        token.claim("iat", now).claim("exp", now + 300)
    };
    let [token, other] = ["s", "t"].map(|sid| of_session(sid).scope("orders:read").sign());
    let client = connect(&url, &token).await;
    let watching = watch(&client).await;
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let logout = of_session("s").typ("logout+jwt").claim("aud", "the-client-id");
    let logout = logout.claim("events", json!({ event: {} })).sign();
    let form = [("logout_token", &*logout)];
    assert_eq!(curl.post("/backchannel-logout").form(&form).send().status, 200);
    ends(watching).await;
    let status = |token: &str| call(&curl, Some(token), "tools/list", "").status;
    assert_eq!([status(&token), status(&other)], [401, 200]);
}

/// Starts a provider with one client.
fn provider() -> OidcProvider {
    let client = json!({
        "client_id": "agent", "client_secret": "the-secret-of-the-agent", "redirect_uris": [],
        "grant_types": ["client_credentials"], "response_types": [],
        "token_endpoint_auth_method": "client_secret_post",
    });
    OidcProvider::start(&json!([client]).to_string())
}

/// The client knows nothing but the URL of the server: it finds the provider by the challenge and the metadata,
/// gets a token there, and sends it.
#[tokio::test]
async fn mcp_accepts_the_token_that_the_client_gets_from_the_provider() {
    let provider = provider();
    let (_server, url) = mcp(&["--issuer", &provider.issuer(), "--audience", "api"]);
    let token_for = async |scopes: &[&str]| {
        let mut state = OAuthState::new(format!("{url}/mcp"), None).await.unwrap();
        let config = ClientCredentialsConfig::ClientSecret {
            client_id: "agent".to_owned(),
            client_secret: "the-secret-of-the-agent".to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            resource: Some(format!("{url}/mcp")),
        };
        state.authenticate_client_credentials(config).await.unwrap();
        state.into_authorization_manager().unwrap().get_access_token().await.unwrap()
    };
    let reader = connect(&url, &token_for(&["orders:read"]).await).await;
    let names: Vec<_> =
        reader.list_all_tools().await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["list_orders", "watch_orders", "cancel_orders"]);
    let text = async |client: &RunningService<RoleClient, ()>, name| {
        let result = client.call_tool(tool(name)).await.map_err(|error| format!("{error:?}"))?;
        Ok::<_, String>(serde_json::to_string(&result).unwrap())
    };
    assert!(text(&reader, "list_orders").await.unwrap().contains("orders for agent: tea, cake"));
    let refused = text(&reader, "cancel_orders").await.unwrap_err();
    assert!(refused.contains("orders:read orders:write"), "{refused}");
    // This scope implies `orders:read`.
    let writer = connect(&url, &token_for(&["orders:write"]).await).await;
    assert!(text(&writer, "cancel_orders").await.unwrap().contains("cancelled by agent"));
    let unscoped = connect(&url, &token_for(&["read"]).await).await;
    assert!(text(&unscoped, "list_orders").await.is_err());
}

/// The scenarios for servers of the package that this server can pass.
const SCENARIOS: [&str; 3] = ["server-initialize", "ping", "tools-list"];
/// The other ones, each with the reason why it does not apply.
const OTHER_SCENARIOS: [(&str, &str); 29] = [
    ("completion-complete", "needs prompts"),
    ("dns-rebinding-protection", "is for servers without authentication; see the next test"),
    ("elicitation-sep1034-defaults", "needs tools of the package's own server"),
    ("elicitation-sep1330-enums", "needs tools of the package's own server"),
    ("json-schema-2020-12", "needs tools of the package's own server"),
    ("logging-set-level", "needs the server to log to the client"),
    ("prompts-get-embedded-resource", "needs prompts"),
    ("prompts-get-simple", "needs prompts"),
    ("prompts-get-with-args", "needs prompts"),
    ("prompts-get-with-image", "needs prompts"),
    ("prompts-list", "needs prompts"),
    ("resources-list", "needs resources"),
    ("resources-read-binary", "needs resources"),
    ("resources-read-text", "needs resources"),
    ("resources-subscribe", "needs resources"),
    ("resources-templates-read", "needs resources"),
    ("resources-unsubscribe", "needs resources"),
    (
        "server-sse-multiple-streams",
        "needs sessions of the protocol, which the server does not keep",
    ),
    ("server-sse-polling", "needs sessions of the protocol, which the server does not keep"),
    ("tools-call-audio", "needs tools of the package's own server"),
    ("tools-call-elicitation", "needs tools of the package's own server"),
    ("tools-call-embedded-resource", "needs tools of the package's own server"),
    ("tools-call-error", "needs tools of the package's own server"),
    ("tools-call-image", "needs tools of the package's own server"),
    ("tools-call-mixed-content", "needs tools of the package's own server"),
    ("tools-call-sampling", "needs tools of the package's own server"),
    ("tools-call-simple-text", "needs tools of the package's own server"),
    ("tools-call-with-logging", "needs tools of the package's own server"),
    ("tools-call-with-progress", "needs tools of the package's own server"),
];

/// Starts the package with these arguments.
fn conformance(args: &[&str], token: &str) -> Child {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/interop/conformance.mjs");
    let command = &mut Command::new("node");
    let command = command.arg(script).args(args).env("TOKEN", token);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn mcp_passes_the_conformance_tests_of_the_protocol() {
    let (_server, url) = mcp(&[]);
    let token = sign_in(&Curl::new(&url), "alice", "wonderland");
    let url = format!("{url}/mcp");
    let run = |scenario: &'static str, token: &str| {
        (scenario, conformance(&["server", "--url", &url, "--scenario", scenario], token))
    };
    let passing = SCENARIOS.map(|name| run(name, &token));
    let (_, without_token) = run("ping", "e30.e30.AA");
    let list = conformance(&["list"], "");
    for (scenario, process) in passing {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(!without_token.wait_with_output().unwrap().status.success());
    // The tables above contain all scenarios of this version of the package.
    let listed = String::from_utf8(list.wait_with_output().unwrap().stdout).unwrap();
    let (of_servers, _) = listed.split_once("Client scenarios").unwrap();
    let listed = of_servers.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let listed: BTreeSet<_> = listed.filter_map(|line| line.split(' ').next()).collect();
    let known = SCENARIOS.into_iter().chain(OTHER_SCENARIOS.map(|(name, _)| name));
    assert_eq!(listed, known.collect());
}

/// A page whose host name leads to this machine sends that name.
#[test]
fn mcp_refuses_requests_for_other_hosts() {
    let (_server, url) = mcp(&[]);
    let curl = Curl::new(&url);
    let token = sign_in(&curl, "alice", "wonderland");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let status = |host: &str| {
        let request = curl.post("/mcp").header("accept: application/json, text/event-stream");
        request.header(&format!("host: {host}")).bearer(&token).json(&body).send().status
    };
    assert_eq!([status("localhost"), status("evil.example")], [200, 403]);
}

/// Tokens must not pass a network without TLS.
#[test]
fn mcp_listens_on_other_addresses_only_behind_tls() {
    for (args, expected) in [
        (&["--listen", "0.0.0.0:0"][..], "--listen 0.0.0.0:0: without TLS"),
        (&["--listen", "[::]:0"], "without TLS"),
        (&["--listen", "0.0.0.0:0", "--url", "http://mcp.example"], "must begin with https://"),
        (&["--url", "https://mcp.example/mcp"], "must begin with https://"),
        (
            &["--listen", "127.0.0.1:0", "--issuer", "http://a.example"],
            "--issuer: `http://a.example`",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mcp")).args(args).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(expected), "{args:?}: {error}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp"));
    let args = ["--listen", "127.0.0.1:0", "--url", "https://mcp.example"];
    let mut server = Process::start(command.args(args));
    assert_eq!(server.announced("mcp at "), "https://mcp.example/mcp");
}
