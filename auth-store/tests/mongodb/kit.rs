//! The conformance suite, and random steps.

use std::time::Duration;

use auth_core::SignInId;
use auth_store::{MongoStore, conformance};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, doc};

use crate::random_steps::check;
use crate::stores::{SERVER, collection, empty, open};

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> MongoStore {
        // The suite runs many operations at once, so they may take longer than usual.
        let builder = MongoStore::builder(SERVER.url_of_new()).timeout(Duration::from_secs(20));
        builder.migrate().connect().await.expect("the server runs")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_records_can_be_ended() {
    let url = SERVER.url_of_new();
    let (store, records) = (open(&url).await, collection(&url).await);
    let damage = async |id: &SignInId| {
        let bytes = id.as_bytes().to_vec();
        let id = Binary { subtype: BinarySubtype::Generic, bytes };
        let damaged = records.update_one(doc! { "_id": id }, doc! { "$set": { "kind": 99_i64 } });
        assert_eq!(damaged.await.expect("it runs").modified_count, 1);
    };
    conformance::check_unreadable(store, damage).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_are_durable() {
    let url = SERVER.url_of_new();
    conformance::check_durability(async || open(&url).await).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn agrees_with_the_reference() {
    check(30, &empty().await);
}
