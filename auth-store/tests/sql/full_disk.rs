//! A disk that has no room for one more sign-in.

use std::path::{Path, PathBuf};
use std::process::Command;

use auth_core::SignInId;
use auth_servers::Scratch;
use auth_store::{SqliteStore, Store, StoreErrorKind, Swap};

use crate::sign_in::{data, draft, sign_in};

/// A disk of two megabytes, in memory, of which a file takes one.
struct Disk(Scratch);

impl Disk {
    /// # Panics
    /// If this user may not mount.
    fn mount() -> Self {
        let folder = Scratch::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "auth-tests"])
            .arg(folder.path())
            .output()
            .expect("`mount` starts");
        let complaint = String::from_utf8_lossy(&mounted.stderr);
        assert!(mounted.status.success(), "a small disk takes the right to mount one: {complaint}");
        let disk = Self(folder);
        std::fs::write(disk.ballast(), vec![0; 1024 * 1024]).expect("there is room");
        disk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    async fn store(&self) -> SqliteStore {
        let url = format!("sqlite:{}", self.path().join("sign-ins.db").display());
        SqliteStore::builder(url).migrate().connect().await.expect("there is a file")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a store may still have the file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Signs in until there is no room, and says who could.
async fn fill(store: &SqliteStore) -> Vec<SignInId> {
    let big = format!("\"{}\"", "x".repeat(30_000));
    let mut kept = Vec::new();
    loop {
        let mut record = draft(store, Some("ada")).1;
        (record.data, kept) = (data(&big), kept);
        let sid = record.sid;
        match store.create(record, None).await {
            Ok(_) => kept.push(sid),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                return kept;
            }
        }
        assert!(kept.len() < 100, "it is never full");
    }
}

async fn is_there(store: &SqliteStore, sid: &SignInId) -> bool {
    store.load(sid).await.expect("reading needs no room").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_that_was_acknowledged_is_lost() {
    let disk = Disk::mount();
    let store = disk.store().await;
    let (ended, updated) = (sign_in(&store, "bob").await, sign_in(&store, "bob").await);
    assert!(store.delete(&ended).await.expect("there is room"));
    let kept = fill(&store).await;
    assert!(kept.len() > 3, "{}", kept.len());

    // What is said to be done is done, and what is not said to be is not.
    let mut version = 0;
    let mut refused = 0;
    for number in 0..20 {
        match store.update(&updated, version, data(&number.to_string())).await {
            Ok(Swap::Stored(record)) => version = record.version,
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                refused += 1;
            }
        }
    }
    let record = store.load(&updated).await.expect("reading needs no room").expect("it is kept");
    assert_eq!(record.version, version);
    for sid in &kept {
        assert!(is_there(&store, sid).await);
    }
    let (logged_out, rest) = kept.split_last().expect("some were kept");
    let out = match store.delete(logged_out).await {
        Ok(there_was) => there_was,
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            false
        }
    };
    assert_eq!(is_there(&store, logged_out).await, !out);
    println!("on a full disk: {refused} of 20 updates refused, a logout done: {out}");

    std::fs::remove_file(disk.ballast()).expect("it is there");
    let late = sign_in(&store, "carol").await;
    store.update(&updated, version, data("\"late\"")).await.expect("there is room again");
    for store in [&store, &disk.store().await] {
        for sid in rest {
            assert!(is_there(store, sid).await);
        }
        assert!(is_there(store, &late).await);
        assert_eq!(is_there(store, logged_out).await, !out);
        assert!(!is_there(store, &ended).await, "it stays ended");
    }
    assert_eq!(
        store.revoke_subject("ada").await.expect("there is room"),
        kept.len() - usize::from(out)
    );
}
