//! A property of every store: random sequences of the contract's operations have the same results as over
//! a reference in a map.
//!
//! `PROPTEST_CASES` sets the number of sequences. Seeds of sequences that failed are kept in
//! `tests/random_steps.seeds`, and run first.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_core::{Clock, Persistence, SignInId, Timestamp};
use auth_store::{
    Deadlines, Deleted, Device, Lifetime, Nonce, OverflowPolicy, Reauthentication, Record,
    Rotation, RotationGrace, Secret, SecretKind, SecretLookup, SessionData, SignInDetails,
    SignInLimit, Store, StoreError, StoreErrorKind, encode,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::reference::{Contents, Outcome, Reference};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/random_steps.seeds");
const KIND: SecretKind = SecretKind::Refresh;
const MAX_STEPS: usize = 40;

/// One operation. A `usize` selects one of the sign-ins that were created, whether it still exists or not.
#[derive(Clone, Debug)]
enum Step {
    Create { user: Option<usize>, limit: Option<(u32, bool)>, again: Option<usize> },
    Load(usize),
    Find(usize, Presented),
    List(usize),
    Update { of: usize, stale: bool, data: Vec<(String, u32)> },
    Rotate { of: usize, stale: bool, grace: bool, again: bool },
    Touch(usize, u64),
    Delete(usize),
    DeleteIfVersion(usize, bool),
    DeleteIfIdle(usize, u64),
    Revoke(usize, usize),
    RevokeOthers(usize, usize),
    RevokeSubject(usize),
    UpdateSubject(usize, String),
    Sweep,
}

/// A secret that a client presents.
#[derive(Clone, Copy, Debug)]
enum Presented {
    Newest,
    Previous,
    First,
    Forged,
    OfAnotherKind,
}

fn step() -> impl Strategy<Value = Step> {
    let of = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    let user = || 0..2_usize;
    let limit = prop::option::of((1..4_u32, any::<bool>()));
    let create = (prop::option::weighted(0.8, user()), limit, prop::option::weighted(0.1, of()))
        .prop_map(|(user, limit, again)| Step::Create { user, limit, again });
    let presented = prop::sample::select(vec![
        Presented::Newest,
        Presented::Previous,
        Presented::First,
        Presented::Forged,
        Presented::OfAnotherKind,
    ]);
    let data = prop::collection::vec(("[a-c\u{e9}'\"\\\\]{1,3}", any::<u32>()), 0..3);
    let stale = || prop::bool::weighted(0.3);
    let changes = prop_oneof![
        (of(), stale(), data).prop_map(|(of, stale, data)| Step::Update { of, stale, data }),
        (of(), stale(), any::<bool>(), stale())
            .prop_map(|(of, stale, grace, again)| Step::Rotate { of, stale, grace, again }),
        (of(), 0..2_000_u64).prop_map(|(of, at)| Step::Touch(of, at)),
        (user(), "[a-z\u{fc}]{0,4}").prop_map(|(user, role)| Step::UpdateSubject(user, role)),
    ];
    let ends = prop_oneof![
        of().prop_map(Step::Delete),
        (of(), stale()).prop_map(|(of, stale)| Step::DeleteIfVersion(of, stale)),
        (of(), 0..2_000_u64).prop_map(|(of, at)| Step::DeleteIfIdle(of, at)),
        (user(), of()).prop_map(|(user, of)| Step::Revoke(user, of)),
        (user(), of()).prop_map(|(user, of)| Step::RevokeOthers(user, of)),
        user().prop_map(Step::RevokeSubject),
        Just(Step::Sweep),
    ];
    let looks = prop_oneof![
        of().prop_map(Step::Load),
        (of(), presented).prop_map(|(of, presented)| Step::Find(of, presented)),
        user().prop_map(Step::List),
    ];
    prop_oneof![4 => create, 5 => changes, 2 => ends, 3 => looks]
}

/// Checks the property for this many sequences, over a store that may keep other sign-ins as well. Runs on a
/// thread of a runtime with several.
pub(crate) fn check(cases: u32, store: &impl Store) {
    let seeds = FileFailurePersistence::Direct(SEEDS);
    let default = Config { failure_persistence: Some(Box::new(seeds)), ..Config::default() };
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if is_set { default.cases } else { cases };
    let checked = run(Config { cases, ..default }, store);
    checked.unwrap_or_else(|failed| panic!("{failed}"));
}

/// Returns whether a store with a fault has other results than the reference.
#[allow(dead_code)] // each test binary uses a part of this file
pub(crate) fn differs(store: &impl Store) -> bool {
    run(Config { failure_persistence: None, max_shrink_iters: 0, ..Config::default() }, store)
        .is_err()
}

fn run(config: Config, store: &impl Store) -> Result<(), TestError<Vec<Step>>> {
    let mut runner = TestRunner::new(Config { source_file: Some(file!()), ..config });
    let (steps, runtime) = (prop::collection::vec(step(), 1..MAX_STEPS), Handle::current());
    let compare = |steps: Vec<Step>| runtime.block_on(compare(store, &steps));
    block_in_place(|| runner.run(&steps, compare))
}

/// Takes the same steps over the store and over a reference, and compares all results.
async fn compare(store: &dyn Store, steps: &[Step]) -> Result<(), TestCaseError> {
    static CASES: AtomicU32 = AtomicU32::new(0);
    let case = CASES.fetch_add(1, Ordering::Relaxed);
    let mut both = Both {
        store,
        reference: Reference::default(),
        users: ["ada", "b\u{f6}b"].map(|user| format!("{user} {} {case}", std::process::id())),
        sign_ins: Vec::new(),
        start: Clock::system().now(),
        taken: 0,
    };
    for step in steps {
        let (expected, found) = both.take(step).await?;
        prop_assert_eq!(found, expected, "after {:?}", step);
    }
    both.compare_all().await
}

/// The store and its reference.
struct Both<'a> {
    store: &'a dyn Store,
    reference: Reference,
    users: [String; 2],
    /// The secrets of each sign-in that was created, oldest first.
    sign_ins: Vec<Vec<Secret>>,
    start: Timestamp,
    taken: u64,
}

type Compared = Result<(Outcome, Outcome), TestCaseError>;

impl Both<'_> {
    /// Returns the time of this step. No two steps have the same.
    fn now(&self) -> Timestamp {
        self.start + Duration::from_millis(self.taken)
    }

    fn after_start(&self, millis: u64) -> Timestamp {
        self.start + Duration::from_millis(millis)
    }

    /// Returns one of the sign-ins, or one that was never created.
    fn secrets(&self, of: usize) -> Vec<Secret> {
        match self.sign_ins.len() {
            0 => vec![Secret::generate(SignInId::from_bytes([7; 16])).expect("randomness")],
            count => self.sign_ins[of % count].clone(),
        }
    }

    fn id(&self, of: usize) -> SignInId {
        self.secrets(of)[0].id()
    }

    /// Returns the kind of a sign-in.
    fn kind(&self, id: &SignInId) -> SecretKind {
        self.reference.get(id).map_or(KIND, |record| record.kind)
    }

    async fn take(&mut self, step: &Step) -> Compared {
        self.taken += 1;
        match step {
            Step::Create { user, limit, again } => self.create(*user, *limit, *again).await,
            Step::Update { of, stale, data } => self.update(*of, *stale, data).await,
            Step::Rotate { of, stale, grace, again } => {
                self.rotate(*of, *stale, *grace, *again).await
            }
            Step::Load(_) | Step::Find(..) | Step::List(_) => self.look(step).await,
            Step::Touch(..) | Step::UpdateSubject(..) | Step::Sweep => self.change(step).await,
            _ => self.end(step).await,
        }
    }

    async fn create(
        &mut self,
        user: Option<usize>,
        limit: Option<(u32, bool)>,
        again: Option<usize>,
    ) -> Compared {
        let subject = user.map(|user| Arc::from(&*self.users[user]));
        // An id of this user that is in use. One that is free would be a sign-in that has ended.
        let is_taken =
            |id: &SignInId| self.reference.get(id).is_some_and(|record| record.subject == subject);
        let taken = again.map(|of| self.id(of)).filter(is_taken);
        let id = match taken {
            Some(id) => id,
            None => self.store.new_id(subject.as_deref()).map_err(failed)?,
        };
        let secret = Secret::generate(id).expect("randomness");
        let record = self.draft(&secret, subject);
        let limit = limit.map(|(max, evicts)| SignInLimit {
            max: NonZeroU32::new(max).expect("it is at least 1"),
            when_full: if evicts { OverflowPolicy::EvictOldest } else { OverflowPolicy::Reject },
        });
        let expected = self.reference.create(record.clone(), limit);
        let found = match self.store.create(record, limit).await {
            Err(error) if error.kind() == StoreErrorKind::DuplicateId => Err("duplicate"),
            created => Ok(created.map_err(failed)?),
        };
        if taken.is_none() {
            self.sign_ins.push(vec![secret]);
        }
        Ok((Outcome::Created(expected), Outcome::Created(found)))
    }

    fn draft(&self, secret: &Secret, subject: Option<Arc<str>>) -> Record {
        let deadlines = Deadlines::starting(Lifetime::default(), self.now());
        let is_user = subject.is_some();
        // Every third one has a kind that counts for no limit of the others.
        let is_custom = is_user && self.taken.is_multiple_of(3);
        let kind = if is_custom { SecretKind::custom("random-steps") } else { KIND };
        let digests = secret.digests(kind);
        let mut record = Record::new(secret.id(), kind, digests, subject, deadlines, self.now());
        record.details = self.details();
        record.data = SessionData::from_iter([("cart", "[1,\"\u{1f511}\"]")]);
        if is_user {
            record.set_principal(encode(&["reader".into()], &"Ada").expect("it is text"));
        }
        record
    }

    /// Returns details for every other step.
    fn details(&self) -> Option<Box<SignInDetails>> {
        let user_agent = Some(format!("browser {}", self.taken).into());
        let details = SignInDetails {
            acr: Some("aal2".into()),
            amr: vec!["pwd".into(), "otp".into()],
            device: Device { user_agent, ..Device::default() },
            ..SignInDetails::default()
        };
        self.taken.is_multiple_of(2).then(|| Box::new(details))
    }

    async fn update(&mut self, of: usize, stale: bool, data: &[(String, u32)]) -> Compared {
        let id = self.id(of);
        let version = self.reference.get(&id).map_or(0, |record| record.version);
        let version = version + u64::from(stale);
        let data = data.iter().map(|(key, value)| (key.as_str(), value.to_string()));
        let data = SessionData::from_iter(data);
        let expected = self.reference.update(&id, version, data.clone());
        let found = self.store.update(&id, version, data).await.map_err(failed)?;
        Ok((expected.into(), found.into()))
    }

    async fn rotate(&mut self, of: usize, stale: bool, grace: bool, again: bool) -> Compared {
        let secrets = self.secrets(of);
        let id = secrets[0].id();
        let (newest, kind) = (secrets.last().expect("there is one"), self.kind(&id));
        let from = if stale { &secrets[0] } else { newest }.digest(kind);
        let nonce = Nonce::generate().expect("randomness");
        let until = self.now() + Duration::from_secs(10);
        let next = if again {
            Secret::generate(id).expect("randomness")
        } else {
            newest.successor(&nonce)
        };
        let reauthentication = again.then(|| Reauthentication {
            at: self.now().before(Duration::from_secs(1)),
            seen_at: self.now(),
            deadlines: Deadlines::starting(Lifetime::AAL1, self.now()),
            persistence: Persistence::Persistent,
            principal: (!self.taken.is_multiple_of(3))
                .then(|| encode(&["admin".into()], &"Ada").expect("it is text")),
            details: self.details(),
        });
        let grace = grace.then_some(RotationGrace {
            previous: from,
            nonce,
            replaced_at: self.now(),
            until,
            user_agent: None,
        });
        let digests = next.digests(kind);
        let rotation = Rotation { kind, digests, grace, reauthentication };
        let is_anonymous = self.reference.get(&id).is_some_and(|record| record.subject.is_none());
        if is_anonymous {
            return Ok((Outcome::Nothing, Outcome::Nothing)); // visitors have nothing to refresh
        }
        let expected = self.reference.rotate(&id, from.0, rotation.clone()).into();
        let found = self.store.rotate(&id, &from, rotation).await.map_err(failed)?.into();
        if let Outcome::Compared("stored", _) = expected {
            let sign_in = self.sign_ins.iter_mut().find(|secrets| secrets[0].id() == id);
            sign_in.expect("it was created").push(next);
        }
        Ok((expected, found))
    }

    async fn look(&self, step: &Step) -> Compared {
        let (store, reference) = (self.store, &self.reference);
        match step {
            Step::Load(of) => {
                let loaded = store.load(&self.id(*of)).await.map_err(failed)?;
                let found = Outcome::Found(loaded.map(|record| Contents::of(&record)));
                let expected = reference.get(&self.id(*of)).map(Contents::of);
                Ok((Outcome::Found(expected), found))
            }
            Step::Find(of, presented) => {
                let (secret, kind) = self.presented(*of, *presented);
                let now = self.now();
                let expected = reference.load(&secret.id());
                let expected = SecretLookup::from_record(expected, &secret, kind, now).into();
                let found = store.find(&secret, kind, now).await.map_err(failed)?;
                Ok((expected, found.into()))
            }
            Step::List(user) => self.list(*user).await,
            step => unreachable!("{step:?} is no look"),
        }
    }

    async fn list(&self, user: usize) -> Compared {
        let user = &self.users[user];
        let listed = self.store.list(user).await.map_err(failed)?;
        let found = listed.iter().map(|record| Contents::listed(record)).collect();
        let expected = self.reference.list(user).into_iter().map(Contents::listed).collect();
        Ok((Outcome::Listed(expected), Outcome::Listed(found)))
    }

    fn presented(&self, of: usize, presented: Presented) -> (Secret, SecretKind) {
        let secrets = self.secrets(of);
        let newest = secrets.len() - 1;
        let secret = match presented {
            Presented::Newest | Presented::OfAnotherKind => secrets[newest].clone(),
            Presented::Previous => secrets[newest.saturating_sub(1)].clone(),
            Presented::First => secrets[0].clone(),
            Presented::Forged => Secret::generate(secrets[0].id()).expect("randomness"),
        };
        let is_other = matches!(presented, Presented::OfAnotherKind);
        let kind = self.kind(&secret.id());
        (secret, if is_other { SecretKind::Cookie } else { kind })
    }

    async fn change(&mut self, step: &Step) -> Compared {
        match step {
            Step::Touch(of, at) => {
                let (id, at) = (self.id(*of), self.after_start(*at));
                self.reference.touch(&id, at);
                self.store.touch(&id, at).await.map_err(failed)?;
                Ok((Outcome::Nothing, Outcome::Nothing))
            }
            Step::UpdateSubject(user, role) => {
                let user = &self.users[*user];
                let principal = encode(&[role.as_str().into()], &"Ada").expect("it is text");
                let expected = self.reference.update_subject(user, &principal);
                let found = self.store.update_subject(user, &principal).await.map_err(failed)?;
                Ok((Outcome::Count(expected), Outcome::Count(found)))
            }
            Step::Sweep => {
                // It may remove expired sign-ins of other tests, and none of these.
                self.store.sweep(self.now(), 10).await.map_err(failed)?;
                Ok((Outcome::Nothing, Outcome::Nothing))
            }
            step => unreachable!("{step:?} is no change"),
        }
    }

    async fn end(&mut self, step: &Step) -> Compared {
        let (store, reference) = (self.store, &mut self.reference);
        let (created, users) = (&self.sign_ins, &self.users);
        let nobody = SignInId::from_bytes([7; 16]);
        let id =
            |of: &usize| created.get(of % created.len().max(1)).map_or(nobody, |it| it[0].id());
        let ended = |deleted| Outcome::Ended(matches!(deleted, Deleted::Done));
        Ok(match step {
            Step::Delete(of) => {
                let found = store.delete(&id(of)).await.map_err(failed)?;
                (ended(reference.end_if(&id(of), |_| true)), Outcome::Ended(found))
            }
            Step::DeleteIfVersion(of, stale) => {
                let version = reference.get(&id(of)).map_or(0, |record| record.version);
                let version = version + u64::from(*stale);
                let expected = reference.end_if(&id(of), |record| record.version == version);
                let found = store.delete_if_version(&id(of), version).await.map_err(failed)?;
                (expected.into(), found.into())
            }
            Step::DeleteIfIdle(of, at) => {
                let at = self.start + Duration::from_millis(*at);
                let expected = reference.end_if(&id(of), |record| record.last_seen() <= at);
                let found = store.delete_if_idle(&id(of), at).await.map_err(failed)?;
                (ended(expected), Outcome::Ended(found))
            }
            Step::Revoke(user, of) => {
                let user = &*users[*user];
                let is_theirs = |record: &Record| record.subject.as_deref() == Some(user);
                let found = store.revoke(user, &id(of)).await.map_err(failed)?;
                (ended(reference.end_if(&id(of), is_theirs)), Outcome::Ended(found))
            }
            Step::RevokeOthers(user, keep) => {
                let expected = reference.end_subject(&users[*user], Some(&id(keep)));
                let found = store.revoke_others(&users[*user], &id(keep)).await.map_err(failed)?;
                (Outcome::Count(expected), Outcome::Count(found))
            }
            Step::RevokeSubject(user) => {
                let expected = reference.end_subject(&users[*user], None);
                let found = store.revoke_subject(&users[*user]).await.map_err(failed)?;
                (Outcome::Count(expected), Outcome::Count(found))
            }
            step => unreachable!("{step:?} ends nothing"),
        })
    }

    /// Compares all that is left.
    async fn compare_all(&self) -> Result<(), TestCaseError> {
        for of in 0..self.sign_ins.len() {
            let (expected, found) = self.look(&Step::Load(of)).await?;
            prop_assert_eq!(found, expected, "at the end");
        }
        for user in 0..self.users.len() {
            let (expected, found) = self.list(user).await?;
            prop_assert_eq!(found, expected, "at the end");
        }
        for user in &self.users {
            self.store.revoke_subject(user).await.map_err(failed)?;
        }
        Ok(())
    }
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn failed(error: StoreError) -> TestCaseError {
    TestCaseError::fail(format!("{error}: {:?}", std::error::Error::source(&error)))
}
