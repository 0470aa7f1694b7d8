//! What every store does when its server hangs or is killed.

use std::error::Error;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::TestServer;
use auth_store::{Store, StoreErrorKind};
use tokio::time::sleep;

use super::sign_in::{data, draft, sign_in};

/// Waits until the store answers again.
pub(crate) async fn recovers(store: &dyn Store, within: Duration) {
    let clock = Clock::system();
    let start = clock.monotonic();
    let id = store.new_id(None).expect("randomness");
    while let Err(error) = store.load(&id).await {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(clock.monotonic() - start < within, "still {error:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Takes each kind of step in turn: all of them fail within two seconds.
pub(crate) async fn is_unavailable_in_time(store: &dyn Store) {
    let (clock, id) = (Clock::system(), store.new_id(None).expect("randomness"));
    for number in 0..5 {
        let start = clock.monotonic();
        let error = match number {
            0 => store.load(&id).await.map(|_| ()),
            1 => store.delete(&id).await.map(|_| ()),
            2 => store.list("ada").await.map(|_| ()),
            3 => store.update(&id, 0, data("[]")).await.map(|_| ()),
            _ => store.create(draft(store, Some("ada")).1, None).await.map(|_| ()),
        };
        let error = error.expect_err("the server hangs");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(error.source().is_some());
        let took = clock.monotonic() - start;
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

/// A hung server fails every step in time, and loses nothing.
pub(crate) async fn survives_a_hung_server(server: &impl TestServer, store: &dyn Store) {
    let id = sign_in(store, "ada").await;
    server.hang();
    is_unavailable_in_time(store).await;
    server.go_on();
    recovers(store, Duration::from_secs(5)).await;
    assert!(store.load(&id).await.expect("it runs").is_some());
}

/// What was acknowledged before the server was killed is there when it runs again.
pub(crate) async fn survives_a_killed_server(server: &mut impl TestServer, store: &dyn Store) {
    let (id, ended) = (sign_in(store, "ada").await, sign_in(store, "ada").await);
    store.update(&id, 0, data("[3]")).await.expect("it runs");
    assert!(store.delete(&ended).await.expect("it runs"));
    server.kill();
    assert!(store.load(&id).await.is_err());
    server.start_again();
    recovers(store, Duration::from_secs(5)).await;

    let record = store.load(&id).await.expect("it runs").expect("it is stored");
    assert_eq!((record.version, &record.data), (1, &data("[3]")));
    assert!(store.load(&ended).await.expect("it runs").is_none(), "it stays ended");
    assert_eq!(store.list("ada").await.expect("it runs").len(), 1);
    assert_eq!(store.revoke_subject("ada").await.expect("it runs"), 1);
}
