//! Stores with a fault in the methods for the sign-ins of a subject.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{CompareAndSwap, Record, Store, forward_store};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Count, Ended, Loaded, Plain, broken_store};

caught! {
    a_revocation_that_answers_false_is_caught: AnswersFalse => revoke_ends_one_sign_in;
    sec_19_a_revocation_of_another_subjects_is_caught: AnySubject => sec_19_revoke_spares_another_subjects;
    sec_16_a_revocation_that_ends_the_kept_one_is_caught: EndsKept =>
        sec_16_revoke_others_spares_only_this_one revoke_others_keeps_its_sign_in_during_sign_ins;
    sec_17_a_revocation_that_misses_one_is_caught: MissesOne => sec_17_revoke_subject_ends_all_sign_ins;
    a_revocation_that_loses_a_new_sign_in_is_caught: ClearsIndex => a_sign_in_is_never_missing_from_its_subject;
    a_revocation_record_by_record_that_loses_a_sign_in_is_caught: ReplacesIndex =>
        a_sign_in_is_never_missing_from_its_subject;
    an_update_subject_that_raises_assurance_is_caught: RaisesAssurance =>
        update_subject_changes_roles_and_nothing_else;
    sec_88_a_stale_role_is_caught: Remembers => sec_88_update_subject_takes_effect_at_once;
    sec_77_an_update_subject_that_writes_back_what_it_read_is_caught: WritesBack =>
        sec_77_update_subject_never_undoes_an_end;
    an_update_subject_that_counts_before_it_updates_is_caught: CountsFirst =>
        a_sign_in_is_updated_or_as_created;
    sec_88_a_swap_that_compares_nothing_is_caught: SwapsAll => sec_88_swap_principal_compares_what_it_replaces;
    sec_88_a_swap_that_compares_before_it_changes_is_caught: CompareThenSwap =>
        sec_88_parallel_swaps_of_roles_have_one_winner;
}

broken_store! {
    SwapsAll, except: [swap_principal];

    async fn swap_principal(&self, subject: &str, _: &[u8], to: &[u8]) -> Count {
        self.0.update_subject(subject, to).await
    }
}

broken_store! {
    CompareThenSwap, except: [swap_principal];

    async fn swap_principal(&self, subject: &str, from: &[u8], to: &[u8]) -> Count {
        let found = self.0.list(subject).await?;
        let ids: Vec<_> = found.iter().filter(|it| it.principal() == from).map(|it| it.id).collect();
        yield_now().await;
        let mut tables = self.0.tables();
        let swap = |id| tables.swap(id, |_| true, |record| *record = record.amended(to));
        Ok(ids.iter().map(swap).filter(|it| matches!(it, CompareAndSwap::Stored(_))).count())
    }
}

broken_store! {
    AnswersFalse, except: [revoke];

    async fn revoke(&self, subject: &str, id: &SignInId) -> Ended {
        self.0.revoke(subject, id).await.map(|_| false)
    }
}

broken_store! {
    AnySubject, except: [revoke];

    async fn revoke(&self, _: &str, id: &SignInId) -> Ended {
        self.0.delete(id).await
    }
}

broken_store! {
    EndsKept, except: [revoke_others];

    async fn revoke_others(&self, subject: &str, _: &SignInId) -> Count {
        self.0.revoke_subject(subject).await
    }
}

broken_store! {
    MissesOne, except: [revoke_subject];

    async fn revoke_subject(&self, subject: &str) -> Count {
        let mut tables = self.0.tables();
        let ids = tables.of(subject);
        Ok(tables.remove_all(ids.get(1..).unwrap_or_default()))
    }
}

broken_store! {
    /// Ends the sign-ins that it read, and then clears the whole index.
    ClearsIndex, except: [revoke_subject];

    async fn revoke_subject(&self, subject: &str) -> Count {
        let read = self.0.tables().of(subject);
        yield_now().await;
        let mut tables = self.0.tables();
        let ended = tables.remove_all(&read);
        tables.subjects.remove(subject);
        Ok(ended)
    }
}

broken_store! {
    RaisesAssurance, except: [update_subject];

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        let updated = self.0.update_subject(subject, principal).await?;
        let mut tables = self.0.tables();
        for id in tables.of(subject) {
            let raise = |record: &mut Record| {
                let details = record.details.get_or_insert_default();
                details.acr = Some("aal3".into());
                details.scopes.push("admin".into());
            };
            tables.swap(&id, |_| true, raise);
        }
        Ok(updated)
    }
}

/// Answers with the record that it loaded first.
#[derive(Default)]
struct Remembers(Plain, parking_lot::Mutex<Option<Arc<Record>>>);
#[async_trait]
impl Store for Remembers {
    forward_store!(self => self.0, except: [load, find]);

    async fn load(&self, id: &SignInId) -> Loaded {
        let loaded = self.0.load(id).await?;
        let mut first = self.1.lock();
        if first.is_none() {
            *first = loaded;
        }
        Ok(first.clone())
    }
}

broken_store! {
    WritesBack, except: [update_subject];

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        let read = self.0.list(subject).await?;
        yield_now().await;
        let mut tables = self.0.tables();
        for record in &read {
            let mut record = Record::clone(record);
            record.set_principal(principal);
            record.version += 1;
            tables.remove(&record.id);
            tables.add(record);
        }
        Ok(read.len())
    }
}

broken_store! {
    CountsFirst, except: [update_subject];

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        let counted = self.0.tables().of(subject).len();
        yield_now().await;
        self.0.update_subject(subject, principal).await?;
        Ok(counted)
    }
}

broken_store! {
    /// Deletes record by record, and then writes back the index that it has read.
    ReplacesIndex, except: [revoke_subject];

    async fn revoke_subject(&self, subject: &str) -> Count {
        let read = self.0.tables().of(subject);
        let mut ended = 0;
        for id in &read {
            ended += usize::from(self.0.tables().remove(id));
            yield_now().await;
        }
        self.0.tables().subjects.insert(subject.into(), Vec::new());
        Ok(ended)
    }
}
