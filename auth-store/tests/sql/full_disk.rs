//! A full disk under SQLite.
//!
//! One test mounts a small file system in memory, if it may; the other limits the size of files, which
//! every process may do. Both apply to a whole process, so each test runs itself again in a child.

use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use auth_core::SignInId;
use auth_servers::Scratch;
use auth_store::{CompareAndSwap, SqliteStore, Store, StoreErrorKind};

use crate::sign_in::{data, draft, sign_in};

/// The environment variable that is set in the child process.
const INSIDE: &str = "AUTH_TESTS_FULL_DISK";

/// A shell script that runs its arguments with files of at most one megabyte. A write beyond that fails
/// instead of killing the process. The unit is 512 bytes; a shell that counts in units of 1,024 allows
/// two megabytes.
const LIMITED: &str = r#"trap '' XFSZ; ulimit -S -f 2048; exec "$@""#;

/// Runs this test again with such a command.
///
/// # Panics
///
/// Panics if it fails.
#[allow(clippy::print_stdout)] // shown with --nocapture
fn run_again(command: &[&str], test: &str) {
    let [program, args @ ..] = command else { unreachable!("the command is not empty") };
    let Output { status, stdout, stderr } = Command::new(program)
        .args(args)
        .arg(std::env::current_exe().expect("the path of the test"))
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("the command starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}");
    println!("{stdout}");
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// A place where writes fail until space is freed.
trait Disk {
    fn path(&self) -> &Path;
    fn free_space(&self);
}

/// A file system of two megabytes in memory, of which a file takes one.
struct SmallDisk(Scratch);

impl SmallDisk {
    /// # Panics
    ///
    /// Panics if this user may not mount.
    fn mount() -> Self {
        let folder = Scratch::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "auth-tests"])
            .arg(folder.path())
            .output()
            .expect("`mount` starts");
        let error = String::from_utf8_lossy(&mounted.stderr);
        assert!(mounted.status.success(), "{error}");
        let disk = Self(folder);
        std::fs::write(disk.ballast(), vec![0; 1024 * 1024]).expect("there is space");
        disk
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Disk for SmallDisk {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn free_space(&self) {
        std::fs::remove_file(self.ballast()).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A store may still have the file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// A folder of a process whose file size is limited.
struct LimitedFiles(Scratch);

impl Disk for LimitedFiles {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn free_space(&self) {
        let pid = process::id().to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited:", "--pid", &pid]).status();
        assert!(lifted.expect("`prlimit` starts").success());
    }
}

/// Returns whether a user other than root may mount a file system here.
fn may_mount() -> bool {
    let mount = ["-rm", "mount", "-t", "tmpfs", "-o", "size=2m", "auth-tests", "/mnt"];
    Command::new("unshare").args(mount).output().is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_no_acknowledged_operation() {
    if is_inside() {
        assert_loses_nothing(&SmallDisk::mount()).await;
    } else if may_mount() {
        let test = "full_disk::a_full_disk_loses_no_acknowledged_operation";
        run_again(&["unshare", "-rm"], test);
    } else {
        println!("skipped: no file system may be mounted here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_size_limit_loses_no_acknowledged_operation() {
    if is_inside() {
        assert_loses_nothing(&LimitedFiles(Scratch::new())).await;
    } else {
        let test = "full_disk::a_file_size_limit_loses_no_acknowledged_operation";
        run_again(&["sh", "-c", LIMITED, "sh"], test);
    }
}

async fn open(disk: &impl Disk) -> SqliteStore {
    let url = format!("sqlite:{}", disk.path().join("sign-ins.db").display());
    SqliteStore::builder(url).migrate().connect().await.expect("the file opens")
}

/// Signs in until the disk is full, and returns the stored sign-ins.
async fn fill(store: &SqliteStore) -> Vec<SignInId> {
    let big = format!("\"{}\"", "x".repeat(30_000));
    let mut kept = Vec::new();
    loop {
        let mut record = draft(store, Some("ada")).1;
        (record.data, kept) = (data(&big), kept);
        let id = record.id;
        match store.create(record, None).await {
            Ok(_) => kept.push(id),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                return kept;
            }
        }
        assert!(kept.len() < 100, "it is never full");
    }
}

async fn exists(store: &SqliteStore, id: &SignInId) -> bool {
    store.load(id).await.expect("reading needs no space").is_some()
}

#[allow(clippy::print_stdout)] // shown with --nocapture
async fn assert_loses_nothing(disk: &impl Disk) {
    let store = open(disk).await;
    let (ended, updated) = (sign_in(&store, "bob").await, sign_in(&store, "bob").await);
    assert!(store.delete(&ended).await.expect("there is space"));
    let kept = fill(&store).await;
    assert!(kept.len() > 3, "{}", kept.len());

    // Acknowledged operations have taken effect, and failed ones have not.
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
    let record =
        store.load(&updated).await.expect("reading needs no space").expect("the sign-in exists");
    assert_eq!(record.version, version);
    for id in &kept {
        assert!(exists(&store, id).await);
    }
    let (logged_out, rest) = kept.split_last().expect("some were kept");
    let out = match store.delete(logged_out).await {
        Ok(there_was) => there_was,
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            false
        }
    };
    assert_eq!(exists(&store, logged_out).await, !out);
    println!("on a full disk: {refused} of 20 updates failed, logout succeeded: {out}");

    disk.free_space();
    let late = sign_in(&store, "carol").await;
    store.update(&updated, version, data("\"late\"")).await.expect("there is space again");
    for store in [&store, &open(disk).await] {
        for id in rest {
            assert!(exists(store, id).await);
        }
        assert!(exists(store, &late).await);
        assert_eq!(exists(store, logged_out).await, !out);
        assert!(!exists(store, &ended).await, "the sign-in remains ended");
    }
    assert_eq!(
        store.revoke_subject("ada").await.expect("there is space"),
        kept.len() - usize::from(out)
    );
}
