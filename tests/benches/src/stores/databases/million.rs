//! A million sign-ins in PostgreSQL.
//!
//! Plans, sizes and clean-ups differ between a small table and a large one, so they are measured on a
//! table of the size that a large service has.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use auth_servers::PostgresServer;
use auth_store::{PostgresStore, PostgresStoreBuilder, Store};
use tokio::runtime::Runtime;

use crate::stores::databases::server::{postgres, postgres_in_production};
use crate::stores::memory::record;

/// The number of sign-ins, and how many of them have expired.
const SIGN_INS: usize = 1_000_000;
const EXPIRED: usize = 100_000;

/// A server with production settings and a million sign-ins: a tenth of them have expired, and the others
/// were created in the course of a day.
pub struct Million {
    pub(super) server: PostgresServer,
    database: String,
    /// A time at which exactly this tenth has expired.
    pub(super) now: Timestamp,
}

/// The bytes per sign-in.
pub struct Bytes {
    /// In the table.
    pub table: f64,
    /// In each index.
    pub indexes: Vec<(String, f64)>,
}

impl Million {
    /// Creates the sign-ins: one through the store, and copies of it with other users, ids and times.
    pub fn fill(runtime: &Runtime) -> Self {
        // The file of the query plans.
        let log = ["--logging_collector=on", "--log_filename=plans.log"];
        let server = postgres_in_production(&log);
        let database = server.new_database();
        let url = server.url_of(&database);
        let now = runtime.block_on(async {
            let store = postgres(&url).connect().await.unwrap();
            let first = record(&store, 0);
            let now = first.created_at;
            store.create(first, None).await.unwrap();
            now
        });
        let million = Self { server, database, now };
        let _ = million.ask(&format!(
            "INSERT INTO auth_sign_ins \
             SELECT substring(sha256(convert_to('sid ' || n, 'UTF8')) FOR 16), \
             ('x' || encode(substring(sha256(named) FOR 8), 'hex'))::bit(64)::bigint, version, \
             last_seen + later, created_at + later, authenticated_at + later, idle_secs, \
             ends_at + later, due_at + later, kind, persistence, family, verifier, named, grace, \
             details, principal, data FROM auth_sign_ins, \
             (SELECT n, convert_to('user-' || lpad(n::text, 8, '0'), 'UTF8') AS named, \
             86 * n - CASE WHEN n <= {EXPIRED} THEN 172800000 ELSE 0 END AS later \
             FROM generate_series(1, {SIGN_INS} - 1) AS n) AS others"
        ));
        let _ = million.ask("VACUUM ANALYZE auth_sign_ins");
        million
    }

    /// Returns a store, as a further node has it.
    pub(super) async fn store(&self) -> PostgresStore {
        self.builder().connect().await.unwrap()
    }

    pub(super) fn builder(&self) -> PostgresStoreBuilder {
        postgres(&self.server.url_of(&self.database))
    }

    /// Changes a setting for new connections.
    pub(super) fn set(&self, setting: &str) {
        let _ = self.server.ask(&format!("ALTER DATABASE {} SET {setting}", self.database));
    }

    /// Returns the bytes per sign-in.
    pub fn bytes(&self) -> Bytes {
        let each = |bytes: &str| bytes.parse::<f64>().unwrap() / SIGN_INS as f64;
        let indexes = self.ask(
            "SELECT relname, pg_relation_size(indexrelid) FROM pg_index \
             JOIN pg_class ON oid = indexrelid WHERE indrelid = 'auth_sign_ins'::regclass ORDER BY 1",
        );
        Bytes {
            table: each(&self.ask("SELECT pg_table_size('auth_sign_ins')")),
            indexes: indexes
                .lines()
                .filter_map(|line| line.split_once('|'))
                .map(|(name, bytes)| (name.to_owned(), each(bytes)))
                .collect(),
        }
    }

    /// Returns a sample of the sign-ins that have not expired, in the order of the table.
    pub(super) fn some_sids(&self) -> Arc<[SignInId]> {
        let now = self.now.as_millis();
        let asked = format!(
            "SELECT encode(sid, 'hex') FROM auth_sign_ins TABLESAMPLE bernoulli(2) WHERE due_at > {now}"
        );
        let id = |hex: &str| u128::from_str_radix(hex, 16).unwrap().to_be_bytes();
        self.ask(&asked).lines().map(|hex| SignInId::from_bytes(id(hex))).collect()
    }

    pub(super) fn ask(&self, sql: &str) -> String {
        self.server.ask_in(&self.database, sql)
    }
}
