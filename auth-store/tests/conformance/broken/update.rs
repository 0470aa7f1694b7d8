//! Stores with a fault in `update`.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{CompareAndSwap, Record, SessionData, Store, forward_store};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Plain, Swapped, broken_store};
use crate::records::{blank, seen_at};

caught! {
    a_version_in_a_byte_is_caught: VersionInAByte => three_hundred_updates_are_counted;
    an_update_that_keeps_the_version_is_caught: KeepsVersion =>
        update_replaces_the_data_and_nothing_else;
    an_update_that_ignores_the_version_is_caught: IgnoresVersion =>
        update_at_another_version_changes_nothing parallel_updates_lose_nothing;
    sec_77_an_update_that_creates_is_caught: Upserts =>
        update_never_creates sec_77_an_update_never_undoes_an_end;
    an_update_that_drops_the_last_seen_time_is_caught: ForgetsUse => update_keeps_the_last_seen_time;
    sec_77_an_update_that_writes_back_what_it_read_is_caught: WritesBack =>
        sec_77_an_update_never_undoes_an_end changes_of_different_parts_are_all_kept;
    an_update_that_compares_before_it_swaps_is_caught: CompareThenSwap =>
        parallel_updates_lose_nothing delete_if_version_and_update_never_both_succeed;
}

fn change(store: &Plain, id: &SignInId, data: SessionData) -> CompareAndSwap {
    let change = |record: &mut Record| {
        record.data = data;
        record.version += 1;
    };
    store.tables().swap(id, |_| true, change)
}

/// Reads the record, compares its version, and writes later.
async fn compare_then(
    store: &Plain,
    id: &SignInId,
    version: u64,
    write: impl FnOnce(Arc<Record>) -> CompareAndSwap,
) -> Swapped {
    let read = match store.read_if(id, |record| record.version == version) {
        Ok(read) => read,
        Err(answer) => return Ok(answer),
    };
    yield_now().await;
    Ok(write(read))
}

broken_store! {
    KeepsVersion, except: [update];

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let current = |record: &Record| record.version == version;
        Ok(self.0.tables().swap(id, current, |record| record.data = data))
    }
}

broken_store! {
    IgnoresVersion, except: [update];

    async fn update(&self, id: &SignInId, _: u64, data: SessionData) -> Swapped {
        Ok(change(&self.0, id, data))
    }
}

broken_store! {
    Upserts, except: [update];

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let swap = self.0.update(id, version, data).await?;
        if !matches!(swap, CompareAndSwap::NotFound) {
            return Ok(swap);
        }
        let record = blank(*id);
        self.0.tables().add(record.clone());
        Ok(CompareAndSwap::Stored(Arc::new(record)))
    }
}

broken_store! {
    ForgetsUse, except: [update];

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let swap = self.0.update(id, version, data).await?;
        let CompareAndSwap::Stored(record) = &swap else { return Ok(swap) };
        let record = Arc::new(seen_at(record, record.created_at));
        self.0.tables().records.insert(*id, Arc::clone(&record));
        Ok(CompareAndSwap::Stored(record))
    }
}

broken_store! {
    WritesBack, except: [update];

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let write = |read: Arc<Record>| {
            let mut record = Record::clone(&read);
            record.data = data;
            record.version += 1;
            let mut tables = self.0.tables();
            tables.remove(id);
            tables.add(record.clone());
            CompareAndSwap::Stored(Arc::new(record))
        };
        compare_then(&self.0, id, version, write).await
    }
}

broken_store! {
    CompareThenSwap, except: [update];

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let write = |read| match change(&self.0, id, data) {
            CompareAndSwap::NotFound => CompareAndSwap::Stored(read),
            swap => swap,
        };
        compare_then(&self.0, id, version, write).await
    }
}

broken_store! {
    VersionInAByte, except: [update];

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let change = |record: &mut Record| {
            *record = record.updated(data);
            record.version %= 256;
        };
        Ok(self.0.tables().swap(id, |record| record.version == version % 256, change))
    }
}
