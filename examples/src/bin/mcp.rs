//! A server of the Model Context Protocol: `cargo run -p examples --bin mcp -- --help`.
//!
//! With `--issuer`, it accepts the tokens of an identity provider, which clients find by the metadata of this
//! server. Without it, users sign in here:
//!
//! ```text
//! cargo run -p examples --bin mcp
//! curl -d 'username=alice&password=wonderland' http://localhost:3000/login
//! curl -H 'Authorization: Bearer <the access token>' -H 'Content-Type: application/json' \
//!   -H 'Accept: application/json, text/event-stream' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_orders"}}' \
//!   http://localhost:3000/mcp
//! ```
//!
//! Each tool needs scopes: `alice` may list and watch the orders, and `bob`, whose password is `builder`, may
//! also cancel them. A stream of events ends with the sign-in, or when the token is revoked or expires. For other
//! machines, put a proxy in front of the server that terminates TLS, and name its URL by `--url`.

#![allow(clippy::print_stdout)] // prints where it listens

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use auth_core::{Auth, AuthLayer, Authenticator, Claims, Principal, SignedIn};
use auth_jwt::{
    Algorithm, BackChannelLogout, JwtAuth, ProtectedResource, RemoteKeys, ResourceMetadataService,
    Revocations, SigningKey, Validation,
};
use auth_store::MemoryStore;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Result;
use axum::routing::{any_service, post};
use axum::{Form, Router};
use clap::Parser;
use examples::mcp::{Orders, end_with_sign_in, require_tool_scopes};
use examples::users::{Login, Users};
use http::{HeaderName, Method, Uri, header};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tower_http::cors::{Any, CorsLayer};

#[derive(Parser)]
struct Options {
    /// The issuer of the tokens, exactly as in their `iss`. Without it, users sign in here
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The audience that tokens of the issuer must have. Defaults to the URL of this server
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// The id of a client of the issuer, which may end sessions by `POST /backchannel-logout`
    #[arg(long, value_name = "ID", requires = "issuer")]
    client: Option<String>,

    /// The address and port to listen on; port 0 selects any free port. An address of another machine needs an
    /// `https` URL
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// The URL at which clients find this server, without a path, if a proxy in front of it terminates TLS
    #[arg(long, value_name = "URL")]
    url: Option<Uri>,
}

impl Options {
    /// Returns the URL at which clients find this server, which listens on this port.
    fn origin(&self, port: u16) -> Result<Uri, Box<dyn Error>> {
        let Some(url) = &self.url else {
            if !self.listen.ip().is_loopback() {
                let text = "without TLS, only an address of this machine is allowed: put a proxy in front of the \
                            server that terminates TLS, and set --url to its https URL";
                return Err(format!("--listen {}: {text}", self.listen).into());
            }
            return Ok(format!("http://localhost:{port}").parse()?);
        };
        let has_path = url.path_and_query().is_some_and(|path| path != "/");
        if url.scheme_str() != Some("https") || url.authority().is_none() || has_path {
            return Err(format!("--url {url}: must begin with https:// and have no path").into());
        }
        Ok(url.clone())
    }
}

/// What differs between tokens of an issuer and those of our own sign-ins.
struct Access {
    auth: Arc<dyn Authenticator<Claims = Claims>>,
    metadata: ResourceMetadataService,
    /// The routes outside of the layer that demands a token.
    routes: Router,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let options = Options::parse();
    options.origin(0)?; // before the port is open
    let listener = TcpListener::bind(options.listen).await?;
    let url = options.origin(listener.local_addr()?.port())?;
    let origin = url.to_string().trim_end_matches('/').to_owned();
    let resource = format!("{origin}/mcp");
    let access = match &options.issuer {
        Some(issuer) => of_issuer(issuer, &options, &resource)?,
        None => of_sign_ins(&origin, &resource)?,
    };
    println!("mcp at {resource}");
    Ok(axum::serve(listener, app(access, url.host().unwrap_or_default())).await?)
}

/// The scopes of the tools. Clients ask for the first one, and for others when a challenge names them.
fn described(resource: &str) -> ProtectedResource {
    ProtectedResource::new(resource).scope("orders:read").name("Orders")
}

/// Accepts the tokens of an issuer.
fn of_issuer(issuer: &str, options: &Options, resource: &str) -> Result<Access, Box<dyn Error>> {
    let audience = options.audience.as_deref().unwrap_or(resource);
    let validation =
        Validation::new().audience(audience).scope_implies("orders:write", "orders:read");
    let revocations = Revocations::new(MemoryStore::new());
    let keys = RemoteKeys::discover(issuer).build();
    let keys = keys.map_err(|error| format!("--issuer: {error}"))?;
    let auth = JwtAuth::new(keys.clone())
        .validation(validation)
        .revocations(revocations.clone())
        .protected_resource(described(resource));
    let mut routes = Router::new();
    if let Some(client) = &options.client {
        let logout = BackChannelLogout::new(keys, Validation::new().audience(&**client));
        let logout = logout.revocations(revocations).service();
        routes = routes.route_service("/backchannel-logout", logout);
    }
    Ok(Access { metadata: auth.resource_metadata(), auth: auth.erased(), routes })
}

/// Accepts the tokens of users who sign in here.
fn of_sign_ins(origin: &str, resource: &str) -> Result<Access, Box<dyn Error>> {
    let auth = JwtAuth::new(SigningKey::generate(Algorithm::EdDsa)?)
        .issuer(origin)
        .audience(resource)
        .sign_in(MemoryStore::new())
        .protected_resource(described(resource));
    // For development only: it allows the refresh cookie without TLS.
    let auth = if origin.starts_with("https:") { auth } else { auth.insecure_http() };
    let routes = Router::new()
        .route("/login", post(login))
        .route("/logout", post(async |auth: Auth| auth.sign_out().await))
        .layer(auth.clone().optional())
        .with_state(Users::demo());
    Ok(Access { metadata: auth.resource_metadata(), auth: auth.erased(), routes })
}

/// Signs the user in. The response contains the access token.
async fn login(users: State<Users>, auth: Auth, form: Form<Login>) -> Result<SignedIn> {
    let checked = users.check(&form.username, &form.password).await;
    let user = checked.map_err(|_| auth.wrong_credentials("wrong password"))?;
    let mut principal = Principal::new(&*user.subject).scope("orders:read");
    if user.has_role("admin") {
        principal = principal.scope("orders:write");
    }
    Ok(auth.sign_in(principal).as_tokens().await?)
}

/// Creates the server, which clients find at this host.
fn app(Access { auth, metadata, routes }: Access, host: &str) -> Router {
    let mut config = StreamableHttpServerConfig::default(); // it allows the names of this machine
    config.allowed_hosts.push(host.to_owned());
    config.legacy_session_mode = false; // each request proves its own user
    let orders = Orders::default();
    let service = StreamableHttpService::new(
        move || Ok(orders.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let mut app = Router::new()
        .route("/mcp", any_service(service))
        .layer(from_fn_with_state(Orders::scopes(), require_tool_scopes))
        .layer(from_fn(end_with_sign_in))
        .layer(AuthLayer::new(auth))
        .merge(routes);
    for path in metadata.paths() {
        app = app.route_service(path, metadata.clone());
    }
    app.layer(cors())
}

/// Lets pages of every origin call the server. They need a token, and no cookie is read.
fn cors() -> CorsLayer {
    let of_protocol = ["mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id"];
    let mut headers: Vec<_> = of_protocol.map(HeaderName::from_static).into();
    headers.extend([header::AUTHORIZATION, header::CONTENT_TYPE]);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(headers)
        .expose_headers([header::WWW_AUTHENTICATE])
}
