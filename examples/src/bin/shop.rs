//! A shop behind sessions and tokens: `cargo run -p examples --bin shop -- --help`.

#![allow(clippy::print_stdout)] // where it listens, for whoever started it

use std::fmt::Display;
use std::io::{self, IsTerminal, stderr};

use auth_core::Clock;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use examples::serve::{self, Listeners};
use examples::shop::{self, Options};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    log_to_stderr();
    let transport = options.transport().unwrap_or_else(refuse);
    let backend = shop::backend(&options, transport, &Clock::system()).await;
    let backend = backend.unwrap_or_else(refuse);
    let app = shop::app(options.users(), backend, transport);

    let stop = serve::signals()?;
    let listeners = Listeners::bind(options.listen).await;
    let listeners = listeners
        .unwrap_or_else(|error| refuse(format!("cannot listen on {}: {error}", options.listen)));
    println!("users: alice / wonderland (buyer), bob / builder (admin)");
    println!("shop at {}", listeners.url()?); // it accepts connections by now
    serve::serve(listeners, app, stop).await
}

/// `RUST_LOG` says what is logged; `info` otherwise.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(stderr).init();
}

/// Exits with 2, as for every other mistake on the command line.
fn refuse<T>(error: impl Display) -> T {
    Options::command().error(ErrorKind::ValueValidation, error).exit()
}
