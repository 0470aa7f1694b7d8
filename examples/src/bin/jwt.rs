//! The smallest axum server with tokens: `cargo run -p examples --bin jwt`.
//!
//! ```text
//! curl -c jar -d 'username=alice&password=wonderland' http://localhost:3000/login
//! curl -H 'Authorization: Bearer <the access token>' http://localhost:3000/me
//! curl -b jar -c jar -X POST http://localhost:3000/refresh
//! curl -b jar -c jar -X POST http://localhost:3000/logout
//! ```

#![allow(clippy::print_stdout)] // prints where it listens

use auth_core::{Auth, Identity, SignedIn};
use auth_jwt::{Algorithm, JwtAuth, SigningKey};
use auth_store::MemoryStore;
use axum::extract::State;
use axum::response::Result;
use axum::routing::{get, post};
use axum::{Form, Router};
use examples::serve;
use examples::users::{Login, User, Users};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let auth = JwtAuth::new(key).audience("example").sign_in(MemoryStore::new());
    // `insecure_http` is for development only: it allows the refresh cookie without TLS.
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

/// Signs the user in. The response contains the access token, and sets a cookie with the refresh token.
async fn login(users: State<Users>, auth: Auth<User>, form: Form<Login>) -> Result<SignedIn> {
    let checked = users.check(&form.username, &form.password).await;
    let principal = checked.map_err(|_| auth.wrong_credentials("wrong password"))?;
    Ok(auth.sign_in(principal).await?)
}
