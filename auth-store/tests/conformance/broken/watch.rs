//! Stores with a fault in `watch`, or in notifying watches.

use std::future::pending;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{Record, SignInLimit, Store, Watch, conformance, forward_store};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Count, Creation, Ended, Loaded, Plain, Tables, broken_store};

caught! {
    a_watch_that_never_completes_is_caught: NeverCompletes =>
        a_watch_completes_at_every_end a_watch_completes_at_every_change
        a_watch_misses_no_end_between_load_and_wait a_watch_does_not_need_an_existing_sign_in;
    a_watch_that_subscribes_when_polled_is_caught: SubscribesWhenPolled =>
        a_watch_completes_at_every_end a_watch_completes_at_every_change
        a_watch_misses_no_end_between_load_and_wait;
    a_watch_of_existing_sign_ins_only_is_caught: OfExistingOnly => a_watch_does_not_need_an_existing_sign_in;
    an_eviction_without_notification_is_caught: SilentEviction =>
        a_watch_completes_at_every_end a_watch_misses_no_end_between_load_and_wait;
    a_revocation_without_notification_is_caught: SilentRevocation => a_watch_completes_at_every_end;
    a_change_of_roles_without_notification_is_caught: SilentUpdate =>
        a_watch_completes_at_every_change;
}

/// Regression: a wrapper around a store did not forward `watch`, and no check failed.
#[tokio::test]
async fn a_store_without_watches_fails_check_watching() {
    let report = conformance::check_watching(async || WithoutWatch::default()).await;
    let caught: Vec<_> = report.failures().map(|(check, _)| check).collect();
    assert_eq!(caught, ["a_watch_is_returned"]);
    conformance::check_watching(async || Plain::default()).await.assert_passed();
}

broken_store! {
    WithoutWatch, except: [watch];

    fn watch(&self, _: &SignInId) -> Option<Watch> {
        None
    }
}

broken_store! {
    NeverCompletes, except: [watch];

    fn watch(&self, _: &SignInId) -> Option<Watch> {
        Some(Watch::new(pending()))
    }
}

broken_store! {
    SubscribesWhenPolled, except: [watch, load, find];

    fn watch(&self, _: &SignInId) -> Option<Watch> {
        let changed = self.0.changed();
        Some(Watch::new(async move { changed.notified().await }))
    }
    async fn load(&self, id: &SignInId) -> Loaded {
        let loaded = self.0.load(id).await;
        yield_now().await; // as over a network, the answer takes a while
        loaded
    }
}

broken_store! {
    OfExistingOnly, except: [watch];

    fn watch(&self, id: &SignInId) -> Option<Watch> {
        if self.0.tables().records.contains_key(id) {
            return self.0.watch(id);
        }
        Some(Watch::new(pending()))
    }
}

broken_store! {
    SilentEviction, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.0.tables().silently(|tables| tables.create(record, limit))
    }
}

broken_store! {
    SilentRevocation, except: [revoke];

    async fn revoke(&self, subject: &str, id: &SignInId) -> Ended {
        let revoke = |tables: &mut Tables| tables.of(subject).contains(id) && tables.remove(id);
        Ok(self.0.tables().silently(revoke))
    }
}

broken_store! {
    SilentUpdate, except: [update_subject];

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        Ok(self.0.tables().silently(|tables| tables.update_subject(subject, principal)))
    }
}
