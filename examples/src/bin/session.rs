//! The smallest axum server with sessions: `cargo run -p examples --bin session`.
//!
//! ```text
//! curl -c jar -d 'username=alice&password=wonderland' http://localhost:3000/login
//! curl -b jar http://localhost:3000/me
//! curl -b jar -c jar -X POST http://localhost:3000/visits
//! curl -b jar -c jar -X POST http://localhost:3000/logout
//! ```

#![allow(clippy::print_stdout)] // prints where it listens

use auth_core::{Auth, Identity, SignedIn};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use axum::extract::State;
use axum::response::Result;
use axum::routing::{get, post};
use axum::{Form, Router};
use examples::serve;
use examples::users::{Login, User, Users};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // `insecure_http` is for development only: it allows the cookie without TLS.
    let auth = SessionAuth::new(MemoryStore::new()).insecure_http().claims::<User>();
    let app = Router::new()
        .route("/login", post(login))
        .route("/logout", post(async |auth: Auth<User>| auth.sign_out().await))
        .route("/me", get(async |me: Identity<User>| format!("hello {}\n", me.subject())))
        .route("/visits", post(visits))
        .layer(auth.optional())
        .with_state(Users::demo());
    let listener = TcpListener::bind(serve::address()?).await?;
    println!("sessions at http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

/// Signs the user in. The response sets the session cookie.
async fn login(users: State<Users>, auth: Auth<User>, form: Form<Login>) -> Result<SignedIn> {
    let checked = users.check(&form.username, &form.password).await;
    let principal = checked.map_err(|_| auth.wrong_credentials("wrong password"))?;
    Ok(auth.sign_in(principal).await?)
}

/// Counts visits in the session's data. A visitor also has a session, and keeps the count at sign-in.
async fn visits(session: Session) -> Result<String> {
    session.update("visits", |visits: &mut u32| *visits += 1)?;
    let visits: u32 = session.get("visits").await?.unwrap_or_default();
    Ok(format!("{visits} visits\n"))
}
