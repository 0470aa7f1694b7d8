//! Answers that are lost after the server has executed a command, and commits of unknown outcome.
//!
//! The driver repeats a write or a commit once, and the server recognizes the repetition.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_servers::{MongoServer, Proxy};
use auth_store::{
    CompareAndSwap, Created, MongoStore, OverflowPolicy, Secret, SignInLimit, Store, StoreErrorKind,
};
use mongodb::Client;
use mongodb::bson::{Bson, doc};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};
use crate::stores::{SERVER, open};

const LIMIT: SignInLimit =
    SignInLimit { max: NonZeroU32::new(2).expect("not 0"), when_full: OverflowPolicy::EvictOldest };

/// Opens an empty store that reaches the server through a proxy.
async fn proxied() -> (MongoStore, Proxy) {
    let proxy = Proxy::in_place_of(SERVER.port()).await;
    let address = |port: u16| format!("127.0.0.1:{port}");
    let url = SERVER.url_of_new().replace(&address(SERVER.port()), &address(proxy.port()));
    (open(url).await, proxy)
}

/// Returns whether an answer is that to a write outside of a transaction, or to a commit.
fn is_of_write(asked: &[u8], _: &[u8]) -> bool {
    let has = |word: &str| asked.windows(word.len()).any(|bytes| bytes == word.as_bytes());
    let writes = has("\x02findAndModify\0") || has("\x02insert\0");
    has("commitTransaction") || writes && !has("autocommit")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_answer_was_lost_once_is_taken_once_and_answered() {
    let (store, proxy) = proxied().await;
    macro_rules! once {
        ($step:expr) => {{
            proxy.lose_if(1, is_of_write);
            let answer = $step.await.expect("it is repeated");
            assert_eq!(proxy.left(), 0, "the answer was lost");
            answer
        }};
    }
    let (secret, record) = draft(&store, Some("ada"));
    let id = record.id;
    assert_eq!(once!(store.create(record, None)), Created::Stored { evicted: 0 });
    let updated = once!(store.update(&id, 0, data("[1]")));
    assert!(matches!(updated, CompareAndSwap::Stored(record) if record.version == 1));
    let next = Secret::generate(id).expect("randomness").digests(KIND);
    let rotated = once!(store.rotate(&id, &secret.digests(KIND).current, rotation(next)));
    assert!(matches!(rotated, CompareAndSwap::Stored(record) if record.version == 2));
    assert_eq!(once!(store.update_subject("ada", b"{}")), 1);
    let record = store.load(&id).await.expect("it runs").expect("it is there");
    assert_eq!((record.version, record.current), (3, next.current));
    assert!(once!(store.delete(&id)));
    assert!(store.load(&id).await.expect("it runs").is_none());
    assert_eq!(once!(store.revoke_subject("ada")), 0);
}

/// A second attempt of the store's own would evict the sign-in of the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_without_any_answer_is_unavailable_and_taken_once() {
    let (store, proxy) = proxied().await;
    macro_rules! unanswered {
        ($step:expr) => {{
            proxy.lose_if(usize::MAX, is_of_write);
            let error = $step.await.expect_err("no answer arrives");
            proxy.lose(0);
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        }};
    }
    let mut older = draft(&store, Some("ada")).1;
    older.created_at = now().before(Duration::from_secs(1));
    let old = older.id;
    store.create(older, None).await.expect("it runs");
    let kept = sign_in(&store, "ada").await;
    let new = draft(&store, Some("ada")).1;
    unanswered!(store.create(new.clone(), Some(LIMIT)));
    let listed = store.list("ada").await.expect("it runs");
    let listed: Vec<_> = listed.iter().map(|record| record.id).collect();
    assert!(!listed.contains(&old) && listed.contains(&kept) && listed.contains(&new.id));

    unanswered!(store.update(&kept, 0, data("[1]")));
    let record = store.load(&kept).await.expect("it runs").expect("it is there");
    assert_eq!((record.version, &record.data), (1, &data("[1]")), "taken once");
    unanswered!(store.delete(&kept));
    assert!(store.load(&kept).await.expect("it runs").is_none());
    unanswered!(store.revoke_subject("ada"));
    assert!(store.list("ada").await.expect("it runs").is_empty());
}

/// The server commits, and answers that it does not know whether a majority has the commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_unknown_outcome_is_repeated_and_never_reported_as_failed() {
    let server = MongoServer::with(&[MongoServer::FAIL_POINTS]);
    let store = open(server.url()).await;
    let admin = Client::with_uri_str(server.url()).await.expect("a valid URL").database("admin");
    let fail = async |mode: Bson| {
        let unknown = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
        let commits = doc! { "failCommands": ["commitTransaction"], "writeConcernError": unknown };
        let point = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": commits };
        admin.run_command(point).await.expect("it runs");
    };
    let mut ids = Vec::new();
    for number in 0..2 {
        let mut record = draft(&store, Some("ada")).1;
        record.created_at = now().before(Duration::from_secs(10 - number));
        ids.push(record.id);
        store.create(record, None).await.expect("it runs");
    }
    fail(doc! { "times": 3 }.into()).await;
    let new = draft(&store, Some("ada")).1;
    let created = store.create(new.clone(), Some(LIMIT)).await.expect("the commit is repeated");
    assert_eq!(created, Created::Stored { evicted: 1 });
    assert!(store.load(&ids[0]).await.expect("it runs").is_none(), "the oldest is evicted");

    fail("alwaysOn".into()).await;
    let error = store.create(draft(&store, Some("ada")).1, Some(LIMIT)).await;
    let error = error.expect_err("the outcome stays unknown");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "it may have happened");
    let error = store.revoke_subject("ada").await.expect_err("the outcome stays unknown");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "it may have happened");
    fail("off".into()).await;
    assert!(store.list("ada").await.expect("it runs").is_empty(), "both have happened");
}
