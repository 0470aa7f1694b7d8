//! Stores with a fault in `rotate`.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Digest, Nonce, Record, Rotation, RotationGrace, SignInLimit, Store,
    forward_store,
};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Creation, Plain, Swapped, broken_store};

caught! {
    a_refresh_that_drops_the_data_is_caught: DropsData =>
        rotate_replaces_the_secret_and_nothing_else rotate_does_not_conflict_with_an_update;
    sec_22_a_refresh_that_raises_assurance_is_caught: RaisesAssurance =>
        rotate_replaces_the_secret_and_nothing_else;
    sec_63_a_rotation_from_any_secret_is_caught: IgnoresFrom =>
        rotate_from_another_secret_changes_nothing sec_63_parallel_rotations_have_one_winner;
    sec_63_a_rotation_that_compares_before_it_swaps_is_caught: CompareThenSwap =>
        sec_63_parallel_rotations_have_one_winner;
    sec_77_a_rotation_that_creates_is_caught: Upserts =>
        rotate_never_creates sec_77_a_rotation_never_undoes_an_end;
    sec_77_a_rotation_that_deletes_before_it_creates_is_caught: DeletesFirst =>
        sec_77_a_rotation_never_undoes_an_end;
    a_rotation_that_conflicts_with_an_update_is_caught: ConflictsWithUpdate =>
        rotate_does_not_conflict_with_an_update;
    sec_64_a_dropped_grace_is_caught: NoGrace =>
        sec_64_a_secret_in_grace_leads_to_its_successor a_grace_ends_with_the_next_refresh;
    sec_64_a_rotation_that_is_no_use_is_caught: KeepsLastSeen =>
        sec_64_a_grace_moves_the_last_seen_time_forward;
    sec_62_a_grace_that_never_ends_is_caught: KeepsFirstGrace =>
        a_grace_ends_with_the_next_refresh;
    sec_83_a_grace_that_was_not_requested_is_caught: UnrequestedGrace => sec_83_a_secret_without_grace_is_invalid_at_once;
    sec_12_deadlines_that_are_not_restarted_are_caught: KeepsDeadlines =>
        sec_12_reauthentication_restarts_the_deadlines;
    sec_12_an_authentication_in_the_past_that_is_no_use_is_caught: SeenWhenAuthenticated =>
        sec_12_reauthentication_restarts_the_deadlines;
    sec_88_roles_that_are_dropped_if_none_are_stated_are_caught: DropsRoles =>
        sec_88_reauthentication_keeps_the_newest_roles;
    sec_81_a_family_that_is_kept_across_kinds_is_caught: KeepsFamily =>
        sec_81_a_secret_of_another_kind_proves_nothing;
}

/// Rotates, and then changes more.
fn rotate_and(
    store: &Plain,
    id: &SignInId,
    from: &Digest,
    to: Rotation,
    more: impl FnOnce(&mut Record),
) -> CompareAndSwap {
    let change = |record: &mut Record| {
        to.apply(record);
        more(record);
    };
    store.tables().swap(id, |record| record.current == *from, change)
}

/// Rotates, and then copies a part of the old record into the new one.
async fn keeping(
    store: &Plain,
    id: &SignInId,
    from: &Digest,
    to: Rotation,
    copy: fn(&Record, &mut Record),
) -> Swapped {
    let old = store.load(id).await?;
    Ok(rotate_and(store, id, from, to, |new| {
        old.inspect(|old| copy(old, new));
    }))
}

broken_store! {
    SeenWhenAuthenticated, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, mut to: Rotation) -> Swapped {
        if let Some(reauthentication) = &mut to.reauthentication {
            reauthentication.seen_at = reauthentication.at;
        }
        self.0.rotate(id, from, to).await
    }
}

broken_store! {
    DropsData, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        Ok(rotate_and(&self.0, id, from, to, |record| record.data.remove("cart")))
    }
}

broken_store! {
    RaisesAssurance, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        Ok(rotate_and(&self.0, id, from, to, |record| {
            record.details.get_or_insert_default().acr = Some("aal3".into());
        }))
    }
}

broken_store! {
    IgnoresFrom, except: [rotate];

    async fn rotate(&self, id: &SignInId, _: &Digest, to: Rotation) -> Swapped {
        Ok(self.0.tables().swap(id, |_| true, |record| to.apply(record)))
    }
}

broken_store! {
    CompareThenSwap, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        if let Err(answer) = self.0.read_if(id, |record| record.current == *from) {
            return Ok(answer);
        }
        yield_now().await;
        Ok(self.0.tables().swap(id, |_| true, |record| to.apply(record)))
    }
}

/// Writes the record as it was created, even if the sign-in has ended.
#[derive(Default)]
struct Upserts(Plain, parking_lot::Mutex<Option<Record>>);
#[async_trait]
impl Store for Upserts {
    forward_store!(self => self.0, except: [create, rotate]);

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        *self.1.lock() = Some(record.clone());
        self.0.create(record, limit).await
    }
    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let last = self.1.lock().clone().filter(|record| record.id == *id);
        if let (None, Some(record)) = (self.0.load(id).await?, last) {
            self.0.tables().add(record);
        }
        self.0.rotate(id, from, to).await
    }
}

broken_store! {
    DeletesFirst, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let read = match self.0.read_if(id, |record| record.current == *from) {
            Ok(read) => read,
            Err(answer) => return Ok(answer),
        };
        self.0.delete(id).await?;
        yield_now().await;
        let mut record = Record::clone(&read);
        to.apply(&mut record);
        self.0.tables().add(record.clone());
        Ok(CompareAndSwap::Stored(Arc::new(record)))
    }
}

broken_store! {
    /// Treats every change since the sign-in was created as a conflict.
    ConflictsWithUpdate, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let unchanged = |record: &Record| record.current == *from && record.version == 0;
        Ok(self.0.tables().swap(id, unchanged, |record| to.apply(record)))
    }
}

broken_store! {
    NoGrace, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        self.0.rotate(id, from, Rotation { grace: None, ..to }).await
    }
}

broken_store! {
    /// Writes the grace, but not the time of the rotation.
    KeepsLastSeen, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let Rotation { kind, digests, grace, reauthentication } = to;
        let to = Rotation { kind, digests, grace: None, reauthentication };
        Ok(rotate_and(&self.0, id, from, to, |record| {
            record.details.get_or_insert_default().grace = grace;
        }))
    }
}

broken_store! {
    KeepsFirstGrace, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let read = self.0.load(id).await?;
        let first = read.and_then(|record| record.details.as_ref()?.grace);
        let grace = first.or(to.grace);
        self.0.rotate(id, from, Rotation { grace, ..to }).await
    }
}

broken_store! {
    UnrequestedGrace, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let (previous, nonce) = (*from, Nonce([0; 16]));
        let (replaced_at, until) = (Timestamp::EPOCH, Timestamp::MAX);
        let grace = RotationGrace { previous, nonce, replaced_at, until, user_agent: None };
        self.0.rotate(id, from, Rotation { grace: Some(grace), ..to }).await
    }
}

broken_store! {
    KeepsDeadlines, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        keeping(&self.0, id, from, to, |old, new| new.deadlines = old.deadlines).await
    }
}

broken_store! {
    DropsRoles, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        let again = to.reauthentication.as_ref();
        let are_stated = again.is_none_or(|again| again.principal.is_some());
        Ok(rotate_and(&self.0, id, from, to, |record| {
            if !are_stated {
                record.set_principal([]);
            }
        }))
    }
}

broken_store! {
    KeepsFamily, except: [rotate];

    async fn rotate(&self, id: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        keeping(&self.0, id, from, to, |old, new| new.family = old.family).await
    }
}
