//! Stores with a fault in what they can keep, or in the report that they are contended.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{
    Digest, OverflowPolicy, Record, Rotation, SignInLimit, Store, StoreBounds, StoreError,
    StoreErrorKind, conformance, forward_store,
};

use super::caught::caught;
use crate::plain::{Answer, Count, Creation, Ended, Listed, Plain, Swapped, broken_store};

caught! {
    subjects_cut_at_64_bytes_are_caught: CutsSubjects => long_subjects_are_kept_or_refused;
    claims_cut_at_4_kib_are_caught: CutsClaims => long_claims_are_kept_or_refused;
    a_list_of_one_page_is_caught: ListsOnePage => many_sign_ins_are_kept_or_refused;
    a_revocation_of_one_batch_is_caught: RevokesOneBatch => many_sign_ins_are_kept_or_refused;
    a_bound_without_a_name_is_caught: Unnamed =>
        long_subjects_are_kept_or_refused long_claims_are_kept_or_refused
        many_sign_ins_are_kept_or_refused;
    a_bound_that_evicts_is_caught: EvictsAtBound => many_sign_ins_are_kept_or_refused;
    a_contended_step_that_has_happened_is_caught: ContendedAfterwards =>
        delete_ends_a_sign_in_once revoke_ends_one_sign_in;
}

broken_store! {
    CutsSubjects, except: [create, list];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        let (id, subject) = (record.id, record.subject.clone());
        let created = tables.create(record, limit)?;
        if let Some(subject) = subject.filter(|subject| subject.len() > 64) {
            tables.subjects.remove(&subject);
            tables.subjects.entry(subject[..64].into()).or_default().push(id);
        }
        Ok(created)
    }

    async fn list(&self, subject: &str) -> Listed {
        self.0.list(&subject[..subject.len().min(64)]).await
    }
}

broken_store! {
    CutsClaims, except: [create];

    async fn create(&self, mut record: Record, limit: Option<SignInLimit>) -> Creation {
        let principal = &record.principal()[..record.principal().len().min(4096)];
        record.set_principal(principal.to_vec());
        self.0.tables().create(record, limit)
    }
}

broken_store! {
    ListsOnePage, except: [list];

    async fn list(&self, subject: &str) -> Listed {
        let mut listed = self.0.list(subject).await?;
        listed.truncate(100);
        Ok(listed)
    }
}

broken_store! {
    RevokesOneBatch, except: [revoke_subject];

    async fn revoke_subject(&self, subject: &str) -> Count {
        let mut tables = self.0.tables();
        let mut ids = tables.of(subject);
        ids.truncate(100);
        Ok(tables.remove_all(&ids))
    }
}

const BOUNDS: StoreBounds =
    StoreBounds::DEFAULT.max_sign_ins(32).max_subject_bytes(255).max_principal_bytes(4096);

/// A correct store with bounds.
#[derive(Default)]
struct Bounded(Plain);

#[async_trait]
impl Store for Bounded {
    forward_store!(self => self.0, except: [bounds, create, rotate, update_subject, swap_principal]);

    fn bounds(&self) -> StoreBounds {
        BOUNDS
    }

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        BOUNDS.check(&record, limit)?;
        self.0.create(record, limit).await
    }

    async fn rotate(&self, id: &SignInId, from: &Digest, rotation: Rotation) -> Swapped {
        if let Some(reauthentication) = &rotation.reauthentication {
            BOUNDS.check_principal(reauthentication.principal.as_deref().unwrap_or_default())?;
        }
        self.0.rotate(id, from, rotation).await
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        BOUNDS.check_principal(principal)?;
        self.0.update_subject(subject, principal).await
    }

    async fn swap_principal(&self, subject: &str, from: &[u8], to: &[u8]) -> Count {
        BOUNDS.check_principal(to)?;
        self.0.swap_principal(subject, from, to).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_refuses_what_is_beyond_its_bounds_passes() {
    conformance::run(async || Bounded::default()).await.assert_passed();
}

/// Refuses without saying why.
#[derive(Default)]
struct Unnamed(Bounded);

impl Unnamed {
    async fn unnamed<T>(&self, _: &str, call: impl Future<Output = Answer<T>>) -> Answer<T> {
        call.await.map_err(|error| match error.bound() {
            Some(_) => StoreError::new(StoreErrorKind::Invalid, "too large"),
            None => error,
        })
    }
}

#[async_trait]
impl Store for Unnamed {
    forward_store!(self => self.0, around: unnamed);
}

/// Evicts sign-ins instead of refusing a limit that is too high.
#[derive(Default)]
struct EvictsAtBound(Bounded);

#[async_trait]
impl Store for EvictsAtBound {
    forward_store!(self => self.0, except: [create]);

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let lowered = BOUNDS.lower(limit);
        let evict = |limit| SignInLimit { when_full: OverflowPolicy::EvictOldest, ..limit };
        self.0.create(record, lowered.map(evict)).await
    }
}

/// A correct store that every other call finds contended.
#[derive(Default)]
struct Contended(Plain, AtomicU32);

impl Contended {
    async fn every_other<T>(&self, _: &str, call: impl Future<Output = Answer<T>>) -> Answer<T> {
        match self.1.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Err(StoreError::contended("another transaction")),
            _ => call.await,
        }
    }
}

#[async_trait]
impl Store for Contended {
    forward_store!(self => self.0, around: every_other, except: [find]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_contended_store_that_has_changed_nothing_passes() {
    conformance::run(async || Contended::default()).await.assert_passed();
}

/// Reports that it is contended after it has made the change.
#[derive(Default)]
struct ContendedAfterwards(Plain);

#[async_trait]
impl Store for ContendedAfterwards {
    forward_store!(self => self.0, except: [delete, revoke]);

    async fn delete(&self, id: &SignInId) -> Ended {
        let ended = self.0.delete(id).await?;
        if ended { Err(StoreError::contended("another transaction")) } else { Ok(false) }
    }

    async fn revoke(&self, subject: &str, id: &SignInId) -> Ended {
        let ended = self.0.revoke(subject, id).await?;
        if ended { Err(StoreError::contended("another transaction")) } else { Ok(false) }
    }
}
