//! [`Revocations`]: tokens of other issuers that are no longer accepted.
//!
//! A token of another issuer has no stored sign-in that could end, so the revocation itself is stored. The
//! store that keeps the sign-ins also keeps 1,024 records whose data are the revocations. The hash of a
//! revocation selects its record. So every store can keep revocations, and a near cache that holds such a
//! record also knows which tokens of this record are not revoked.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind, Clock, SignInId, Timestamp};
use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::data::SessionData;
use crate::error::StoreErrorKind;
use crate::lifetime::Deadlines;
use crate::manager::{AskingAgain, Backoff};
use crate::record::Record;
use crate::store::{CompareAndSwap, IntoStore, Peek, Store};

/// How many records hold the revocations. The number is a power of two, and part of the stored form.
const RECORDS: u16 = 1024;
/// What the ids of these records have in common, in the bytes that a store does not use to spread records.
const MARK: [u8; 4] = *b"\xffrev";
/// How many bytes of a hash a revocation is found by.
const KEY_BYTES: usize = 15;
/// How long a record exists: longer than any deployment.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How much longer a revocation is kept than the longest token: a token is accepted for a while after its
/// expiry, and clocks differ.
const MARGIN: Duration = DAY;

/// The tokens of other issuers that were revoked: by their `jti`, by their `sid`, or all tokens of a subject
/// until a point in time.
///
/// Pass a clone to `JwtAuth::revocations` of auth-jwt, which checks every token of another issuer against it.
/// Nodes that share a store share its revocations. With a [near cache](crate::near_cache), a token is checked
/// without a request to the store, and each node learns of a revocation as fast as of the end of a sign-in.
///
/// A revocation names a claim, never a hash of the token, so that another encoding of the token is revoked as
/// well.
///
/// ```
/// use auth_store::{MemoryStore, Revocations};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), auth_core::AuthError> {
/// let revocations = Revocations::new(MemoryStore::new());
/// revocations.revoke_session("https://login.example", "08a5019c-17e1-4977-8f42-65a12843ea02").await?;
/// # Ok(()) }
/// ```
///
/// # Size
///
/// The store keeps at least 1.2 million revocations at a time, of about 50 bytes each. A further one fails
/// with [`TooLarge`](AuthErrorKind::TooLarge). A revocation is dropped a day after the
/// [longest lifetime](Self::max_token_lifetime) of a token has passed.
#[derive(Clone, Debug)]
#[must_use]
pub struct Revocations {
    store: Arc<dyn Store>,
    clock: Clock,
    max_token_lifetime: Duration,
}

/// What a token can be revoked by: its subject and time of issue, its session, and its own id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocableToken {
    keys: Vec<RevocationKey>,
    issued_at: Option<Timestamp>,
}

/// Where the revocation of one name is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RevocationKey {
    /// The hash of the record.
    record: [u8; 16],
    /// The subject of the record.
    subject: Box<str>,
    /// The key in its data.
    name: Box<str>,
}

/// What a token is revoked by.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum RevokedBy {
    TokenId = 1,
    Session = 2,
    Subject = 3,
}

/// A stored revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Revocation {
    /// Until when it has to be kept.
    until: Timestamp,
    /// The last time of issue, in seconds, of the tokens that are revoked. `None` revokes all.
    issued_until: Option<u64>,
}

impl Revocations {
    /// Creates a handle on the revocations in this store.
    pub fn new(store: impl IntoStore) -> Self {
        let store = Arc::new(AskingAgain(store.into_store()));
        Self { store, clock: Clock::system(), max_token_lifetime: 30 * DAY }
    }

    /// Sets the clock by which revocations are dropped. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sets the longest lifetime of the tokens. Defaults to 30 days. A revocation is kept for one day longer,
    /// which covers the leeway of the expiry. A token that lives longer than this would be accepted again.
    pub fn max_token_lifetime(self, lifetime: Duration) -> Self {
        Self { max_token_lifetime: lifetime, ..self }
    }

    /// Revokes the token of this issuer with this `jti`.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the token may not have been revoked, and
    /// [`TooLarge`](AuthErrorKind::TooLarge) if there are [too many](Self#size) revocations.
    pub async fn revoke_token(&self, issuer: &str, jti: &str) -> Result<(), AuthError> {
        self.revoke(RevokedBy::TokenId, issuer, jti, None).await
    }

    /// Revokes all tokens of this issuer with this `sid`, the session at the issuer.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`revoke_token`](Self::revoke_token).
    pub async fn revoke_session(&self, issuer: &str, sid: &str) -> Result<(), AuthError> {
        self.revoke(RevokedBy::Session, issuer, sid, None).await
    }

    /// Revokes all tokens of this subject that the issuer issued until this time, in whole seconds. A token
    /// without a time of issue (`iat`) is revoked as well.
    ///
    /// Take the time from the issuer if possible, such as from the `iat` of a logout token, because clocks
    /// differ.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`revoke_token`](Self::revoke_token).
    pub async fn revoke_subject(
        &self,
        issuer: &str,
        subject: &str,
        issued_until: Timestamp,
    ) -> Result<(), AuthError> {
        self.revoke(RevokedBy::Subject, issuer, subject, Some(issued_until.as_secs())).await
    }

    async fn revoke(
        &self,
        by: RevokedBy,
        issuer: &str,
        name: &str,
        issued_until: Option<u64>,
    ) -> Result<(), AuthError> {
        let (key, now) = (RevocationKey::of(by, issuer, name), self.clock.now());
        let revocation = Revocation { until: now + self.max_token_lifetime + MARGIN, issued_until };
        let (id, mut backoff) = (self.id(&key), Backoff::new());
        loop {
            let stored = match self.store.load(&id).await? {
                None => self.create(&key, Some(revocation), now).await?,
                Some(record) => {
                    let data = with(&record.data, &key, revocation, now);
                    if data.bytes() > SessionData::MAX_BYTES {
                        return Err(AuthError::new(
                            AuthErrorKind::TooLarge,
                            "too many revocations",
                        ));
                    }
                    let swapped = self.store.update(&id, record.version, data).await?;
                    matches!(swapped, CompareAndSwap::Stored(_))
                }
            };
            if stored {
                tracing::info!(issuer, ?by, "tokens revoked");
                return Ok(());
            }
            backoff.pause().await?;
        }
    }

    /// Creates a record. Returns whether it is stored; if not, another node has created it.
    async fn create(
        &self,
        key: &RevocationKey,
        revocation: Option<Revocation>,
        now: Timestamp,
    ) -> Result<bool, AuthError> {
        let subject = Some(Arc::from(&*key.subject));
        let deadlines = Deadlines { idle_secs: 0, ends_at: now + CENTURY };
        let mut record = Record::without_secret(self.id(key), subject, deadlines, now);
        if let Some(revocation) = revocation {
            record.data.insert(&key.name, revocation.to_json());
        }
        match self.store.create(record, self.store.bounds().lower(None)).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == StoreErrorKind::DuplicateId => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Fills the record of this session, for tests.
    #[cfg(test)]
    pub(crate) async fn fill_session(&self, issuer: &str, sid: &str) {
        let key = RevocationKey::of(RevokedBy::Session, issuer, sid);
        self.create(&key, None, self.clock.now()).await.unwrap();
        let mut data = SessionData::new();
        data.insert("other", "1".repeat(SessionData::MAX_BYTES - 8));
        self.store.update(&self.id(&key), 0, data).await.unwrap();
    }

    /// Returns whether the record of this id holds revocations. Of random ids, one in four billion also does.
    #[cfg(feature = "redis")]
    pub(crate) fn are_in(id: &SignInId) -> bool {
        id.as_bytes()[4..8] == MARK
    }

    fn id(&self, key: &RevocationKey) -> SignInId {
        self.store.derived_id(Some(&key.subject), key.record)
    }

    /// Returns whether a token is revoked, by what the store knows without waiting. Returns `None` if
    /// [`is_revoked`](Self::is_revoked) has to read from the store.
    #[must_use]
    pub fn try_is_revoked(&self, token: &RevocableToken, now: Timestamp) -> Option<bool> {
        let mut all_known = true;
        for key in &token.keys {
            let mut revoked = None;
            self.store.peek(&self.id(key), &mut |peek| {
                revoked = match peek {
                    Peek::Miss => None,
                    Peek::Cached(record) => Some(token.is_in(&record.data, key, now)),
                    Peek::Authoritative(record) => {
                        Some(record.is_some_and(|record| token.is_in(&record.data, key, now)))
                    }
                };
            });
            match revoked {
                Some(true) => return Some(true), // a revocation is never taken back
                Some(false) => {}
                None => all_known = false,
            }
        }
        all_known.then_some(false)
    }

    /// Returns whether a token is revoked, by the store itself and never by a cached copy.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn is_revoked(
        &self,
        token: &RevocableToken,
        now: Timestamp,
    ) -> Result<bool, AuthError> {
        for key in &token.keys {
            match self.store.load(&self.id(key)).await? {
                Some(record) if token.is_in(&record.data, key, now) => return Ok(true),
                Some(_) => {}
                None if self.is_in_new_record(token, key, now).await? => return Ok(true),
                None => {}
            }
        }
        Ok(false)
    }

    /// Creates an empty record, which can be cached, so that the next token is checked without waiting. Returns
    /// whether the token is revoked by a record that another node created meanwhile.
    async fn is_in_new_record(
        &self,
        token: &RevocableToken,
        key: &RevocationKey,
        now: Timestamp,
    ) -> Result<bool, AuthError> {
        match self.create(key, None, now).await {
            Ok(true) => Ok(false),
            Ok(false) => {
                let record = self.store.load(&self.id(key)).await?;
                Ok(record.is_some_and(|record| token.is_in(&record.data, key, now)))
            }
            // The store has answered that there is no revocation. Only the next token has to ask it again.
            Err(error) => {
                if let Some(suppressed) = self.clock.admit_event("revocations not cached") {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, suppressed, "revocations not cached");
                }
                Ok(false)
            }
        }
    }
}

impl RevocableToken {
    /// Describes a token of this issuer about this subject, which was issued at this time (`iat`). Every revocation of
    /// the subject revokes a token without a time.
    #[must_use]
    pub fn new(issuer: &str, subject: &str, issued_at: Option<Timestamp>) -> Self {
        Self { keys: vec![RevocationKey::of(RevokedBy::Subject, issuer, subject)], issued_at }
    }

    /// Adds the session at the issuer (`sid`).
    #[must_use]
    pub fn session(self, issuer: &str, sid: &str) -> Self {
        self.and(RevokedBy::Session, issuer, sid)
    }

    /// Adds the id of the token (`jti`).
    #[must_use]
    pub fn id(self, issuer: &str, jti: &str) -> Self {
        self.and(RevokedBy::TokenId, issuer, jti)
    }

    fn and(mut self, by: RevokedBy, issuer: &str, name: &str) -> Self {
        self.keys.push(RevocationKey::of(by, issuer, name));
        self
    }

    /// Returns whether the data of a record revokes this token by this name.
    fn is_in(&self, data: &SessionData, key: &RevocationKey, now: Timestamp) -> bool {
        let Some(json) = data.get(&key.name) else { return false };
        // What cannot be read is a revocation of a later release.
        let Some(Revocation { until, issued_until }) = Revocation::from_json(json) else {
            return true;
        };
        let is_older = match (issued_until, self.issued_at) {
            (Some(issued_until), Some(issued_at)) => issued_at.as_secs() <= issued_until,
            _ => true,
        };
        now < until && is_older
    }
}

impl RevocationKey {
    fn of(by: RevokedBy, issuer: &str, name: &str) -> Self {
        let hash = Sha256::new_with_prefix(b"auth/revoked")
            .chain_update([by as u8])
            .chain_update((issuer.len() as u64).to_be_bytes())
            .chain_update(issuer)
            .chain_update(name)
            .finalize();
        let number = u16::from_be_bytes([hash[0], hash[1]]) % RECORDS;
        let of_record =
            Sha256::new_with_prefix(b"auth/revocations").chain_update(number.to_be_bytes());
        let of_record = of_record.finalize();
        let mut record: [u8; 16] = std::array::from_fn(|at| of_record[at]);
        record[4..8].copy_from_slice(&MARK);
        Self {
            record,
            subject: format!("{}revocations/{number}", Record::RESERVED).into(),
            name: URL_SAFE_NO_PAD.encode_to_string(&hash[2..2 + KEY_BYTES]).into(),
        }
    }
}

impl Revocation {
    fn to_json(self) -> String {
        let json = serde_json::to_string(&(self.until.as_secs(), self.issued_until));
        json.expect("numbers serialize to JSON")
    }

    fn from_json(json: &str) -> Option<Self> {
        let (until, issued_until) = serde_json::from_str(json).ok()?;
        Some(Self { until: Timestamp::from_secs(until), issued_until })
    }
}

/// Returns the data with a revocation added, and without those that need not be kept. The later of two
/// revocations of one name counts.
fn with(data: &SessionData, key: &RevocationKey, new: Revocation, now: Timestamp) -> SessionData {
    let is_kept = |json: &str| Revocation::from_json(json).is_none_or(|it| now < it.until);
    let mut data: SessionData = data.iter().filter(|(_, json)| is_kept(json)).collect();
    let old = data.get(&key.name).and_then(Revocation::from_json);
    let newest = old.map_or(new, |old| Revocation {
        until: old.until.max(new.until),
        // `None` revokes all. Of the same name, all revocations have a time or none has.
        issued_until: old.issued_until.max(new.issued_until),
    });
    data.insert(&key.name, newest.to_json());
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StoreError;
    use crate::forward_store;
    use crate::store::{Created, SignInLimit};
    use crate::stores::MemoryStore;

    const ISSUER: &str = "https://a.example";

    /// Returns a list and the times at which it is used.
    fn revocations() -> (Revocations, auth_core::ManualClock) {
        let clock = auth_core::ManualClock::new(Timestamp::from_secs(1_000_000));
        (Revocations::new(MemoryStore::new()).clock(clock.clock()), clock)
    }

    fn token(secs: u64) -> RevocableToken {
        let issued_at = Some(Timestamp::from_secs(secs));
        RevocableToken::new(ISSUER, "alice", issued_at).session(ISSUER, "s").id(ISSUER, "j")
    }

    #[tokio::test]
    async fn an_earlier_revocation_of_a_subject_does_not_replace_a_later_one() {
        let (list, clock) = revocations();
        for until in [200, 100] {
            list.revoke_subject(ISSUER, "alice", Timestamp::from_secs(until)).await.unwrap();
        }
        for (at, revoked) in [(200, true), (201, false)] {
            assert_eq!(list.try_is_revoked(&token(at), clock.clock().now()), Some(revoked));
            assert_eq!(list.is_revoked(&token(at), clock.clock().now()).await.unwrap(), revoked);
        }
    }

    #[tokio::test]
    async fn revocations_of_one_record_are_dropped_after_the_longest_lifetime() {
        let (list, clock) = revocations();
        let list = list.max_token_lifetime(DAY);
        // The names of one record.
        let first = RevocationKey::of(RevokedBy::TokenId, ISSUER, "0");
        let same = |name: &String| {
            RevocationKey::of(RevokedBy::TokenId, ISSUER, name).record == first.record
        };
        let names: Vec<_> = (0..).map(|name: u32| name.to_string()).filter(same).take(3).collect();
        for name in &names {
            list.revoke_token(ISSUER, name).await.unwrap();
            clock.advance((DAY + MARGIN) / 2);
        }
        let record = list.store.load(&list.id(&first)).await.unwrap().unwrap();
        assert_eq!(record.data.iter().count(), 2, "the first was dropped");
        let revoked = |name: &str| {
            let token = RevocableToken::new(ISSUER, "bob", None).id(ISSUER, name);
            list.try_is_revoked(&token, clock.clock().now()).unwrap()
        };
        assert_eq!(
            names.iter().map(|name| revoked(name)).collect::<Vec<_>>(),
            [false, false, true]
        );
    }

    #[tokio::test]
    async fn parallel_revocations_of_one_record_all_count() {
        let (list, clock) = revocations();
        let first = RevocationKey::of(RevokedBy::TokenId, ISSUER, "0");
        let same = |name: &String| {
            RevocationKey::of(RevokedBy::TokenId, ISSUER, name).record == first.record
        };
        let names: Vec<_> = (0..).map(|name: u32| name.to_string()).filter(same).take(20).collect();
        let tasks: Vec<_> = names
            .iter()
            .cloned()
            .map(|name| {
                let list = list.clone();
                tokio::spawn(async move { list.revoke_token(ISSUER, &name).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        for name in &names {
            let token = RevocableToken::new(ISSUER, "bob", None).id(ISSUER, name);
            assert_eq!(list.try_is_revoked(&token, clock.clock().now()), Some(true), "{name}");
        }
    }

    /// A store in which another node revokes the token of the list before this node creates this record.
    struct Overtaken(Arc<dyn Store>, SignInId);

    #[async_trait::async_trait]
    impl Store for Overtaken {
        forward_store!(self => self.0, except: [create]);

        async fn create(
            &self,
            record: Record,
            limit: Option<SignInLimit>,
        ) -> Result<Created, StoreError> {
            if record.id == self.1 {
                let other = Revocations { store: Arc::clone(&self.0), ..revocations().0 };
                other.revoke_token(ISSUER, "j").await.unwrap();
            }
            self.0.create(record, limit).await
        }
    }

    /// The fault: the result of the creation was ignored.
    #[tokio::test]
    async fn a_revocation_by_another_node_at_the_first_check_counts() {
        let (list, clock) = revocations();
        let id = list.id(&RevocationKey::of(RevokedBy::TokenId, ISSUER, "j"));
        let list = Revocations::new(Overtaken(list.store, id)).clock(clock.clock());
        assert!(list.is_revoked(&token(100), clock.clock().now()).await.unwrap());
    }

    /// A store that answers and cannot write.
    struct ReadOnly(Arc<dyn Store>);

    #[async_trait::async_trait]
    impl Store for ReadOnly {
        forward_store!(self => self.0, except: [create]);

        async fn create(&self, _: Record, _: Option<SignInLimit>) -> Result<Created, StoreError> {
            Err(StoreError::unavailable("read-only"))
        }
    }

    #[tokio::test]
    async fn a_store_that_cannot_write_has_answered_that_there_is_no_revocation() {
        let (list, clock) = revocations();
        let list = Revocations::new(ReadOnly(list.store)).clock(clock.clock());
        assert!(!list.is_revoked(&token(100), clock.clock().now()).await.unwrap());
        list.revoke_token(ISSUER, "j").await.unwrap_err();
    }

    #[test]
    fn a_full_record_holds_a_thousand_revocations() {
        let (now, mut data) = (Timestamp::from_secs(1_800_000_000), SessionData::new());
        let new = Revocation { until: now + DAY, issued_until: Some(1_800_000_000) };
        let mut count = 0_u32;
        while data.bytes() <= SessionData::MAX_BYTES {
            data = with(
                &data,
                &RevocationKey::of(RevokedBy::Subject, ISSUER, &count.to_string()),
                new,
                now,
            );
            count += 1;
        }
        assert!(u64::from(count - 1) * u64::from(RECORDS) > 1_200_000, "{count}");
    }

    #[test]
    fn names_of_different_issuers_and_kinds_differ() {
        let keys = [
            RevocationKey::of(RevokedBy::TokenId, "a", "bc"),
            RevocationKey::of(RevokedBy::TokenId, "ab", "c"),
            RevocationKey::of(RevokedBy::Session, "a", "bc"),
            RevocationKey::of(RevokedBy::Subject, "a", "bc"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(keys[..at].iter().all(|other| other.name != key.name));
        }
    }
}
