//! The smallest server with tokens: `cargo run -p examples --bin jwt`.
//!
//! ```text
//! curl -c jar -d 'username=alice&password=wonderland' http://localhost:3000/login
//! curl -H 'Authorization: Bearer <the access token>' http://localhost:3000/me
//! curl -b jar -c jar -X POST http://localhost:3000/refresh
//! curl -b jar -c jar -X POST http://localhost:3000/logout
//! ```

#![allow(clippy::print_stdout)] // where it listens, for whoever started it

use auth_core::{Auth, AuthError, Identity, SignedIn};
use auth_jwt::{Algorithm, JwtAuth, SigningKey};
use auth_store::MemoryStore;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Form, Router};
use examples::serve;
use examples::users::{User, Users};
use serde::Deserialize;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let auth = JwtAuth::new(key).audience("example").sign_in(MemoryStore::new());
    // Plain http is for development: without that call the refresh cookie is for TLS only.
    let auth = auth.insecure_http().claims::<User>();
    let app = Router::new()
        .route("/login", post(login))
        .route("/refresh", post(async |auth: Auth<User>| auth.refresh().await))
        .route("/logout", post(async |auth: Auth<User>| auth.sign_out().await))
        .route("/me", get(async |me: Identity<User>| format!("hello {}\n", me.subject())))
        .layer(auth.optional())
        .with_state(Users::demo());
    let listener = TcpListener::bind(serve::address()?).await?;
    println!("tokens at http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// Answers with the access token; the refresh token is in a cookie.
async fn login(
    State(users): State<Users>,
    auth: Auth<User>,
    Form(login): Form<Login>,
) -> Result<SignedIn, AuthError> {
    let checked = users.check(&login.username, &login.password).await;
    let principal = checked.map_err(|_| auth.unauthenticated("wrong password"))?;
    auth.sign_in(principal).await
}
