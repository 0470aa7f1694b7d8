//! A subject with many sign-ins.

use std::time::Duration;

use auth_core::SignInId;
use auth_store::{OverflowPolicy, SignInLimit, Store};

use super::sign_in::{draft, now};

/// Stores 3,000 sign-ins of Ada without a limit, and then one with a limit of 1,000, of which it returns the id.
/// Checks that the newest 1,000 remain.
pub(crate) async fn exceed_a_limit(store: &dyn Store) -> SignInId {
    let started = now();
    for number in 0..3000 {
        let (_, mut record) = draft(store, Some("ada"));
        record.created_at = started + Duration::from_millis(number);
        store.create(record, None).await.expect("it runs");
    }
    let limit = SignInLimit {
        max: 1000.try_into().expect("not 0"),
        when_full: OverflowPolicy::EvictOldest,
    };
    let (_, mut newest) = draft(store, Some("ada"));
    newest.created_at = started + Duration::from_secs(60);
    let id = newest.id;
    store.create(newest, Some(limit)).await.expect("it runs");
    let mut listed = store.list("ada").await.expect("it runs");
    listed.sort_by_key(|it| it.created_at);
    assert_eq!(listed.len(), 1000);
    assert_eq!(listed[0].created_at, started + Duration::from_millis(3000 - 999));
    assert_eq!(listed[999].id, id);
    id
}
