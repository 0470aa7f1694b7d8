//! The reference of the property tests: a store in a map, which makes one step after the other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use auth_core::{Persistence, SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Created, Deadlines, Deleted, Device, OverflowPolicy, Record, Rotation,
    RotationGrace, SecretKind, SecretLookup, SessionData, SignInDetails, SignInLimit,
};

/// Everything that a record says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contents {
    id: SignInId,
    kind: SecretKind,
    digests: ([u8; 32], [u8; 16]),
    grace: Option<RotationGrace>,
    subject: Option<Arc<str>>,
    principal: Vec<u8>,
    data: SessionData,
    times: [Timestamp; 3],
    deadlines: Deadlines,
    persistence: Persistence,
    version: u64,
    words: Vec<Vec<Box<str>>>,
    texts: [Option<Box<str>>; 4],
    address: Option<IpAddr>,
}

impl Contents {
    pub(crate) fn of(record: &Record) -> Self {
        let details = record.details.as_deref().cloned().unwrap_or_default();
        let SignInDetails { grace, scopes, acr, amr, cnf, device, .. } = details;
        let Device { user_agent, address, label, .. } = device;
        Self {
            id: record.id,
            kind: record.kind,
            digests: (record.current.0, record.family.0),
            grace,
            subject: record.subject.clone(),
            principal: record.principal().to_vec(),
            data: record.data.clone(),
            times: [record.created_at, record.authenticated_at, record.last_seen()],
            deadlines: record.deadlines,
            persistence: record.persistence,
            version: record.version,
            words: vec![scopes, amr],
            texts: [acr, cnf, user_agent, label],
            address,
        }
    }

    /// Returns the contents of a record in a list, which has no data.
    pub(crate) fn listed(record: &Record) -> Self {
        Self { data: SessionData::new(), ..Self::of(record) }
    }
}

/// What a step returns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Found(Option<Contents>),
    Listed(Vec<Contents>),
    Created(Result<Created, &'static str>),
    Compared(&'static str, Option<Contents>),
    Ended(bool),
    Count(usize),
    Nothing,
}

/// Returns an outcome with a record.
fn with(name: &'static str, record: &Record) -> Outcome {
    Outcome::Compared(name, Some(Contents::of(record)))
}

const NOT_FOUND: Outcome = Outcome::Compared("not found", None);

/// Converts what a step returns, whose variants have a record or stand for an unknown id.
macro_rules! outcome_of {
    ($result:ident { $($variant:ident: $name:literal),+ }) => {
        impl From<$result> for Outcome {
            fn from(result: $result) -> Self {
                match result {
                    $($result::$variant(record) => with($name, &record),)+
                    $result::NotFound => NOT_FOUND,
                }
            }
        }
    };
}

outcome_of! { SecretLookup { Current: "current", Rotated: "rotated", Reused: "reused" } }
outcome_of! { CompareAndSwap { Stored: "stored", Conflict: "conflict" } }

impl From<Deleted> for Outcome {
    fn from(deleted: Deleted) -> Self {
        match deleted {
            Deleted::Done => Self::Compared("done", None),
            Deleted::Conflict(record) => with("conflict", &record),
            Deleted::NotFound => NOT_FOUND,
        }
    }
}

/// The reference.
#[derive(Default)]
pub(crate) struct Reference {
    records: BTreeMap<SignInId, Record>,
}

impl Reference {
    pub(crate) fn get(&self, id: &SignInId) -> Option<&Record> {
        self.records.get(id)
    }

    pub(crate) fn touch(&mut self, id: &SignInId, at: Timestamp) {
        if let Some(record) = self.records.get_mut(id) {
            record.touch(at);
        }
    }

    pub(crate) fn load(&self, id: &SignInId) -> Option<Arc<Record>> {
        self.get(id).map(|record| Arc::new(record.clone()))
    }

    /// Returns the subject's sign-ins, oldest first. No two are created at the same time.
    pub(crate) fn list(&self, subject: &str) -> Vec<&Record> {
        let records = self.records.values();
        let mut records: Vec<_> =
            records.filter(|record| record.subject.as_deref() == Some(subject)).collect();
        records.sort_by_key(|record| record.created_at);
        records
    }

    pub(crate) fn create(
        &mut self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, &'static str> {
        if self.records.contains_key(&record.id) {
            return Err("duplicate");
        }
        let mut evicted = 0;
        if let (Some(subject), Some(SignInLimit { max, when_full })) = (&record.subject, limit) {
            let mut others = self.list(subject);
            others.retain(|other| other.kind.counts_with(record.kind));
            let surplus = (others.len() + 1).saturating_sub(max.get() as usize);
            if surplus > 0 && when_full == OverflowPolicy::Reject {
                return Ok(Created::LimitReached);
            }
            let oldest: Vec<_> = others[..surplus].iter().map(|record| record.id).collect();
            evicted = self.end_all(&oldest);
        }
        self.records.insert(record.id, record);
        Ok(Created::Stored { evicted })
    }

    /// Changes a record if it is as expected.
    fn swap<E, C>(&mut self, id: &SignInId, expected: E, change: C) -> CompareAndSwap
    where
        E: FnOnce(&Record) -> bool,
        C: FnOnce(&mut Record),
    {
        match self.records.get_mut(id) {
            None => CompareAndSwap::NotFound,
            Some(record) if !expected(record) => CompareAndSwap::Conflict(Arc::new(record.clone())),
            Some(record) => {
                change(record);
                CompareAndSwap::Stored(Arc::new(record.clone()))
            }
        }
    }

    pub(crate) fn update(
        &mut self,
        id: &SignInId,
        version: u64,
        data: SessionData,
    ) -> CompareAndSwap {
        self.swap(
            id,
            |record| record.version == version,
            |record| {
                record.data = data;
                record.version += 1;
            },
        )
    }

    pub(crate) fn rotate(
        &mut self,
        id: &SignInId,
        from: [u8; 32],
        rotation: Rotation,
    ) -> CompareAndSwap {
        self.swap(id, |record| record.current.0 == from, |record| rotation.apply(record))
    }

    /// Deletes a record if it is as expected.
    pub(crate) fn end_if(
        &mut self,
        id: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
    ) -> Deleted {
        match self.records.get(id) {
            None => Deleted::NotFound,
            Some(record) if !expected(record) => Deleted::Conflict(Arc::new(record.clone())),
            Some(_) => {
                self.records.remove(id);
                Deleted::Done
            }
        }
    }

    pub(crate) fn end_subject(&mut self, subject: &str, keep: Option<&SignInId>) -> usize {
        let ids: Vec<_> = self.list(subject).iter().map(|record| record.id).collect();
        let ids: Vec<_> = ids.into_iter().filter(|id| Some(id) != keep).collect();
        self.end_all(&ids)
    }

    fn end_all(&mut self, ids: &[SignInId]) -> usize {
        ids.iter().filter(|id| self.records.remove(id).is_some()).count()
    }

    pub(crate) fn update_subject(&mut self, subject: &str, principal: &[u8]) -> usize {
        let records = self.records.values_mut();
        let of_subject = records.filter(|record| record.subject.as_deref() == Some(subject));
        let changed = of_subject.map(|record| {
            record.set_principal(principal);
            record.version += 1;
        });
        changed.count()
    }
}
