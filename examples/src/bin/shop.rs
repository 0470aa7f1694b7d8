//! A shop with sessions and tokens: `cargo run -p examples --bin shop -- --help`.
//!
//! This file parses the command line, sets up logging, and starts the server. The routes are in the
//! library, from `src/shop/app.rs` on.

#![allow(clippy::print_stdout)] // prints where it listens

use std::fmt::Display;
use std::io::{self, IsTerminal, stderr};

use auth_core::Clock;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use examples::serve::{self, Listeners};
use examples::shop::{self, Options};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    log_to_stderr(options.inspector());
    let deployment = options.deployment().unwrap_or_else(exit);
    let authentication = shop::authentication(&options, deployment, &Clock::system()).await;
    let app = shop::app(options.users(), authentication.unwrap_or_else(exit), deployment);

    let stop = serve::signals()?;
    let listeners = Listeners::bind(options.listen).await;
    let listeners = listeners
        .unwrap_or_else(|error| exit(format!("cannot listen on {}: {error}", options.listen)));
    println!("users: alice / wonderland (buyer), bob / builder (admin)");
    println!("shop at {}", listeners.url()?); // connections are accepted from here on
    if options.inspector() {
        println!("open it in a browser, sign in, and see what each request carries and costs");
    }
    serve::serve(listeners, app, stop).await
}

/// Logs what `RUST_LOG` selects, `info` by default, and hands the events of the library to the inspector.
fn log_to_stderr(inspector: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let to_stderr = fmt::layer().with_ansi(stderr().is_terminal()).with_writer(stderr);
    let to_inspector = inspector.then(shop::event_layer);
    registry().with(to_stderr.with_filter(filter)).with(to_inspector).init();
}

/// Prints the error and exits with code 2, as clap does for invalid arguments.
fn exit<T>(error: impl Display) -> T {
    Options::command().error(ErrorKind::ValueValidation, error).exit()
}
