//! Stores with a fault in the `delete` methods.

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{Deleted, Record, SignInLimit, Store, forward_store};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Count, Creation, Deletion, Ended, Plain, broken_store};

caught! {
    a_leaked_entry_of_the_index_is_caught: LeaksEntry => an_ended_sign_in_leaves_no_trace;
    a_delete_that_forgets_the_index_is_caught: ForgetsIndex =>
        an_ended_sign_in_is_not_counted a_full_limit_refuses_and_changes_nothing
        update_subject_never_creates;
    a_delete_that_always_answers_true_is_caught: AlwaysTrue =>
        delete_ends_a_sign_in_once a_sign_in_ends_once;
    a_delete_of_any_version_is_caught: AnyVersion => delete_if_version_ends_only_this_version;
    a_delete_that_compares_before_it_deletes_is_caught: CompareThenDelete =>
        delete_if_version_and_update_never_both_succeed;
    a_delete_that_conflicts_with_a_use_is_caught: ConflictsWithUse => delete_if_version_ignores_uses;
    sec_85_an_idle_end_despite_a_later_use_is_caught: IdleAnyway =>
        sec_85_delete_if_idle_spares_a_sign_in_used_since;
    sec_85_an_idle_end_that_compares_before_it_deletes_is_caught: IdleCompareThenDelete =>
        delete_if_idle_and_a_touch_agree;
    an_idle_end_that_does_not_happen_is_caught: NeverIdle =>
        delete_if_idle_ends_a_sign_in_not_used_since;
}

broken_store! {
    ForgetsIndex, except: [delete];

    async fn delete(&self, id: &SignInId) -> Ended {
        Ok(self.0.tables().records.remove(id).is_some())
    }
}

broken_store! {
    AlwaysTrue, except: [delete];

    async fn delete(&self, id: &SignInId) -> Ended {
        self.0.delete(id).await.map(|_| true)
    }
}

broken_store! {
    AnyVersion, except: [delete_if_version];

    async fn delete_if_version(&self, id: &SignInId, _: u64) -> Deletion {
        Ok(if self.0.delete(id).await? { Deleted::Done } else { Deleted::NotFound })
    }
}

broken_store! {
    CompareThenDelete, except: [delete_if_version];

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Deletion {
        match self.0.load(id).await? {
            None => Ok(Deleted::NotFound),
            Some(record) if record.version != version => Ok(Deleted::Conflict(record)),
            Some(_) => {
                yield_now().await;
                self.0.delete(id).await?;
                Ok(Deleted::Done)
            }
        }
    }
}

broken_store! {
    ConflictsWithUse, except: [delete_if_version];

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Deletion {
        match self.0.load(id).await? {
            Some(record) if record.last_seen() > record.created_at => Ok(Deleted::Conflict(record)),
            _ => self.0.delete_if_version(id, version).await,
        }
    }
}

broken_store! {
    IdleAnyway, except: [delete_if_idle];

    async fn delete_if_idle(&self, id: &SignInId, _: Timestamp) -> Ended {
        self.0.delete(id).await
    }
}

broken_store! {
    IdleCompareThenDelete, except: [delete_if_idle];

    async fn delete_if_idle(&self, id: &SignInId, seen: Timestamp) -> Ended {
        let idle = self.0.load(id).await?.is_some_and(|record| record.last_seen() <= seen);
        yield_now().await;
        Ok(idle && self.0.delete(id).await?)
    }
}

broken_store! {
    NeverIdle, except: [delete_if_idle];

    async fn delete_if_idle(&self, id: &SignInId, seen: Timestamp) -> Ended {
        let idle = self.0.load(id).await?.is_some_and(|record| record.last_seen() < seen);
        Ok(idle && self.0.delete(id).await?)
    }
}

/// Leaves an entry in the index, which does not show until the id is used again.
#[derive(Default)]
struct LeaksEntry(Plain);

impl LeaksEntry {
    fn existing(&self, subject: &str) -> Vec<SignInId> {
        let tables = self.0.tables();
        tables.of(subject).into_iter().filter(|id| tables.records.contains_key(id)).collect()
    }
}

#[async_trait]
impl Store for LeaksEntry {
    forward_store!(self => self.0, except: [create, delete, update_subject, revoke_subject]);

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.0.tables().create_counting(record, limit, |tables, subject, now| {
            let mut living = tables.living(subject, now);
            living.retain(|id| tables.records.contains_key(id));
            living
        })
    }

    async fn delete(&self, id: &SignInId) -> Ended {
        Ok(self.0.tables().records.remove(id).is_some())
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        let ids = self.existing(subject);
        for id in &ids {
            self.0.tables().swap(id, |_| true, |record| *record = record.amended(principal));
        }
        Ok(ids.len())
    }

    async fn revoke_subject(&self, subject: &str) -> Count {
        let ids = self.existing(subject);
        Ok(self.0.tables().remove_all(&ids))
    }
}
