//! Servers that hang or are killed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{MongoServer, until};
use auth_store::{
    CompareAndSwap, Digest, MongoStore, OverflowPolicy, Secret, SignInLimit, Store, StoreErrorKind,
    conformance,
};

use crate::outages::{recovers, survives_a_hung_server, survives_a_killed_server};
use crate::sign_in::{KIND, draft, rotation, sign_in};
use crate::stores::{empty, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_unavailable_within_two_seconds_and_recovers() {
    let server = MongoServer::start();
    survives_a_hung_server(&server, &open(server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_a_server_that_is_gone_is_never_an_answer() {
    let mut server = MongoServer::start();
    let store = open(server.url()).await;
    server.kill();
    conformance::check_failing(store).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_a_hung_server_is_never_an_answer() {
    let server = MongoServer::start();
    open(server.url()).await;
    let quick = MongoStore::builder(server.url()).timeout(Duration::from_millis(500));
    let store = quick.connect().await.expect("the server runs");
    server.hang();
    conformance::check_failing(store).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_outlast_a_killed_server() {
    let mut server = MongoServer::with(&[MongoServer::DURABLE]);
    let store = open(server.url()).await;
    survives_a_killed_server(&mut server, &store).await;
}

/// What a user knows of the sign-ins that were acknowledged, when the server was killed.
#[derive(Default)]
struct Acknowledged {
    subject: String,
    /// Those that have ended, by a logout or because another one replaced them.
    ended: Vec<SignInId>,
    current: Option<(SignInId, Digest, u64)>,
    /// The operation that was not answered, and may have happened.
    unanswered: Option<Unanswered>,
}

#[derive(Debug)]
enum Unanswered {
    SignIn,
    Refresh(Digest),
    ChangeOfRoles,
    Logout,
}

impl Acknowledged {
    /// Signs in, refreshes and changes roles, and then logs out or signs in again. Counts the rounds.
    async fn act(mut self, store: &MongoStore, rounds: &AtomicU64) -> Self {
        let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::EvictOldest };
        self.unanswered = Some(loop {
            let (secret, record) = draft(store, Some(&self.subject));
            let id = record.id;
            if store.create(record, Some(limit)).await.is_err() {
                break Unanswered::SignIn;
            }
            let first = secret.digests(KIND).current;
            let replaced = self.current.replace((id, first, 0));
            self.ended.extend(replaced.map(|(id, ..)| id));
            let next = Secret::generate(id).expect("randomness").digests(KIND);
            match store.rotate(&id, &first, rotation(next)).await {
                Ok(CompareAndSwap::Stored(_)) => self.current = Some((id, next.current, 1)),
                Ok(other) => panic!("{other:?}"),
                Err(_) => break Unanswered::Refresh(next.current),
            }
            match store.update_subject(&self.subject, b"{}").await {
                Ok(_) => self.current = Some((id, next.current, 2)),
                Err(_) => break Unanswered::ChangeOfRoles,
            }
            if rounds.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                match store.delete(&id).await {
                    Ok(existed) => assert!(existed),
                    Err(_) => break Unanswered::Logout,
                }
                self.current = None;
                self.ended.push(id);
            }
        });
        self
    }

    /// Checks that the store has all of that.
    async fn check(self, store: &MongoStore) {
        for id in self.ended {
            assert!(store.load(&id).await.expect("it runs").is_none(), "an ended sign-in is back");
        }
        let listed = store.list(&self.subject).await.expect("it runs");
        let unanswered = self.unanswered.expect("the server was killed");
        let Some((id, secret, version)) = self.current else {
            let created = usize::from(matches!(unanswered, Unanswered::SignIn));
            return assert!(listed.len() <= created, "{listed:?}");
        };
        let ended = match unanswered {
            Unanswered::Logout => listed.is_empty(),
            Unanswered::SignIn => listed.iter().all(|record| record.id != id) && listed.len() == 1,
            Unanswered::Refresh(_) | Unanswered::ChangeOfRoles => false,
        };
        if !ended {
            assert_eq!(listed.len(), 1, "the sign-in is lost, after {unanswered:?}");
            let found = &listed[0];
            let may_be = matches!(unanswered, Unanswered::Refresh(next) if found.current == next);
            assert!(found.current == secret || may_be, "the refresh is lost");
            assert!(found.version >= version, "the change of roles is lost");
        }
    }
}

/// The server is killed while users sign in, refresh, change roles and log out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sec_14_nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let mut server = MongoServer::with(&[MongoServer::DURABLE]);
    let store = Arc::new(open(server.url()).await);
    let rounds = Arc::new(AtomicU64::new(0));
    let users = (0..4).map(|user| {
        let (store, rounds) = (Arc::clone(&store), Arc::clone(&rounds));
        let user = Acknowledged { subject: format!("user-{user}"), ..Acknowledged::default() };
        tokio::spawn(async move { user.act(&store, &rounds).await })
    });
    let users: Vec<_> = users.collect();
    until("users have logged out", || (rounds.load(Ordering::Relaxed) > 20).then_some(()));
    server.kill();
    let mut left = Vec::new();
    for user in users {
        left.push(user.await.expect("no panic"));
    }
    server.start_again();
    recovers(&*store, Duration::from_secs(5)).await;
    for user in left {
        user.check(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_unavailable() {
    let store = empty().await;
    let id = sign_in(&store, "ada").await;
    store.close().await.expect("no operation has begun");
    let error = store.load(&id).await.expect_err("it is closed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    store.close().await.expect("it is closed already");
}
