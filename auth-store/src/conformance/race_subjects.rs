//! Rules for sign-ins that are created while others of the subject are created, ended or changed.
//!
//! Limits hold under concurrency, and no sign-in gets lost between its record and the subject's list.

use std::sync::Arc;

use auth_core::{BoxFuture, SignInId};

use super::assertions::{alive, alive_as, same, survivors};
use super::fixtures::{ADA, data, draft, limit, now, principal, sign_in};
use super::parallel::{ROUNDS, together};
use super::report::{Outcome, Violation, ensure};
use crate::error::{StoreError, StoreErrorKind};
use crate::record::Record;
use crate::store::{Created, OverflowPolicy, Store};

/// The number of concurrent sign-ins.
const CROWD: usize = 50;

/// The limit on sign-ins.
const MOST: u32 = 3;

/// With a limit of 3, 50 concurrent sign-ins leave 3.
pub(super) async fn sec_21_parallel_sign_ins_leave_as_many_as_the_limit(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (left, answers) = crowd(store, OverflowPolicy::EvictOldest).await?;
    ensure(left.len() == 3, format!("a limit of {MOST} leaves {} sign-ins", left.len()))?;
    let mut evicted = 0;
    for created in answers {
        match created {
            Created::Stored { evicted: more } => evicted += more,
            Created::LimitReached => {
                return Err(Violation::new(
                    "a sign-in is rejected although the policy is to evict",
                ));
            }
        }
    }
    ensure(evicted == CROWD - 3, format!("of {CROWD} sign-ins, create reports {evicted} evicted"))
}

/// With a limit of 3, 3 of 50 concurrent sign-ins succeed, and these stay.
pub(super) async fn sec_21_parallel_sign_ins_are_refused_beyond_the_limit(
    store: &Arc<dyn Store>,
) -> Outcome {
    let (left, answers) = crowd(store, OverflowPolicy::Reject).await?;
    let stored = answers.iter().filter(|created| **created == Created::Stored { evicted: 0 });
    let (stored, left) = (stored.count(), left.len());
    ensure(
        stored == 3 && left == 3,
        format!("a limit of {MOST} stores {stored} sign-ins, and leaves {left}"),
    )
}

async fn crowd(
    store: &Arc<dyn Store>,
    when_full: OverflowPolicy,
) -> Result<(Vec<Arc<Record>>, Vec<Created>), Violation> {
    let drafts = drafts(&**store, CROWD)?;
    let task = |i: usize| {
        let (store, record) = (Arc::clone(store), drafts[i].clone());
        async move { store.create(record, Some(limit(MOST, when_full))).await }
    };
    let answers: Result<Vec<_>, _> = together(CROWD, task).await?.into_iter().collect();
    Ok((survivors(&**store, ADA, &ids(&drafts)).await?, answers?))
}

/// Of several creates with one id, one succeeds, and its record is stored.
pub(super) async fn parallel_creates_of_one_id_have_one_winner(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS {
        let record = draft(&**store, ADA, now())?;
        let mut drafts = vec![record.clone(); 8];
        for (i, draft) in drafts.iter_mut().enumerate() {
            draft.data = data("cart", &format!("[{i}]"));
        }
        let task = |i: usize| {
            let (store, record) = (Arc::clone(store), drafts[i].clone());
            async move { store.create(record, store.bounds().lower(None)).await }
        };
        let mut won = Vec::new();
        for (draft, created) in drafts.iter().zip(together(8, task).await?) {
            match created {
                Ok(_) => won.push(draft),
                Err(error) if error.kind() == StoreErrorKind::DuplicateId => {}
                Err(error) => return Err(error.into()),
            }
        }
        ensure(won.len() == 1, format!("{} of 8 were stored with one id", won.len()))?;
        alive_as(&**store, won[0]).await?;
        survivors(&**store, ADA, &[record.id]).await?;
        store.delete(&record.id).await?;
    }
    Ok(())
}

/// A sign-in created while all of the subject's end either ends with them, or is listed and can be
/// ended later.
pub(super) async fn a_sign_in_is_never_missing_from_its_subject(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS {
        let old = sign_in(&**store, ADA).await?;
        let drafts = drafts(&**store, 6)?;
        let revoke = |store: Arc<dyn Store>| -> BoxFuture<Result<usize, StoreError>> {
            Box::pin(async move { store.revoke_subject(ADA).await })
        };
        let ended = among(store, &drafts, revoke).await?;

        let mut ids = ids(&drafts);
        ids.push(old.id);
        let left = survivors(&**store, ADA, &ids).await?;
        ensure(left.iter().all(|record| record.id != old.id), "an older sign-in survives")?;
        let there = ids.len();
        ensure(
            ended + left.len() == there,
            format!("of {there}, the store reports {ended} ended, and {} are there", left.len()),
        )?;
        store.revoke_subject(ADA).await?;
        let left = survivors(&**store, ADA, &ids).await?.len();
        ensure(left == 0, format!("{left} sign-ins can no longer be ended"))?;
    }
    Ok(())
}

/// The same holds for `revoke_others`, and the kept sign-in stays.
pub(super) async fn revoke_others_keeps_its_sign_in_during_sign_ins(
    store: &Arc<dyn Store>,
) -> Outcome {
    for _ in 0..ROUNDS {
        let (kept, old) = (sign_in(&**store, ADA).await?, sign_in(&**store, ADA).await?);
        let drafts = drafts(&**store, 6)?;
        let id = kept.id;
        let revoke = |store: Arc<dyn Store>| -> BoxFuture<Result<usize, StoreError>> {
            Box::pin(async move { store.revoke_others(ADA, &id).await })
        };
        let ended = among(store, &drafts, revoke).await?;

        let mut ids = ids(&drafts);
        ids.extend([kept.id, old.id]);
        let left = survivors(&**store, ADA, &ids).await?;
        ensure(left.iter().all(|record| record.id != old.id), "an older sign-in survives")?;
        ensure(ended + left.len() == ids.len(), format!("the store reports {ended} ended"))?;
        alive_as(&**store, &kept).await?;
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

/// A sign-in created while roles change is either updated and counted, or as it was created.
pub(super) async fn a_sign_in_is_updated_or_as_created(store: &Arc<dyn Store>) -> Outcome {
    for _ in 0..ROUNDS {
        let old = sign_in(&**store, ADA).await?;
        let drafts = drafts(&**store, 6)?;
        let roles = principal("writer")?;
        let update = |store: Arc<dyn Store>| -> BoxFuture<Result<usize, StoreError>> {
            let roles = roles.clone();
            Box::pin(async move { store.update_subject(ADA, &roles).await })
        };
        let reported = among(store, &drafts, update).await?;

        let mut updated = 0;
        for record in drafts.iter().chain([&old]) {
            let mut expected = record.clone();
            let found = alive(&**store, &record.id).await?;
            if found.version > 0 {
                expected.set_principal(roles.clone());
                expected.version = 1;
                updated += 1;
            }
            same(&expected, &found)?;
            ensure(record.id != old.id || found.version == 1, "an older sign-in is not updated")?;
        }
        ensure(
            reported == updated,
            format!("{updated} sign-ins are updated, and the store reports {reported}"),
        )?;
        store.revoke_subject(ADA).await?;
    }
    Ok(())
}

/// Creates all of these while one task runs `act`. Returns what `act` returned.
async fn among(
    store: &Arc<dyn Store>,
    drafts: &[Record],
    act: impl Fn(Arc<dyn Store>) -> BoxFuture<Result<usize, StoreError>>,
) -> Result<usize, Violation> {
    let middle = drafts.len() / 2;
    let task = |i: usize| -> BoxFuture<Result<usize, StoreError>> {
        let store = Arc::clone(store);
        if i == middle {
            return act(store);
        }
        let record = drafts[if i < middle { i } else { i - 1 }].clone();
        let limit = store.bounds().lower(None);
        Box::pin(async move { store.create(record, limit).await.map(|_| 0) })
    };
    let answers: Result<Vec<_>, _> = together(drafts.len() + 1, task).await?.into_iter().collect();
    Ok(answers?.iter().sum())
}

fn drafts(store: &dyn Store, many: usize) -> Result<Vec<Record>, Violation> {
    let at = now();
    (0..many).map(|_| draft(store, ADA, at)).collect()
}

fn ids(records: &[Record]) -> Vec<SignInId> {
    records.iter().map(|record| record.id).collect()
}
