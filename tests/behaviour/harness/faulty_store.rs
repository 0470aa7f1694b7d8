//! A store that counts its calls, fails on request, and shows its records.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    Created, EachRecord, Peek, Record, SignInLimit, Store, StoreError, StoreErrorKind, Watch,
    forward_store,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::background::Background;
use super::faults::{Fault, Faults, Op};

/// Wraps a store, counts the calls, and makes them fail or hang as the test asks.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Arc<Faults>,
    background: Background,
    created: Mutex<BTreeSet<SignInId>>,
    copies: Mutex<Option<HashMap<SignInId, Arc<Record>>>>,
    unreadable: Mutex<Option<SignInId>>,
    notifications_off: AtomicBool,
    changed: Arc<Notify>,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        let (created, copies, unreadable) = Default::default();
        let (faults, background) = (Arc::default(), Background::default());
        let notifications_off = AtomicBool::new(false);
        let changed = Arc::default();
        Self { inner, faults, background, created, copies, unreadable, notifications_off, changed }
    }

    /// Sets the fault of an operation.
    pub(crate) fn set(&self, op: Op, fault: Fault) {
        self.faults.set(op, fault);
    }

    /// Sets the fault of every operation that a request waits for.
    pub(crate) fn set_all(&self, fault: Fault) {
        Op::AWAITED.into_iter().for_each(|op| self.set(op, fault));
    }

    /// Clears all faults.
    pub(crate) fn clear_faults(&self) {
        self.faults.clear_faults();
    }

    /// Resets the counts to zero.
    pub(crate) fn reset_calls(&self) {
        self.faults.reset_calls();
    }

    /// Returns how often an operation was called.
    pub(crate) fn calls(&self, op: Op) -> usize {
        self.faults.calls(op)
    }

    /// Returns how often any operation was called.
    pub(crate) fn all_calls(&self) -> usize {
        self.faults.all_calls()
    }

    /// Returns how often a writing operation was called.
    pub(crate) fn writes(&self) -> usize {
        self.faults.writes()
    }

    /// Waits until the operation was called this many times.
    pub(crate) async fn reached(&self, op: Op, times: usize) {
        self.faults.reached(op, times).await;
    }

    /// Waits until the operation was executed. Its answer may be lost or delayed.
    pub(crate) async fn executed(&self, op: Op) {
        self.faults.executed(op).await;
    }

    /// Makes `peek` return the copy of a record from the first read, like a node that does not learn of
    /// uses on other nodes.
    pub(crate) fn serve_stale_copies(&self) {
        *self.copies.lock() = Some(HashMap::new());
    }

    /// Makes the lists report that this record cannot be decoded.
    pub(crate) fn hide(&self, id: SignInId) {
        *self.unreadable.lock() = Some(id);
    }

    /// Stops notifying of changes, like a shared store without announcements.
    pub(crate) fn stop_notifying(&self) {
        self.notifications_off.store(true, Ordering::SeqCst);
    }

    /// Runs a change, and then wakes all watches.
    async fn notifying<T>(&self, change: impl Future<Output = T>) -> T {
        let done = change.await;
        self.changed.notify_waiters();
        done
    }

    /// Calls the store with the fault of the method, and notifies the watches.
    async fn faulty<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (op, in_background) = match method {
            "update" => (Op::Update, false),
            "rotate" => (Op::Rotate, true),
            "delete" => (Op::Delete, true),
            "delete_if_version" => (Op::DeleteIfVersion, true),
            "delete_if_idle" => (Op::DeleteIfIdle, true),
            "revoke" | "revoke_others" | "revoke_subject" => (Op::Revoke, false),
            "update_subject" | "swap_principal" => (Op::UpdateSubject, false),
            "sweep" => (Op::Sweep, false),
            other => panic!("{other} has no fault"),
        };
        self.faults.enter(op).await?;
        let _in_progress = in_background.then(|| self.background.enter());
        let answer = if op == Op::Sweep { call.await } else { self.notifying(call).await }?;
        self.faults.leave(op).await.map(|()| answer)
    }

    /// Returns every record in the store, except the markers of replaced cookies.
    pub(crate) async fn records(&self) -> Vec<Arc<Record>> {
        self.background.settled().await;
        let created = self.created.lock().clone();
        let mut records = Vec::new();
        for id in created {
            let record = self.inner.load(&id).await.unwrap();
            records.extend(record.filter(|record| !record.is_replaced()));
        }
        records
    }

    /// Returns the copy of a record from the first read.
    fn copy(&self, id: &SignInId) -> Option<Arc<Record>> {
        self.inner.peek(id, &mut |peek| {
            if let Peek::Authoritative(Some(record)) = peek {
                self.add_copy(record);
            }
        });
        self.copies.lock().as_ref()?.get(id).cloned()
    }

    /// Adds a copy, if copies are enabled and there is none yet.
    fn add_copy(&self, record: &Record) {
        if let Some(copies) = &mut *self.copies.lock() {
            copies.entry(record.id).or_insert_with(|| Arc::new(record.clone()));
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    forward_store!(self => self.inner, around: faulty, except: [
        peek, watch, find, load, create, touch, list, list_each, close,
    ]);

    fn peek(&self, id: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        self.faults.count(Op::Peek);
        match self.copy(id) {
            Some(copy) => see(Peek::Cached(&copy)),
            None if self.faults.has(Op::Load) => see(Peek::Miss), // the store is down
            None => self.inner.peek(id, see),
        }
    }

    fn watch(&self, id: &SignInId) -> Option<Watch> {
        if self.notifications_off.load(Ordering::SeqCst) {
            return None;
        }
        let (watch, faults) = (self.inner.watch(id), Arc::clone(&self.faults));
        let changed = Arc::clone(&self.changed).notified_owned();
        Some(Watch::new(async move {
            faults.count(Op::Watch); // a task has begun to wait
            match watch {
                Some(watch) => watch.await,
                None => changed.await, // all nodes of a test use this store
            }
        }))
    }

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        self.faults.enter(Op::Load).await?;
        self.background.settled().await;
        let loaded = self.inner.load(id).await;
        if let Ok(Some(record)) = &loaded {
            self.add_copy(record);
        }
        loaded
    }

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        self.faults.enter(Op::Create).await?;
        self.created.lock().insert(record.id); // a contended store is called again
        let created = self.notifying(self.inner.create(record, limit)).await?;
        self.faults.leave(Op::Create).await.map(|()| created)
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.faults.enter(Op::Touch).await?;
        let _in_progress = self.background.enter();
        self.inner.touch(id, at).await
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.faults.enter(Op::List).await?;
        self.background.settled().await;
        self.inner.list(subject).await
    }

    async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        let unreadable = *self.unreadable.lock();
        let listed = self.list(subject).await?.into_iter();
        let checked = listed.map(|record| match unreadable == Some(record.id) {
            true => Err(StoreError::new(StoreErrorKind::Invalid, "not a record")),
            false => Ok(record),
        });
        Ok(checked.collect())
    }
}
