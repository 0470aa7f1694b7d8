//! Faults at the end of a sign-in.

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{Deleted, Store};
use tokio::task::yield_now;

use super::proof::caught;
use crate::fault::{Deletion, Ended, Fault};
use crate::plain::Plain;

caught! {
    a_delete_that_forgets_the_index_is_caught: ForgetsIndex =>
        what_ended_counts_no_more a_full_limit_refuses_and_changes_nothing;
    a_delete_that_always_says_yes_is_caught: AlwaysYes =>
        delete_ends_a_sign_in_once a_sign_in_ends_once;
    a_delete_of_any_version_is_caught: AnyVersion => delete_if_ends_only_this_version;
    a_delete_that_compares_before_it_deletes_is_caught: CompareThenDelete =>
        delete_if_and_an_update_never_both_win;
    a_delete_that_a_use_makes_stale_is_caught: MindsUse => delete_if_does_not_mind_a_use;
    sec_85_an_idle_end_by_an_old_last_use_is_caught: IdleAnyway =>
        sec_85_delete_if_idle_spares_what_was_used_since;
    sec_85_an_idle_end_that_compares_first_is_caught: IdleCompareThenDelete =>
        delete_if_idle_and_a_touch_agree;
    an_idle_end_that_never_comes_is_caught: NeverIdle =>
        delete_if_idle_ends_what_was_not_used_since;
}

#[derive(Default)]
struct ForgetsIndex;
#[async_trait]
impl Fault for ForgetsIndex {
    async fn delete(&self, store: &Plain, sid: &SignInId) -> Ended {
        Ok(store.tables().records.remove(sid).is_some())
    }
}

#[derive(Default)]
struct AlwaysYes;
#[async_trait]
impl Fault for AlwaysYes {
    async fn delete(&self, store: &Plain, sid: &SignInId) -> Ended {
        store.delete(sid).await.map(|_| true)
    }
}

#[derive(Default)]
struct AnyVersion;
#[async_trait]
impl Fault for AnyVersion {
    async fn delete_if(&self, store: &Plain, sid: &SignInId, _: u64) -> Deletion {
        Ok(if store.delete(sid).await? { Deleted::Done } else { Deleted::NotFound })
    }
}

#[derive(Default)]
struct CompareThenDelete;
#[async_trait]
impl Fault for CompareThenDelete {
    async fn delete_if(&self, store: &Plain, sid: &SignInId, version: u64) -> Deletion {
        match store.load(sid).await? {
            None => Ok(Deleted::NotFound),
            Some(record) if record.version != version => Ok(Deleted::Conflict(record)),
            Some(_) => {
                yield_now().await;
                store.delete(sid).await?;
                Ok(Deleted::Done)
            }
        }
    }
}

#[derive(Default)]
struct MindsUse;
#[async_trait]
impl Fault for MindsUse {
    async fn delete_if(&self, store: &Plain, sid: &SignInId, version: u64) -> Deletion {
        match store.load(sid).await? {
            Some(record) if record.last_seen() > record.created_at => Ok(Deleted::Conflict(record)),
            _ => store.delete_if_version(sid, version).await,
        }
    }
}

#[derive(Default)]
struct IdleAnyway;
#[async_trait]
impl Fault for IdleAnyway {
    async fn delete_if_idle(&self, store: &Plain, sid: &SignInId, _: Timestamp) -> Ended {
        store.delete(sid).await
    }
}

#[derive(Default)]
struct IdleCompareThenDelete;
#[async_trait]
impl Fault for IdleCompareThenDelete {
    async fn delete_if_idle(&self, store: &Plain, sid: &SignInId, seen: Timestamp) -> Ended {
        let idle = store.load(sid).await?.is_some_and(|record| record.last_seen() <= seen);
        yield_now().await;
        Ok(idle && store.delete(sid).await?)
    }
}

#[derive(Default)]
struct NeverIdle;
#[async_trait]
impl Fault for NeverIdle {
    async fn delete_if_idle(&self, store: &Plain, sid: &SignInId, seen: Timestamp) -> Ended {
        let idle = store.load(sid).await?.is_some_and(|record| record.last_seen() < seen);
        Ok(idle && store.delete(sid).await?)
    }
}
