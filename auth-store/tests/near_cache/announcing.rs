//! Several nodes' store in one process: it announces what it changes, by a way that tests cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::near_cache::{Announcement, Announcements, Announces, Beat, Source};
use auth_store::{
    CompareAndSwap, Created, Deleted, Digest, MemoryStore, Record, Rotation, SessionData,
    SignInLimit, Store, StoreError, forward_store,
};
use tokio::sync::{broadcast, watch};

/// The store. A clone is the same store, as another node sees it.
#[derive(Clone)]
pub(crate) struct Announcing(Arc<Inner>);

struct Inner {
    store: MemoryStore,
    bus: broadcast::Sender<Announcement>,
    /// Whether announcements are swallowed, as by a link that is half open.
    swallows: AtomicBool,
    /// Whether no beat is sent.
    beatless: AtomicBool,
    beats: AtomicUsize,
    /// Whether nobody can begin to listen.
    deaf: AtomicBool,
    /// How many sources there are.
    sources: AtomicUsize,
    /// How often the way was cut.
    cut: watch::Sender<usize>,
    loads: AtomicUsize,
    /// Held by a load between reading and answering.
    gate: tokio::sync::RwLock<()>,
}

impl Announcing {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            store: MemoryStore::new(),
            bus: broadcast::channel(1024).0,
            swallows: AtomicBool::new(false),
            beatless: AtomicBool::new(false),
            beats: AtomicUsize::new(0),
            deaf: AtomicBool::new(false),
            sources: AtomicUsize::new(1),
            cut: watch::channel(0).0,
            loads: AtomicUsize::new(0),
            gate: tokio::sync::RwLock::new(()),
        }))
    }

    /// The way is half open from now on: what is announced is lost in silence.
    pub(crate) fn swallow(&self, swallows: bool) {
        self.0.swallows.store(swallows, Ordering::SeqCst);
    }

    /// Every listener is told that it has lost the way; nobody can listen while `deaf`.
    pub(crate) fn cut(&self, deaf: bool) {
        self.0.deaf.store(deaf, Ordering::SeqCst);
        self.0.cut.send_modify(|times| *times += 1);
    }

    pub(crate) fn set_sources(&self, count: usize) {
        self.0.sources.store(count, Ordering::SeqCst);
    }

    /// Nobody can send a beat from now on, or everybody can again.
    pub(crate) fn refuse_beats(&self, refuses: bool) {
        self.0.beatless.store(refuses, Ordering::SeqCst);
    }

    /// How many beats were to be sent so far.
    pub(crate) fn beats(&self) -> usize {
        self.0.beats.load(Ordering::SeqCst)
    }

    /// How often it was asked for a record.
    pub(crate) fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }

    /// Loads have read, and do not answer while this is held.
    pub(crate) async fn hold(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.0.gate.write().await
    }

    fn announce(&self, announcement: Announcement) {
        if !self.0.swallows.load(Ordering::SeqCst) {
            let _ = self.0.bus.send(announcement); // nobody may be listening
        }
    }

    fn changed(&self, sid: &SignInId) {
        self.announce(Announcement::Changed(vec![*sid]));
    }

    async fn all_of(&self, subject: &str) -> Vec<SignInId> {
        self.0.store.list(subject).await.unwrap().iter().map(|record| record.sid).collect()
    }
}

struct Ear {
    bus: broadcast::Receiver<Announcement>,
    cut: watch::Receiver<usize>,
}

#[async_trait]
impl Announcements for Ear {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        tokio::select! {
            heard = self.bus.recv() => heard.map_err(StoreError::unavailable),
            _ = self.cut.changed() => Err(StoreError::unavailable("cut")),
        }
    }
}

#[async_trait]
impl Announces for Announcing {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        if self.0.deaf.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("deaf"));
        }
        Ok(Box::new(Ear { bus: self.0.bus.subscribe(), cut: self.0.cut.subscribe() }))
    }

    async fn beat(&self, beat: Beat) -> Result<Vec<Source>, StoreError> {
        self.0.beats.fetch_add(1, Ordering::SeqCst);
        if self.0.beatless.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("beatless"));
        }
        let count = self.0.sources.load(Ordering::SeqCst);
        let sources: Vec<_> = (0..count).map(|i| Source(i.to_string().into())).collect();
        for source in &sources {
            self.announce(Announcement::Beat(beat, source.clone()));
        }
        Ok(sources)
    }
}

#[async_trait]
impl Store for Announcing {
    forward_store!(self => self.0.store, except: [
        load, create, update, rotate, delete, delete_if_version, delete_if_idle, revoke,
        revoke_others, revoke_subject, update_subject, new_id, peek, watch, find,
    ]);

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let loaded = self.0.store.load(sid).await;
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        drop(self.0.gate.read().await);
        // As over a network: a record of one's own.
        loaded.map(|record| record.map(|record| Arc::new(Record::clone(&record))))
    }

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let subject = record.subject.clone();
        let before = match &subject {
            Some(subject) => self.all_of(subject).await,
            None => Vec::new(),
        };
        let created = self.0.store.create(record, limit).await;
        self.announce(Announcement::Changed(before));
        created
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let swap = self.0.store.update(sid, version, data).await;
        self.changed(sid);
        swap
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let swap = self.0.store.rotate(sid, from, rotation).await;
        self.changed(sid);
        swap
    }

    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        let deleted = self.0.store.delete(sid).await;
        self.changed(sid);
        deleted
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        let deleted = self.0.store.delete_if_version(sid, version).await;
        self.changed(sid);
        deleted
    }

    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let deleted = self.0.store.delete_if_idle(sid, last_seen).await;
        self.changed(sid);
        deleted
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        let revoked = self.0.store.revoke(subject, sid).await;
        self.changed(sid);
        revoked
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        let all = self.all_of(subject).await;
        let revoked = self.0.store.revoke_others(subject, keep).await;
        self.announce(Announcement::Changed(all));
        revoked
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let all = self.all_of(subject).await;
        let revoked = self.0.store.revoke_subject(subject).await;
        self.announce(Announcement::Changed(all));
        revoked
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        let all = self.all_of(subject).await;
        let amended = self.0.store.update_subject(subject, principal).await;
        self.announce(Announcement::Changed(all));
        amended
    }
}
