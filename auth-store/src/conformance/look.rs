//! A sign-in is looked up.

use std::sync::Arc;

use auth_core::SignInId;

use super::expect::{Seen, alive_as, gone, peek, same, stored};
use super::fixtures::{
    ADA, MINUTE, anonymous, data, now, principal, refresh, sign_in, unknown, with_secret,
};
use super::report::{Outcome, Violation, ensure};
use crate::store::Store;

/// No sign-in is no error.
pub(super) async fn load_of_an_unknown_id_is_none(store: &Arc<dyn Store>) -> Outcome {
    let sid = unknown(&**store)?;
    gone(&**store, &sid, ADA).await?;
    sign_in(&**store, ADA).await?;
    gone(&**store, &sid, ADA).await
}

/// Not by a part of it, nor by anything like it.
pub(super) async fn load_goes_by_the_whole_id(store: &Arc<dyn Store>) -> Outcome {
    let record = sign_in(&**store, ADA).await?;
    for byte in 0..16 {
        let mut bytes = *record.sid.as_bytes();
        bytes[byte] ^= 0x20;
        gone(&**store, &SignInId::from_bytes(bytes), ADA).await?;
    }
    alive_as(&**store, &record).await
}

/// After each kind of change, what `peek` says it knows is what `load` answers.
pub(super) async fn peek_agrees_with_load(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let (secret, record) = with_secret(store).await?;
    let sid = record.sid;
    agrees(store, &sid).await?;
    stored(store.update(&sid, 0, data("cart", "[]")).await?)?;
    agrees(store, &sid).await?;
    let (_, rotation) = refresh(&secret, Some(now() + MINUTE))?;
    stored(store.rotate(&sid, &record.current, rotation).await?)?;
    agrees(store, &sid).await?;
    store.touch(&sid, now() + MINUTE).await?;
    agrees(store, &sid).await?;
    store.update_subject(ADA, &principal("writer")?).await?;
    agrees(store, &sid).await?;
    store.delete(&sid).await?;
    agrees(store, &sid).await
}

/// After each kind of end, `peek` does not say that it knows the sign-in.
pub(super) async fn peek_knows_of_every_end(store: &Arc<dyn Store>) -> Outcome {
    let store = &**store;
    let [first, second, third, kept] = [
        sign_in(store, ADA).await?.sid,
        sign_in(store, ADA).await?.sid,
        sign_in(store, ADA).await?.sid,
        sign_in(store, ADA).await?.sid,
    ];
    let visitor = anonymous(store).await?.sid;
    for sid in [&first, &second, &third, &kept, &visitor] {
        agrees(store, sid).await?;
    }
    store.delete_if_version(&first, 0).await?;
    agrees(store, &first).await?;
    store.revoke(ADA, &second).await?;
    agrees(store, &second).await?;
    store.revoke_others(ADA, &kept).await?;
    agrees(store, &third).await?;
    store.revoke_subject(ADA).await?;
    agrees(store, &kept).await?;
    store.delete_if_idle(&visitor, now() + MINUTE).await?;
    agrees(store, &visitor).await
}

/// Whether there is a sign-in or none, `peek` calls back, and not twice.
pub(super) async fn peek_shows_one_answer(store: &Arc<dyn Store>) -> Outcome {
    let (record, ended) = (sign_in(&**store, ADA).await?, sign_in(&**store, ADA).await?);
    alive_as(&**store, &record).await?;
    store.delete(&ended.sid).await?;
    for sid in [record.sid, ended.sid, unknown(&**store)?] {
        for _ in 0..2 {
            peek(&**store, &sid)?;
        }
    }
    Ok(())
}

async fn agrees(store: &dyn Store, sid: &SignInId) -> Outcome {
    let loaded = store.load(sid).await?;
    match (peek(store, sid)?, &loaded) {
        (Seen::Ask, _) | (Seen::Known(None), None) => Ok(()),
        (Seen::Known(Some(known)), Some(loaded)) => same(loaded, &known),
        (Seen::Known(known), _) => Err(Violation::new(format!(
            "peek says that it knows {known:?}, and load answers {loaded:?}"
        ))),
        (Seen::Copy(copy), loaded) => {
            let newest = loaded.as_ref().map_or(u64::MAX, |loaded| loaded.version);
            ensure(
                copy.sid == *sid && copy.version <= newest,
                format!("peek shows {copy:?}, which was never true of this id"),
            )
        }
    }
}
