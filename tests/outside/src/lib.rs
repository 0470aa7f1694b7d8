//! A store in one file, written with the public API of `auth-store` alone.
//!
//! It shows how little a store needs: a table, a way to change it in one step, and `Watchers`. One process
//! uses the file, and reads it whole when it opens it.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Created, Deleted, Digest, EachRecord, OverflowPolicy, Record, Rotation,
    SessionData, SignInLimit, Store, StoreError, Swept, Watch, Watchers,
};

/// Keeps sign-ins in a file, to which each step appends what it changes.
pub struct FileStore {
    log: Mutex<Log>,
    watchers: Watchers,
}

/// The sign-ins, and the file that has them.
struct Log {
    rows: HashMap<SignInId, Row>,
    file: File,
    /// The length of the steps that are complete.
    end: u64,
}

/// A sign-in. The subject stands beside the record, so that the sign-in can be ended if its record cannot be
/// decoded.
#[derive(Clone)]
struct Row {
    subject: Option<Arc<str>>,
    record: Vec<u8>,
}

/// What a step changes: sign-ins, with their new rows.
type Changes = Vec<(SignInId, Option<Row>)>;

impl FileStore {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut log = Log { rows: HashMap::new(), file, end: 0 };
        log.read()?;
        Ok(Self { log: Mutex::new(log), watchers: Watchers::new() })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends these sign-ins, and returns how many.
    fn end(&self, log: &mut Log, ids: &[SignInId]) -> Result<usize, StoreError> {
        self.write(log, ids.iter().map(|id| (*id, None)).collect())?;
        Ok(ids.len())
    }

    fn write(&self, log: &mut Log, changes: Changes) -> Result<(), StoreError> {
        let ids: Vec<_> = changes.iter().map(|(id, _)| *id).collect();
        let written = log.write(changes).map_err(StoreError::unavailable);
        ids.iter().for_each(|id| self.watchers.wake(id)); // even if it failed, because it may have happened
        written
    }

    /// Changes a sign-in, if it is as `expected`.
    fn swap(
        &self,
        id: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
        change: impl FnOnce(&Record) -> Record,
    ) -> Result<CompareAndSwap, StoreError> {
        let mut log = self.log();
        let Some(old) = log.record(id)? else { return Ok(CompareAndSwap::NotFound) };
        if !expected(&old) {
            return Ok(CompareAndSwap::Conflict(Arc::new(old)));
        }
        let new = change(&old);
        self.write(&mut log, vec![(*id, Some(Row::of(&new)))])?;
        Ok(CompareAndSwap::Stored(Arc::new(new)))
    }
}

impl Row {
    fn of(record: &Record) -> Self {
        Self { subject: record.subject.clone(), record: record.to_bytes() }
    }
}

impl Log {
    fn record(&self, id: &SignInId) -> Result<Option<Record>, StoreError> {
        self.rows.get(id).map(|row| Record::from_bytes(*id, &row.record)).transpose()
    }

    /// Returns the ids of the subject's sign-ins.
    fn of(&self, subject: &str) -> Vec<SignInId> {
        let rows = self.rows.iter().filter(|(_, row)| row.subject.as_deref() == Some(subject));
        rows.map(|(id, _)| *id).collect()
    }

    /// Returns the sign-ins to evict for a new one, or `None` if it is refused. One whose record cannot be
    /// decoded does not count.
    fn evicted(&self, new: &Record, limit: SignInLimit) -> Option<Vec<SignInId>> {
        let ids = new.subject.as_deref().map(|subject| self.of(subject)).unwrap_or_default();
        let records = ids.iter().filter_map(|id| self.record(id).ok().flatten());
        let counts =
            |old: &Record| old.expiry(new.created_at).is_none() && old.kind.counts_with(new.kind);
        let mut active: Vec<_> = records.filter(counts).collect();
        active.sort_by_key(|record| record.created_at);
        let over = (active.len() + 1).saturating_sub(limit.max.get() as usize);
        let refused = over > 0 && limit.when_full == OverflowPolicy::Reject;
        (!refused).then(|| active[..over].iter().map(|record| record.id).collect())
    }

    /// Appends a step: its length, and for each sign-in its id, and its subject and its record with their
    /// lengths. The record of one that has ended is empty.
    fn write(&mut self, changes: Changes) -> io::Result<()> {
        let mut step = Vec::new();
        for (id, row) in &changes {
            let subject = row.as_ref().and_then(|row| row.subject.as_deref());
            step.extend_from_slice(id.as_bytes());
            put(&mut step, subject.unwrap_or_default().as_bytes());
            put(&mut step, row.as_ref().map_or(&[], |row| &row.record));
        }
        let mut bytes = Vec::new();
        put(&mut bytes, &step);
        self.file.set_len(self.end)?; // removes the rest of a step that failed
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        self.apply(changes);
        Ok(())
    }

    fn apply(&mut self, changes: Changes) {
        for (id, row) in changes {
            match row {
                Some(row) => _ = self.rows.insert(id, row),
                None => _ = self.rows.remove(&id),
            }
        }
    }

    /// Reads all complete steps. The process may have died while it wrote the last one.
    fn read(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut bytes)?;
        let mut rest = &bytes[..];
        while let Some(mut step) = take(&mut rest) {
            while let Some((id, left)) = step.split_first_chunk() {
                step = left;
                let (Some(subject), Some(record)) = (take(&mut step), take(&mut step)) else {
                    break;
                };
                let subject =
                    (!subject.is_empty()).then(|| String::from_utf8_lossy(subject).into());
                let row = Row { subject, record: record.to_vec() };
                let row = (!record.is_empty()).then_some(row);
                self.apply(vec![(SignInId::from_bytes(*id), row)]);
            }
            self.end = (bytes.len() - rest.len()) as u64;
        }
        Ok(())
    }
}

/// Appends bytes after their length.
fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    to.extend_from_slice(bytes);
}

/// Takes what [`put`] appended, or nothing if it is incomplete.
fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk()?;
    let (bytes, rest) =
        rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    *from = rest;
    Some(bytes)
}

#[async_trait]
impl Store for FileStore {
    fn watch(&self, id: &SignInId) -> Option<Watch> {
        Some(self.watchers.watch(id))
    }

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.log().record(id)?.map(Arc::new))
    }

    async fn create(
        &self,
        mut record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let mut log = self.log();
        if log.rows.contains_key(&record.id) {
            return Err(StoreError::duplicate_id());
        }
        let mut evicted = Vec::new();
        if let (true, Some(limit)) = (record.subject.is_some(), limit) {
            match log.evicted(&record, limit) {
                Some(ids) => evicted = ids,
                None => return Ok(Created::LimitReached),
            }
        }
        record.version = 0;
        let mut changes: Changes = evicted.iter().map(|id| (*id, None)).collect();
        changes.push((record.id, Some(Row::of(&record))));
        self.write(&mut log, changes)?;
        Ok(Created::Stored { evicted: evicted.len() })
    }

    async fn update(
        &self,
        id: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        self.swap(id, |record| record.version == version, |record| record.updated(data))
    }

    async fn rotate(
        &self,
        id: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let rotated = |record: &Record| {
            let mut record = record.clone();
            rotation.apply(&mut record);
            record
        };
        self.swap(id, |record| record.current == *from, rotated)
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        let touched = |record: &Record| {
            let mut record = record.clone();
            record.touch(at);
            record
        };
        self.swap(id, |record| record.last_seen() < at, touched).map(|_| ())
    }

    async fn delete(&self, id: &SignInId) -> Result<bool, StoreError> {
        let mut log = self.log();
        Ok(log.rows.contains_key(id) && self.end(&mut log, &[*id])? == 1)
    }

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        let mut log = self.log();
        match log.record(id)? {
            None => Ok(Deleted::NotFound),
            Some(record) if record.version != version => Ok(Deleted::Conflict(Arc::new(record))),
            Some(_) => self.end(&mut log, &[*id]).map(|_| Deleted::Done),
        }
    }

    async fn delete_if_idle(&self, id: &SignInId, seen: Timestamp) -> Result<bool, StoreError> {
        let mut log = self.log();
        let is_idle = log.record(id)?.is_some_and(|record| record.last_seen() <= seen);
        Ok(is_idle && self.end(&mut log, &[*id])? == 1)
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.list_each(subject).await?.into_iter().collect()
    }

    async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        let log = self.log();
        let each = log.of(subject).into_iter().filter_map(|id| log.record(&id).transpose());
        let mut each: Vec<_> = each.map(|record| record.map(Arc::new)).collect();
        each.sort_by_key(|record| record.as_ref().ok().map(|it| it.created_at));
        Ok(each)
    }

    async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError> {
        let mut log = self.log();
        Ok(log.of(subject).contains(id) && self.end(&mut log, &[*id])? == 1)
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        let mut log = self.log();
        let mut ids = log.of(subject);
        ids.retain(|id| id != keep);
        self.end(&mut log, &ids)
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let mut log = self.log();
        let ids = log.of(subject);
        self.end(&mut log, &ids)
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        let mut log = self.log();
        let mut changes = Changes::new();
        for id in log.of(subject) {
            changes
                .extend(log.record(&id)?.map(|old| (id, Some(Row::of(&old.amended(principal))))));
        }
        let count = changes.len();
        self.write(&mut log, changes).map(|()| count)
    }

    async fn swap_principal(
        &self,
        subject: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<usize, StoreError> {
        let mut log = self.log();
        let mut changes = Changes::new();
        for id in log.of(subject) {
            let old = log.record(&id)?.filter(|old| old.principal() == from);
            changes.extend(old.map(|old| (id, Some(Row::of(&old.amended(to))))));
        }
        let count = changes.len();
        self.write(&mut log, changes).map(|()| count)
    }

    async fn sweep(&self, now: Timestamp, max: usize) -> Result<Swept, StoreError> {
        let mut log = self.log();
        let ids = log.rows.keys().filter(|id| {
            log.record(id).is_ok_and(|record| record.is_some_and(|it| it.expiry(now).is_some()))
        });
        let ids: Vec<_> = ids.copied().take(max).collect();
        let removed = self.end(&mut log, &ids)?;
        Ok(Swept { removed, more: removed == max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sign_ins_that_cannot_be_decoded_can_be_ended() {
        let path = std::env::temp_dir().join(format!("outside-store-{}", std::process::id()));
        let store = Arc::new(FileStore::open(&path).expect("the folder is writable"));
        std::fs::remove_file(path).expect("it was created");
        let damage = async |id: &SignInId| {
            let mut log = store.log();
            log.rows.get_mut(id).expect("it was created").record = vec![255];
        };
        auth_store::conformance::check_unreadable(Arc::clone(&store), damage).await.assert_passed();
    }
}
