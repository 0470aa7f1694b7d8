//! A use is noted.

use std::sync::Arc;

use super::expect::{alive, alive_as, gone, stored};
use super::fixtures::{ADA, MINUTE, data, now, sign_in, unknown};
use super::report::{Outcome, ensure};
use crate::store::Store;

/// A later use counts, and one of this very moment does no harm.
pub(super) async fn touch_moves_the_last_use_forward(store: &Arc<dyn Store>) -> Outcome {
    let expected = sign_in(&**store, ADA).await?;
    let neighbour = sign_in(&**store, ADA).await?;
    for at in [now() + MINUTE, now() + 2 * MINUTE] {
        for _ in 0..2 {
            store.touch(&expected.sid, at).await?;
            expected.touch(at);
            alive_as(&**store, &expected).await?;
        }
    }
    alive_as(&**store, &neighbour).await
}

/// A late note of an earlier use changes nothing.
pub(super) async fn touch_never_moves_the_last_use_back(store: &Arc<dyn Store>) -> Outcome {
    let expected = sign_in(&**store, ADA).await?;
    let latest = now() + 2 * MINUTE;
    store.touch(&expected.sid, latest).await?;
    for at in [now() + MINUTE, expected.created_at.before(MINUTE)] {
        store.touch(&expected.sid, at).await?;
        let seen = alive(&**store, &expected.sid).await?.last_seen();
        ensure(seen == latest, format!("last seen at {latest:?}, and then at {seen:?}"))?;
    }
    Ok(())
}

/// Using a sign-in never makes a change of it stale.
pub(super) async fn touch_does_not_change_the_version(store: &Arc<dyn Store>) -> Outcome {
    let expected = sign_in(&**store, ADA).await?;
    for version in 0..3 {
        store.touch(&expected.sid, now() + MINUTE).await?;
        let record = alive(&**store, &expected.sid).await?;
        ensure(record.version == version, format!("touch made {} of {version}", record.version))?;
        stored(store.update(&expected.sid, version, data("cart", "[]")).await?)?;
    }
    Ok(())
}

/// What is gone stays so, and noting a use of it is no error.
pub(super) async fn touch_never_revives(store: &Arc<dyn Store>) -> Outcome {
    let ended = sign_in(&**store, ADA).await?;
    store.delete(&ended.sid).await?;
    for sid in [unknown(&**store)?, ended.sid] {
        store.touch(&sid, now() + MINUTE).await?;
        gone(&**store, &sid, ADA).await?;
    }
    Ok(())
}
