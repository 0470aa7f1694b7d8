//! Stores with a fault in limits on the number of sign-ins.

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{Created, OverflowPolicy, Record, SecretKind, SignInLimit, Store, forward_store};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Creation, Plain, broken_store};

caught! {
    sec_21_a_limit_that_is_checked_before_the_insert_is_caught: CheckThenInsert =>
        sec_21_parallel_sign_ins_leave_as_many_as_the_limit
        sec_21_parallel_sign_ins_are_refused_beyond_the_limit;
    an_eviction_of_the_newest_is_caught: EvictsNewest => a_limit_evicts_the_oldest;
    an_eviction_of_too_few_is_caught: EvictsOne =>
        a_lowered_limit_evicts_several;
    a_rejection_that_stores_the_sign_in_is_caught: RefusesTooLate =>
        a_full_limit_refuses_and_changes_nothing;
    an_eviction_of_the_new_sign_in_is_caught: EvictsNew => a_limit_never_evicts_the_new_sign_in;
    a_limit_on_anonymous_sign_ins_is_caught: LimitsAnonymous =>
        a_limit_does_not_apply_to_anonymous_sign_ins;
    a_limit_that_precedes_a_duplicate_id_is_caught: LimitBeforeId =>
        create_with_a_duplicate_id_evicts_no_sign_in;
    a_limit_that_counts_expired_sign_ins_is_caught: CountsExpired =>
        expired_sign_ins_do_not_count_for_the_limit;
    a_limit_that_does_not_count_idle_sign_ins_is_caught: CountsNoIdle => living_sign_ins_count_for_the_limit;
    a_limit_that_counts_every_kind_is_caught: CountsEveryKind => a_limit_counts_custom_kinds_apart;
    a_limit_that_counts_all_custom_kinds_together_is_caught: CountsCustomTogether =>
        a_limit_counts_custom_kinds_apart;
    a_limit_that_counts_each_kind_of_device_apart_is_caught: CountsDevicesApart =>
        a_limit_counts_custom_kinds_apart;
    an_eviction_of_another_kind_is_caught: EvictsAnotherKind => a_limit_counts_custom_kinds_apart;
}

/// Creates a sign-in. Existing ones of the kinds for which `counts` returns true count for the limit.
fn create_counting_kinds(
    store: &Plain,
    record: Record,
    limit: Option<SignInLimit>,
    counts: fn(SecretKind, SecretKind) -> bool,
) -> Creation {
    let kind = record.kind;
    store.tables().create_counting(record, limit, |tables, subject, now| {
        let mut living = tables.living(subject, now);
        living.retain(|id| counts(tables.records[id].kind, kind));
        living
    })
}

const fn is_custom(kind: SecretKind) -> bool {
    matches!(kind, SecretKind::Custom(_))
}

broken_store! {
    CountsEveryKind, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        create_counting_kinds(&self.0, record, limit, |_, _| true)
    }
}

broken_store! {
    CountsCustomTogether, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        create_counting_kinds(&self.0, record, limit, |one, new| is_custom(one) == is_custom(new))
    }
}

broken_store! {
    CountsDevicesApart, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        create_counting_kinds(&self.0, record, limit, |one, new| one == new)
    }
}

broken_store! {
    /// Counts the right ones, and evicts the oldest of all.
    EvictsAnotherKind, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let kind = record.kind;
        self.0.tables().create_counting(record, limit, |tables, subject, now| {
            let mut living = tables.living(subject, now);
            let counts = |id: &&SignInId| tables.records[*id].kind.counts_with(kind);
            living.truncate(living.iter().filter(counts).count());
            living
        })
    }
}

broken_store! {
    CheckThenInsert, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut evicted = 0;
        if let (Some(limit), Some(subject)) = (limit, &record.subject) {
            let mut tables = self.0.tables();
            let living = tables.living(subject, record.created_at);
            match tables.keep(&living, limit) {
                Some(count) => evicted = count,
                None => return Ok(Created::LimitReached),
            }
        }
        yield_now().await;
        self.0.tables().create(record, None)?;
        Ok(Created::Stored { evicted })
    }
}

broken_store! {
    EvictsNewest, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.0.tables().create_counting(record, limit, |tables, subject, now| {
            let mut living = tables.living(subject, now);
            living.reverse();
            living
        })
    }
}

broken_store! {
    EvictsOne, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        let living = record.subject.as_ref().map(|of| tables.living(of, record.created_at));
        let living = living.unwrap_or_default();
        let full = limit.is_some_and(|limit| living.len() >= limit.max.get() as usize);
        let evicted = tables.remove_all(&living[..usize::from(full)]);
        tables.create(record, None)?;
        Ok(Created::Stored { evicted })
    }
}

broken_store! {
    RefusesTooLate, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        let created = tables.create(record.clone(), limit)?;
        if created == Created::LimitReached {
            tables.create(record, None)?;
        }
        Ok(created)
    }
}

broken_store! {
    CountsExpired, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.0.tables().create_counting(record, limit, |tables, subject, _| tables.of(subject))
    }
}

broken_store! {
    CountsNoIdle, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.0.tables().create_counting(record, limit, |tables, subject, now| {
            let mut living = tables.living(subject, now);
            living.retain(|id| tables.records[id].deadlines.idle_secs == 0);
            living
        })
    }
}

broken_store! {
    /// Evicts the oldest of all, which may be the new one.
    EvictsNew, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let (subject, now) = (record.subject.clone(), record.created_at);
        let mut tables = self.0.tables();
        let oldest = subject.and_then(|subject| tables.living(&subject, now).first().copied());
        let is_older = |id| tables.records.get(id).is_some_and(|oldest| now < oldest.created_at);
        let full = limit.filter(|limit| limit.when_full == OverflowPolicy::EvictOldest);
        if full.is_some() && oldest.as_ref().is_some_and(is_older) {
            return Ok(Created::Stored { evicted: 1 });
        }
        tables.create(record, limit)
    }
}

broken_store! {
    LimitsAnonymous, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        let anonymous = tables.records.values().filter(|record| record.subject.is_none()).count();
        let max = limit.map_or(usize::MAX, |limit| limit.max.get() as usize);
        if record.subject.is_none() && anonymous >= max {
            return Ok(Created::LimitReached);
        }
        tables.create(record, limit)
    }
}

broken_store! {
    LimitBeforeId, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        if let (Some(limit), Some(subject)) = (limit, &record.subject)
            && limit.when_full == OverflowPolicy::Reject
            && tables.living(subject, record.created_at).len() >= limit.max.get() as usize
        {
            return Ok(Created::LimitReached);
        }
        tables.create(record, limit)
    }
}
