//! Stores that break when a step is dropped before it has returned, or that hang.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{Record, SignInLimit, Store, conformance, forward_store};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::caught::caught;
use crate::plain::{Count, Creation, Ended, Plain, broken_store};

caught! {
    a_delete_that_is_torn_when_dropped_is_caught: TornDelete => a_dropped_step_blocks_no_other;
    a_create_that_is_torn_when_dropped_is_caught: TornCreate =>
        a_dropped_step_happens_or_does_not a_dropped_step_blocks_no_other;
    a_revocation_that_is_torn_when_dropped_is_caught: TornRevocation =>
        a_dropped_step_happens_or_does_not;
    a_lock_that_a_dropped_step_keeps_is_caught: KeepsLock => a_dropped_step_blocks_no_other;
    a_step_that_hangs_is_caught: Hangs => delete_ends_a_sign_in_once;
}

broken_store! {
    /// Deletes the record and then the entry of the index.
    TornDelete, except: [delete];

    async fn delete(&self, id: &SignInId) -> Ended {
        let Some(record) = self.0.tables().records.get(id).cloned() else { return Ok(false) };
        self.0.tables().records.remove(id);
        yield_now().await;
        let mut tables = self.0.tables();
        tables.add(Record::clone(&record));
        Ok(tables.remove(id))
    }
}

broken_store! {
    /// Writes the record, and then the entry of the index.
    TornCreate, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let (id, subject) = (record.id, record.subject.clone());
        let created = self.0.tables().create(record, limit)?;
        let Some(subject) = subject else { return Ok(created) };
        let index = self.0.tables().subjects.remove(&subject);
        yield_now().await;
        let mut index = index.unwrap_or_default();
        index.retain(|listed| *listed != id);
        index.push(id);
        self.0.tables().subjects.insert(subject, index);
        Ok(created)
    }
}

broken_store! {
    /// Ends one sign-in after the other, of which the first is only half of one.
    TornRevocation, except: [revoke_subject];

    async fn revoke_subject(&self, subject: &str) -> Count {
        let ids = self.0.tables().of(subject);
        let mut ended = 0;
        for id in ids {
            let record = self.0.tables().records.get(&id).cloned();
            if let Some(record) = record {
                self.0.tables().swap(&id, |_| true, |record| record.data.insert("ending", "1"));
                yield_now().await;
                ended += usize::from(self.0.tables().remove(&record.id));
            }
        }
        Ok(ended)
    }
}

/// Takes a lock by hand, which nothing releases if the step is dropped.
#[derive(Default)]
struct KeepsLock(Plain, AtomicBool);

#[async_trait]
impl Store for KeepsLock {
    forward_store!(self => self.0, except: [delete]);

    async fn delete(&self, id: &SignInId) -> Ended {
        while self.1.swap(true, Ordering::SeqCst) {
            sleep(Duration::from_millis(1)).await;
        }
        yield_now().await;
        let ended = self.0.delete(id).await;
        self.1.store(false, Ordering::SeqCst);
        ended
    }
}

broken_store! {
    Hangs, except: [delete];

    async fn delete(&self, _: &SignInId) -> Ended {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_report_names_the_step_that_hangs() {
    let report = conformance::check("delete_ends_a_sign_in_once", Hangs::default()).await;
    let report = report.to_string();
    assert!(report.contains("after 120s: it waits for delete"), "{report}");
}
