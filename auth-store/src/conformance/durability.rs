//! Rules for a store that is opened again.
//!
//! They are separate from the other checks, because the caller has to open the same place again.

use std::sync::Arc;

use super::assertions::{alive_as, gone, stored};
use super::changes::reauthentication;
use super::fixtures::{ADA, MINUTE, data, now, principal, sign_in, with_secret};
use super::report::{Outcome, Report, Violation};
use super::watch::{ENDS, End};
use crate::record::Record;
use crate::store::{IntoStore, Store};

#[derive(Clone, Copy, Debug)]
enum Change {
    Create,
    Update,
    Rotate,
    Touch,
    UpdateSubject,
    End(End),
}

impl Change {
    /// Makes the change. Returns a sign-in, and whether it still exists.
    async fn make(self, store: &dyn Store) -> Result<(Record, bool), Violation> {
        let (_, mut record) = with_secret(store).await?;
        let id = record.id;
        match self {
            Self::Create => {}
            Self::Update => {
                record = record.updated(data("cart", "[3]"));
                stored(store.update(&id, 0, record.data.clone()).await?)?;
            }
            Self::Rotate => {
                let (from, rotation) = (record.current, reauthentication(&record, None)?);
                rotation.clone().apply(&mut record);
                stored(store.rotate(&id, &from, rotation).await?)?;
            }
            Self::Touch => {
                let at = now() + MINUTE;
                store.touch(&id, at).await?;
                record.touch(at);
            }
            Self::UpdateSubject => {
                record = record.amended(principal("writer")?);
                store.update_subject(ADA, record.principal()).await?;
            }
            Self::End(end) => {
                end.of(store, &record).await?;
                return Ok((record, false));
            }
        }
        Ok((record, true))
    }
}

/// Checks that a store keeps what it has acknowledged when it is dropped and opened again.
///
/// `open` opens a store in the same place each time. The place is empty at first. The suite drops a store
/// before it opens the next one, and calls [`Store::close`] before half of the drops. To check that changes
/// survive a crash as well, `open` can end the process of the database first.
///
/// A store that keeps sign-ins in memory does not need these checks.
pub async fn check_durability<S: IntoStore>(open: impl AsyncFn() -> S) -> Report {
    let mut report = Report::default();
    let changes = [
        ("a_created_sign_in_is_durable", Change::Create),
        ("an_update_is_durable", Change::Update),
        ("a_rotation_is_durable", Change::Rotate),
        ("a_use_is_durable", Change::Touch),
        ("an_update_of_the_subject_is_durable", Change::UpdateSubject),
    ];
    let ends = ENDS.map(|end| ("an_end_is_durable", Change::End(end)));
    for (name, change) in changes.into_iter().chain(ends) {
        for closes in [false, true] {
            let first = open().await.into_store();
            let outcome = match change.make(&*first).await {
                Err(violation) => Err(violation),
                Ok(made) => reopened(first, closes, &open, made).await,
            };
            report.add(
                name,
                outcome.map_err(|violation| Violation::new(format!("{change:?}: {violation}"))),
            );
        }
    }
    report
}

async fn reopened<S: IntoStore>(
    first: Arc<dyn Store>,
    closes: bool,
    open: &impl AsyncFn() -> S,
    (record, exists): (Record, bool),
) -> Outcome {
    if closes {
        first.close().await?;
    }
    drop(first);
    let second = open().await.into_store();
    if exists {
        alive_as(&*second, &record).await?;
    } else {
        gone(&*second, &record.id, ADA).await?;
    }
    second.revoke_subject(ADA).await?;
    gone(&*second, &record.id, ADA).await?;
    let next = sign_in(&*second, ADA).await?;
    alive_as(&*second, &next).await?;
    second.revoke_subject(ADA).await?;
    Ok(())
}
