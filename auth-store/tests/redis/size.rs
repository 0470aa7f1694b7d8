//! How much memory a sign-in takes.

use auth_servers::RedisServer;
use auth_store::{Device, SignInDetails, Store};
use redis::Connection;

use crate::sign_in::draft;
use crate::stores::builder;

const COUNT: usize = 10_000;

fn used(server: &RedisServer) -> usize {
    server.info("memory", "used_memory").expect("it runs").parse().expect("a number")
}

#[tokio::test]
async fn a_sign_in_takes_less_than_a_kilobyte() {
    let server = RedisServer::start();
    let store = builder(server.url()).connect().await.expect("it runs");
    let before = used(&server);
    for number in 0..COUNT {
        let (_, mut record) = draft(&store, Some(&format!("user-{number:08}")));
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
        let user_agent = Some(agent.into());
        let address = Some([192, 0, 2, 7].into());
        let device = Device { user_agent, address, label: None };
        record.details = Some(Box::new(SignInDetails { device, ..SignInDetails::default() }));
        store.create(record, None).await.expect("it runs");
    }
    let total = (used(&server) - before) / COUNT;
    let mut connection = server.connection().expect("it runs");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("it runs");
    let (records, indexes): (Vec<_>, Vec<_>) = keys
        .into_iter()
        .filter(|key| !key.ends_with(b"key"))
        .partition(|key| key.windows(3).any(|part| part == b":s:"));
    let (record, index) = (mean(&mut connection, &records), mean(&mut connection, &indexes));
    println!("a record: {record} bytes, an index: {index} bytes, in total: {total} bytes");
    assert!(record + index < 1000 && total < 1000, "{record} + {index}, {total}");
}

fn mean(connection: &mut Connection, keys: &[Vec<u8>]) -> usize {
    let usage = |key: &Vec<u8>| -> usize {
        redis::cmd("MEMORY").arg("USAGE").arg(key).query(connection).expect("it runs")
    };
    keys.iter().map(usage).sum::<usize>() / keys.len()
}
