//! The conformance suite over the store.

mod files;

use std::fs;

use auth_store::conformance;
use outside_store::FileStore;

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread")]
    async fn store() -> FileStore {
        files::fresh_store()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reports_changes() {
    conformance::check_watching(async || files::fresh_store()).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_what_it_has_acknowledged() {
    let path = files::fresh_path();
    let open = async || FileStore::open(&path).expect("it was written by this store");
    conformance::check_durability(open).await.assert_passed();
    fs::remove_file(&path).expect("it was created");
}
