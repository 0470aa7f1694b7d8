//! Running a behaviour to its end, within a deadline.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::backend::Backend;
use super::world::{Framework, World};

/// Nothing waits so long; it ends a test that waits for what never comes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a behaviour, and what it does at once on two threads.
pub(crate) fn many_threads<F: Future<Output = ()>>(
    backend: Backend,
    framework: Framework,
    behaviour: impl FnOnce(World) -> F,
) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    run(&runtime.unwrap(), backend, framework, behaviour);
}

/// Runs a behaviour and the server on the thread of the test.
pub(crate) fn one_thread<F: Future<Output = ()>>(
    backend: Backend,
    framework: Framework,
    behaviour: impl FnOnce(World) -> F,
) {
    let runtime = Builder::new_current_thread().enable_all().build();
    run(&runtime.unwrap(), backend, framework, behaviour);
}

fn run<F: Future<Output = ()>>(
    runtime: &Runtime,
    backend: Backend,
    framework: Framework,
    behaviour: impl FnOnce(World) -> F,
) {
    runtime.block_on(async {
        let whole = async { behaviour(World::start(backend, framework).await).await };
        tokio::time::timeout(DEADLINE, whole).await.expect("the behaviour ends in time");
    });
}
