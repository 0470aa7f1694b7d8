//! An ordinary web application: notes in HTML pages without scripts, and an API for a mobile app.
//!
//! `cargo run -p examples --bin notes -- --auth both`; `examples/README.md` has a tour. Handlers name no
//! backend. The layer refuses requests from other sites (CSRF), so the forms need no token.

#![allow(clippy::print_stdout)] // prints where it listens

mod db;
mod handlers;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth_jwt::{Algorithm, JwtAuth, SigningKey, SigningKeys};
use auth_session::near_cache::NearCacheBuilder;
use auth_session::{
    AuthLayer, Authenticator, Claims, Clock, ConnectError, ConnectOptions, CookieBuilder, Lifetime,
    LoginRedirect, Require, SessionAuth, Store, Throttle, UserCheck, any_of,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use clap::{Parser, ValueEnum};
use examples::html::PAGE_HEADERS;
use examples::passwords::Passwords;
use examples::serve::{self, Listeners};
use http::HeaderValue;

use crate::db::Db;
use crate::handlers as on;

/// Notes, for development over plain HTTP on a loopback address
#[derive(Parser)]
struct Options {
    /// The kind of credential that requests carry
    #[arg(long, value_enum, default_value_t = AuthKind::Both)]
    auth: AuthKind,
    /// Where users and notes are kept
    #[arg(long, default_value = "sqlite:notes.db")]
    db: String,
    /// Where sign-ins are kept, such as `redis://localhost`
    #[arg(long, default_value = "sqlite:sign-ins.db")]
    store: String,
    /// The port on the loopback addresses
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AuthKind {
    Session,
    Jwt,
    Both,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let options = Options::parse();
    let db = Db::open(&options.db, Passwords::default()).await?;
    if let Ok(password) = std::env::var("NOTES_ADMIN_PASSWORD") {
        db.create(ADMIN, &password, true).await?; // unless there is one
    }
    let clock = Clock::system();
    let store = connect(&options.store, &clock).await?;
    let throttle = Throttle::new(Arc::clone(&store));
    let auth = backend(options.auth, store, &db, &clock)?;
    let listeners = Listeners::bind(SocketAddr::from(([127, 0, 0, 1], options.port))).await?;
    println!("notes at {}", listeners.url()?);
    Ok(serve::serve(listeners, router(db, auth, throttle)?, serve::signals()?).await?)
}

/// The user whom no one can be by signing up.
const ADMIN: &str = "admin";

/// Opens the store. The near cache answers from memory. Redis and PostgreSQL report every change to it. What another
/// process changes in SQLite takes effect within two seconds.
async fn connect(url: &str, clock: &Clock) -> Result<Arc<dyn Store>, ConnectError> {
    let store = ConnectOptions::new(url).migrate().with_ttl(Duration::from_secs(2));
    store.near_cache(NearCacheBuilder::default().clock(clock.clone())).connect().await
}

type Backend = Arc<dyn Authenticator<Claims = Claims>>;

/// How long a node relies on its last check of a user who was changed in the database by hand.
const CHECK_AGE: Duration = Duration::from_secs(60);

/// Creates the backend. Behind a proxy that terminates TLS, leave out `insecure_http`.
fn backend(
    kind: AuthKind,
    store: Arc<dyn Store>,
    db: &Db,
    clock: &Clock,
) -> Result<Backend, Box<dyn Error>> {
    let db = db.clone();
    let check = move |user: UserCheck| {
        let db = db.clone();
        async move { Ok(db.is_current(&user).await?) }
    };
    let sessions = SessionAuth::new(Arc::clone(&store)).clock(clock.clone()).insecure_http();
    let sessions = sessions.check_user(check.clone()).check_user_every(CHECK_AGE);
    let keys = SigningKeys::new(SigningKey::generate(Algorithm::EdDsa)?).clock(clock.clone());
    let keys = keys.max_token_lifetime(Lifetime::AAL1.absolute());
    let tokens = JwtAuth::new(keys).audience("notes").clock(clock.clone()).sign_in(store);
    let tokens = tokens.insecure_http().check_user(check).check_user_every(CHECK_AGE);
    Ok(match kind {
        AuthKind::Session => sessions.accept_bearer().erased(),
        AuthKind::Both => any_of((sessions, tokens)).erased(),
        AuthKind::Jwt => {
            // Pages without scripts refresh no token. It is checked against its sign-in at each request anyway.
            let tokens = tokens.access_lifetime(Lifetime::AAL1.absolute());
            tokens.cookie(CookieBuilder::new("access").insecure_http().build()?).erased()
        }
    })
}

/// What the handlers share.
#[derive(Clone)]
struct App {
    db: Db,
    auth: Backend,
    /// Limits guesses by anyone.
    logins: Throttle,
    /// Limits those of someone who is signed in.
    confirmations: Throttle,
}

/// Returns the routes and the layers around them.
fn router(db: Db, auth: Backend, throttle: Throttle) -> Result<Router, Box<dyn Error>> {
    let recent = Require::max_auth_age(Duration::from_secs(300));
    // Read from the store: a role that was taken away counts at once.
    let admin = Require::all([Require::revalidated(), Require::role("admin")]);
    // What belongs to the user alone, and not to an administrator who acts for the user.
    let own = Require::not_acting();
    let confirmations = throttle.clone().name("confirmation");
    Ok(Router::new()
        .route("/admin/disable", post(on::disable).route_layer(recent.clone()))
        .route("/admin/act-as", post(on::act_as).route_layer(recent.clone()))
        .route("/admin", get(on::users))
        .route_layer(admin)
        .route("/account/delete", get(on::form_of).post(on::delete).route_layer(recent))
        .route("/confirm", get(on::form_of).post(on::confirm))
        .route("/password", get(on::form_of).post(on::password))
        .route("/devices", post(on::end_device))
        .route_layer(own)
        .route("/stop-acting", post(on::stop_acting))
        .route("/devices", get(on::devices))
        .route("/notes", post(on::add_note))
        .route("/events", get(on::events))
        .route("/api/notes", get(on::api_notes).post(on::api_add))
        .route_layer(Require::authenticated())
        .route("/", get(on::home))
        .route("/draft", post(on::save_draft))
        .route("/signup", get(on::form_of).post(on::signup))
        .route("/login", get(on::form_of).post(on::login))
        .route("/logout", post(on::logout))
        .route("/api/token", post(on::token))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .with_state(App { db, auth: Arc::clone(&auth), logins: throttle, confirmations })
        .layer(AuthLayer::new(auth).optional().cache_control(HeaderValue::from_static("no-store")))
        // A browser without a login, or with an old one, goes to a page and comes back. The app gets 401.
        .layer(LoginRedirect::to("/login")?.step_up("/confirm")?)
        .layer(map_response(async |response: Response| (PAGE_HEADERS, response))))
}
