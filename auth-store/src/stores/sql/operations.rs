//! The operations of [`Store`](crate::Store) on a database: each is one statement or one
//! transaction.
//!
//! Every operation runs in [`SqlInner::run`], which bounds its time and retries it if the database
//! rolled it back because of another one. Functions named `.._on` work on a connection that an
//! operation already holds.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use auth_core::{SignInId, Timestamp};
use sqlx::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::dialect::{Dialect, Value};
use super::error::Failure;
use super::pool::{Pool, PooledConnection};
use super::row::{Encoded, counts, expiry, insert_values, record_of, records_of, subject_key};
use super::statements::{BATCH, Statement, Statements};
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::columns::{due_at, millis, version};
use crate::record::{Reauthentication, Record, Rotation, encoding};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Created, Deleted, EachRecord, OverflowPolicy, SignInLimit};
use crate::stores::backoff::{RETRIES, backoff};
use crate::stores::eviction::EvictionState;

/// The connections and the statements of a store.
pub(super) struct SqlInner<D: Dialect> {
    pub(super) pool: Pool<D>,
    /// The pool for read-only operations, if all writers share one connection.
    pub(super) readers: Option<Pool<D>>,
    pub(super) statements: Statements,
    pub(super) timeout: Duration,
    /// The approximate maximum number of anonymous sign-ins.
    pub(super) max_anonymous: u64,
    pub(super) eviction: EvictionState,
}

impl<D: Dialect> SqlInner<D> {
    /// Runs an operation within the store's timeout.
    pub(super) async fn run<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.run_within(self.timeout, attempt).await
    }

    /// Runs an operation within this time. If the database rolls it back because of another
    /// operation, it is retried.
    pub(super) async fn run_within<T, F>(
        &self,
        limit: Duration,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + limit;
        let mut retries = 0;
        let attempts = async {
            loop {
                match attempt().await {
                    Err(failure) if retries < RETRIES && failure.is_conflict::<D>() => {
                        retries += 1;
                        sleep(backoff(retries)).await;
                    }
                    result => return result,
                }
            }
        };
        match timeout_at(deadline, catch_panic(attempts)).await {
            Ok(Err(failure)) if failure.is_conflict::<D>() => Err(StoreError::contended(failure)),
            Ok(result) => Ok(result?),
            Err(_) => Err(Failure::TimedOut(limit).into()),
        }
    }

    /// Returns the pool for read-only operations.
    pub(super) fn reader_pool(&self) -> &Pool<D> {
        self.readers.as_ref().unwrap_or(&self.pool)
    }

    /// Executes one statement, and returns the number of sign-ins that it changed.
    async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        run_on!(self, self.pool, |connection| connection.execute(statement, values))
    }

    /// Executes a statement that takes ids after these values, once for each batch of ids. Returns
    /// the number of sign-ins that it changed.
    pub(super) async fn execute_batches(
        &self,
        connection: &mut PooledConnection<'_, D>,
        statement: &Statement,
        leading: &[Value<'_>],
        ids: &[SignInId],
    ) -> Result<usize, Failure> {
        let mut changed = 0;
        for batch in ids.chunks(BATCH) {
            let mut values = leading.to_vec();
            // The statement has a fixed number of placeholders: repeat ids to fill the last batch.
            let padding = batch.last().into_iter().cycle();
            let padded = batch.iter().chain(padding).take(BATCH);
            values.extend(padded.map(sid_value));
            changed += connection.execute(statement, &values).await?;
        }
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }
}

impl<D: Dialect> SqlInner<D> {
    /// Closes all connections: unused ones now, and others once their operation has ended.
    #[allow(clippy::unused_async)] // a method of `Store`
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.pool.close();
        self.readers.iter().for_each(Pool::close);
        Ok(())
    }
}

/// Runs an operation on a connection of a pool, and returns the connection to the pool. As a function it
/// would take a closure whose future borrows the connection, which is not known to be `Send`.
macro_rules! run_on {
    ($inner:ident, $pool:expr, |$connection:ident| $operation:expr) => {
        $inner
            .run(|| async move {
                let mut pooled = $pool.get().await?;
                let $connection = &mut pooled;
                let result = $operation.await;
                pooled.finish(result).await
            })
            .await
    };
}

pub(super) use run_on;

/// Operations on one sign-in.
impl<D: Dialect> SqlInner<D> {
    pub(super) async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        run_on!(self, self.reader_pool(), |connection| self.load_on(connection, id))
    }

    async fn load_on(
        &self,
        connection: &mut PooledConnection<'_, D>,
        id: &SignInId,
    ) -> Result<Option<Arc<Record>>, Failure> {
        let rows = connection.fetch(&self.statements.load, &[sid_value(id)]).await?;
        record_of::<D>(&rows, id)
    }

    pub(super) async fn update(
        &self,
        id: &SignInId,
        expected: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let values = [sid_value(id), Value::int(version(expected)), Value::bytes(data.encoded())];
        self.compare_and_swap(id, &self.statements.update, &values).await
    }

    pub(super) async fn rotate(
        &self,
        id: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let Rotation { kind, digests, grace, reauthentication } = rotation;
        let details = reauthentication
            .as_ref()
            .and_then(|reauthentication| reauthentication.details.as_deref());
        let details = match reauthentication {
            Some(_) => encoding::details(kind, details),
            None => None,
        };
        // A grace is stored as one of the details: it is read only if there are details.
        let details = details.or(grace.map(|_| Vec::new()));
        let replaced_at = grace.map_or(Timestamp::EPOCH, |grace| grace.replaced_at);
        let grace = encoding::grace(grace.as_ref());
        let mut values = vec![
            sid_value(id),
            Value::bytes(&from.0),
            Value::int(i64::from(kind.code())),
            Value::bytes(&digests.family.0),
            Value::bytes(&digests.current.0),
            Value::bytes(&grace),
            Value::Bytes(details.as_deref()),
        ];
        let Some(Reauthentication { at, seen_at, deadlines, persistence, principal, details: _ }) =
            &reauthentication
        else {
            values.push(Value::int(millis(replaced_at)));
            return self.compare_and_swap(id, &self.statements.rotate, &values).await;
        };
        values.extend([
            Value::Bytes(principal.as_deref()),
            Value::int(i64::from(encoding::persistence(*persistence))),
            Value::int(millis(*at)),
            Value::int(i64::from(deadlines.idle_secs)),
            Value::int(millis(deadlines.ends_at)),
            // The sign-in may have been used later. The next sweep accounts for that.
            Value::int(due_at(*deadlines, *seen_at)),
            Value::int(millis(replaced_at.max(*seen_at))),
        ]);
        self.compare_and_swap(id, &self.statements.reauthenticate, &values).await
    }

    /// Executes a statement that changes a sign-in if it is as expected. If it is not, another
    /// statement loads the sign-in.
    async fn compare_and_swap(
        &self,
        id: &SignInId,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<CompareAndSwap, StoreError> {
        run_on!(self, self.pool, |connection| async {
            let stored = if D::SYNTAX.returning {
                let rows = connection.fetch(statement, values).await?;
                record_of::<D>(&rows, id)?
            } else {
                connection.begin(None).await?;
                let changed = connection.execute(statement, values).await? > 0;
                let stored = if changed { self.load_on(connection, id).await? } else { None };
                connection.commit().await?;
                stored
            };
            if let Some(stored) = stored {
                return Ok(CompareAndSwap::Stored(stored));
            }
            let current = self.load_on(connection, id).await?;
            Ok(current.map_or(CompareAndSwap::NotFound, CompareAndSwap::Conflict))
        })
    }

    pub(super) async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        let values = [sid_value(id), Value::int(millis(at))];
        self.execute(&self.statements.touch, &values).await.map(|_| ())
    }

    pub(super) async fn delete(&self, id: &SignInId) -> Result<bool, StoreError> {
        Ok(self.execute(&self.statements.delete, &[sid_value(id)]).await? > 0)
    }

    pub(super) async fn delete_if_version(
        &self,
        id: &SignInId,
        expected: u64,
    ) -> Result<Deleted, StoreError> {
        let values = &[sid_value(id), Value::int(version(expected))];
        run_on!(self, self.pool, |connection| async {
            if connection.execute(&self.statements.delete_if_version, values).await? > 0 {
                return Ok(Deleted::Done);
            }
            Ok(self.load_on(connection, id).await?.map_or(Deleted::NotFound, Deleted::Conflict))
        })
    }

    pub(super) async fn delete_if_idle(
        &self,
        id: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [sid_value(id), Value::int(millis(last_seen))];
        Ok(self.execute(&self.statements.delete_if_idle, &values).await? > 0)
    }
}

/// Creation.
impl<D: Dialect> SqlInner<D> {
    pub(super) async fn create(
        &self,
        new: &Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        run_on!(self, self.pool, |connection| async {
            match new.subject.as_deref() {
                Some(subject) if limit.is_some() || D::ALWAYS_LOCKS => {
                    self.create_locked_on(connection, new, subject, limit).await
                }
                _ => {
                    self.insert_on(connection, new).await?;
                    Ok(Created::Stored { evicted: 0 })
                }
            }
        })
    }

    /// Creates a sign-in in a transaction that locks its subject.
    async fn create_locked_on(
        &self,
        connection: &mut PooledConnection<'_, D>,
        new: &Record,
        subject: &str,
        limit: Option<SignInLimit>,
    ) -> Result<Created, Failure> {
        connection.begin(D::lock(subject_key(subject))).await?;
        let Some(limit) = limit else {
            self.insert_on(connection, new).await?;
            connection.commit().await?;
            return Ok(Created::Stored { evicted: 0 });
        };
        let of_subject = subject_values(subject);
        let rows = connection.fetch(&self.statements.expiries, &of_subject).await?;
        let kind_name = encoding::kind_name(new.kind);
        let listed = rows.iter().map(|row| {
            let (id, expired) = expiry::<D>(row, new.created_at)?;
            Ok(Counted { id, expired, counts: counts::<D>(row, &kind_name)? })
        });
        let (expired, mut surplus) =
            expired_and_surplus(&listed.collect::<Result<Vec<_>, Failure>>()?, limit);
        if !surplus.is_empty() && limit.when_full == OverflowPolicy::Reject {
            // A duplicate id is an error whether or not the limit is reached.
            return match self.load_on(connection, &new.id).await? {
                Some(_) => Err(Failure::DuplicateId),
                None => Ok(Created::LimitReached),
            };
        }
        // Insert before anything is deleted: a duplicate id may be that of a surplus sign-in.
        self.insert_on(connection, new).await?;
        surplus.sort_unstable();
        let delete = &self.statements.delete_of_subject;
        let evicted = self.execute_batches(connection, delete, &of_subject, &surplus).await?;
        // This statement skips locked rows, so it may follow others in any order.
        let now = [Value::int(millis(new.created_at))];
        self.execute_batches(connection, &self.statements.delete_expired, &now, &expired).await?;
        connection.commit().await?;
        Ok(Created::Stored { evicted })
    }

    async fn insert_on(
        &self,
        connection: &mut PooledConnection<'_, D>,
        new: &Record,
    ) -> Result<(), Failure> {
        let encoded = Encoded::new(new);
        match connection.execute(&self.statements.insert, &insert_values(new, &encoded)).await {
            Ok(0) => Err(Failure::DuplicateId),
            Err(Failure::Database(Error::Database(error))) if error.is_unique_violation() => {
                Err(Failure::DuplicateId)
            }
            other => other.map(|_| ()),
        }
    }
}

/// Operations on all sign-ins of a subject.
impl<D: Dialect> SqlInner<D> {
    pub(super) async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.list_each(subject).await?.into_iter().collect()
    }

    pub(super) async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        run_on!(self, self.reader_pool(), |connection| async {
            let rows = connection.fetch(&self.statements.list, &subject_values(subject)).await?;
            records_of::<D>(&rows, subject)
        })
    }

    pub(super) async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError> {
        let [key, subject] = subject_values(subject);
        let values = [key, subject, sid_value(id)];
        Ok(self.execute(&self.statements.revoke, &values).await? > 0)
    }

    pub(super) async fn revoke_others(
        &self,
        subject: &str,
        keep: &SignInId,
    ) -> Result<usize, StoreError> {
        let [key, name] = subject_values(subject);
        let values = [key, name, sid_value(keep)];
        self.execute_for_subject(&self.statements.revoke_others, subject, &values).await
    }

    pub(super) async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let values = subject_values(subject);
        self.execute_for_subject(&self.statements.revoke_subject, subject, &values).await
    }

    pub(super) async fn update_subject(
        &self,
        subject: &str,
        principal: &[u8],
    ) -> Result<usize, StoreError> {
        let [key, name] = subject_values(subject);
        let values = [key, name, Value::bytes(principal)];
        self.execute_for_subject(&self.statements.update_subject, subject, &values).await
    }

    pub(super) async fn swap_principal(
        &self,
        subject: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<usize, StoreError> {
        let [key, name] = subject_values(subject);
        let values = [key, name, Value::bytes(to), Value::bytes(from)];
        self.execute_for_subject(&self.statements.swap_principal, subject, &values).await
    }

    /// Executes a statement on all sign-ins of a subject. No lock is needed where a statement sees a
    /// consistent snapshot.
    async fn execute_for_subject(
        &self,
        statement: &Statement,
        subject: &str,
        values: &[Value<'_>],
    ) -> Result<usize, StoreError> {
        let changed = run_on!(self, self.pool, |connection| async {
            if !D::ALWAYS_LOCKS {
                return connection.execute(statement, values).await;
            }
            connection.begin(D::lock(subject_key(subject))).await?;
            let changed = connection.execute(statement, values).await?;
            connection.commit().await?;
            Ok(changed)
        })?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }
}

/// Turns a panic into a failure. sqlx relies on the form of an answer: it indexes into messages.
async fn catch_panic<T>(attempts: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut attempts = pin!(attempts);
    poll_fn(|context| {
        // What a panic may leave inconsistent is dropped: the connection and the operation.
        let polled = catch_unwind(AssertUnwindSafe(|| attempts.as_mut().poll(context)));
        polled.unwrap_or(Poll::Ready(Err(Failure::Panicked)))
    })
    .await
}

fn sid_value(id: &SignInId) -> Value<'_> {
    Value::bytes(id.as_bytes())
}

/// Returns the values of the columns that identify a subject.
fn subject_values(subject: &str) -> [Value<'_>; 2] {
    [Value::int(subject_key(subject)), Value::bytes(subject.as_bytes())]
}

/// A sign-in of a subject for whom one more is created.
struct Counted {
    id: SignInId,
    expired: bool,
    /// Whether its kind counts with that of the new one.
    counts: bool,
}

/// Returns the sign-ins of a subject that have expired, and those that must end before one more is
/// created. `listed` holds them from the oldest on.
fn expired_and_surplus(listed: &[Counted], limit: SignInLimit) -> (Vec<SignInId>, Vec<SignInId>) {
    let (expired, live): (Vec<_>, Vec<_>) = listed.iter().partition(|sign_in| sign_in.expired);
    let counted: Vec<_> = live.into_iter().filter(|sign_in| sign_in.counts).collect();
    let max = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
    let surplus = (counted.len() + 1).saturating_sub(max);
    let id = |sign_in: &Counted| sign_in.id;
    (expired.into_iter().map(id).collect(), counted.into_iter().take(surplus).map(id).collect())
}
