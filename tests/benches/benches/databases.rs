//! The SQL stores: steps per second, statements per request, bytes, query plans, and a sweep. It starts
//! PostgreSQL and MariaDB on this machine, and takes about three minutes.
//!
//! `cargo bench --bench databases`

use auth_benches::stores::databases::{
    Database, Million, STEPS, Safe, of_mariadb, of_postgres, plans, postgres_in_production, rates,
    sweep,
};
use auth_servers::Scratch;
use tokio::runtime::Runtime;

/// The numbers of concurrent steps. A store has ten connections.
const AT_ONCE: [usize; 2] = [1, 16];

fn main() {
    let runtime = Runtime::new().unwrap();
    steps_per_second(&runtime);
    statements(&runtime);
    let million = Million::fill(&runtime);
    bytes(&million);
    how_rows_are_found(&million, &runtime);
    sweeping(&million, &runtime);
}

fn steps_per_second(runtime: &Runtime) {
    println!("\nsteps per second, by the number of concurrent steps");
    print!("{:<58}{:>4}", "", "");
    STEPS.iter().for_each(|step| print!("{step:>9}"));
    println!();
    type Start = fn() -> Database;
    let databases: [(&str, Start); 6] = [
        ("waits for the disk", || Database::postgres(Safe::OnDisk)),
        ("waits for the disk, announces nothing", || {
            Database::PostgresWithoutAnnouncements(postgres_in_production(&[]))
        }),
        ("as in the tests", || Database::postgres(Safe::InMemory)),
        ("waits for the disk", || Database::mariadb(Safe::OnDisk)),
        ("as in the tests", || Database::mariadb(Safe::InMemory)),
        ("waits for the disk", || Database::Sqlite(Scratch::new())),
    ];
    for (how, start) in databases {
        let database = start();
        let store = runtime.block_on(database.store());
        for at_once in AT_ONCE {
            let rates = runtime.block_on(rates(&store, at_once));
            let name = format!("{}, {how}", database.name());
            print!("{name:<58}{at_once:>4}");
            rates.iter().for_each(|rate| print!("{rate:>9.0}"));
            println!();
        }
    }
}

fn statements(runtime: &Runtime) {
    println!("\nstatements per request, as the server counts them");
    println!("{:<36}{:>12}{:>12}", "", "PostgreSQL", "MariaDB");
    for ((name, postgres), (_, mariadb)) in
        of_postgres(runtime).into_iter().zip(of_mariadb(runtime))
    {
        println!("{name:<36}{postgres:>12.3}{mariadb:>12.3}");
    }
}

fn bytes(million: &Million) {
    println!("\nPostgreSQL, 1000000 sign-ins: bytes of each");
    let bytes = million.bytes();
    let all = bytes.indexes.iter().map(|(_, bytes)| bytes).sum::<f64>();
    println!("{:<36}{:>12.0}", "table", bytes.table);
    for (name, bytes) in &bytes.indexes {
        println!("{name:<36}{bytes:>12.0}");
    }
    println!("{:<36}{:>12.0}", "table and indexes", bytes.table + all);
}

/// Prints the query plans.
///
/// # Panics
///
/// Panics if one of them scans the whole table.
fn how_rows_are_found(million: &Million, runtime: &Runtime) {
    println!("\nPostgreSQL, 1000000 sign-ins: how rows are found");
    let plans = plans(million, runtime);
    for plan in &plans {
        let scans = plan.scans.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
        println!("{:<97} {scans}", plan.statement);
    }
    let sequential = plans.iter().find(|plan| plan.is_sequential());
    assert!(sequential.is_none(), "{} scans the table", sequential.unwrap().statement);
}

fn sweeping(million: &Million, runtime: &Runtime) {
    let swept = sweep(million, runtime);
    println!("\nPostgreSQL, 1000000 sign-ins: expired sign-ins are deleted");
    println!("{:<36}{:>12}", "collected", swept.collected);
    println!("{:<36}{:>12.1} s", "in", swept.took.as_secs_f64());
    println!("{:<36}{:>9}{:>9}", "look-ups, 4 at once: µs", "p50", "p99");
    for (when, [p50, p99]) in
        [("before the sweep", swept.quiet), ("during the sweep", swept.meanwhile)]
    {
        println!("{when:<36}{p50:>9.0}{p99:>9.0}");
    }
}
