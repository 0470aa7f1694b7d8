//! An API for the tokens of an identity provider: `cargo run -p examples --bin resource_server -- --help`.
//!
//! ```text
//! cargo run -p examples --bin resource_server -- --issuer https://login.example --audience shop
//! curl -H 'Authorization: Bearer <an access token for shop>' http://localhost:3000/whoami
//! ```
//!
//! The keys of the provider are fetched at start, and again when they change. An issuer over `http` must be on
//! this machine.

#![allow(clippy::print_stdout)] // prints where it listens

use std::error::Error;
use std::net::SocketAddr;

use auth_core::{Identity, Require};
use auth_jwt::{JwtAuth, RemoteKeys};
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Options {
    /// The issuer of the tokens, exactly as in their `iss`
    #[arg(long, value_name = "URL")]
    issuer: String,

    /// The audience that tokens must have
    #[arg(long, value_name = "NAME")]
    audience: String,

    /// A scope that tokens must have
    #[arg(long, value_name = "NAME")]
    scope: Option<String>,

    /// The address and port to listen on; port 0 selects any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let options = Options::parse();
    let keys = RemoteKeys::discover(options.issuer).build();
    let keys = keys.map_err(|error| format!("--issuer: {error}"))?;
    let auth = JwtAuth::new(keys.clone()).audience(options.audience);
    let mut required = vec![Require::authenticated()];
    required.extend(options.scope.map(Require::scope));
    let app = Router::new()
        .route("/whoami", get(who_am_i).route_layer(Require::all(required)))
        .layer(auth);
    let listener = TcpListener::bind(options.listen).await?;
    println!("tokens at http://{}", listener.local_addr()?);
    if let Err(error) = keys.ready().await {
        tracing::warn!(%error, "no keys yet: requests get 503");
    }
    Ok(axum::serve(listener, app).await?)
}

async fn who_am_i(user: Identity) -> Json<Value> {
    let principal = user.principal();
    Json(json!({
        "subject": user.subject(),
        "issuer": user.authentication().issuer,
        "scopes": principal.scopes,
        "roles": principal.roles,
    }))
}
