//! Implements [`Store`] for [`NearCache`].
//!
//! Reads may be answered from an entry, and every write drops the entry.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::cache::{Freshness, NearCache};
use crate::error::StoreError;
use crate::forward_store;
use crate::record::Record;
use crate::store::{Created, Peek, SignInLimit, Store};
use crate::watch::Watch;

impl<S> NearCache<S> {
    /// Writes, and removes the entry of a sign-in before and after.
    async fn writing<T>(&self, id: &SignInId, write: impl Future<Output = T>) -> T {
        removing(|| self.inner.entries.remove(id), write).await
    }

    /// Writes, and removes all entries of a subject before and after.
    async fn writing_all<T>(&self, subject: &str, write: impl Future<Output = T>) -> T {
        removing(|| self.inner.entries.remove_subject(subject), write).await
    }
}

/// Writes, and removes entries before and after, whatever the outcome. The record of a load that overlaps
/// the write is not kept.
async fn removing<T>(remove: impl Fn(), write: impl Future<Output = T>) -> T {
    remove();
    let _after = OnDrop(remove);
    write.await
}

/// Runs a closure when it is dropped: after a write that was finished, and after one that was
/// cancelled and may still happen.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}

#[async_trait]
impl<S: Store> Store for NearCache<S> {
    forward_store!(
        self => self.inner.store,
        changes: [writing, writing_all],
        except: [peek, watch, load, create, touch]
    );

    fn peek(&self, id: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        match self.inner.fresh_entry(id) {
            Some(entry) => {
                self.inner.counts.hit(id);
                see(Peek::Cached(&entry.record));
            }
            None => see(Peek::Miss),
        }
    }

    /// Waits for the announcements of other nodes while there is a lease.
    fn watch(&self, id: &SignInId) -> Option<Watch> {
        let inner = &*self.inner;
        // Before the lease is read: if it ends afterwards, this watch is woken.
        let watch = inner.watchers.watch(id);
        match &inner.freshness {
            Freshness::Leased(lease) if lease.holds(inner.clock.monotonic()) => Some(watch),
            Freshness::Leased(_) | Freshness::Ttl(_) => inner.store.watch(id),
        }
    }

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let inner = &*self.inner;
        inner.counts.miss();
        let (ticket, now) = (inner.entries.ticket(id), inner.clock.monotonic());
        let loaded = inner.store.load(id).await?;
        match &loaded {
            Some(record) => inner.entries.insert(ticket, record, inner.usable_until(id, now)),
            None => inner.invalidate(id), // it may have ended without an announcement
        }
        Ok(loaded)
    }

    /// If other sign-ins of the subject were evicted, or may have been, its entries are dropped.
    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let subject = record.subject.clone();
        let created = self.inner.store.create(record, limit).await;
        let kept = matches!(created, Ok(Created::Stored { evicted: 0 } | Created::LimitReached));
        if let Some(subject) = subject.filter(|_| limit.is_some() && !kept) {
            self.inner.entries.remove_subject(&subject);
        }
        created
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        if let Some(entry) = self.inner.entries.get(id) {
            entry.record.touch_shared(at);
        }
        self.inner.store.touch(id, at).await
    }
}
