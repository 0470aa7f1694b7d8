//! Primaries that were replaced and still act as primaries.

use std::time::Duration;

use auth_core::{Clock, SignInId};
use auth_servers::{RedisCluster, RedisSentinels, RedisServer, until};
use auth_store::{RedisStore, Store};

use crate::sign_in::sign_in;
use crate::support::error_text::error_text;
use crate::support::outages::recovers;

async fn store(url: String) -> RedisStore {
    RedisStore::builder(url).prefix("replaced:").connect().await.expect("they run")
}

async fn end(store: &RedisStore, id: &SignInId) {
    let clock = Clock::system();
    let start = clock.now();
    while let Err(error) = store.delete(id).await {
        assert!(clock.now().since(start) < Duration::from_secs(30), "{error:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Regression: a node that had been idle still used the old primary, which acted as one until a Sentinel
/// reconfigured it.
#[tokio::test(flavor = "multi_thread")]
async fn sec_14_an_idle_node_does_not_use_a_replaced_primary() {
    let servers = RedisSentinels::start();
    let (idle, busy) = (store(servers.url()).await, store(servers.url()).await);
    let id = sign_in(&busy, "ada").await;
    busy.revoke_others("ada", &id).await.expect("confirmed, and all before it");
    assert!(idle.load(&id).await.expect("they run").is_some());
    let old = servers.primary();
    servers.servers[old].hang();
    end(&busy, &id).await;
    until("the Sentinels agree", || (servers.agree() && servers.primary() != old).then_some(()));
    servers.servers[old].go_on();
    for _ in 0..100 {
        let found = idle.load(&id).await;
        assert!(!matches!(found, Ok(Some(_))), "it was ended");
    }
    recovers(&idle, Duration::from_secs(10)).await;
}

/// Regression: a replica answers reads, and may be behind for as long as it is cut off from its primary.
#[tokio::test]
async fn sec_98_a_primary_that_becomes_a_replica_is_not_believed() {
    let server = RedisServer::start();
    let store = store(server.url()).await;
    let id = sign_in(&store, "ada").await;
    assert!(store.load(&id).await.expect("it runs").is_some());
    // Its new primary cannot be reached, so it keeps what it has.
    let _ = server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    for _ in 0..10 {
        assert!(store.load(&id).await.is_err(), "the connection is still open");
        assert!(store.list("ada").await.is_err());
    }
    let error = RedisStore::connect(server.url()).await.expect_err("it is a replica");
    assert!(error_text(&error).contains("replica"), "{error}");
    let _ = server.ask(&["REPLICAOF", "NO", "ONE"]);
    recovers(&store, Duration::from_secs(10)).await;
    assert!(store.load(&id).await.expect("it runs").is_some());
}

#[tokio::test]
async fn sec_98_an_end_on_a_promoted_replica_is_final() {
    let primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
    let replica = crate::replicas::replica_of(&primary);
    let old = store(primary.url()).await;
    let id = sign_in(&old, "ada").await;
    old.revoke_others("ada", &id).await.expect("confirmed, and all before it");
    let _ = replica.ask(&["REPLICAOF", "NO", "ONE"]);
    let _ = primary.ask(&["REPLICAOF", "127.0.0.1", &replica.port().to_string()]);
    let new = store(replica.url()).await;
    end(&new, &id).await;
    for _ in 0..100 {
        let found = old.load(&id).await;
        assert!(!matches!(found, Ok(Some(_))), "it was ended");
    }
}

/// Regression: the map of the first server that answered was used, although that server was cut off from
/// the others.
#[tokio::test(flavor = "multi_thread")]
async fn the_map_of_a_primary_that_is_cut_off_is_not_used() {
    let cluster = RedisCluster::start();
    let store = store(cluster.url()).await;
    let (old, replica) = (&cluster.servers[0], replica_of(&cluster, 0));
    let node_id = |server: &RedisServer| -> String {
        redis::from_redis_value(server.ask(&["CLUSTER", "MYID"])).expect("a name")
    };
    // A sign-in that belongs to that primary.
    let id = loop {
        let id = store.new_id(None).expect("randomness");
        let [high, low, ..] = *id.as_bytes();
        if cluster.primary_of(cluster.slot(&format!("{{{high:02x}{low:02x}}}"))) == 0 {
            break id;
        }
    };
    for server in &cluster.servers {
        if server.port() != old.port() {
            let _ = old.ask(&["CLUSTER", "FORGET", &node_id(server)]);
        }
    }
    until("it takes no steps", || old.try_ask(&["GET", &format!("{{{}}}", "x")]).err());
    let _ = replica.ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
    let clock = Clock::system();
    let start = clock.now();
    while let Err(error) = store.load(&id).await {
        assert!(clock.now().since(start) < Duration::from_secs(10), "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns the replica of a primary.
fn replica_of(cluster: &RedisCluster, primary: usize) -> &RedisServer {
    let port = cluster.servers[primary].port().to_string();
    let follows = |server: &&RedisServer| {
        server.info("replication", "master_port").is_some_and(|followed| followed == port)
    };
    cluster.servers.iter().find(follows).expect("it has one")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_logs_in_to_sentinels() {
    let servers = RedisSentinels::start();
    let url = servers.url();
    for sentinel in &servers.sentinels {
        let ada = ["on", ">secret", "allchannels", "+@all"];
        let _ = sentinel.ask(&[&["ACL", "SETUSER", "ada"][..], &ada].concat());
        let denied = "-sentinel|get-master-addr-by-name";
        let _ = sentinel.ask(&["ACL", "SETUSER", "default", denied]);
    }
    assert!(RedisStore::connect(url.clone()).await.is_err(), "the default user has no right to it");
    let store = RedisStore::builder(url).sentinel_user("ada").sentinel_password("secret");
    sign_in(&store.connect().await.expect("ada has the right"), "ada").await;
}
