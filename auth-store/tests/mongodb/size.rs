//! How many bytes a sign-in takes.

use std::num::NonZeroU32;

use auth_store::{OverflowPolicy, SignInLimit, Store};
use mongodb::bson::{doc, serialize_to_vec};

use crate::sign_in::draft;
use crate::stores::{SERVER, collection, open};

/// docs/stores.md states these numbers.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_takes_as_many_bytes_as_documented() {
    let url = SERVER.url_of_new();
    let store = open(&url).await;
    let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::EvictOldest };
    store.create(draft(&store, Some("ada")).1, Some(limit)).await.expect("it runs");
    let size = async |filter| {
        let found = collection(&url).await.find_one(filter).await.expect("it runs");
        serialize_to_vec(&found.expect("it is stored")).expect("it was read").len()
    };
    assert_eq!(size(doc! { "subject": { "$exists": true } }).await, 390);
    assert_eq!(size(doc! { "lock": 1_i64 }).await, 81);
}
