//! Two nodes, their store, one client and a clock, of which the checker takes one step after the other.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{ManualClock, SignInId, Timestamp};
use auth_store::{Lifetime, Record, SecretKind, Store};
use tokio::runtime::Builder;
use tokio::task::{JoinHandle, yield_now};

use crate::node::{Ask, Backend, Credential, MAX_STALENESS, Node, Reply};
use crate::rules::{Judge, Rule, Sent};
use crate::shared_store::{CallId, Flaw, NODES, Permit, REQUEST, SharedStore};

/// How often other tasks may run after a step. Each runs until it waits for the checker.
const TURNS: usize = 5;

/// What may happen: the requests, each of which the client sends once at any time, and how often the
/// clock moves.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) backend: Backend,
    pub(crate) requests: Vec<Planned>,
    pub(crate) lifetime: Lifetime,
    /// How far the clock moves at once, and how often.
    pub(crate) tick: Duration,
    pub(crate) ticks: usize,
    /// How many answers of the store are lost.
    pub(crate) losses: usize,
    pub(crate) flaw: Option<Flaw>,
}

/// A request that the client sends to this node at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) node: usize,
    pub(crate) ask: Ask,
    pub(crate) with: With,
}

/// The credential of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// The one of the sign-in.
    First,
    /// The newest that the client has when it sends the request.
    Newest,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The client sends the request with this number.
    Send(usize),
    /// The store executes a call, or its answer arrives.
    Call(CallId, Permit),
    /// The next announcement arrives at this node.
    Deliver(usize),
    /// Time passes.
    Tick,
}

/// The state of the world after some steps.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// All that decides what can happen from here on.
    pub(crate) facts: String,
    pub(crate) next: Vec<Step>,
    pub(crate) broken: Vec<Rule>,
}

/// The sign-in of the client, which every world of a scenario starts with.
#[derive(Clone)]
pub(crate) struct SignedIn {
    record: Arc<Record>,
    credential: Credential,
}

/// Signs the client in.
pub(crate) fn sign_in(scenario: &Scenario) -> SignedIn {
    in_new_runtime(async {
        let clock = ManualClock::new(start());
        let [store, _] = SharedStore::for_each_node(None, clock.clock());
        let node = Node::start(scenario.backend, scenario.lifetime, store.clone(), clock.clock());
        let reply = node.send(Ask::SignIn, None).await;
        let credential = reply.credential.expect("the store is empty");
        let record = store.stored(&credential.parsed().id()).await.expect("it was created");
        SignedIn { record, credential }
    })
}

/// Starts a new world, takes these steps, and returns what there is to see.
pub(crate) fn after(scenario: &Scenario, signed_in: &SignedIn, steps: &[Step]) -> Observed {
    in_new_runtime(async {
        let mut world = World::start(scenario, signed_in).await;
        for step in steps {
            world.take(*step).await;
        }
        world.observe().await
    })
}

fn in_new_runtime<T>(run: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("it starts").block_on(run)
}

fn start() -> Timestamp {
    Timestamp::from_secs(1_000_000)
}

struct World<'a> {
    scenario: &'a Scenario,
    clock: ManualClock,
    store: SharedStore,
    nodes: Vec<Node>,
    id: SignInId,
    first: Credential,
    newest: Credential,
    requests: Vec<Progress>,
    ticks: usize,
    losses: usize,
    judge: Judge,
}

enum Progress {
    Planned,
    Sent(Sent, JoinHandle<Reply>),
    Answered(String),
}

impl Progress {
    fn is_answered(&self) -> bool {
        matches!(self, Self::Answered(_))
    }
}

impl<'a> World<'a> {
    /// Starts the nodes. Each has a lease, and a copy of the record.
    async fn start(scenario: &'a Scenario, signed_in: &SignedIn) -> Self {
        let SignedIn { record, credential } = signed_in.clone();
        let (clock, id) = (ManualClock::new(start()), record.id);
        let stores = SharedStore::for_each_node(scenario.flaw, clock.clock());
        let [store, _] = stores.clone();
        store.create(Record::clone(&record), None).await.expect("it is in memory");
        store.name(&record.current);
        let used = scenario.requests.iter().map(|request| request.node + 1).max().unwrap_or(1);
        let node = |store| Node::start(scenario.backend, scenario.lifetime, store, clock.clock());
        let nodes: Vec<_> = stores.into_iter().take(used).map(node).collect();
        settle().await;
        for node in &nodes {
            node.warm(&id).await;
            assert!(node.lease().is_some() && node.cached(&id).is_some());
        }
        store.control();
        tokio::time::advance(MAX_STALENESS).await; // each node sends a heartbeat, which does not arrive yet
        settle().await;
        Self {
            scenario,
            clock,
            store,
            nodes,
            id,
            newest: credential.clone(),
            first: credential,
            requests: scenario.requests.iter().map(|_| Progress::Planned).collect(),
            ticks: scenario.ticks,
            losses: scenario.losses,
            judge: Judge::new(record),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Send(request) => self.send(request).await,
            Step::Call(call, permit) => {
                self.losses -= usize::from(permit == Permit::Lose);
                self.store.permit(call, permit);
            }
            Step::Deliver(node) => self.store.deliver(node),
            Step::Tick => {
                self.ticks -= 1;
                self.clock.advance(self.scenario.tick);
                tokio::time::advance(MAX_STALENESS / 2).await; // the time between two heartbeats or more
            }
        }
        settle().await;
        let now = self.clock.now();
        self.judge.stored(self.store.stored(&self.id).await, now);
        for request in 0..self.requests.len() {
            self.receive(request, now).await;
        }
        for node in (0..NODES).filter(|node| !self.is_used(*node)) {
            self.store.ignore(node);
        }
        if self.requests.iter().all(Progress::is_answered) {
            let first = (&self.first.parsed(), self.kind());
            self.judge.all_answered(self.losses < self.scenario.losses, first, now);
        }
    }

    /// Returns whether a request may still be answered from this node's cache. It is read when the request
    /// arrives.
    fn is_used(&self, node: usize) -> bool {
        self.planned().any(|request| self.scenario.requests[request].node == node)
    }

    fn planned(&self) -> impl Iterator<Item = usize> {
        let progress = self.requests.iter().enumerate();
        progress.filter(|(_, progress)| matches!(progress, Progress::Planned)).map(|(i, _)| i)
    }

    async fn send(&mut self, request: usize) {
        let Planned { node, ask, with } = self.scenario.requests[request];
        let credential = match with {
            With::First => self.first.clone(),
            With::Newest => self.newest.clone(),
        };
        let digest = credential.parsed().digest(self.kind());
        let sent = self.judge.sent(node, ask, digest, self.clock.now());
        let node = self.nodes[node].clone();
        let reply = async move { node.send(ask, Some(credential)).await };
        let reply = tokio::spawn(REQUEST.scope(request, reply));
        self.requests[request] = Progress::Sent(sent, reply);
    }

    /// Judges the answer to a request, if there is one now.
    async fn receive(&mut self, request: usize, now: Timestamp) {
        let kind = self.kind();
        let Progress::Sent(sent, reply) = &mut self.requests[request] else { return };
        if !reply.is_finished() {
            return;
        }
        let reply = reply.await.expect("a request does not panic");
        let new = reply.credential.as_ref().map(Credential::parsed);
        self.judge.answered(sent, reply.status, new.map(|secret| (secret, kind)), now);
        let name = reply
            .credential
            .as_ref()
            .map(|credential| self.store.name(&credential.parsed().digest(kind)));
        self.requests[request] = Progress::Answered(format!("{} {name:?}", reply.status));
        if let Some(credential) = reply.credential.filter(|_| reply.status < 300) {
            self.newest = credential;
        }
    }

    fn kind(&self) -> SecretKind {
        match self.scenario.backend {
            Backend::Cookie => SecretKind::Cookie,
            Backend::Tokens => SecretKind::Refresh,
        }
    }

    async fn observe(&self) -> Observed {
        let mut facts = String::new();
        let record = self.store.stored(&self.id).await;
        let describe = |record: &Option<Arc<Record>>| {
            record.as_ref().map(|record| self.store.describe(record))
        };
        let newest = self.store.name(&self.newest.parsed().digest(self.kind()));
        let _ = write!(facts, "{:?} {} {newest}", self.clock.now(), self.losses);
        let _ = write!(facts, "stored {:?}", describe(&record));
        for (_, node) in self.nodes.iter().enumerate().filter(|(node, _)| self.is_used(*node)) {
            let (lease, entry) = (node.lease(), node.cached(&self.id));
            let _ = write!(facts, "node {lease:?} {:?}", describe(&entry));
        }
        for request in &self.requests {
            let _ = match request {
                Progress::Planned => write!(facts, "planned"),
                Progress::Sent(sent, _) => {
                    write!(facts, "sent {:?} {}", sent, self.store.name(&sent.secret))
                }
                Progress::Answered(answer) => write!(facts, "answered {answer}"),
            };
        }
        let is_visible =
            |node| self.nodes.get(node).is_some_and(|node: &Node| node.lease().is_some());
        let _ = write!(facts, "{} {}", self.store.describe_calls(is_visible), self.judge.facts());
        let _ = write!(facts, "{:?}", self.judge.broken);
        Observed { facts, next: self.next(), broken: self.judge.broken.clone() }
    }

    /// Returns what may happen next. Nothing more is of interest once the last request is answered.
    fn next(&self) -> Vec<Step> {
        let waiting = self.store.waiting();
        if waiting.is_empty() && self.requests.iter().all(Progress::is_answered) {
            return Vec::new();
        }
        // Of equal requests, the first is sent first.
        let requests = &self.scenario.requests;
        let is_first = |request: &usize| {
            self.planned().find(|other| requests[*other] == requests[*request]) == Some(*request)
        };
        let sends = self.planned().filter(is_first).map(Step::Send);
        let calls = waiting.iter().map(|(call, _)| Step::Call(*call, Permit::Continue));
        let lost = waiting.iter().filter(|(_, executed)| *executed && self.losses > 0);
        let lost = lost.map(|(call, _)| Step::Call(*call, Permit::Lose));
        let deliveries = (0..NODES).filter(|node| self.store.has_announcements(*node));
        let tick = (self.ticks > 0).then_some(Step::Tick);
        sends.chain(calls).chain(lost).chain(deliveries.map(Step::Deliver)).chain(tick).collect()
    }
}

/// Lets all tasks run until they wait for the checker.
async fn settle() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}
