//! The conformance suite over each server. `tests/sqlite.rs` runs it over SQLite, which needs none.

macro_rules! kit {
    ($name:ident, $store:ident, $connection:ident, bytes: $bytes:literal) => {
        mod $name {
            use auth_core::SignInId;
            use auth_store::{conformance, $store};
            use sqlx::{Connection, Executor, $connection};

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

            #[tokio::test(flavor = "multi_thread")]
            async fn acknowledged_changes_are_durable() {
                let url = $name();
                let open = async || {
                    let store = $store::builder(url.clone()).migrate().connect().await;
                    store.expect("the database runs")
                };
                conformance::check_durability(open).await.assert_passed();
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn unreadable_records_can_be_ended() {
                let url = $name();
                let store = $store::builder(url.clone()).migrate().connect().await;
                let damage = async |id: &SignInId| {
                    let mut database = $connection::connect(&url).await.expect("it runs");
                    let digits: String =
                        id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                    let id = $bytes.replace("..", &digits);
                    let damage = format!("UPDATE auth_sign_ins SET kind = 99 WHERE sid = {id}");
                    database.execute(&*damage).await.expect("the columns exist");
                };
                conformance::check_unreadable(store.expect("it runs"), damage)
                    .await
                    .assert_passed();
            }
        }
    };
}

kit!(mysql, MySqlStore, MySqlConnection, bytes: "x'..'");
kit!(postgres, PostgresStore, PgConnection, bytes: r"'\x..'");
