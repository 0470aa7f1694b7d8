//! The data of a sign-in changes.

use std::sync::Arc;

use super::expect::{alive_as, gone, nothing, same, stale, stored};
use super::fixtures::{ADA, MINUTE, data, now, sign_in, unknown};
use super::report::{Outcome, ensure};
use crate::data::SessionData;
use crate::store::Store;

/// Compare-and-swap: the answer is the record that is loaded from then on.
pub(super) async fn update_replaces_the_data_and_nothing_else(store: &Arc<dyn Store>) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let neighbour = sign_in(&**store, ADA).await?;
    for data in [data("theme", "\"dark\""), SessionData::new(), data("cart", "[3]")] {
        let answer = store.update(&expected.sid, expected.version, data.clone()).await?;
        expected.data = data;
        expected.version += 1;
        same(&expected, &*stored(answer)?)?;
        alive_as(&**store, &expected).await?;
    }
    alive_as(&**store, &neighbour).await
}

/// Whoever read an older record, or none that ever was, learns the current one.
pub(super) async fn update_at_another_version_changes_nothing(store: &Arc<dyn Store>) -> Outcome {
    let sid = sign_in(&**store, ADA).await?.sid;
    let newest = stored(store.update(&sid, 0, data("cart", "[3]")).await?)?;
    for version in [0, 2, u64::MAX] {
        let answer = store.update(&sid, version, data("cart", "\"lost\"")).await?;
        same(&newest, &*stale(answer)?)?;
    }
    alive_as(&**store, &newest).await
}

/// A slow request cannot undo a sign-out.
pub(super) async fn update_never_creates(store: &Arc<dyn Store>) -> Outcome {
    let ended = sign_in(&**store, ADA).await?;
    ensure(
        store.delete(&ended.sid).await?,
        "delete of a sign-in that is there says there is none",
    )?;
    for sid in [unknown(&**store)?, ended.sid] {
        for version in [0, 1] {
            nothing(&store.update(&sid, version, data("cart", "[]")).await?)?;
        }
        gone(&**store, &sid, ADA).await?;
    }
    Ok(())
}

/// A use that was noted since the record was read is not lost.
pub(super) async fn update_keeps_the_last_use(store: &Arc<dyn Store>) -> Outcome {
    let mut expected = sign_in(&**store, ADA).await?;
    let at = now() + MINUTE;
    store.touch(&expected.sid, at).await?;
    let answer = store.update(&expected.sid, 0, data("cart", "[3]")).await?;
    expected.touch(at);
    expected.data = data("cart", "[3]");
    expected.version = 1;
    same(&expected, &*stored(answer)?)?;
    alive_as(&**store, &expected).await
}
