//! Stores with a fault in `touch`.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{Record, Store, StoreError, StoreErrorKind, forward_store};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Plain, Touched, broken_store};
use crate::records::{blank, seen_at};

caught! {
    a_use_that_is_not_recorded_is_caught: Nothing =>
        touch_moves_the_last_seen_time_forward changes_of_different_parts_are_all_kept
        delete_if_idle_and_a_touch_agree;
    a_touch_that_moves_backward_is_caught: Backward =>
        touch_never_moves_the_last_seen_time_back parallel_touches_keep_the_latest;
    a_touch_that_compares_before_it_writes_is_caught: CompareThenWrite =>
        parallel_touches_keep_the_latest;
    a_touch_that_raises_the_version_is_caught: RaisesVersion =>
        touch_does_not_change_the_version delete_if_version_ignores_uses;
    sec_77_a_touch_that_creates_is_caught: Creates =>
        touch_never_creates sec_77_a_touch_never_undoes_an_end;
    a_touch_that_fails_for_an_ended_sign_in_is_caught: Fails => touch_never_creates;
}

broken_store! {
    Nothing, except: [touch];

    async fn touch(&self, _: &SignInId, _: Timestamp) -> Touched {
        Ok(())
    }
}

fn write(store: &Plain, id: &SignInId, at: Timestamp) {
    if let Some(record) = store.tables().records.get_mut(id) {
        *record = Arc::new(seen_at(record, at));
    }
}

broken_store! {
    Backward, except: [touch];

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Touched {
        write(&self.0, id, at);
        Ok(())
    }
}

broken_store! {
    CompareThenWrite, except: [touch];

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Touched {
        let later = self.0.load(id).await?.is_some_and(|record| record.last_seen() < at);
        yield_now().await;
        if later {
            write(&self.0, id, at);
        }
        Ok(())
    }
}

broken_store! {
    RaisesVersion, except: [touch];

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Touched {
        let change = |record: &mut Record| {
            record.touch(at);
            record.version += 1;
        };
        self.0.tables().swap(id, |_| true, change);
        Ok(())
    }
}

broken_store! {
    Creates, except: [touch];

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Touched {
        if self.0.load(id).await?.is_none() {
            self.0.tables().add(blank(*id));
        }
        self.0.touch(id, at).await
    }
}

broken_store! {
    Fails, except: [touch];

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Touched {
        if self.0.load(id).await?.is_none() {
            return Err(StoreError::new(StoreErrorKind::Invalid, "there is no such sign-in"));
        }
        self.0.touch(id, at).await
    }
}
