//! Stores with a fault in `sweep`.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{Record, SignInLimit, Store, Swept, forward_store};

use super::caught::caught;
use crate::plain::{Creation, Plain, Sweep, broken_store};

caught! {
    a_sweep_that_removes_a_used_sign_in_is_caught: IgnoresUse => sweep_never_removes_a_living_sign_in;
    a_sweep_that_removes_the_oldest_is_caught: TakesOldest => sweep_never_removes_a_living_sign_in;
    a_sweep_that_removes_nothing_is_caught: Nothing => sweep_removes_expired_sign_ins;
    a_sweep_that_forgets_idle_sign_ins_is_caught: OnlyAbsolute => sweep_removes_expired_sign_ins;
    a_renewal_that_is_not_indexed_is_caught: IndexedOnce => sweep_follows_renewed_deadlines;
    a_sweep_by_the_first_deadlines_is_caught: ByFirstDeadlines => sweep_follows_renewed_deadlines;
    a_sweep_that_conceals_that_there_are_more_is_caught: NoMore =>
        sweep_removes_at_most_the_given_number;
    a_sweep_that_always_reports_more_is_caught: AlwaysMore => sweep_removes_expired_sign_ins;
    a_sweep_that_ignores_its_maximum_is_caught: TakesAll => sweep_removes_at_most_the_given_number;
}

fn take(store: &Plain, max: usize, expired: impl Fn(&Record) -> bool) -> Swept {
    let mut tables = store.tables();
    let expired = |record: &&Arc<Record>| expired(record);
    let ids: Vec<SignInId> =
        tables.records.values().filter(expired).map(|record| record.id).take(max).collect();
    Swept { removed: tables.remove_all(&ids), more: ids.len() == max }
}

broken_store! {
    /// Measures the idle time from the creation.
    IgnoresUse, except: [sweep];

    async fn sweep(&self, now: Timestamp, max: usize) -> Sweep {
        Ok(take(&self.0, max, |record| record.deadlines.expiry(record.created_at, now).is_some()))
    }
}

broken_store! {
    TakesOldest, except: [sweep];

    async fn sweep(&self, _: Timestamp, max: usize) -> Sweep {
        Ok(take(&self.0, max.min(1), |_| true))
    }
}

broken_store! {
    Nothing, except: [sweep];

    async fn sweep(&self, _: Timestamp, _: usize) -> Sweep {
        Ok(Swept { removed: 0, more: false })
    }
}

broken_store! {
    OnlyAbsolute, except: [sweep];

    async fn sweep(&self, now: Timestamp, max: usize) -> Sweep {
        Ok(take(&self.0, max, |record| record.deadlines.ends_at <= now))
    }
}

broken_store! {
    TakesAll, except: [sweep];

    async fn sweep(&self, now: Timestamp, _: usize) -> Sweep {
        self.0.sweep(now, usize::MAX).await
    }
}

broken_store! {
    NoMore, except: [sweep];

    async fn sweep(&self, now: Timestamp, max: usize) -> Sweep {
        Ok(Swept { more: false, ..self.0.sweep(now, max).await? })
    }
}

broken_store! {
    AlwaysMore, except: [sweep];

    async fn sweep(&self, now: Timestamp, max: usize) -> Sweep {
        Ok(Swept { more: true, ..self.0.sweep(now, max).await? })
    }
}

/// Finds what to remove by the deadlines with which sign-ins were created, and checks them again.
#[derive(Default)]
struct IndexedOnce(Plain, Due);

/// Removes what it finds without checking.
#[derive(Default)]
struct ByFirstDeadlines(Plain, Due);

type Due = parking_lot::Mutex<Vec<(Timestamp, SignInId)>>;

fn due(index: &Due, now: Timestamp) -> Vec<SignInId> {
    index.lock().iter().filter(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
}

macro_rules! indexed {
    ($name:ident, $matches:expr) => {
        #[async_trait]
        impl Store for $name {
            forward_store!(self => self.0, except: [create, sweep]);

            async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
                self.1.lock().push((record.deadlines.ends_at, record.id));
                self.0.create(record, limit).await
            }

            async fn sweep(&self, now: Timestamp, max: usize) -> Sweep {
                let due = due(&self.1, now);
                let matches: fn(&Record, Timestamp) -> bool = $matches;
                Ok(take(&self.0, max, |record| due.contains(&record.id) && matches(record, now)))
            }
        }
    };
}

indexed!(IndexedOnce, |record, now| record.expiry(now).is_some());
indexed!(ByFirstDeadlines, |_, _| true);
