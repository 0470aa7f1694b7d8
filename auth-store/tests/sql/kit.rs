//! The conformance suite over each server. `tests/sqlite.rs` runs it over SQLite, which needs none.

macro_rules! kit {
    ($name:ident, $store:ident) => {
        mod $name {
            use auth_store::$store;

            use crate::stores::$name;

            auth_store::conformance_tests! {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn store() -> $store {
                    // The suite runs many operations at once, so they may take longer than usual.
                    let builder = $store::builder($name()).timeout(TIMEOUT);
                    builder.migrate().connect().await.expect("the database runs")
                }
            }

            const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);
        }
    };
}

kit!(mysql, MySqlStore);
kit!(postgres, PostgresStore);
