//! What the store keeps in Redis: the keys, their times to live, and where they are.

use std::time::Duration;

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{
    CompareAndSwap, Deadlines, Nonce, OverflowPolicy, Record, RedisStore, RotationGrace, Secret,
    SignInDetails, SignInLimit, Store, StoreErrorKind, conformance,
};
use redis::{Connection, Value};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};
use crate::stores::builder;

fn all_keys(connection: &mut Connection) -> Vec<Vec<u8>> {
    redis::cmd("KEYS").arg("*").query(connection).expect("it runs")
}

/// Returns every key and value, as they are and as `DUMP` shows them.
fn everything(connection: &mut Connection) -> Vec<u8> {
    let mut all = Vec::new();
    for key in all_keys(connection) {
        let value: Value = redis::cmd("DUMP").arg(&key).query(connection).expect("it runs");
        let Value::BulkString(dumped) = value else { panic!("{value:?}") };
        all.extend(dumped);
        let value = redis::cmd("GET").arg(&key).query::<Vec<u8>>(connection);
        all.extend(value.unwrap_or_default());
        all.extend(key);
    }
    all
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn sec_24_the_dump_of_all_keys_holds_no_secret() {
    // Not compressed, so that it can be searched.
    let server = RedisServer::with(&["--rdbcompression", "no"]);
    let store = builder(server.url()).connect().await.expect("it runs");
    let (first, mut record) = draft(&store, Some("ada"));
    record.details = Some(Box::new(SignInDetails::default()));
    let id = record.id;
    store.create(record, None).await.expect("it runs");
    let nonce = Nonce::generate().expect("randomness");
    let second = first.successor(&nonce);
    let previous = first.digests(KIND).current;
    let until = now() + Duration::from_secs(60);
    let mut rotation = rotation(second.digests(KIND));
    rotation.grace =
        Some(RotationGrace { previous, nonce, replaced_at: now(), until, user_agent: None });
    store.rotate(&id, &previous, rotation).await.expect("it runs");
    store.update(&id, 1, data("\"in the cart\"")).await.expect("it runs");
    let (visitor, record) = draft(&store, None);
    store.create(record, None).await.expect("it runs");

    let mut connection = server.connection().expect("it runs");
    let all = everything(&mut connection);
    assert!(contains(&all, b"in the cart"), "the dump can be searched");
    assert!(contains(&all, &second.digests(KIND).current.0), "the digest is there");
    for secret in [&first, &second, &visitor] {
        let text = secret.to_text();
        let raw = base64(&text);
        for part in raw[16..].windows(8) {
            assert!(!contains(&all, part), "eight bytes of a secret");
        }
        for part in text.as_bytes()[24..].windows(10) {
            assert!(!contains(&all, part), "ten characters of a secret");
        }
    }
}

/// Decodes a secret's text.
fn base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = text
        .bytes()
        .flat_map(|letter| (0..6).rev().map(move |bit| value(letter) >> bit & 1))
        .collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

#[tokio::test]
async fn every_key_has_a_time_to_live() {
    let server = RedisServer::start();
    let store = builder(server.url()).connect().await.expect("it runs");
    let id = sign_in(&store, "ada").await;
    store.update(&id, 0, data("[]")).await.expect("it runs");
    store.touch(&id, now() + Duration::from_secs(10)).await.expect("it runs");
    store.update_subject("ada", b"{}").await.expect("it runs");
    store.create(draft(&store, None).1, None).await.expect("it runs");
    let mut connection = server.connection().expect("it runs");
    let (hour, day) = (3600, 86_400);
    for key in all_keys(&mut connection) {
        let left: i64 = redis::cmd("TTL").arg(&key).query(&mut connection).expect("it runs");
        let name = String::from_utf8_lossy(&key);
        let expected = match &*name {
            name if name.ends_with("key") => -1..=-1,
            name if name.contains(":u:") || name.ends_with(":a") => {
                30 * day + hour - 60..=30 * day + hour
            }
            _ => day + hour - 60..=day + hour + 10,
        };
        assert!(expected.contains(&left), "{name} ends in {left} s");
    }
}

/// Regression: it was kept for an hour, and where the eviction of anonymous sign-ins did not find it.
#[tokio::test]
async fn the_marker_of_a_replaced_cookie_lasts_a_minute_in_a_bucket() {
    let server = RedisServer::start();
    let store = builder(server.url()).max_anonymous(16).connect().await.expect("it runs");
    let replaced = sign_in(&store, "ada").await;
    let id = store.marker_id(&replaced);
    assert_eq!(id, store.marker_id(&replaced), "every node finds it");
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    let deadlines = Deadlines { idle_secs: 0, ends_at: now() + Duration::from_secs(60) };
    let mut marker = Record::new(id, KIND, digests, None, deadlines, now());
    marker.data.insert("\u{1}replaced", "true");
    assert!(marker.is_replaced());
    store.create(marker, None).await.expect("it runs");

    let mut connection = server.connection().expect("it runs");
    let name = format!("{{0000}}:s:{id}"); // in the only bucket
    let key = all_keys(&mut connection).into_iter().find(|key| key.ends_with(name.as_bytes()));
    let left: i64 = redis::cmd("PTTL").arg(key).query(&mut connection).expect("it runs");
    assert!((1..=60_000).contains(&left), "{left} ms");
    for _ in 0..16 {
        store.create(draft(&store, None).1, None).await.expect("it evicts the marker");
    }
    assert!(store.load(&id).await.expect("it runs").is_none());
    assert!(store.load(&replaced).await.expect("it runs").is_some());
}

#[tokio::test]
async fn a_record_of_a_later_format_is_an_error() {
    let server = RedisServer::start();
    let store =
        RedisStore::builder(server.url()).prefix("later:").connect().await.expect("it runs");
    let (id, other) = (sign_in(&store, "ada").await, sign_in(&store, "ada").await);
    overwrite(&server, &id, 0, b"\x02");
    let digest = Secret::generate(id).expect("randomness").digests(KIND);
    let kinds = [
        store.load(&id).await.expect_err("the format is unknown").kind(),
        store.list("ada").await.expect_err("the format is unknown").kind(),
        store.update(&id, 0, data("[]")).await.expect_err("the format is unknown").kind(),
        store.touch(&id, now()).await.expect_err("the format is unknown").kind(),
        store.update_subject("ada", b"{}").await.expect_err("the format is unknown").kind(),
        store.delete_if_version(&id, 0).await.expect_err("the format is unknown").kind(),
        store
            .rotate(&id, &digest.current, rotation(digest))
            .await
            .expect_err("the format is unknown")
            .kind(),
    ];
    assert_eq!(kinds, [StoreErrorKind::Invalid; 7]);
    let kept = store.load(&other).await.expect("it runs").expect("it is there");
    assert_eq!(kept.version, 0, "a failed `update_subject` changes nothing");

    assert!(store.delete(&id).await.expect("it runs"), "a record of any format can be deleted");
    assert_eq!(store.list("ada").await.expect("it runs").len(), 1);
    overwrite(&server, &other, 0, b"\x02");
    assert_eq!(store.revoke_subject("ada").await.expect("it runs"), 1);

    let damaged = sign_in(&store, "ada").await;
    overwrite(&server, &damaged, 100, b"\xff\xff\xff");
    assert_eq!(store.load(&damaged).await.expect_err("damaged").kind(), StoreErrorKind::Invalid);
}

/// Neither its own end nor that of the others decodes it.
#[tokio::test]
async fn unreadable_records_can_be_ended() {
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).prefix("later:").connect().await;
    let damage = async |id: &SignInId| overwrite(&server, id, 0, b"\x02");
    let report = conformance::check_unreadable(store.expect("it runs"), damage).await;
    report.assert_passed();
}

fn overwrite(server: &RedisServer, id: &SignInId, at: usize, bytes: &[u8]) {
    let [high, low, ..] = *id.as_bytes();
    let key = format!("later:{{{high:02x}{low:02x}}}:s:{id}");
    let mut connection = server.connection().expect("it runs");
    let mut set = redis::cmd("SETRANGE");
    set.arg(&key).arg(at).arg(bytes).exec(&mut connection).expect("it runs");
}

/// A step that needs memory fails as a whole. Sign-ins can still be ended.
#[tokio::test]
async fn a_full_server_refuses_and_changes_nothing() {
    let server = RedisServer::start();
    let store = builder(server.url()).connect().await.expect("it runs");
    let (id, other) = (sign_in(&store, "ada").await, sign_in(&store, "ada").await);
    let _ = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let created = store.create(draft(&store, Some("ada")).1, Some(limit)).await;
    assert_eq!(created.expect_err("full").kind(), StoreErrorKind::Unavailable);
    let updated = store.update(&id, 0, data("[]")).await;
    assert_eq!(updated.expect_err("full").kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.list("ada").await.expect("it runs").len(), 2, "no sign-in was evicted");
    assert!(store.delete(&id).await.expect("ending needs no memory"));
    assert_eq!(store.revoke_subject("ada").await.expect("ending needs no memory"), 1);
    assert!(store.load(&other).await.expect("it runs").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_follow_slots_that_move() {
    let cluster = RedisCluster::start();
    let prefix = "moving:";
    let store = RedisStore::builder(cluster.url()).prefix(prefix).connect().await.expect("it runs");
    let id = sign_in(&store, "ada").await;
    let base = {
        let [high, low, ..] = *id.as_bytes();
        format!("{prefix}{{{high:02x}{low:02x}}}:")
    };
    let (record, index) = (format!("{base}s:{id}"), format!("{base}u:ada"));
    let slot: u16 =
        redis::from_redis_value(cluster.servers[0].ask(&["CLUSTER", "KEYSLOT", &index])).unwrap();
    let from = usize::from(slot) * 3 / 16384;
    let (from, to) = (&cluster.servers[from], &cluster.servers[(from + 1) % 3]);
    let node_id = |server: &RedisServer| -> String {
        redis::from_redis_value(server.ask(&["CLUSTER", "MYID"])).unwrap()
    };
    let (from_id, to_id, slot) = (node_id(from), node_id(to), slot.to_string());
    let _ = to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    let _ = from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    let port = to.port().to_string();
    let _ = from.ask(&["MIGRATE", "127.0.0.1", &port, &record, "0", "5000"]);
    // The record has moved, and the index has not.
    assert!(store.load(&id).await.expect("it follows").is_some());
    let error = store.revoke_subject("ada").await.expect_err("the keys are on two servers");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(store.load(&id).await.expect("it follows").is_some(), "nothing has changed");
    let _ = from.ask(&["MIGRATE", "127.0.0.1", &port, &index, "0", "5000"]);
    assert!(matches!(store.update(&id, 0, data("[1]")).await, Ok(CompareAndSwap::Stored(_))));
    for server in [to, from] {
        let _ = server.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    let again = sign_in(&store, "ada").await;
    let mut listed: Vec<_> =
        store.list("ada").await.expect("it follows").iter().map(|record| record.id).collect();
    listed.sort();
    let mut expected = [id, again];
    expected.sort();
    assert_eq!(listed, expected);
    assert_eq!(store.revoke_subject("ada").await.expect("it follows"), 2);
}

/// Regression: a primary that came back empty had lost the routing key. The next node to start stored a
/// new one, so that the sign-ins on all other primaries were not found any more.
#[tokio::test(flavor = "multi_thread")]
async fn sec_15_17_an_emptied_primary_does_not_hide_the_sign_ins_of_others() {
    let cluster = RedisCluster::start();
    let connect = || RedisStore::builder(cluster.url()).prefix("kept:").connect();
    let old = connect().await.expect("they run");
    let emptied = cluster.primary_of(cluster.slot("kept:key"));
    let mut kept = Vec::new();
    for number in 0..20 {
        let subject = format!("user{number}");
        let id = sign_in(&old, &subject).await;
        let [high, low, ..] = *id.as_bytes();
        let slot = cluster.slot(&format!("{{{high:02x}{low:02x}}}"));
        if cluster.primary_of(slot) != emptied {
            kept.push(subject);
        }
    }
    let _ = cluster.servers[emptied].ask(&["FLUSHALL"]);
    let new = connect().await.expect("they run");
    for subject in &kept {
        assert_eq!(new.list(subject).await.expect("they run").len(), 1);
        assert_eq!(new.revoke_subject(subject).await.expect("they run"), 1);
    }
    assert!(!kept.is_empty());
    let back =
        redis::from_redis_value::<bool>(cluster.servers[emptied].ask(&["EXISTS", "kept:key"]));
    assert!(back.expect("it runs"), "the server has its copy again");
}
