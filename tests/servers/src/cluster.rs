//! A Redis Cluster of three primaries, each with a replica.
//!
//! Tests move slots, promote replicas and add servers.

use std::collections::BTreeSet;

use crate::authority::Authority;
use crate::ports::free_port;
use crate::redis_server::RedisServer;
use crate::wait::until;

const PRIMARIES: usize = 3;
const SLOTS: usize = 16384;

/// A cluster of three primaries, each with a replica.
#[derive(Debug)]
pub struct RedisCluster {
    /// The servers: three primaries, then the replica of each, then the servers that joined.
    pub servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the servers, and waits until all agree about the cluster.
    #[must_use]
    pub fn start() -> Self {
        Self::of(server)
    }

    /// Starts servers that use TLS, with clients and with each other.
    #[must_use]
    pub fn with_tls(authority: &Authority) -> Self {
        Self::of(|number| {
            let tls = ["--tls-cluster", "yes", "--tls-replication", "yes"];
            numbered(number, |settings| {
                RedisServer::with_tls(authority, &[settings, &tls].concat())
            })
        })
    }

    fn of(server: impl Fn(usize) -> (RedisServer, u16)) -> Self {
        let servers: Vec<_> = (0..2 * PRIMARIES).map(|number| server(number + 1)).collect();
        for (number, (primary, _)) in servers[..PRIMARIES].iter().enumerate() {
            let slot = |number| number * SLOTS / PRIMARIES;
            let (first, last) = (slot(number).to_string(), (slot(number + 1) - 1).to_string());
            let _ = primary.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        }
        for (server, bus) in &servers[1..] {
            let (port, bus) = (server.port_of_cluster().to_string(), bus.to_string());
            let _ = servers[0].0.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        let servers: Vec<_> = servers.into_iter().map(|(server, _)| server).collect();
        let cluster = Self { servers };
        cluster.replicate();
        cluster
    }

    fn replicate(&self) {
        for server in &self.servers {
            until("all servers have met", || {
                let known = server.info_of_cluster("cluster_known_nodes")?;
                (known == self.servers.len().to_string()).then_some(())
            });
        }
        for (primary, replica) in self.servers.iter().zip(&self.servers[PRIMARIES..]) {
            let id = primary.id();
            until("the replica knows its primary", || {
                replica.try_ask(&["CLUSTER", "REPLICATE", &id]).ok()
            });
        }
        for replica in &self.servers[PRIMARIES..] {
            until("the replica follows", || {
                replica.info("replication", "master_link_status").filter(|status| status == "up")
            });
        }
        for server in &self.servers {
            until("the cluster is complete", || {
                let state = server.info_of_cluster("cluster_state")?;
                (state == "ok" && server.sees_replicas()).then_some(())
            });
        }
    }

    /// Adds a primary without slots, and returns its index.
    pub fn join(&mut self) -> usize {
        let (joining, bus) = server(self.servers.len() + 1);
        let (port, bus) = (joining.port().to_string(), bus.to_string());
        let _ = self.servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        self.servers.push(joining);
        for server in &self.servers {
            until("all servers have met", || {
                let known = server.info_of_cluster("cluster_known_nodes")?;
                let state = server.info_of_cluster("cluster_state")?;
                (known == self.servers.len().to_string() && state == "ok").then_some(())
            });
        }
        self.servers.len() - 1
    }

    /// Returns the slot of a key.
    ///
    /// # Panics
    ///
    /// Panics if the first server does not answer.
    #[must_use]
    pub fn slot(&self, key: &str) -> u16 {
        redis::from_redis_value(self.servers[0].ask(&["CLUSTER", "KEYSLOT", key])).expect("a slot")
    }

    /// Returns the slots of a server that hold keys.
    ///
    /// # Panics
    ///
    /// Panics if the server does not answer.
    #[must_use]
    pub fn slots_in_use(&self, server: usize) -> Vec<u16> {
        let keys = redis::from_redis_value(self.servers[server].ask(&["KEYS", "*"]));
        let keys: Vec<String> = keys.expect("the names of keys");
        let slots: BTreeSet<_> = keys.iter().map(|key| self.slot(key)).collect();
        slots.into_iter().collect()
    }

    /// Returns the index of the server that has this slot, by its own account.
    ///
    /// # Panics
    ///
    /// Panics if no server has it.
    #[must_use]
    pub fn primary_of(&self, slot: u16) -> usize {
        self.servers.iter().position(|server| server.has(slot)).expect("a server has it")
    }

    /// Prepares a slot to move. Its keys can then be migrated.
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (from, to, slot) = (&self.servers[from], &self.servers[to], slot.to_string());
        let _ = to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from.id()]);
        let _ = from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to.id()]);
    }

    /// Moves a slot with its keys.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_move(slot, from, to);
        let (from, to, slot) = (&self.servers[from], &self.servers[to], slot.to_string());
        let port = to.port().to_string();
        until("the keys have moved", || {
            let keys = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            let keys: Vec<String> = redis::from_redis_value(keys).ok()?;
            let Some(key) = keys.first() else { return Some(()) };
            let _ = from.ask(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
            None
        });
        for server in [to, from] {
            let _ = server.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to.id()]);
        }
    }

    /// Returns the URL `rediss+cluster://..`.
    #[must_use]
    pub fn tls_url(&self) -> String {
        let all = self.servers.iter().map(|one| format!("localhost:{}", one.tls_port()));
        format!("rediss+cluster://{}", all.collect::<Vec<_>>().join(","))
    }

    /// Returns the URL `redis+cluster://..`.
    #[must_use]
    pub fn url(&self) -> String {
        let all = self.servers.iter().map(|one| format!("127.0.0.1:{}", one.port()));
        format!("redis+cluster://{}", all.collect::<Vec<_>>().join(","))
    }
}

/// Starts a server of a cluster, and returns it with the port for the other servers.
fn server(number: usize) -> (RedisServer, u16) {
    numbered(number, RedisServer::with)
}

fn numbered(number: usize, start: impl Fn(&[&str]) -> RedisServer) -> (RedisServer, u16) {
    let bus = free_port();
    let settings = [
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus.to_string(),
        "--cluster-node-timeout",
        "1000",
        "--repl-diskless-sync-delay",
        "0",
    ];
    let server = start(&settings);
    let _ = server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &number.to_string()]);
    (server, bus)
}

impl RedisServer {
    /// Returns the port that the other servers of the cluster use.
    fn port_of_cluster(&self) -> u16 {
        if self.has_tls() { self.tls_port() } else { self.port() }
    }

    fn info_of_cluster(&self, field: &str) -> Option<String> {
        let info = self.try_ask(&["CLUSTER", "INFO"]).ok()?;
        let info: String = redis::from_redis_value(info).ok()?;
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.map(str::to_owned)
    }

    fn id(&self) -> String {
        redis::from_redis_value(self.ask(&["CLUSTER", "MYID"])).expect("an id")
    }

    /// Returns whether it has this slot, by its own account.
    fn has(&self, slot: u16) -> bool {
        let Ok(nodes) = self.try_ask(&["CLUSTER", "NODES"]) else { return false };
        let Ok(nodes) = redis::from_redis_value::<String>(nodes) else { return false };
        let own = nodes.lines().find(|line| line.contains("myself,master")).unwrap_or_default();
        own.split(' ').skip(8).any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<u16>(), last.parse::<u16>());
            first.is_ok_and(|first| first <= slot) && last.is_ok_and(|last| slot <= last)
        })
    }

    /// Returns whether it knows a replica of every primary.
    fn sees_replicas(&self) -> bool {
        let Ok(nodes) = self.try_ask(&["CLUSTER", "NODES"]) else { return false };
        let Ok(nodes) = redis::from_redis_value::<String>(nodes) else { return false };
        nodes.lines().filter(|line| line.contains("slave")).count() == PRIMARIES
    }
}
