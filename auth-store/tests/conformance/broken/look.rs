//! Stores with a fault in `load`, `peek` or `list`.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{EachRecord, Peek, Record, SignInLimit, Store, StoreError, forward_store};
use parking_lot::Mutex;

use super::caught::caught;
use crate::plain::{Creation, Listed, Loaded, Plain, See, broken_store};

caught! {
    an_unknown_id_that_finds_a_sign_in_is_caught: AnyRecord => load_of_an_unknown_id_is_none;
    an_id_that_is_compared_in_part_is_caught: Prefix => load_compares_the_whole_id;
    a_stale_peek_is_caught: StalePeek => peek_agrees_with_load peek_reflects_every_end;
    a_peek_that_denies_a_sign_in_is_caught: BlindPeek => peek_agrees_with_load;
    a_peek_that_calls_back_twice_is_caught: PeeksTwice => peek_calls_back_once;
    a_peek_that_does_not_call_back_is_caught: PeeksNever => peek_calls_back_once;
    a_list_in_the_reverse_order_is_caught: NewestFirst => list_is_oldest_first;
    a_list_that_ignores_case_is_caught: IgnoresCase => list_distinguishes_subjects;
    a_list_of_each_that_is_empty_is_caught: ListsNone => list_is_oldest_first list_distinguishes_subjects;
    a_list_of_anonymous_sign_ins_is_caught: EmptySubject => anonymous_sign_ins_belong_to_no_subject;
}

broken_store! {
    AnyRecord, except: [load, find];

    async fn load(&self, id: &SignInId) -> Loaded {
        let tables = self.0.tables();
        Ok(tables.records.get(id).or_else(|| tables.records.values().next()).cloned())
    }
}

broken_store! {
    ListsNone, except: [list_each];

    async fn list_each(&self, _: &str) -> Result<EachRecord, StoreError> {
        Ok(Vec::new())
    }
}

broken_store! {
    Prefix, except: [load, find];

    async fn load(&self, id: &SignInId) -> Loaded {
        let tables = self.0.tables();
        let like = |record: &&Arc<Record>| record.id.as_bytes()[..15] == id.as_bytes()[..15];
        Ok(tables.records.values().find(like).cloned())
    }
}

/// Answers with the record that it loaded first.
#[derive(Default)]
struct StalePeek(Plain, Mutex<HashMap<SignInId, Arc<Record>>>);
#[async_trait]
impl Store for StalePeek {
    forward_store!(self => self.0, except: [peek, load, find]);

    fn peek(&self, id: &SignInId, see: See<'_>) {
        see(match self.1.lock().get(id) {
            Some(record) => Peek::Authoritative(Some(record)),
            None => Peek::Miss,
        });
    }
    async fn load(&self, id: &SignInId) -> Loaded {
        let loaded = self.0.load(id).await?;
        if let Some(record) = &loaded {
            let copy = || Arc::new(Record::clone(record));
            self.1.lock().entry(*id).or_insert_with(copy);
        }
        Ok(loaded)
    }
}

broken_store! {
    BlindPeek, except: [peek];

    fn peek(&self, _: &SignInId, see: See<'_>) {
        see(Peek::Authoritative(None));
    }
}

broken_store! {
    PeeksTwice, except: [peek];

    fn peek(&self, id: &SignInId, see: See<'_>) {
        if let Some(record) = self.0.tables().records.get(id) {
            see(Peek::Authoritative(Some(record)));
        }
        see(Peek::Miss);
    }
}

broken_store! {
    PeeksNever, except: [peek];

    fn peek(&self, id: &SignInId, see: See<'_>) {
        if let Some(record) = self.0.tables().records.get(id) {
            see(Peek::Authoritative(Some(record)));
        }
    }
}

broken_store! {
    NewestFirst, except: [list];

    async fn list(&self, subject: &str) -> Listed {
        let mut records = self.0.list(subject).await?;
        records.reverse();
        Ok(records)
    }
}

broken_store! {
    IgnoresCase, except: [list];

    async fn list(&self, subject: &str) -> Listed {
        let tables = self.0.tables();
        let alike = |record: &&Arc<Record>| {
            record.subject.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(subject))
        };
        Ok(tables.records.values().filter(alike).cloned().collect())
    }
}

broken_store! {
    /// Files anonymous sign-ins under the empty subject.
    EmptySubject, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let (id, anonymous) = (record.id, record.subject.is_none());
        let mut tables = self.0.tables();
        let created = tables.create(record, limit)?;
        if anonymous {
            tables.subjects.entry(Arc::from("")).or_default().push(id);
        }
        Ok(created)
    }
}
