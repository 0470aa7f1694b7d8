//! Tasks that wait for the end of sign-ins while the server is down.

use std::sync::Arc;
use std::time::Duration;

use auth_core::ManualClock;
use auth_servers::RedisServer;
use auth_store::{SignInManager, Store};
use tracing::Level;

use crate::captured::Captured;
use crate::sign_in::{now, sign_in};
use crate::stores::fresh;

/// Regression: each task read the sign-in four times a second, and logged a warning each time.
#[tokio::test]
async fn tasks_back_off_and_warn_once() {
    const COUNT: usize = 20;
    let captured = Captured::start();
    let mut server = RedisServer::start();
    let store = Arc::new(fresh(server.url()).await);
    let clock = ManualClock::new(now());
    let mut sign_ins = SignInManager::new(Arc::clone(&store) as Arc<dyn Store>);
    sign_ins.settings.clock = clock.clock();
    let mut waiting = Vec::new();
    for number in 0..COUNT {
        let id = sign_in(&*store, &format!("user{number}")).await;
        waiting.push(tokio::spawn(sign_ins.ended(id, None)));
    }
    server.kill();
    let before_kill = captured.count(Level::DEBUG);
    let mut times = Vec::new();
    while !waiting.is_empty() {
        clock.advance(Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(5)).await;
        let before = waiting.len();
        waiting.retain(|one| !one.is_finished());
        times.extend((before > waiting.len()).then(|| clock.now()));
        assert!(clock.now().since(now()) < Duration::from_secs(60), "{} wait", waiting.len());
    }
    // Ten events of a name are logged in ten seconds; the next one counts the others.
    let warnings = captured.count(Level::WARN);
    assert!((10..=COUNT).contains(&warnings), "at most one for each sign-in: {warnings}");
    assert!(captured.count(Level::DEBUG) - before_kill < COUNT * 14, "the pauses grow");
    assert!(times.len() > 4, "they do not all end at the same time: {times:?}");
}
