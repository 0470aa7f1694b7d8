//! Faults of looking a sign-in up.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{Peek, Record, SignInLimit, Store};
use parking_lot::Mutex;

use super::proof::caught;
use crate::fault::{Creation, Fault, Listed, Loaded, See};
use crate::plain::Plain;

caught! {
    an_unknown_id_that_leads_to_a_sign_in_is_caught: Anybody => load_of_an_unknown_id_is_none;
    an_id_that_is_compared_in_part_is_caught: Prefix => load_goes_by_the_whole_id;
    a_stale_peek_is_caught: StalePeek => peek_agrees_with_load peek_knows_of_every_end;
    a_peek_that_knows_nothing_of_a_sign_in_is_caught: BlindPeek => peek_agrees_with_load;
    a_peek_that_shows_two_answers_is_caught: PeeksTwice => peek_shows_one_answer;
    a_peek_that_shows_nothing_of_what_is_gone_is_caught: PeeksNever => peek_shows_one_answer;
    a_list_of_the_youngest_first_is_caught: YoungestFirst => list_is_oldest_first;
    a_list_that_takes_two_names_for_one_is_caught: IgnoresCase => list_tells_subjects_apart;
    a_list_of_anonymous_sign_ins_is_caught: EmptyName => anonymous_sign_ins_are_nobodys;
}

#[derive(Default)]
struct Anybody;
#[async_trait]
impl Fault for Anybody {
    async fn load(&self, store: &Plain, sid: &SignInId) -> Loaded {
        let tables = store.tables();
        Ok(tables.records.get(sid).or_else(|| tables.records.values().next()).cloned())
    }
}

#[derive(Default)]
struct Prefix;
#[async_trait]
impl Fault for Prefix {
    async fn load(&self, store: &Plain, sid: &SignInId) -> Loaded {
        let tables = store.tables();
        let like = |record: &&Arc<Record>| record.sid.as_bytes()[..15] == sid.as_bytes()[..15];
        Ok(tables.records.values().find(like).cloned())
    }
}

/// Remembers what it loaded first.
#[derive(Default)]
struct StalePeek(Mutex<HashMap<SignInId, Arc<Record>>>);
#[async_trait]
impl Fault for StalePeek {
    fn peek(&self, _: &Plain, sid: &SignInId, see: See<'_>) {
        see(match self.0.lock().get(sid) {
            Some(record) => Peek::Authoritative(Some(record)),
            None => Peek::Miss,
        });
    }
    async fn load(&self, store: &Plain, sid: &SignInId) -> Loaded {
        let loaded = store.load(sid).await?;
        if let Some(record) = &loaded {
            let copy = || Arc::new(Record::clone(record));
            self.0.lock().entry(*sid).or_insert_with(copy);
        }
        Ok(loaded)
    }
}

#[derive(Default)]
struct BlindPeek;
#[async_trait]
impl Fault for BlindPeek {
    fn peek(&self, _: &Plain, _: &SignInId, see: See<'_>) {
        see(Peek::Authoritative(None));
    }
}

#[derive(Default)]
struct PeeksTwice;
#[async_trait]
impl Fault for PeeksTwice {
    fn peek(&self, store: &Plain, sid: &SignInId, see: See<'_>) {
        if let Some(record) = store.tables().records.get(sid) {
            see(Peek::Authoritative(Some(record)));
        }
        see(Peek::Miss);
    }
}

#[derive(Default)]
struct PeeksNever;
#[async_trait]
impl Fault for PeeksNever {
    fn peek(&self, store: &Plain, sid: &SignInId, see: See<'_>) {
        if let Some(record) = store.tables().records.get(sid) {
            see(Peek::Authoritative(Some(record)));
        }
    }
}

#[derive(Default)]
struct YoungestFirst;
#[async_trait]
impl Fault for YoungestFirst {
    async fn list(&self, store: &Plain, subject: &str) -> Listed {
        let mut records = store.list(subject).await?;
        records.reverse();
        Ok(records)
    }
}

#[derive(Default)]
struct IgnoresCase;
#[async_trait]
impl Fault for IgnoresCase {
    async fn list(&self, store: &Plain, subject: &str) -> Listed {
        let tables = store.tables();
        let alike = |record: &&Arc<Record>| {
            record.subject.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(subject))
        };
        Ok(tables.records.values().filter(alike).cloned().collect())
    }
}

/// Keeps nobody's sign-ins under the empty name.
#[derive(Default)]
struct EmptyName;
#[async_trait]
impl Fault for EmptyName {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        let (sid, anonymous) = (record.sid, record.subject.is_none());
        let mut tables = store.tables();
        let created = tables.create(record, limit)?;
        if anonymous {
            tables.subjects.entry(Arc::from("")).or_default().push(sid);
        }
        Ok(created)
    }
}
