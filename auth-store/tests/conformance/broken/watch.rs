//! Faults of telling whoever waits.

use std::future::pending;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{Record, SignInLimit, Store, Watch, conformance};
use tokio::task::yield_now;

use super::proof::caught;
use crate::fault::{Broken, Count, Creation, Ended, Fault, Loaded};
use crate::plain::{Plain, Tables};

caught! {
    a_watch_that_hears_nothing_is_caught: Deaf =>
        a_watch_hears_of_every_end a_watch_hears_of_every_change
        a_watch_misses_no_end_between_two_looks a_watch_does_not_need_the_sign_in;
    a_watch_that_hears_only_while_it_is_polled_is_caught: Late =>
        a_watch_hears_of_every_end a_watch_hears_of_every_change
        a_watch_misses_no_end_between_two_looks;
    a_watch_of_what_is_there_alone_is_caught: OfTheLiving => a_watch_does_not_need_the_sign_in;
    an_eviction_that_is_not_told_is_caught: SilentEviction =>
        a_watch_hears_of_every_end a_watch_misses_no_end_between_two_looks;
    a_revocation_that_is_not_told_is_caught: SilentRevocation => a_watch_hears_of_every_end;
    a_change_of_roles_that_is_not_told_is_caught: SilentAmendment =>
        a_watch_hears_of_every_change;
}

/// The fault: whatever was wrapped around a store did not pass its watches on, and nobody noticed.
#[tokio::test]
async fn a_store_that_gives_out_no_watch_is_caught_if_it_should() {
    let report = conformance::check_watching(async || Broken(Plain::default(), Mute)).await;
    let caught: Vec<_> = report.failures().map(|(check, _)| check).collect();
    assert_eq!(caught, ["a_watch_is_given_out"]);
    conformance::check_watching(async || Plain::default()).await.assert_passed();
}

struct Mute;
#[async_trait]
impl Fault for Mute {
    fn watch(&self, _: &Plain, _: &SignInId) -> Option<Watch> {
        None
    }
}

#[derive(Default)]
struct Deaf;
#[async_trait]
impl Fault for Deaf {
    fn watch(&self, _: &Plain, _: &SignInId) -> Option<Watch> {
        Some(Watch::new(pending()))
    }
}

#[derive(Default)]
struct Late;
#[async_trait]
impl Fault for Late {
    fn watch(&self, store: &Plain, _: &SignInId) -> Option<Watch> {
        let told = store.told();
        Some(Watch::new(async move { told.notified().await }))
    }
    async fn load(&self, store: &Plain, sid: &SignInId) -> Loaded {
        let loaded = store.load(sid).await;
        yield_now().await; // as over a network: the answer is on its way
        loaded
    }
}

#[derive(Default)]
struct OfTheLiving;
#[async_trait]
impl Fault for OfTheLiving {
    fn watch(&self, store: &Plain, sid: &SignInId) -> Option<Watch> {
        if store.tables().records.contains_key(sid) {
            return store.watch(sid);
        }
        Some(Watch::new(pending()))
    }
}

#[derive(Default)]
struct SilentEviction;
#[async_trait]
impl Fault for SilentEviction {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        store.tables().silently(|tables| tables.create(record, limit))
    }
}

#[derive(Default)]
struct SilentRevocation;
#[async_trait]
impl Fault for SilentRevocation {
    async fn revoke(&self, store: &Plain, subject: &str, sid: &SignInId) -> Ended {
        let revoke = |tables: &mut Tables| tables.of(subject).contains(sid) && tables.remove(sid);
        Ok(store.tables().silently(revoke))
    }
}

#[derive(Default)]
struct SilentAmendment;
#[async_trait]
impl Fault for SilentAmendment {
    async fn amend_subject(&self, store: &Plain, subject: &str, principal: &[u8]) -> Count {
        Ok(store.tables().silently(|tables| tables.amend(subject, principal)))
    }
}
