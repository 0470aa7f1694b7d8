//! A store that two nodes share. The checker decides when the store executes a call, when the answer
//! arrives, and when a node receives an announcement.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{Clock, SignInId, Timestamp};
use auth_store::near_cache::{
    Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat,
};
use auth_store::{
    CompareAndSwap, Deleted, Digest, MemoryStore, Nonce, Record, Rotation, SessionData, Store,
    StoreError, forward_store,
};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::answers::Answer;

pub(crate) const NODES: usize = 2;

tokio::task_local! {
    /// The request that makes the calls of this task.
    pub(crate) static REQUEST: usize;
}

/// The number of the request that stands for all tasks in the background.
const BACKGROUND: usize = usize::MAX;

/// What a broken store does wrong. The checker has to find the consequence of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Changes are announced before they are made, so that a load in between is cached for good.
    AnnouncesEarly,
    /// Changes are not announced.
    AnnouncesNothing,
    /// A heartbeat overtakes the announcements before it.
    HeartbeatsOvertake,
    /// A load returns what another load of the node has read before.
    JoinsLoads,
    /// An update of a sign-in that has ended creates it again.
    UpdateCreates,
    /// An update ignores the version.
    UpdateOverwrites,
    /// A rotation ignores the current secret.
    RotateOverwrites,
    /// A replaced secret can be refreshed for ever.
    GraceIsEndless,
    /// A refresh cannot be repeated.
    DropsNonces,
    /// A sign-in that seems idle is deleted even if it was used since.
    IdleIgnoresUse,
}

/// One node's connection to the store.
#[derive(Clone)]
pub(crate) struct SharedStore {
    inner: Arc<Inner>,
    node: usize,
}

struct Inner {
    store: MemoryStore,
    clock: Clock,
    flaw: Option<Flaw>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the checker decides. Before that, everything happens at once.
    is_controlled: bool,
    calls: BTreeMap<CallId, Call>,
    /// How many calls each request has made.
    made: BTreeMap<usize, usize>,
    /// What each request was answered.
    answers: BTreeMap<usize, Vec<String>>,
    nodes: [NodeState; NODES],
    /// The digests of all secrets, in the order in which they became valid.
    secrets: Vec<Digest>,
    /// The latest record, for a store that creates it again.
    last: Option<Record>,
}

#[derive(Default)]
struct NodeState {
    /// What was announced and has not arrived, each with its time.
    queue: VecDeque<(Announcement, Timestamp)>,
    listener: Option<mpsc::UnboundedSender<Announcement>>,
    /// How many changes the node knows of: its own, and those that were announced to it.
    changes: usize,
    /// What could have changed the cache's entry since the state of the cache was last visible.
    unseen: Vec<String>,
}

/// The position of a call: of which request, and which of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallId {
    request: usize,
    nth: usize,
}

struct Call {
    node: usize,
    op: &'static str,
    changes_before: usize,
    executed: Option<String>,
    loaded: Option<Arc<Record>>,
    permit: Option<oneshot::Sender<Permit>>,
}

/// What the checker lets happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Permit {
    /// The next thing: the store executes it, or the answer arrives.
    Continue,
    /// The connection is lost instead of the answer.
    Lose,
}

impl SharedStore {
    /// Returns the connections of all nodes to an empty store.
    pub(crate) fn for_each_node(flaw: Option<Flaw>, clock: Clock) -> [Self; NODES] {
        let (store, state) = (MemoryStore::new(), Mutex::default());
        let inner = Arc::new(Inner { store, clock, flaw, state });
        std::array::from_fn(|node| Self { inner: Arc::clone(&inner), node })
    }

    /// From now on, nothing happens unless the checker permits it.
    pub(crate) fn control(&self) {
        self.inner.state.lock().is_controlled = true;
    }

    /// Returns the stored record.
    pub(crate) async fn stored(&self, id: &SignInId) -> Option<Arc<Record>> {
        self.inner.store.load(id).await.expect("it is in memory")
    }

    /// Returns the calls that wait for a permit, and whether each was executed.
    pub(crate) fn waiting(&self) -> Vec<(CallId, bool)> {
        let state = self.inner.state.lock();
        state.calls.iter().map(|(id, call)| (*id, call.executed.is_some())).collect()
    }

    pub(crate) fn permit(&self, id: CallId, permit: Permit) {
        let waiting =
            self.inner.state.lock().calls.get_mut(&id).and_then(|call| call.permit.take());
        let _ = waiting.expect("the call waits").send(permit); // its request may have ended
    }

    /// Drops what was announced to a node from whose cache no request will be answered any more.
    pub(crate) fn ignore(&self, node: usize) {
        self.inner.state.lock().nodes[node] = NodeState::default();
    }

    /// Returns whether an announcement to this node has not arrived.
    pub(crate) fn has_announcements(&self, node: usize) -> bool {
        !self.inner.state.lock().nodes[node].queue.is_empty()
    }

    /// Lets the next announcement arrive at a node.
    pub(crate) fn deliver(&self, node: usize) {
        let overtakes = self.inner.flaw == Some(Flaw::HeartbeatsOvertake);
        let mut state = self.inner.state.lock();
        let node = &mut state.nodes[node];
        let is_heartbeat =
            |(next, _): &(Announcement, _)| matches!(next, Announcement::Heartbeat(..));
        let heartbeat = node.queue.iter().position(is_heartbeat).filter(|_| overtakes);
        let (next, _) = node.queue.remove(heartbeat.unwrap_or(0)).expect("there is one");
        if matches!(next, Announcement::Changed(_)) {
            node.changed("announced");
        }
        if let Some(listener) = &node.listener {
            let _ = listener.send(next); // the node may have stopped listening
        }
    }

    /// Returns the name of a secret: its position in the order in which secrets became valid.
    pub(crate) fn name(&self, digest: &Digest) -> usize {
        self.inner.state.lock().name(digest)
    }

    /// Describes the record, without what is random.
    pub(crate) fn describe(&self, record: &Record) -> String {
        self.inner.state.lock().describe(Some(record))
    }

    /// Describes what is under way. `is_visible` says of each node whether the cache's entry was visible.
    pub(crate) fn describe_calls(&self, is_visible: impl Fn(usize) -> bool) -> String {
        let state = &mut *self.inner.state.lock();
        for node in (0..NODES).filter(|node| is_visible(*node)) {
            state.nodes[node].unseen.clear();
        }
        let calls =
            state.calls.iter().map(|(id, Call { node, op, changes_before, executed, .. })| {
                let is_undisturbed = *changes_before == state.nodes[*node].changes;
                format!("{id:?} {op} {executed:?} {is_undisturbed}")
            });
        let nodes = state.nodes.iter().map(|NodeState { queue, unseen, .. }| {
            let queue = queue.iter().map(|(next, at)| match next {
                Announcement::Heartbeat(..) => Some(*at),
                _ => None,
            });
            format!("{:?} {unseen:?}", queue.collect::<Vec<_>>())
        });
        let (calls, nodes) = (calls.collect::<Vec<_>>(), nodes.collect::<Vec<_>>());
        format!("{calls:?} {nodes:?} {:?} {:?}", state.answers, state.made.get(&BACKGROUND))
    }
}

impl State {
    fn name(&mut self, digest: &Digest) -> usize {
        let known = self.secrets.iter().position(|secret| secret == digest);
        known.unwrap_or_else(|| {
            self.secrets.push(*digest);
            self.secrets.len() - 1
        })
    }

    fn describe(&mut self, record: Option<&Record>) -> String {
        let Some(record) = record else { return "none".to_owned() };
        let grace = record.details.as_ref().and_then(|details| details.grace);
        let grace = grace
            .map(|grace| (self.name(&grace.previous), grace.until, grace.nonce == Nonce([0; 16])));
        let (current, data) = (self.name(&record.current), &record.data);
        let keys: Vec<_> = data.iter().map(|(key, _)| key.to_string()).collect();
        let Record { version, deadlines, .. } = record;
        format!(
            "{version} {current} {grace:?} {keys:?} {:?} {:?}",
            record.last_seen(),
            deadlines.ends_at
        )
    }
}

impl NodeState {
    fn changed(&mut self, how: &str) {
        self.changes += 1;
        self.unseen.push(how.to_owned());
    }
}

/// The three moments of a call: it is sent, the store executes it, and the answer arrives.
impl SharedStore {
    async fn call<T: Answer>(
        &self,
        op: &'static str,
        changed: Option<&SignInId>,
        run: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let early = self.inner.flaw == Some(Flaw::AnnouncesEarly);
        let id = self.sent(op, changed.is_some());
        if early {
            self.announce(changed);
        }
        self.wait_for_permit(id).await;
        let answer = run.await?;
        if !early {
            self.announce(changed);
        }
        self.executed(id, &answer);
        let permit = self.wait_for_permit(id).await;
        self.answered(id, changed.is_some(), permit);
        match permit {
            Permit::Continue => Ok(answer),
            Permit::Lose => Err(StoreError::unavailable("the connection was lost")),
        }
    }

    fn sent(&self, op: &'static str, is_change: bool) -> CallId {
        let request = REQUEST.try_with(|request| *request).unwrap_or(BACKGROUND);
        let state = &mut *self.inner.state.lock();
        let node = &mut state.nodes[self.node];
        match op {
            "touch" => node.unseen.push(format!("touch {:?}", self.inner.clock.now())),
            _ if is_change => node.changed("sent"),
            _ => {}
        }
        let made = state.made.entry(request).or_default();
        let id = CallId { request, nth: *made };
        *made += 1;
        let changes_before = node.changes;
        let (executed, loaded, permit) = (None, None, None);
        let call = Call { node: self.node, op, changes_before, executed, loaded, permit };
        state.calls.insert(id, call);
        id
    }

    async fn wait_for_permit(&self, id: CallId) -> Permit {
        let permit = {
            let mut state = self.inner.state.lock();
            if !state.is_controlled {
                return Permit::Continue;
            }
            let (permit, permitted) = oneshot::channel();
            state.calls.get_mut(&id).expect("it was sent").permit = Some(permit);
            permitted
        };
        permit.await.unwrap_or(Permit::Lose)
    }

    fn announce(&self, changed: Option<&SignInId>) {
        if let Some(id) = changed.filter(|_| self.inner.flaw != Some(Flaw::AnnouncesNothing)) {
            for node in 0..NODES {
                self.announce_to(node, Announcement::Changed(vec![*id]));
            }
        }
    }

    fn announce_to(&self, node: usize, announcement: Announcement) {
        let is_controlled = {
            let mut state = self.inner.state.lock();
            if state.nodes[node].listener.is_none() {
                return;
            }
            state.nodes[node].queue.push_back((announcement, self.inner.clock.now()));
            state.is_controlled
        };
        if !is_controlled {
            self.deliver(node);
        }
    }

    fn executed<T: Answer>(&self, id: CallId, answer: &T) {
        let state = &mut *self.inner.state.lock();
        let record = answer.record();
        let described =
            format!("{} {}", answer.name(), state.describe(record.map(|record| &**record)));
        if let Some(record) = record {
            state.last = Some(Record::clone(record));
        }
        let call = state.calls.get_mut(&id).expect("it was sent");
        (call.executed, call.loaded) = (Some(described), record.cloned());
    }

    fn answered(&self, id: CallId, is_change: bool, permit: Permit) {
        let state = &mut *self.inner.state.lock();
        let Call { op, executed, .. } = state.calls.remove(&id).expect("it was sent");
        let answer = format!("{op} {executed:?} {permit:?}");
        let node = &mut state.nodes[self.node];
        match op {
            "load" => node.unseen.push(answer.clone()),
            _ if is_change => node.changed("answered"),
            _ => {}
        }
        state.answers.entry(id.request).or_default().push(answer);
    }
}

type Swapped = Result<CompareAndSwap, StoreError>;

#[async_trait]
impl Store for SharedStore {
    forward_store!(self => self.inner.store, except: [
        peek, watch, find, load, update, rotate, touch, delete, delete_if_version, delete_if_idle,
        revoke, revoke_others, revoke_subject,
    ]);

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let run = async {
            if self.inner.flaw == Some(Flaw::JoinsLoads)
                && let Some(loaded) = self.loaded_by_another()
            {
                return Ok(Some(loaded));
            }
            // As over a network, each load returns a record of its own.
            let loaded = self.inner.store.load(id).await?;
            Ok(loaded.map(|record| Arc::new(Record::clone(&record))))
        };
        self.call("load", None, run).await
    }

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let run = async {
            let store = &self.inner.store;
            match (store.update(id, version, data.clone()).await?, self.inner.flaw) {
                (CompareAndSwap::Conflict(newer), Some(Flaw::UpdateOverwrites)) => {
                    store.update(id, newer.version, data).await
                }
                (CompareAndSwap::NotFound, Some(Flaw::UpdateCreates)) => {
                    let mut last = self.inner.state.lock().last.clone().expect("it was loaded");
                    last.data = data;
                    store.create(last.clone(), None).await?;
                    Ok(CompareAndSwap::Stored(Arc::new(last)))
                }
                (swap, _) => Ok(swap),
            }
        };
        self.call("update", Some(id), run).await
    }

    async fn rotate(&self, id: &SignInId, from: &Digest, mut rotation: Rotation) -> Swapped {
        if let (Some(Flaw::GraceIsEndless), Some(grace)) = (self.inner.flaw, &mut rotation.grace) {
            grace.until = Timestamp::MAX;
        }
        if let (Some(Flaw::DropsNonces), Some(grace)) = (self.inner.flaw, &mut rotation.grace) {
            grace.nonce = Nonce([0; 16]);
        }
        let run = async {
            let store = &self.inner.store;
            match (store.rotate(id, from, rotation.clone()).await?, self.inner.flaw) {
                (CompareAndSwap::Conflict(newer), Some(Flaw::RotateOverwrites)) => {
                    store.rotate(id, &newer.current, rotation).await
                }
                (swap, _) => Ok(swap),
            }
        };
        self.call("rotate", Some(id), run).await
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.call("touch", None, self.inner.store.touch(id, at)).await
    }

    async fn delete(&self, id: &SignInId) -> Result<bool, StoreError> {
        self.call("delete", Some(id), self.inner.store.delete(id)).await
    }

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        let run = self.inner.store.delete_if_version(id, version);
        self.call("delete_if_version", Some(id), run).await
    }

    async fn delete_if_idle(
        &self,
        id: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let run = async {
            match self.inner.flaw {
                Some(Flaw::IdleIgnoresUse) => self.inner.store.delete(id).await,
                _ => self.inner.store.delete_if_idle(id, last_seen).await,
            }
        };
        self.call("delete_if_idle", Some(id), run).await
    }

    async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError> {
        self.call("revoke", Some(id), self.inner.store.revoke(subject, id)).await
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        let run = self.inner.store.revoke_others(subject, keep);
        self.call("revoke_others", None, run).await // the model has one sign-in
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let id = self.inner.store.list(subject).await?.first().map(|record| record.id);
        self.call("revoke_subject", id.as_ref(), self.inner.store.revoke_subject(subject)).await
    }
}

impl SharedStore {
    /// Returns what another load of this node has read and not returned yet.
    fn loaded_by_another(&self) -> Option<Arc<Record>> {
        let state = self.inner.state.lock();
        let mut calls = state.calls.values().filter(|call| call.node == self.node);
        calls.find_map(|call| call.loaded.clone().filter(|_| call.op == "load"))
    }
}

#[async_trait]
impl AnnouncingStore for SharedStore {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        let (listener, announcements) = mpsc::unbounded_channel();
        let node = &mut self.inner.state.lock().nodes[self.node];
        node.listener = Some(listener);
        node.queue.clear();
        Ok(Box::new(Listening(announcements)))
    }

    async fn send_heartbeat(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError> {
        let source = ChangeSource("primary".into());
        self.announce_to(self.node, Announcement::Heartbeat(heartbeat, source.clone()));
        Ok(vec![source])
    }
}

struct Listening(mpsc::UnboundedReceiver<Announcement>);

#[async_trait]
impl Announcements for Listening {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        self.0.recv().await.ok_or_else(|| StoreError::unavailable("disconnected"))
    }
}
