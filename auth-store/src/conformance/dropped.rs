//! Rules for steps that the caller drops before they have returned, at each of their awaits.
//!
//! A request ends with its connection, and its steps with it. Such a step may have happened or not, and it
//! may happen a moment later.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::assertions::{alive, listed, same};
use super::ends::only_sign_in;
use super::fixtures::{
    ADA, MINUTE, data, draft, limit, now, principal, refresh, secret, with_secret,
};
use super::report::{Outcome, Violation, ensure};
use crate::record::{Record, Rotation};
use crate::store::{OverflowPolicy, Store};

/// The awaits of a step at which it is dropped. The later ones of a longer step are not checked.
const AWAITS: usize = 24;
/// How often the outcome is read until it is one of those that are allowed, with a pause each time.
const READS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

const STEPS: [Step; 8] = [
    Step::Create,
    Step::Update,
    Step::Rotate,
    Step::Touch,
    Step::Delete,
    Step::RevokeOthers,
    Step::RevokeSubject,
    Step::UpdateSubject,
];

#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    Update,
    Rotate,
    Touch,
    Delete,
    RevokeOthers,
    RevokeSubject,
    UpdateSubject,
}

/// What a step is about: a sign-in that exists, and one that the step creates.
struct Given {
    old: Record,
    new: Record,
    rotation: Rotation,
}

impl Given {
    async fn new(store: &dyn Store) -> Result<Self, Violation> {
        let (secret, old) = with_secret(store).await?;
        let (_, rotation) = refresh(&secret, None)?;
        Ok(Self { old, new: draft(store, ADA, now())?, rotation })
    }

    async fn take(&self, step: Step, store: &dyn Store) -> Outcome {
        let id = &self.old.id;
        match step {
            Step::Create => {
                let evict = limit(5, OverflowPolicy::EvictOldest);
                _ = store.create(self.new.clone(), Some(evict)).await?;
            }
            Step::Update => _ = store.update(id, 0, data("cart", "[3]")).await?,
            Step::Rotate => {
                _ = store.rotate(id, &self.old.current, self.rotation.clone()).await?;
            }
            Step::Touch => store.touch(id, self.old.created_at + MINUTE).await?,
            Step::Delete => _ = store.delete(id).await?,
            Step::RevokeOthers => {
                let keep = secret(store, Some(ADA))?.id();
                _ = store.revoke_others(ADA, &keep).await?;
            }
            Step::RevokeSubject => _ = store.revoke_subject(ADA).await?,
            Step::UpdateSubject => _ = store.update_subject(ADA, &principal("writer")?).await?,
        }
        Ok(())
    }

    /// Returns the sign-ins that exist after the step.
    fn after(&self, step: Step) -> Result<Vec<Record>, Violation> {
        let mut old = self.old.clone();
        Ok(match step {
            Step::Create => vec![old, self.new.clone()],
            Step::Update => vec![old.updated(data("cart", "[3]"))],
            Step::Rotate => {
                self.rotation.clone().apply(&mut old);
                vec![old]
            }
            Step::Touch => {
                old.touch(old.created_at + MINUTE);
                vec![old]
            }
            Step::Delete | Step::RevokeOthers | Step::RevokeSubject => Vec::new(),
            Step::UpdateSubject => vec![old.amended(principal("writer")?)],
        })
    }
}

/// Afterwards the sign-ins are as before the step or as after it, and the list agrees with them.
pub(super) async fn a_dropped_step_happens_or_does_not(store: &Arc<dyn Store>) -> Outcome {
    at_each_await(&**store, Rule::HappensOrNot).await
}

async fn happened_or_not(store: &dyn Store, step: Step, given: &Given) -> Outcome {
    let outcomes = [vec![given.old.clone()], given.after(step)?];
    let mut found = Ok(());
    for _ in 0..READS {
        sleep(PAUSE).await;
        found = is_one_of(store, given, &outcomes).await?;
        if found.is_ok() {
            break;
        }
    }
    found
}

async fn is_one_of(
    store: &dyn Store,
    given: &Given,
    outcomes: &[Vec<Record>],
) -> Result<Outcome, Violation> {
    let mut loaded = Vec::new();
    for id in [given.old.id, given.new.id] {
        loaded.extend(store.load(&id).await?);
    }
    let mut listed = listed(store, ADA).await?;
    let mut ids: Vec<_> = loaded.iter().map(|record| record.id).collect();
    listed.sort();
    ids.sort();
    if listed != ids {
        return Ok(Err(Violation::new(format!("{listed:?} are listed, and {ids:?} exist"))));
    }
    let mut result = Err(Violation::new(format!("{ids:?} exist, which neither is")));
    for outcome in outcomes {
        if outcome.len() == loaded.len() {
            let mut pairs = outcome.iter().zip(&loaded);
            match pairs.try_for_each(|(expected, found)| same(expected, found)) {
                Ok(()) => return Ok(Ok(())),
                Err(violation) => result = Err(violation),
            }
        }
    }
    Ok(result)
}

/// Afterwards the same step returns, the subject's sign-ins can be ended, and the next one is created and
/// counted as usual.
pub(super) async fn a_dropped_step_blocks_no_other(store: &Arc<dyn Store>) -> Outcome {
    at_each_await(&**store, Rule::BlocksNone).await
}

async fn ends_and_begins(store: &dyn Store, step: Step, given: &Given) -> Outcome {
    // It may fail, because the dropped one has happened, but it must return.
    let _ = given.take(step, store).await;
    // A step that happens later is over when nothing was left several times.
    let mut empty = 0;
    for _ in 0..READS {
        empty = if store.revoke_subject(ADA).await? == 0 { empty + 1 } else { 0 };
        if empty == 3 {
            break;
        }
        sleep(PAUSE).await;
    }
    for id in [&given.old.id, &given.new.id] {
        ensure(store.load(id).await?.is_none(), "a sign-in can no longer be ended")?;
    }
    let next = only_sign_in(store, "no sign-in is there").await?;
    same(&next, &*alive(store, &next.id).await?)?;
    let updated = store.update_subject(ADA, &principal("writer")?).await?;
    ensure(updated == 1, format!("one sign-in is there, and {updated} were updated"))
}

/// What is checked after a dropped step.
#[derive(Clone, Copy)]
enum Rule {
    HappensOrNot,
    BlocksNone,
}

/// Drops each step at each of its awaits, and checks a rule afterwards.
async fn at_each_await(store: &dyn Store, rule: Rule) -> Outcome {
    for step in STEPS {
        for awaits in 1..=AWAITS {
            let given = Given::new(store).await?;
            let completed = dropped_after(awaits, given.take(step, store)).await.transpose()?;
            let outcome = match rule {
                Rule::HappensOrNot => happened_or_not(store, step, &given).await,
                Rule::BlocksNone => ends_and_begins(store, step, &given).await,
            };
            outcome.map_err(|violation| {
                Violation::new(format!("{step:?}, dropped at await {awaits}: {violation}"))
            })?;
            store.revoke_subject(ADA).await?;
            if completed.is_some() {
                break;
            }
        }
    }
    Ok(())
}

/// Polls a future until it has waited this many times, and then drops it.
async fn dropped_after<T>(awaits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = awaits;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}
