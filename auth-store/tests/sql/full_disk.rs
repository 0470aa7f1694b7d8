//! A disk that has no room for one more sign-in.
//!
//! Once with a small file system of memory, where one may be mounted, and once with a limit of the size
//! of files, which every process may set. Both begin with the process: the test runs itself again.

use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use auth_core::SignInId;
use auth_servers::Scratch;
use auth_store::{CompareAndSwap, SqliteStore, Store, StoreErrorKind};

use crate::sign_in::{data, draft, sign_in};

/// Set for a test that is run again, in what was made for it.
const INSIDE: &str = "AUTH_TESTS_FULL_DISK";

/// Runs its arguments with files of a megabyte at most: what goes beyond is an error, and no end. Whole
/// blocks of 512 bytes; a shell that counts in 1,024 allows two megabytes.
const LIMITED: &str = r#"trap '' XFSZ; ulimit -S -f 2048; exec "$@""#;

/// Has this test run again by such a command.
///
/// # Panics
/// If it fails.
#[allow(clippy::print_stdout)] // shown with --nocapture
fn again(command: &[&str], test: &str) {
    let [program, args @ ..] = command else { unreachable!("there is a command") };
    let Output { status, stdout, stderr } = Command::new(program)
        .args(args)
        .arg(std::env::current_exe().expect("a test has a file"))
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("it starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}");
    println!("{stdout}");
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Where nothing more can be written, until there is room again.
trait Disk {
    fn path(&self) -> &Path;
    fn makes_room(&self);
}

/// A disk of two megabytes, in memory, of which a file takes one.
struct Small(Scratch);

impl Small {
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
        assert!(mounted.status.success(), "{complaint}");
        let disk = Self(folder);
        std::fs::write(disk.ballast(), vec![0; 1024 * 1024]).expect("there is room");
        disk
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Disk for Small {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn makes_room(&self) {
        std::fs::remove_file(self.ballast()).expect("it is there");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a store may still have the file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// A folder of a process whose files are limited.
struct Limited(Scratch);

impl Disk for Limited {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn makes_room(&self) {
        let own = process::id().to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited:", "--pid", &own]).status();
        assert!(lifted.expect("`prlimit` starts").success());
    }
}

/// Whether a file system may be mounted here, without being root.
fn may_mount() -> bool {
    let mount = ["-rm", "mount", "-t", "tmpfs", "-o", "size=2m", "auth-tests", "/mnt"];
    Command::new("unshare").args(mount).output().is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_that_was_acknowledged_is_lost() {
    if is_inside() {
        loses_nothing(&Small::mount()).await;
    } else if may_mount() {
        let test = "full_disk::on_a_full_disk_nothing_that_was_acknowledged_is_lost";
        again(&["unshare", "-rm"], test);
    } else {
        println!(
            "no file system may be mounted here: the limit of the size of files is what is left"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_of_a_file_nothing_that_was_acknowledged_is_lost() {
    if is_inside() {
        loses_nothing(&Limited(Scratch::new())).await;
    } else {
        let test = "full_disk::at_the_limit_of_a_file_nothing_that_was_acknowledged_is_lost";
        again(&["sh", "-c", LIMITED, "sh"], test);
    }
}

async fn open(disk: &impl Disk) -> SqliteStore {
    let url = format!("sqlite:{}", disk.path().join("sign-ins.db").display());
    SqliteStore::builder(url).migrate().connect().await.expect("there is a file")
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

#[allow(clippy::print_stdout)] // shown with --nocapture
async fn loses_nothing(disk: &impl Disk) {
    let store = open(disk).await;
    let (ended, updated) = (sign_in(&store, "bob").await, sign_in(&store, "bob").await);
    assert!(store.delete(&ended).await.expect("there is room"));
    let kept = fill(&store).await;
    assert!(kept.len() > 3, "{}", kept.len());

    // What is said to be done is done, and what is not said to be is not.
    let mut version = 0;
    let mut refused = 0;
    for number in 0..20 {
        match store.update(&updated, version, data(&number.to_string())).await {
            Ok(CompareAndSwap::Stored(record)) => version = record.version,
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

    disk.makes_room();
    let late = sign_in(&store, "carol").await;
    store.update(&updated, version, data("\"late\"")).await.expect("there is room again");
    for store in [&store, &open(disk).await] {
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
