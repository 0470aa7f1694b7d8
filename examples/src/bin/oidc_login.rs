//! Log in with an OpenID provider: `cargo run -p examples --bin oidc_login -- --help`.
//!
//! ```text
//! cargo run -p examples --bin oidc_login -- --issuer https://login.example --client-id shop
//! ```
//!
//! Register `http://localhost:3000/callback` with the provider as the redirect URI,
//! `http://localhost:3000/` as the post-logout redirect URI, and `http://localhost:3000/backchannel-logout` as
//! the back-channel logout URI. The login itself is in `src/oidc/routes.rs`. An issuer over `http` must be on
//! this machine.

#![allow(clippy::print_stdout)] // prints where it listens

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use auth_core::Clock;
use auth_jwt::{BackChannelLogout, RemoteKeys, Validation};
use auth_session::SessionAuth;
use auth_store::ConnectOptions;
use auth_store::near_cache::NearCacheBuilder;
use clap::Parser;
use examples::oidc::{self, Client, Provider};
use examples::serve::{self, Listeners};
use examples::shop::StoreUrl;
use examples::users::User;
use openidconnect::ClientSecret;
use openidconnect::url::Url;

#[derive(Parser)]
struct Options {
    /// The issuer of the provider, exactly as in its discovery document
    #[arg(long, value_name = "URL")]
    issuer: String,

    /// The id under which this application is registered with the provider
    #[arg(long, value_name = "ID")]
    client_id: String,

    /// A file with the client's secret; a public client has none
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,

    /// The address and port to listen on; port 0 selects any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// The URL at which browsers find this application, if a proxy in front of it terminates TLS
    #[arg(long, value_name = "URL")]
    url: Option<Url>,

    /// Where sign-ins are kept, as for the shop
    #[arg(long, value_name = "URL", default_value = "memory:")]
    store: StoreUrl,

    /// Let the provider send its response as a form, as Apple does
    #[arg(long)]
    form_post: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let options = Options::parse();
    let listeners = Listeners::bind(options.listen).await?;
    let url =
        options.url.map_or_else(|| Ok(Url::parse(&listeners.url()?)?), Ok::<_, Box<dyn Error>>)?;
    let secret = options.client_secret_file.map(std::fs::read_to_string).transpose()?;
    let client = Client {
        id: options.client_id.clone(),
        secret: secret.map(|secret| ClientSecret::new(secret.trim_end().to_owned())),
        url: url.clone(),
        form_post: options.form_post,
    };
    let provider = Arc::new(Provider::new(&options.issuer, client, Clock::system())?);

    let store = ConnectOptions::new(options.store.as_str()).migrate();
    let store = store.near_cache(NearCacheBuilder::default()).connect().await?;
    let auth = SessionAuth::new(store).claims::<User>();
    let auth = match (url.scheme(), options.listen.ip().is_loopback()) {
        ("https", _) => auth,
        (_, true) => auth.insecure_http(), // for development: the cookie works without TLS
        _ => return Err("--listen: without TLS, only an address of this machine is allowed".into()),
    };
    // The provider tells the server directly when the user's session there has ended.
    let keys = RemoteKeys::discover(options.issuer);
    let logout = BackChannelLogout::new(keys, Validation::new().audience(options.client_id))
        .sign_ins(auth.sign_in_manager());

    let app = oidc::routes(provider)
        .layer(auth.optional())
        // Not behind the layer: the provider has no credential of a user.
        .route_service("/backchannel-logout", logout.service())
        .merge(oidc::public_routes());
    println!("login at {}", listeners.url()?);
    Ok(serve::serve(listeners, app, serve::signals()?).await?)
}
