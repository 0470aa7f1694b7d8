//! The filters of the store use an index. The server of the tests uses one only if the filter has no other field
//! than those of the index, so the filters that also compare a version are not among these.

use auth_store::Store;
use mongodb::bson::{Bson, Document, doc};

use crate::sign_in::{draft, sign_in};
use crate::stores::{SERVER, collection, open};

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_uses_its_index() {
    let url = SERVER.url_of_new();
    let store = open(&url).await;
    for subject in 0..200 {
        sign_in(&store, &format!("user-{subject}")).await;
        store.create(draft(&store, None).1, None).await.expect("it runs");
    }
    let records = collection(&url).await;
    let found = records.find_one(doc! { "subject": { "$exists": true } }).await;
    let found = found.expect("it runs").expect("it is there");
    let value = |field: &str| found.get(field).expect("it has the field").clone();
    let database = mongodb::Client::with_uri_str(&url).await.expect("a valid URL");
    let database = database.default_database().expect("it is named");
    for (filter, sort, index) in [
        (doc! { "_id": value("_id") }, doc! {}, "_id_"),
        (doc! { "subject": value("subject") }, doc! { "created_at": 1 }, "subject"),
        (doc! { "anonymous": true }, doc! { "created_at": 1 }, "anonymous"),
        (doc! { "kind": 9_i64 }, doc! {}, ""),
    ] {
        let find = doc! { "find": "auth_sign_ins", "filter": filter.clone(), "sort": sort };
        let plan = database.run_command(doc! { "explain": find, "verbosity": "queryPlanner" });
        let plan = plan.await.expect("it runs");
        let used = index_of(plan.get_document("queryPlanner").expect("it has a plan"));
        assert_eq!(used.as_deref().unwrap_or_default(), index, "{filter}: {plan}");
    }
}

/// Returns the name of the index in a plan.
fn index_of(plan: &Document) -> Option<String> {
    plan.iter().find_map(|(field, value)| match value {
        Bson::String(name) if field == "indexName" => Some(name.clone()),
        Bson::Document(inner) => index_of(inner),
        _ => None,
    })
}
