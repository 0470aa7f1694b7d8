//! Stores that are opened again, whose records are damaged, or whose answers are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{
    EachRecord, Peek, Record, SignInLimit, Store, StoreError, Watch, conformance, forward_store,
};
use parking_lot::Mutex;

use crate::plain::{Answer, Count, Creation, Ended, Listed, Loaded, Plain, See};

/// What is on a disk: the bytes of each record.
type Disk = Arc<Mutex<Vec<(SignInId, Vec<u8>)>>>;

/// A store that writes its records to a disk after each step.
struct OnDisk {
    plain: Plain,
    disk: Disk,
    /// The steps after which it writes nothing.
    forgets: &'static [&'static str],
}

impl OnDisk {
    fn open(disk: &Disk, forgets: &'static [&'static str]) -> Self {
        let plain = Plain::default();
        for (id, bytes) in &*disk.lock() {
            plain.tables().add(Record::from_bytes(*id, bytes).expect("its own bytes"));
        }
        Self { plain, disk: Arc::clone(disk), forgets }
    }

    async fn written<T>(&self, method: &str, step: impl Future<Output = Answer<T>>) -> Answer<T> {
        let result = step.await;
        if !self.forgets.contains(&method) {
            let tables = self.plain.tables();
            let records = tables.records.values();
            *self.disk.lock() = records.map(|record| (record.id, record.to_bytes())).collect();
        }
        result
    }
}

#[async_trait]
impl Store for OnDisk {
    forward_store!(self => self.plain, around: written);
}

/// Returns the failures of a store that forgets to write after these steps.
async fn failures(forgets: &'static [&'static str]) -> Vec<&'static str> {
    let disk = Disk::default();
    let report = conformance::check_durability(async || OnDisk::open(&disk, forgets)).await;
    let mut failures: Vec<_> = report.failures().map(|(check, _)| check).collect();
    failures.dedup();
    failures
}

#[tokio::test]
async fn a_store_that_writes_before_it_acknowledges_passes() {
    assert!(failures(&[]).await.is_empty());
}

#[tokio::test]
async fn a_create_that_is_not_durable_is_caught() {
    assert!(failures(&["create", "list", "load"]).await.contains(&"a_created_sign_in_is_durable"));
}

#[tokio::test]
async fn changes_that_are_not_durable_are_caught() {
    for (method, check) in [
        ("update", "an_update_is_durable"),
        ("rotate", "a_rotation_is_durable"),
        ("touch", "a_use_is_durable"),
        ("update_subject", "an_update_of_the_subject_is_durable"),
    ] {
        let forgets: &'static [&'static str] = Box::leak(Box::new([method]));
        assert_eq!(failures(forgets).await, [check]);
    }
}

#[tokio::test]
async fn ends_that_are_not_durable_are_caught() {
    for method in ["delete", "delete_if_version", "delete_if_idle", "revoke", "revoke_others"] {
        let forgets: &'static [&'static str] = Box::leak(Box::new([method]));
        assert_eq!(failures(forgets).await, ["an_end_is_durable"], "{method}");
    }
}

/// It writes everything when it is closed.
#[tokio::test]
async fn a_store_that_writes_only_when_it_is_closed_is_caught() {
    const ALL_BUT_CLOSE: &[&str] = &[
        "load",
        "find",
        "list",
        "create",
        "update",
        "rotate",
        "touch",
        "delete",
        "delete_if_version",
        "delete_if_idle",
        "revoke",
        "revoke_others",
        "revoke_subject",
        "update_subject",
        "sweep",
    ];
    let disk = Disk::default();
    let report = conformance::check_durability(async || OnDisk::open(&disk, ALL_BUT_CLOSE)).await;
    let failed = report.failures().len();
    assert!((1..report.checked()).contains(&failed), "only without `close`: {report}");
}

/// A store with records that cannot be decoded.
#[derive(Default)]
struct Damaged {
    plain: Plain,
    unreadable: Mutex<Vec<SignInId>>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    ReportsMissing,
    DeleteDecodes,
    RevokeSubjectDecodes,
    RevokeSubjectSkips,
    CreateDecodes,
    ListEachFails,
}

impl Damaged {
    fn check(&self, id: &SignInId) -> Result<(), StoreError> {
        if self.unreadable.lock().contains(id) {
            return Err(StoreError::new(auth_store::StoreErrorKind::Invalid, "it is damaged"));
        }
        Ok(())
    }

    fn check_all(&self, subject: &str) -> Result<(), StoreError> {
        let ids = self.plain.tables().of(subject);
        ids.iter().try_for_each(|id| self.check(id))
    }
}

#[async_trait]
impl Store for Damaged {
    forward_store!(self => self.plain, except: [
        peek, find, load, create, list, list_each, delete, revoke_subject,
    ]);

    fn peek(&self, _: &SignInId, see: See<'_>) {
        see(Peek::Miss);
    }

    async fn load(&self, id: &SignInId) -> Loaded {
        match self.check(id) {
            Err(_) if self.fault == Fault::ReportsMissing => Ok(None),
            Err(error) if self.plain.load(id).await?.is_some() => Err(error),
            _ => self.plain.load(id).await,
        }
    }

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        if let (Fault::CreateDecodes, Some(subject)) = (self.fault, &record.subject) {
            self.check_all(subject)?;
        }
        self.plain.create(record, limit).await
    }

    async fn list(&self, subject: &str) -> Listed {
        self.check_all(subject)?;
        self.plain.list(subject).await
    }

    async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        if self.fault == Fault::ListEachFails {
            self.check_all(subject)?;
        }
        let all = self.plain.list(subject).await?.into_iter();
        Ok(all.map(|record| self.check(&record.id).map(|()| record)).collect())
    }

    async fn delete(&self, id: &SignInId) -> Ended {
        if self.fault == Fault::DeleteDecodes {
            self.check(id)?;
        }
        self.plain.delete(id).await
    }

    async fn revoke_subject(&self, subject: &str) -> Count {
        match self.fault {
            Fault::RevokeSubjectDecodes => self.check_all(subject)?,
            Fault::RevokeSubjectSkips => {
                let mut tables = self.plain.tables();
                let mut ids = tables.of(subject);
                ids.retain(|id| self.check(id).is_ok());
                return Ok(tables.remove_all(&ids));
            }
            _ => {}
        }
        self.plain.revoke_subject(subject).await
    }
}

async fn failures_when_damaged(fault: Fault) -> Vec<&'static str> {
    let store = Arc::new(Damaged { fault, ..Damaged::default() });
    let damage = async |id: &SignInId| store.unreadable.lock().push(*id);
    let report = conformance::check_unreadable(Arc::clone(&store), damage).await;
    report.failures().map(|(check, _)| check).collect()
}

#[tokio::test]
async fn a_store_that_ends_unreadable_sign_ins_passes() {
    assert_eq!(failures_when_damaged(Fault::None).await, [""; 0]);
}

#[tokio::test]
async fn an_unreadable_sign_in_that_is_reported_missing_is_caught() {
    let failures = failures_when_damaged(Fault::ReportsMissing).await;
    assert_eq!(failures[..1], ["an_unreadable_sign_in_is_an_error"]);
}

#[tokio::test]
async fn a_delete_that_decodes_is_caught() {
    let failures = failures_when_damaged(Fault::DeleteDecodes).await;
    assert!(failures.contains(&"an_unreadable_sign_in_can_be_deleted"), "{failures:?}");
}

#[tokio::test]
async fn a_revocation_that_decodes_is_caught() {
    for fault in [Fault::RevokeSubjectDecodes, Fault::RevokeSubjectSkips] {
        let failures = failures_when_damaged(fault).await;
        assert!(
            failures.contains(&"an_unreadable_sign_in_ends_with_its_subject"),
            "{fault:?}: {failures:?}"
        );
    }
}

#[tokio::test]
async fn an_unreadable_sign_in_that_hides_the_others_is_caught() {
    let failures = failures_when_damaged(Fault::ListEachFails).await;
    assert_eq!(failures, ["an_unreadable_sign_in_hides_no_other"]);
}

#[tokio::test]
async fn a_create_that_decodes_the_other_sign_ins_is_caught() {
    let failures = failures_when_damaged(Fault::CreateDecodes).await;
    assert!(failures.contains(&"an_unreadable_sign_in_blocks_no_other"), "{failures:?}");
}

/// A store whose answers can be lost: the change happens, and the caller gets an error.
#[derive(Default)]
struct Unanswered {
    plain: Plain,
    loses: AtomicBool,
    /// Whether it notifies watches only of changes that it acknowledges.
    is_silent: bool,
}

impl Unanswered {
    async fn unanswered<T>(&self, _: &str, step: impl Future<Output = Answer<T>>) -> Answer<T> {
        if !self.loses.load(Ordering::SeqCst) {
            return step.await;
        }
        let watches = self.is_silent.then(|| self.plain.tables().take_watches());
        step.await?;
        if let Some(watches) = watches {
            self.plain.tables().restore_watches(watches);
        }
        Err(StoreError::unavailable("the answer was lost"))
    }
}

#[async_trait]
impl Store for Unanswered {
    forward_store!(self => self.plain, around: unanswered, except: [watch]);

    fn watch(&self, id: &SignInId) -> Option<Watch> {
        self.plain.watch(id)
    }
}

async fn passes_when_unanswered(is_silent: bool) -> bool {
    let fresh = async || Unanswered { is_silent, ..Unanswered::default() };
    let lose = |store: &Unanswered, loses| store.loses.store(loses, Ordering::SeqCst);
    conformance::check_lost_answers(fresh, lose).await.passed()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_announces_changes_without_an_answer_passes() {
    assert!(passes_when_unanswered(false).await);
}

#[tokio::test(start_paused = true)]
async fn a_missing_announcement_after_a_failed_commit_is_caught() {
    assert!(!passes_when_unanswered(true).await);
}
