//! How much memory a near cache takes. The test is alone in its process, so that only its memory is counted.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_core::{Clock, SignInId};
use auth_store::near_cache::NearCache;
use auth_store::{
    Deadlines, Device, Lifetime, MemoryStore, Record, Secret, SecretKind, SignInDetails, Store,
    StoreError, encode, forward_store,
};

const ENTRIES: usize = 100_000;
/// How many roles a user has. Short roles take much more memory than their encoded form.
const ROLES: [usize; 2] = [1, 50];

/// Loads a generated record for every sign-in.
struct Generated(MemoryStore);

fn generate(id: SignInId) -> Record {
    let now = Clock::system().now();
    let digests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
    let deadlines = Deadlines::starting(Lifetime::AAL1, now);
    let subject = Some(format!("user-{id}").into());
    let mut record = Record::new(id, SecretKind::Cookie, digests, subject, deadlines, now);
    let roles = ROLES[usize::from(id.as_bytes()[15] % 2)];
    let roles: Vec<Box<str>> = (0..roles).map(|number| number.to_string().into()).collect();
    record.set_principal(encode(&roles, &"the name of one user").unwrap());
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let device = Device {
        user_agent: Some(agent.into()),
        address: Some([192, 0, 2, 7].into()),
        label: None,
    };
    record.details = Some(Box::new(SignInDetails { device, ..SignInDetails::default() }));
    record
}

#[async_trait]
impl Store for Generated {
    forward_store!(self => self.0, except: [load, find]);

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(Some(Arc::new(generate(*id))))
    }
}

/// Returns the resident memory of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn entries_take_no_more_memory_than_they_count_for() {
    const MAX_BYTES: u64 = 64 * 1024 * 1024;
    let before = resident();
    let cache = NearCache::<Generated>::builder().max_entries(ENTRIES).max_bytes(MAX_BYTES);
    let cache = cache.with_ttl(Generated(MemoryStore::new()), Duration::from_secs(3600));
    let mut number = 0_u128;
    for times in 1..=2 {
        while number < times * ENTRIES as u128 {
            number += 1;
            let id = SignInId::from_bytes(((number << 8) | (number % 256)).to_be_bytes());
            let record = cache.load(&id).await.unwrap().unwrap();
            record.identity::<String>().unwrap().unwrap(); // the entry keeps it
        }
        let (stats, took) = (cache.stats(), resident() - before);
        let entries = stats.entries as u64;
        let (counted, real) = (stats.bytes / entries, took / entries);
        println!(
            "of {number}: {entries} entries, each counts for {counted} bytes and takes {real}"
        );
        assert!(stats.bytes <= MAX_BYTES && took <= MAX_BYTES * 9 / 8, "{took} bytes");
    }
}
