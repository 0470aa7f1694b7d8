//! A Redis primary with two replicas, and three Sentinels that watch them.
//!
//! Tests end the primary and wait until the Sentinels have promoted a replica.

use crate::redis_server::RedisServer;
use crate::wait::until;

/// A primary with two replicas, watched by three Sentinels.
#[derive(Debug)]
pub struct RedisSentinels {
    /// The servers; the first is the primary at the start.
    pub servers: Vec<RedisServer>,
    /// The Sentinels.
    pub sentinels: Vec<RedisServer>,
}

impl RedisSentinels {
    /// The name of the service.
    pub const SERVICE: &str = "sign-ins";

    /// Starts all servers, and waits until they know each other.
    #[must_use]
    pub fn start() -> Self {
        let primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
        let port = primary.port().to_string();
        let replica = ["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &port];
        let replicas = [RedisServer::with(&replica), RedisServer::with(&replica)];
        until("two replicas are connected", || {
            let online = |i| primary.info("replication", &format!("slave{i}"));
            let online = |i| online(i).filter(|line| line.contains("state=online"));
            online(0).and(online(1))
        });
        let service = Self::SERVICE;
        let sentinels: Vec<_> = (0..3)
            .map(|_| {
                let sentinel = RedisServer::spawn("redis-sentinel", &[]);
                sentinel.wait();
                let _ = sentinel.ask(&["SENTINEL", "MONITOR", service, "127.0.0.1", &port, "2"]);
                let brief = ["down-after-milliseconds", "500", "failover-timeout", "3000"];
                let _ = sentinel.ask(&[&["SENTINEL", "SET", service][..], &brief].concat());
                sentinel
            })
            .collect();
        for sentinel in &sentinels {
            until("the Sentinels know each other and the replicas", || {
                let line = sentinel.info("sentinel", "master0")?;
                let complete = line.contains("slaves=2,sentinels=3") && line.contains("status=ok");
                complete.then_some(())
            });
        }
        let servers = [primary].into_iter().chain(replicas).collect();
        Self { servers, sentinels }
    }

    /// Returns the URL `redis+sentinel://..`.
    #[must_use]
    pub fn url(&self) -> String {
        let all = self.sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port()));
        format!("redis+sentinel://{}/{}", all.collect::<Vec<_>>().join(","), Self::SERVICE)
    }

    /// Returns whether all Sentinels name the same primary.
    #[must_use]
    pub fn agree(&self) -> bool {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::SERVICE];
        let named = |sentinel: &RedisServer| {
            let answer = sentinel.try_ask(&ask).ok()?;
            redis::from_redis_value::<(String, u16)>(answer).ok().map(|(_, port)| port)
        };
        let first = named(&self.sentinels[0]);
        first.is_some() && self.sentinels.iter().all(|sentinel| named(sentinel) == first)
    }

    /// Returns the index of the server that the Sentinels call the primary.
    ///
    /// # Panics
    ///
    /// Panics if they name none of these servers.
    #[must_use]
    pub fn primary(&self) -> usize {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::SERVICE];
        let answer = self.sentinels[0].ask(&ask);
        let (_, port): (String, u16) = redis::from_redis_value(answer).expect("an address");
        self.servers.iter().position(|server| server.port() == port).expect("one of the servers")
    }
}
