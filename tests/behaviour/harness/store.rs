//! A store that can be watched, broken and looked through.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Created, Peek, Record, SessionData, SignInLimit, Store, StoreError, Watch,
    forward_store,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::background::Background;
use super::faults::{Fault, Faults, Op};

/// A store whose calls are counted, and fail or hang when the test says so.
pub(crate) struct WatchedStore {
    inner: Arc<dyn Store>,
    faults: Arc<Faults>,
    background: Background,
    created: Mutex<Vec<SignInId>>,
    copies: Mutex<Option<HashMap<SignInId, Arc<Record>>>>,
    silent: AtomicBool,
    changed: Arc<Notify>,
}

impl WatchedStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        let (created, copies) = (Mutex::default(), Mutex::default());
        let (faults, background) = (Arc::default(), Background::default());
        let silent = AtomicBool::new(false);
        let changed = Arc::default();
        Self { inner, faults, background, created, copies, silent, changed }
    }

    /// From now on this operation has this fault.
    pub(crate) fn set(&self, op: Op, fault: Fault) {
        self.faults.set(op, fault);
    }

    /// From now on every operation that a request waits for has this fault.
    pub(crate) fn set_all(&self, fault: Fault) {
        Op::AWAITED.into_iter().for_each(|op| self.set(op, fault));
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        self.faults.heal();
    }

    /// Counts from zero again.
    pub(crate) fn forget_calls(&self) {
        self.faults.forget_calls();
    }

    /// How often an operation was called.
    pub(crate) fn calls(&self, op: Op) -> usize {
        self.faults.calls(op)
    }

    /// How often any operation was called.
    pub(crate) fn all_calls(&self) -> usize {
        self.faults.all_calls()
    }

    /// How often an operation was called that writes.
    pub(crate) fn writes(&self) -> usize {
        self.faults.writes()
    }

    /// Waits until the operation was called so often.
    pub(crate) async fn reached(&self, op: Op, times: usize) {
        self.faults.reached(op, times).await;
    }

    /// From now on `peek` answers with the copy of a record that was made at the first look, as a
    /// node does that hears of no uses elsewhere.
    pub(crate) fn keep_copies(&self) {
        *self.copies.lock() = Some(HashMap::new());
    }

    /// From now on it tells nobody of changes, as a store that several nodes share and nobody
    /// announces to.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// Does something, and wakes whoever watches.
    async fn telling<T>(&self, change: impl Future<Output = T>) -> T {
        let done = change.await;
        self.changed.notify_waiters();
        done
    }

    /// Calls the store, with the method's fault.
    async fn faulty<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (op, in_background) = match method {
            "rotate" => (Op::Rotate, false),
            "delete" => (Op::Delete, false),
            "delete_if_version" => (Op::DeleteIf, true),
            "delete_if_idle" => (Op::DeleteIfIdle, true),
            "revoke" | "revoke_others" | "revoke_subject" => (Op::Revoke, false),
            "update_subject" => (Op::Amend, false),
            "sweep" => (Op::Sweep, false),
            other => panic!("{other} has no fault"),
        };
        self.faults.enter(op).await?;
        let _under_way = in_background.then(|| self.background.enter());
        if op == Op::Sweep { call.await } else { self.telling(call).await }
    }

    /// Every record that is in the store now.
    pub(crate) async fn records(&self) -> Vec<Arc<Record>> {
        self.background.settled().await;
        let created = self.created.lock().clone();
        let mut records = Vec::new();
        for sid in created {
            records.extend(self.inner.load(&sid).await.unwrap());
        }
        records
    }

    /// The copy of a record, made at the first look.
    fn copy(&self, sid: &SignInId) -> Option<Arc<Record>> {
        self.inner.peek(sid, &mut |peek| {
            if let Peek::Authoritative(Some(record)) = peek {
                self.keep_copy(record);
            }
        });
        self.copies.lock().as_ref()?.get(sid).cloned()
    }

    /// Keeps a copy, if copies are kept and there is none.
    fn keep_copy(&self, record: &Record) {
        if let Some(copies) = &mut *self.copies.lock() {
            copies.entry(record.sid).or_insert_with(|| Arc::new(record.clone()));
        }
    }
}

#[async_trait]
impl Store for WatchedStore {
    forward_store!(self => self.inner, around: faulty, except: [
        peek, watch, find, load, create, update, touch, list,
    ]);

    fn peek(&self, sid: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        self.faults.count(Op::Peek);
        match self.copy(sid) {
            Some(copy) => see(Peek::Cached(&copy)),
            None if self.faults.has(Op::Load) => see(Peek::Miss), // it is down, and knows nothing
            None => self.inner.peek(sid, see),
        }
    }

    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        if self.silent.load(Ordering::SeqCst) {
            return None;
        }
        let (watch, faults) = (self.inner.watch(sid), Arc::clone(&self.faults));
        let changed = Arc::clone(&self.changed).notified_owned();
        Some(Watch::new(async move {
            faults.count(Op::Watch); // somebody has begun to wait
            match watch {
                Some(watch) => watch.await,
                None => changed.await, // every node of a test uses this store
            }
        }))
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        self.faults.enter(Op::Load).await?;
        self.background.settled().await;
        let loaded = self.inner.load(sid).await;
        if let Ok(Some(record)) = &loaded {
            self.keep_copy(record);
        }
        loaded
    }

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        self.faults.enter(Op::Create).await?;
        self.created.lock().push(record.sid);
        self.telling(self.inner.create(record, limit)).await
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        self.faults.enter(Op::Update).await?;
        let swapped = self.telling(self.inner.update(sid, version, data)).await?;
        self.faults.leave(Op::Update).await.map(|()| swapped)
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.faults.enter(Op::Touch).await?;
        let _under_way = self.background.enter();
        self.inner.touch(sid, at).await
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.faults.enter(Op::List).await?;
        self.background.settled().await;
        self.inner.list(subject).await
    }
}
