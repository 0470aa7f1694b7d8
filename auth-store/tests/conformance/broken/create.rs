//! Stores with a fault in `new_id` or `create`.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    Created, FamilyDigest, Record, SecretKind, SignInLimit, Store, StoreError, forward_store,
};
use tokio::task::yield_now;

use super::caught::caught;
use crate::plain::{Creation, Plain, broken_store};

caught! {
    constant_ids_are_caught: ConstantIds => new_ids_never_repeat;
    a_derived_id_that_is_random_is_caught: RandomDerivedIds => a_derived_id_is_the_same_on_every_node;
    a_dropped_device_address_is_caught: NoAddress => create_keeps_every_field;
    truncated_data_is_caught: Truncates => create_keeps_data_of_the_maximum_size;
    a_deadline_beyond_the_range_of_its_column_is_caught: EndsIn2106 => create_keeps_a_sign_in_without_deadlines;
    a_version_taken_from_the_caller_is_caught: KeepsVersion => create_starts_at_version_0;
    a_create_that_replaces_is_caught: Replaces =>
        create_never_replaces_a_sign_in create_with_a_duplicate_id_evicts_no_sign_in;
    an_eviction_before_a_duplicate_id_is_caught: EvictsFirst =>
        create_with_a_duplicate_id_evicts_no_sign_in;
    an_id_that_is_checked_before_the_insert_is_caught: CheckThenInsert =>
        parallel_creates_of_one_id_have_one_winner;
    an_index_that_is_written_before_the_record_is_caught: IndexFirst =>
        a_sign_in_is_never_missing_from_its_subject revoke_others_keeps_its_sign_in_during_sign_ins
        a_sign_in_is_updated_or_as_created;
    a_dropped_name_of_a_custom_kind_is_caught: NoKindName => a_custom_kind_is_kept;
    sec_86_a_dropped_family_is_caught: NoFamily => sec_86_a_forged_secret_proves_nothing;
}

fn replace(store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
    let mut tables = store.tables();
    tables.remove(&record.id);
    tables.create(record, limit)
}

broken_store! {
    ConstantIds, except: [new_id];

    fn new_id(&self, _: Option<&str>) -> Result<SignInId, StoreError> {
        Ok(SignInId::from_bytes([0; 16]))
    }
}

broken_store! {
    RandomDerivedIds, except: [derived_id];

    fn derived_id(&self, subject: Option<&str>, _: [u8; 16]) -> SignInId {
        self.new_id(subject).expect("ids are random")
    }
}

broken_store! {
    NoAddress, except: [create];

    async fn create(&self, mut record: Record, limit: Option<SignInLimit>) -> Creation {
        if let Some(details) = &mut record.details {
            details.device.address = details.device.address.filter(IpAddr::is_ipv4);
        }
        self.0.tables().create(record, limit)
    }
}

broken_store! {
    NoKindName, except: [create];

    async fn create(&self, mut record: Record, limit: Option<SignInLimit>) -> Creation {
        if let SecretKind::Custom(_) = record.kind {
            record.kind = SecretKind::custom("custom");
        }
        self.0.tables().create(record, limit)
    }
}

broken_store! {
    Truncates, except: [create];

    async fn create(&self, mut record: Record, limit: Option<SignInLimit>) -> Creation {
        if let Some(json) = record.data.get("data").map(str::to_owned) {
            record.data.insert("data", json.chars().take(30_000).collect::<String>());
        }
        self.0.tables().create(record, limit)
    }
}

broken_store! {
    EndsIn2106, except: [create];

    async fn create(&self, mut record: Record, limit: Option<SignInLimit>) -> Creation {
        let latest = Timestamp::from_secs(u64::from(u32::MAX));
        record.deadlines.ends_at = record.deadlines.ends_at.min(latest);
        self.0.tables().create(record, limit)
    }
}

broken_store! {
    KeepsVersion, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let (id, version) = (record.id, record.version);
        let mut tables = self.0.tables();
        let created = tables.create(record, limit)?;
        tables.swap(&id, |_| true, |record| record.version = version);
        Ok(created)
    }
}

broken_store! {
    Replaces, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        replace(&self.0, record, limit)
    }
}

broken_store! {
    EvictsFirst, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        let taken = tables.records.contains_key(&record.id);
        if let (Some(limit), Some(subject)) = (limit, &record.subject) {
            let living = tables.living(subject, record.created_at);
            tables.keep(&living, limit);
        }
        if taken { Err(StoreError::duplicate_id()) } else { tables.create(record, None) }
    }
}

broken_store! {
    CheckThenInsert, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        if self.0.tables().records.contains_key(&record.id) {
            return Err(StoreError::duplicate_id());
        }
        yield_now().await;
        replace(&self.0, record, limit)
    }
}

broken_store! {
    IndexFirst, except: [create];

    async fn create(&self, record: Record, _: Option<SignInLimit>) -> Creation {
        if let Some(subject) = &record.subject {
            let mut tables = self.0.tables();
            tables.subjects.entry(Arc::clone(subject)).or_default().push(record.id);
        }
        yield_now().await;
        self.0.tables().records.insert(record.id, Arc::new(record));
        Ok(Created::Stored { evicted: 0 })
    }
}

broken_store! {
    NoFamily, except: [create];

    async fn create(&self, mut record: Record, limit: Option<SignInLimit>) -> Creation {
        record.family = FamilyDigest([0; 16]);
        self.0.tables().create(record, limit)
    }
}
