//! How an operation is executed: within the time limit, in a task of its own, and in a transaction if it needs
//! one.

use std::sync::{Arc, Weak};
use std::time::Duration;

use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::{Client, ClientSession, Collection};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};

use super::document::hashed;
use super::error::Failure;
use crate::error::StoreError;
use crate::stores::backoff::{RETRIES, backoff};
use crate::stores::eviction::EvictionState;
use crate::striped::Striped;

/// The connections of a store, and what its operations have in common.
pub(super) struct MongoInner {
    pub(super) client: Client,
    pub(super) sign_ins: Collection<RawDocumentBuf>,
    pub(super) timeout: Duration,
    pub(super) max_connections: u32,
    /// The permits of the tasks. There are as many as connections.
    pub(super) permits: Arc<Semaphore>,
    /// The turns of the transactions that are repeated. On this node, those of a subject are repeated one after the
    /// other: of many, each would otherwise be in the way of all the others.
    pub(super) repetitions: Striped<Mutex<()>>,
    /// The approximate maximum number of anonymous sign-ins.
    pub(super) max_anonymous: u64,
    pub(super) eviction: EvictionState,
}

/// An operation on several documents of a subject.
pub(super) trait Transaction: Send + Sync {
    type Output: Send;

    fn subject(&self) -> &str;

    /// Makes one attempt, without side effects. Returns each error of the driver as it is, because that tells
    /// whether the attempt can be repeated.
    fn attempt(
        &self,
        store: &MongoInner,
        session: &mut ClientSession,
    ) -> impl Future<Output = Attempt<Self::Output>> + Send;
}

/// The result of one attempt at a transaction.
pub(super) type Attempt<T> = Result<T, Failure>;

/// The caller of an operation, whose future may be dropped while the task goes on.
pub(super) struct Caller {
    deadline: Instant,
    /// No attempt begins later, so that its outcome is known before the deadline.
    last_attempt: Instant,
    /// Lives as long as the caller's future.
    waits: Weak<()>,
}

impl Caller {
    fn has_given_up(&self) -> bool {
        Instant::now() >= self.deadline || self.waits.strong_count() == 0
    }
}

impl MongoInner {
    /// Executes an operation within the store's timeout.
    pub(super) async fn run<T, F>(
        self: &Arc<Self>,
        operation: impl FnOnce(Arc<Self>, Caller) -> F + Send,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.run_within(self.timeout, operation).await
    }

    /// Executes an operation within this time, in a task. If the time is over, or the caller drops the future,
    /// the task goes on until the server answers or the driver gives up: the operation happens as a whole or not
    /// at all. A transaction that has not been committed by then is aborted.
    pub(super) async fn run_within<T, F>(
        self: &Arc<Self>,
        limit: Duration,
        operation: impl FnOnce(Arc<Self>, Caller) -> F + Send,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let deadline = Instant::now() + limit;
        let waits = Arc::new(());
        let last_attempt = deadline - limit / 4;
        let caller = Caller { deadline, last_attempt, waits: Arc::downgrade(&waits) };
        let executed = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            let permit = permit.map_err(|_| Failure::Closed)?;
            let operation = operation(Arc::clone(self), caller);
            let task = tokio::spawn(async move {
                let result = operation.await;
                drop(permit);
                result
            });
            task.await.map_err(|_| Failure::Panicked)?
        };
        match timeout_at(deadline, executed).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Failure::TimedOut(limit).into()),
        }
    }

    /// Executes a transaction. If another one is in the way, it is repeated until shortly before the deadline.
    pub(super) async fn transaction<T: Transaction>(
        &self,
        caller: &Caller,
        transaction: &T,
    ) -> Result<T::Output, Failure> {
        let mut session = self.client.start_session().await?;
        let (mut retries, mut turn) = (0, None);
        loop {
            let done = self.attempt_once(&mut session, caller, transaction).await;
            let Err(failure) = done else { return done };
            if !failure.is_transient() {
                return Err(failure);
            }
            let pause = backoff(retries);
            if turn.is_none() {
                let next = self.repetitions.of(&hashed(transaction.subject())).lock();
                let Ok(taken) = timeout_at(caller.last_attempt, next).await else {
                    return Err(failure);
                };
                turn = Some(taken);
            } else if Instant::now() + pause < caller.last_attempt {
                sleep(pause).await;
            } else {
                return Err(failure);
            }
            retries += 1;
        }
    }

    async fn attempt_once<T: Transaction>(
        &self,
        session: &mut ClientSession,
        caller: &Caller,
        transaction: &T,
    ) -> Result<T::Output, Failure> {
        session.start_transaction().await?;
        match transaction.attempt(self, session).await {
            // Nothing is lost if the operation does not happen.
            Ok(_) if caller.has_given_up() => {
                abort(session).await;
                Err(Failure::Late)
            }
            Ok(done) => commit(session, caller.deadline).await.map(|()| done),
            Err(failure) => {
                abort(session).await;
                Err(failure)
            }
        }
    }

    /// Returns the collection for writing whole documents.
    pub(super) fn documents(&self) -> Collection<Document> {
        self.sign_ins.clone_with_type()
    }
}

/// Commits, and repeats that while it is unknown whether the transaction was committed. Repeating a commit is
/// safe. A commit whose outcome stays unknown is never reported as transient, because the transaction must not
/// be repeated.
async fn commit(session: &mut ClientSession, deadline: Instant) -> Result<(), Failure> {
    let mut retries = 0;
    loop {
        match session.commit_transaction().await {
            Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
                retries += 1;
                if Instant::now() >= deadline || retries > RETRIES {
                    return Err(Failure::UnknownCommit(error));
                }
                sleep(backoff(retries)).await;
            }
            done => return Ok(done?),
        }
    }
}

/// Aborts the transaction. If that fails, the server does so by itself after a minute.
async fn abort(session: &mut ClientSession) {
    let _ = session.abort_transaction().await;
}
