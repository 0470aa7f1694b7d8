//! The suite as a library: the list of its behaviours, and the store of another workspace.

use std::future::Future;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use auth_core::{BoxFuture, Clock, Timestamp};
use auth_store::{IntoStore, Store};
use libtest_mimic::{Arguments, Trial};

/// A behaviour with a backend and a framework.
pub(crate) struct Listed {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
}

inventory::collect!(Listed);

type FreshStore = dyn Fn() -> BoxFuture<Arc<dyn Store>> + Send + Sync;

static FRESH_STORE: OnceLock<Box<FreshStore>> = OnceLock::new();

/// Runs all behaviours over a store. This is the `main` of a test target with `harness = false`, and takes
/// the arguments of Rust's test harness, such as a part of the names: `cargo test --test behaviour ::axum`.
///
/// `fresh` creates an empty store for each behaviour, on the behaviour's own Tokio runtime. Behaviours run
/// at the same time, so their stores must not share data.
///
/// # Panics
///
/// Panics if it is called twice.
pub fn run<S: IntoStore, F: Future<Output = S> + Send + 'static>(
    fresh: impl Fn() -> F + Send + Sync + 'static,
) -> ExitCode {
    let fresh: Box<FreshStore> = Box::new(move || {
        let fresh = fresh();
        Box::pin(async move { fresh.await.into_store() })
    });
    assert!(FRESH_STORE.set(fresh).is_ok(), "`run` is called once");
    let behaviours = inventory::iter::<Listed>.into_iter().map(|listed| {
        let (_, name) = listed.name.split_once("::").unwrap();
        Trial::test(name, || {
            (listed.run)();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), behaviours.collect()).exit_code()
}

pub(crate) async fn fresh_store() -> Arc<dyn Store> {
    FRESH_STORE.get().unwrap()().await
}

/// Returns the time at which a test begins, a full second. A store may expire sign-ins by the system's clock.
pub(crate) fn start_time() -> Timestamp {
    Timestamp::from_secs(Clock::system().now().as_secs())
}

/// Returns how many requests may change one sign-in at the same time.
pub(crate) fn most_writers() -> usize {
    64
}
