//! Runs a behaviour on a runtime of its own, within a deadline.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::backend::TestBackend;
use super::world::{Framework, World};

/// Much longer than any behaviour takes. Ends a test that waits for an event that never happens.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a behaviour and its server on two threads.
pub(crate) fn many_threads<F: Future<Output = ()>>(
    backend: TestBackend,
    framework: Framework,
    behaviour: impl FnOnce(World) -> F,
) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    run(&runtime.unwrap(), backend, framework, behaviour);
}

/// Runs a behaviour and its server on the thread of the test.
pub(crate) fn one_thread<F: Future<Output = ()>>(
    backend: TestBackend,
    framework: Framework,
    behaviour: impl FnOnce(World) -> F,
) {
    let runtime = Builder::new_current_thread().enable_all().build();
    run(&runtime.unwrap(), backend, framework, behaviour);
}

/// Runs a behaviour that starts its own servers on the thread of the test.
pub(crate) fn alone(behaviour: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let whole = async { tokio::time::timeout(DEADLINE, behaviour).await };
    runtime.block_on(whole).expect("the behaviour ends in time");
}

fn run<F: Future<Output = ()>>(
    runtime: &Runtime,
    backend: TestBackend,
    framework: Framework,
    behaviour: impl FnOnce(World) -> F,
) {
    runtime.block_on(async {
        let whole = async { behaviour(World::start(backend, framework).await).await };
        tokio::time::timeout(DEADLINE, whole).await.expect("the behaviour ends in time");
    });
}
