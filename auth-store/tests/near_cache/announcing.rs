//! A store of several nodes in one process, which announces its changes. Tests interrupt the announcements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::near_cache::{
    Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat,
};
use auth_store::{Created, MemoryStore, Record, SignInLimit, Store, StoreError, forward_store};
use tokio::sync::{broadcast, watch};

type Answer<T> = Result<T, StoreError>;

/// The store. Each node has a clone.
#[derive(Clone)]
pub(crate) struct Announcing(Arc<Inner>);

struct Inner {
    store: MemoryStore,
    channel: broadcast::Sender<Announcement>,
    /// Whether announcements are lost without an error, as on a half-open connection.
    loses: AtomicBool,
    /// Whether sending a heartbeat fails.
    refuses_beats: AtomicBool,
    heartbeats: AtomicUsize,
    /// Whether listening fails.
    refuses_listeners: AtomicBool,
    /// The number of sources.
    sources: AtomicUsize,
    /// How often all listeners were disconnected.
    disconnections: watch::Sender<usize>,
    loads: AtomicUsize,
    /// Held by a load between reading and answering.
    gate: tokio::sync::RwLock<()>,
}

impl Announcing {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            store: MemoryStore::new(),
            channel: broadcast::channel(1024).0,
            loses: AtomicBool::new(false),
            refuses_beats: AtomicBool::new(false),
            heartbeats: AtomicUsize::new(0),
            refuses_listeners: AtomicBool::new(false),
            sources: AtomicUsize::new(1),
            disconnections: watch::channel(0).0,
            loads: AtomicUsize::new(0),
            gate: tokio::sync::RwLock::new(()),
        }))
    }

    /// Returns the store behind, whose changes are not announced.
    pub(crate) fn unannounced(&self) -> &MemoryStore {
        &self.0.store
    }

    /// Starts or stops to lose announcements without an error.
    pub(crate) fn lose(&self, loses: bool) {
        self.0.loses.store(loses, Ordering::SeqCst);
    }

    /// Disconnects every listener. Listening fails until this is called with `false`.
    pub(crate) fn disconnect(&self, refuse_listeners: bool) {
        self.0.refuses_listeners.store(refuse_listeners, Ordering::SeqCst);
        self.0.disconnections.send_modify(|times| *times += 1);
    }

    pub(crate) fn set_sources(&self, count: usize) {
        self.0.sources.store(count, Ordering::SeqCst);
    }

    /// Makes sending a heartbeat fail, or succeed again.
    pub(crate) fn refuse_beats(&self, refuses: bool) {
        self.0.refuses_beats.store(refuses, Ordering::SeqCst);
    }

    /// Returns how many heartbeats were to be sent.
    pub(crate) fn heartbeats(&self) -> usize {
        self.0.heartbeats.load(Ordering::SeqCst)
    }

    /// Returns how many records were loaded.
    pub(crate) fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }

    /// Keeps loads from returning what they have read, until the guard is dropped.
    pub(crate) async fn hold(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.0.gate.write().await
    }

    fn announce(&self, announcement: Announcement) {
        if !self.0.loses.load(Ordering::SeqCst) {
            let _ = self.0.channel.send(announcement); // there may be no listeners
        }
    }

    /// Announces a change of one sign-in.
    async fn announcing<T>(
        &self,
        id: &SignInId,
        change: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        let changed = change.await;
        self.announce(Announcement::Changed(vec![*id]));
        changed
    }

    /// Announces a change of all sign-ins of a subject.
    async fn announcing_all<T>(
        &self,
        subject: &str,
        change: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        let all = self.all_of(subject).await;
        let changed = change.await;
        self.announce(Announcement::Changed(all));
        changed
    }

    async fn all_of(&self, subject: &str) -> Vec<SignInId> {
        self.0.store.list(subject).await.unwrap().iter().map(|record| record.id).collect()
    }
}

struct Listener {
    channel: broadcast::Receiver<Announcement>,
    disconnections: watch::Receiver<usize>,
}

#[async_trait]
impl Announcements for Listener {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        tokio::select! {
            received = self.channel.recv() => received.map_err(StoreError::unavailable),
            _ = self.disconnections.changed() => Err(StoreError::unavailable("disconnected")),
        }
    }
}

#[async_trait]
impl AnnouncingStore for Announcing {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        if self.0.refuses_listeners.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("listeners are refused"));
        }
        Ok(Box::new(Listener {
            channel: self.0.channel.subscribe(),
            disconnections: self.0.disconnections.subscribe(),
        }))
    }

    async fn send_heartbeat(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError> {
        self.0.heartbeats.fetch_add(1, Ordering::SeqCst);
        if self.0.refuses_beats.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("beats are refused"));
        }
        let count = self.0.sources.load(Ordering::SeqCst);
        let sources: Vec<_> = (0..count).map(|i| ChangeSource(i.to_string().into())).collect();
        for source in &sources {
            self.announce(Announcement::Heartbeat(heartbeat, source.clone()));
        }
        Ok(sources)
    }
}

#[async_trait]
impl Store for Announcing {
    forward_store!(
        self => self.0.store,
        changes: [announcing, announcing_all],
        except: [load, create, new_id, peek, watch, find]
    );

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let loaded = self.0.store.load(id).await;
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        drop(self.0.gate.read().await);
        // As over a network, each load returns a record of its own.
        loaded.map(|record| record.map(|record| Arc::new(Record::clone(&record))))
    }

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Answer<Created> {
        let subject = record.subject.clone();
        let before = match &subject {
            Some(subject) => self.all_of(subject).await,
            None => Vec::new(),
        };
        let created = self.0.store.create(record, limit).await;
        self.announce(Announcement::Changed(before));
        created
    }
}
