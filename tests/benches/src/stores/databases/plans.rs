//! The query plans with which PostgreSQL executes the statements of the store.
//!
//! A statement that scans the whole table is fast in tests and slow in production. The plans are those
//! that the server logs, not those that `EXPLAIN` predicts.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Persistence, Timestamp};
use auth_servers::until;
use auth_store::{
    CompareAndSwap, Created, Deadlines, Deleted, Lifetime, OverflowPolicy, PostgresStore,
    Reauthentication, Record, Rotation, Secret, SecretKind, SessionData, SignInLimit, Store,
};
use tokio::runtime::Runtime;

use crate::stores::databases::million::Million;

const HOUR: Duration = Duration::from_secs(3600);
const KIND: SecretKind = SecretKind::Cookie;

/// The user of the statements about a subject.
const SUBJECT: &str = "user-00500000";

/// A statement, and its scans in custom and generic plans.
pub struct Plan {
    /// The statement, without its columns.
    pub statement: String,
    /// The scans.
    pub scans: BTreeSet<String>,
}

impl Plan {
    /// Returns whether the whole table is scanned.
    pub fn is_sequential(&self) -> bool {
        self.scans.iter().any(|scan| scan.contains("Seq Scan"))
    }
}

/// Executes every statement among a million sign-ins, and returns the plans that the server logs.
pub fn plans(million: &Million, runtime: &Runtime) -> Vec<Plan> {
    million.set("session_preload_libraries = 'auto_explain'");
    million.set("auto_explain.log_min_duration = 0");
    for (number, mode) in ["force_custom_plan", "force_generic_plan"].into_iter().enumerate() {
        million.set(&format!("plan_cache_mode = {mode}"));
        runtime.block_on(async {
            // One connection logs its plans in order. `max_anonymous` of 0 makes the store delete visitors.
            let builder = million.builder().max_anonymous(0).max_connections(1);
            execute_all(&builder.connect().await.unwrap(), million.now).await;
        });
        until("the plans are logged", || {
            let log = logged(million);
            (log.matches(LAST).count() > number).then_some(())
        });
    }
    read(&logged(million))
}

/// A condition that only the last statement has.
const LAST: &str = "sid = $1 AND last_seen <= $2";

/// Executes every kind of statement.
async fn execute_all(store: &PostgresStore, now: Timestamp) {
    // The sweep postpones this one, because it was used after its creation.
    let old = draft(store, Some("user-old"), now.before(480 * HOUR)).1;
    let used = old.id;
    store.create(old, None).await.unwrap();
    store.touch(&used, now.before(HOUR / 2)).await.unwrap();
    execute_of_one(store, now).await;
    execute_of_a_user(store, now).await;
    let visitor = draft(store, None, now).1;
    let visits = visitor.id;
    store.create(visitor, None).await.unwrap();
    while store.load(&visits).await.unwrap().is_some() {
        tokio::task::yield_now().await; // the store deletes it in the background
    }
    assert!(!store.delete_if_idle(&visits, now).await.unwrap());
}

async fn execute_of_one(store: &PostgresStore, now: Timestamp) {
    let (secret, new) = draft(store, Some(SUBJECT), now);
    let (id, deadlines) = (new.id, new.deadlines);
    store.create(new, None).await.unwrap();
    assert!(store.load(&id).await.unwrap().is_some());
    let data = SessionData::from_iter([("cart", "3")]);
    assert!(matches!(store.update(&id, 0, data).await.unwrap(), CompareAndSwap::Stored(_)));
    let reauthentication = Reauthentication {
        at: now,
        seen_at: now,
        deadlines,
        persistence: Persistence::Session,
        principal: Some(Box::default()),
        details: None,
    };
    let mut from = secret.digests(KIND).current;
    for reauthentication in [None, Some(reauthentication)] {
        let digests = Secret::generate(id).unwrap().digests(KIND);
        let to = digests.current;
        let rotation = Rotation { kind: KIND, digests, grace: None, reauthentication };
        let rotated = store.rotate(&id, &from, rotation).await.unwrap();
        assert!(matches!(rotated, CompareAndSwap::Stored(_)));
        from = to;
    }
    assert!(matches!(store.delete_if_version(&id, 0).await.unwrap(), Deleted::Conflict(_)));
    assert!(store.delete(&id).await.unwrap());
}

async fn execute_of_a_user(store: &PostgresStore, now: Timestamp) {
    let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::EvictOldest };
    store.create(draft(store, Some(SUBJECT), now).1, None).await.unwrap();
    let new = draft(store, Some(SUBJECT), now).1;
    let id = new.id;
    let created = store.create(new, Some(limit)).await.unwrap();
    assert!(matches!(created, Created::Stored { evicted: 1.. }));
    assert_eq!(store.list(SUBJECT).await.unwrap().len(), 1);
    assert_eq!(store.update_subject(SUBJECT, b"").await.unwrap(), 1);
    assert_eq!(store.revoke_others(SUBJECT, &id).await.unwrap(), 0);
    assert!(store.revoke(SUBJECT, &id).await.unwrap());
    assert_eq!(store.revoke_subject(SUBJECT).await.unwrap(), 0);
}

/// Returns a sign-in that is not stored yet, and its secret.
fn draft(store: &dyn Store, subject: Option<&str>, now: Timestamp) -> (Secret, Record) {
    let id = store.new_id(subject).unwrap();
    let secret = Secret::generate(id).unwrap();
    let deadlines = Deadlines::starting(Lifetime::new(Some(HOUR), 720 * HOUR).unwrap(), now);
    let subject = subject.map(Arc::from);
    let record = Record::new(id, KIND, secret.digests(KIND), subject, deadlines, now);
    (secret, record)
}

/// Returns what the server has logged so far.
fn logged(million: &Million) -> String {
    million.server.ask("SELECT pg_read_file('log/plans.log')")
}

/// Reads the plans of statements about sign-ins: one line with the statement, and more that start with a tab.
fn read(log: &str) -> Vec<Plan> {
    let mut plans = BTreeMap::<_, BTreeSet<_>>::new();
    let entries = log.split("Query Text: ").skip(1).filter_map(|entry| entry.split_once('\n'));
    for (text, plan) in entries.filter(|(text, _)| text.contains("auth_sign_ins ")) {
        let lines = plan.lines().take_while(|line| line.starts_with('\t'));
        let scans = lines.filter_map(|line| {
            let (node, _) = line.split_once("  (cost")?;
            let node = node.trim().trim_start_matches("->").trim();
            let scan = node.strip_suffix(" on auth_sign_ins").unwrap_or(node);
            scan.contains("Scan").then(|| scan.to_owned())
        });
        plans.entry(brief(text)).or_default().extend(scans);
    }
    plans.into_iter().map(|(statement, scans)| Plan { statement, scans }).collect()
}

/// Returns the verb and the condition of a statement.
fn brief(text: &str) -> String {
    let verb = text.split(' ').next().unwrap_or_default();
    let which = text.split_once(" WHERE ").map_or("", |(_, which)| which);
    let which = which.split(" RETURNING ").next().unwrap_or_default();
    let which = which.split(", $").next().unwrap_or_default();
    format!("{verb} {which}").trim().to_owned()
}
