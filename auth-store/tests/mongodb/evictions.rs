//! Anonymous sign-ins beyond the maximum.

use std::time::Duration;

use auth_core::Clock;
use auth_store::{MongoStore, Store};
use tokio::time::sleep;

use crate::sign_in::{draft, now, sign_in};
use crate::stores::SERVER;

#[tokio::test(flavor = "multi_thread")]
async fn sec_84_a_flood_of_visitors_evicts_no_user() {
    let builder = MongoStore::builder(SERVER.url_of_new()).migrate().max_anonymous(10);
    let store = builder.connect().await.expect("the server runs");
    let user = sign_in(&store, "ada").await;
    let start = now().before(Duration::from_secs(60));
    let mut visitors = Vec::new();
    for number in 0..40 {
        let (_, mut record) = draft(&store, None);
        record.created_at = start + Duration::from_millis(number);
        visitors.push(record.id);
        store.create(record, None).await.expect("it runs");
    }
    let clock = Clock::system();
    let begun = clock.monotonic();
    while store.load(&visitors[29]).await.expect("it runs").is_some() {
        assert!(clock.monotonic() - begun < Duration::from_secs(20), "the oldest are not evicted");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(store.load(&user).await.expect("it runs").is_some());
    assert!(store.load(&visitors[0]).await.expect("it runs").is_none());
}
