//! The conformance suite over the store.

mod files;

use std::fs;

use auth_store::{ConnectError, conformance, connect};
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

/// Stands here because this workspace enables no feature of a store.
#[tokio::test]
async fn a_url_of_a_store_whose_feature_is_disabled_names_the_feature() {
    for (url, named) in [
        ("mongodb://h/d", "mongodb"),
        ("mysql://h/d", "mysql"),
        ("postgres://h/d", "postgres"),
        ("redis://h", "redis"),
        ("sqlite:file.db", "sqlite"),
    ] {
        let error = connect(url).await.err().expect("it is disabled");
        assert!(matches!(error, ConnectError::Feature { feature } if feature == named));
        assert!(error.to_string().contains(&format!("`{named}`")), "{error}");
    }
}
