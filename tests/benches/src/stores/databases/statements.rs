//! Statements per request, as the server counts them.
//!
//! A count does not depend on the machine. It shows a request that asks the database once more than it
//! must.

use std::sync::Arc;
use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{MariaDbServer, PostgresServer, until};
use auth_store::Store;
use auth_store::near_cache::NearCache;
use tokio::runtime::Runtime;

use crate::drive::{BATCH, Case};
use crate::ours::Ours;
use crate::stores::databases::server::{mariadb, postgres};

/// Requests of each kind.
const REQUESTS: usize = 40 * BATCH;

/// Returns the statements that PostgreSQL executes per request, without the near cache's heartbeats.
pub fn of_postgres(runtime: &Runtime) -> Vec<(&'static str, f64)> {
    let server = PostgresServer::with(&["--shared_preload_libraries=pg_stat_statements"]);
    let _ = server.ask("CREATE EXTENSION pg_stat_statements");
    let database = server.new_database();
    let url = server.url_of(&database);
    let _inside = runtime.enter();
    let connect = || runtime.block_on(postgres(&url).connect()).unwrap();
    let near = Arc::new(NearCache::new(connect()));
    until("a heartbeat comes back", || near.stats().lease);
    let executed = || {
        let query = format!(
            "SELECT sum(calls) FROM pg_stat_statements JOIN pg_database ON oid = dbid \
             WHERE datname = '{database}' AND query NOT LIKE '%pg_control_system%'"
        );
        server.ask(&query).parse().unwrap()
    };
    counted(runtime, Arc::new(connect()), near, executed)
}

/// Returns the statements that MariaDB executes per request.
pub fn of_mariadb(runtime: &Runtime) -> Vec<(&'static str, f64)> {
    let server = MariaDbServer::start();
    let url = server.url();
    let _inside = runtime.enter();
    let connect = || runtime.block_on(mariadb(&url));
    let near = NearCache::<auth_store::MySqlStore>::builder();
    let near = Arc::new(near.with_ttl(connect(), Duration::from_secs(600)));
    let questions = || -> u64 {
        let status = server.ask("SHOW GLOBAL STATUS LIKE 'Questions'");
        status.split_whitespace().next_back().unwrap().parse().unwrap()
    };
    // Reading the counter is counted as well.
    let first = questions();
    let each = questions() - first;
    let asked = std::cell::Cell::new(0);
    let executed = || {
        asked.set(asked.get() + each);
        questions() - asked.get()
    };
    counted(runtime, Arc::new(connect()), near, executed)
}

fn counted(
    runtime: &Runtime,
    store: Arc<dyn Store>,
    near: Arc<dyn Store>,
    executed: impl Fn() -> u64,
) -> Vec<(&'static str, f64)> {
    // Open the connections before counting.
    drop(Ours::without_values(Arc::clone(&store), BATCH));
    let missing = runtime.block_on(near.load(&SignInId::from_bytes([0; 16])));
    assert!(missing.unwrap().is_none());
    let mut counts = Vec::new();
    let mut count = |name, run: &mut dyn FnMut()| {
        let before = executed();
        run();
        counts.push((name, (executed() - before) as f64 / REQUESTS as f64));
    };
    let mut ours = None;
    count("sign-in", &mut || ours = Some(Ours::without_values(Arc::clone(&store), REQUESTS)));
    let ours = ours.unwrap();
    let all = |case: &mut Case| (0..REQUESTS / BATCH).for_each(|_| _ = case.nanos());
    let mut update = ours.session_update();
    count("a value of the session changed", &mut || all(&mut update));
    let mut identity = ours.identity();
    count("look-up, no near cache", &mut || all(&mut identity));
    let ours = ours.moved_to(near);
    let mut identity = ours.identity();
    count("near cache: a miss", &mut || all(&mut identity));
    count("near cache: a hit", &mut || all(&mut identity));
    let mut sign_out = ours.sign_out();
    count("logout", &mut || all(&mut sign_out));
    counts
}
