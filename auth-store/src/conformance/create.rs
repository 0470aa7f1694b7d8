//! Rules for creating sign-ins: `new_id` and `create`.
//!
//! What was created is stored completely, and never in place of another sign-in.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use auth_core::{Persistence, Timestamp};

use super::assertions::{alive, alive_as, same, survivors};
use super::fixtures::{
    ADA, BOB, DAY, MINUTE, anonymous, data, details, draft, limit, now, put, record, secret_of,
    sign_in, sign_in_at, visitor,
};
use super::report::{Outcome, Violation, ensure};
use crate::data::SessionData;
use crate::error::{StoreError, StoreErrorKind};
use crate::record::{Device, Record, RotationGrace, SignInDetails};
use crate::secret::{Digest, Nonce, SecretKind};
use crate::store::{Created, OverflowPolicy, Store};

/// Ids are random beyond the 16 bits that may encode where the sign-in is kept.
pub(super) async fn new_ids_never_repeat(store: &Arc<dyn Store>) -> Outcome {
    let mut rest = BTreeSet::new();
    for i in 0..1000 {
        let id = store.new_id((i % 2 == 0).then_some(ADA))?;
        rest.insert(id.as_bytes()[2..].to_vec());
    }
    ensure(rest.len() == 1000, "an id was generated twice")?;
    let fixed = |at: usize| rest.iter().all(|id| id[at] == 0);
    ensure(!(0..14).any(fixed), "a byte is the same in every id")
}

/// A record is found by an id that was derived again.
pub(super) async fn a_derived_id_is_the_same_on_every_node(store: &Arc<dyn Store>) -> Outcome {
    for (subject, first) in [(Some(ADA), 1), (Some(BOB), 2), (None, 3)] {
        let hash = |last| std::array::from_fn(|at| if at == 15 { last } else { first });
        let id = store.derived_id(subject, hash(0));
        ensure(id.as_bytes()[2..] == hash(0)[2..], "the id does not have the bits of the hash")?;
        ensure(id != store.derived_id(subject, hash(1)), "two hashes lead to one id")?;
        put(&**store, &record(&secret_of(id)?, subject, now())?).await?;
        let found = store.load(&store.derived_id(subject, hash(0))).await?;
        ensure(found.is_some_and(|it| it.id == id), "the record is not found by its derived id")?;
    }
    Ok(())
}

/// `load` and `list` return what was passed to `create`.
pub(super) async fn create_keeps_every_field(store: &Arc<dyn Store>) -> Outcome {
    for record in [plain(&**store)?, full(&**store)?, other(&**store)?, visitor_only(&**store)?] {
        put(&**store, &record).await?;
        alive_as(&**store, &record).await?;
    }
    Ok(())
}

/// Returns a record with required fields only.
fn plain(store: &dyn Store) -> Result<Record, Violation> {
    let mut record = draft(store, ADA, now())?;
    record.kind = SecretKind::Cookie;
    record.persistence = Persistence::Session;
    record.deadlines.idle_secs = 0;
    record.data = SessionData::new();
    record.details = None;
    Ok(record)
}

/// Returns a record with a value in every field, and all times different.
fn full(store: &dyn Store) -> Result<Record, Violation> {
    let at = Timestamp::from_millis(now().as_millis() / 1000 * 1000);
    let millis = |millis| Timestamp::from_millis(at.as_millis() + millis);
    let mut record = draft(store, "Ad\u{e4} \u{1f469}\u{200d}\u{1f680}: {tag} 'quoted' %", at)?;
    record.kind = SecretKind::Bearer;
    record.authenticated_at = millis(1);
    record.touch(millis(2));
    record.deadlines.ends_at = millis(86_400_003);
    record.deadlines.idle_secs = u32::MAX;
    record.data = texts();
    let grace = RotationGrace {
        previous: Digest([0xfe; 32]),
        nonce: Nonce([0; 16]),
        replaced_at: millis(3),
        until: millis(4),
        user_agent: Some(u64::MAX),
    };
    let mut details = SignInDetails { grace: Some(grace), ..details() };
    details.device.address = Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 1, 0, 0, 0xff)));
    record.details = Some(Box::new(details));
    Ok(record)
}

/// Returns a record with a few details only.
fn other(store: &dyn Store) -> Result<Record, Violation> {
    let mut record = draft(store, ADA, now())?;
    let address = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let device = Device { address, ..Device::default() };
    record.kind = SecretKind::Refresh.pending();
    record.details = Some(Box::new(SignInDetails { device, ..SignInDetails::default() }));
    Ok(record)
}

/// Returns an anonymous record.
fn visitor_only(store: &dyn Store) -> Result<Record, Violation> {
    let mut record = visitor(store, now())?;
    record.details = Some(Box::new(SignInDetails { device: Device::default(), ..details() }));
    Ok(record)
}

/// Returns JSON texts that a careless encoding would change.
fn texts() -> SessionData {
    SessionData::from_iter([
        ("cart.items:1", r#"{"b":1, "a":  [2.0, 12345678901234567890]}"#),
        ("\u{43a}\u{43b}\u{44e}\u{447}", "\"\u{e4}\u{1f511} \\u0000 \\\\ \\\" \u{2028}\""),
        ("nothing", "null"),
    ])
}

/// A sign-in keeps `SessionData::MAX_BYTES` of data.
pub(super) async fn create_keeps_data_of_the_maximum_size(store: &Arc<dyn Store>) -> Outcome {
    let mut record = draft(&**store, ADA, now())?;
    let text = "\u{e4}".repeat((SessionData::MAX_BYTES - 2 - "data".len()) / 2);
    record.data = data("data", &format!("\"{text}\""));
    ensure(
        record.data.bytes() == SessionData::MAX_BYTES,
        "the suite's own data does not have the maximum size",
    )?;
    put(&**store, &record).await?;
    alive_as(&**store, &record).await
}

/// `Timestamp::MAX` is kept: the sign-in has not expired in a hundred years.
pub(super) async fn create_keeps_a_sign_in_without_deadlines(store: &Arc<dyn Store>) -> Outcome {
    let mut record = draft(&**store, ADA, now())?;
    record.deadlines.idle_secs = 0;
    record.deadlines.ends_at = Timestamp::MAX;
    put(&**store, &record).await?;
    store.sweep(now(), 10).await?;
    let kept = alive(&**store, &record.id).await?;
    ensure(kept.expiry(now() + 36_500 * DAY).is_none(), "a sign-in without deadlines expires")
}

/// The caller's version is ignored: nothing has changed yet.
pub(super) async fn create_starts_at_version_0(store: &Arc<dyn Store>) -> Outcome {
    let mut record = draft(&**store, ADA, now())?;
    record.version = 7;
    put(&**store, &record).await?;
    record.version = 0;
    alive_as(&**store, &record).await
}

/// An id in use is an error, and nothing is changed.
pub(super) async fn create_never_replaces_a_sign_in(store: &Arc<dyn Store>) -> Outcome {
    let first = sign_in(&**store, ADA).await?;
    let mut second = first.clone();
    second.data = data("cart", "\"planted\"");
    second.touch(now() + DAY);
    duplicate(store.create(second, store.bounds().lower(None)).await)?;
    alive_as(&**store, &first).await?;
    survivors(&**store, ADA, &[first.id]).await?;

    let visitor = anonymous(&**store).await?;
    let mut second = visitor.clone();
    second.data = data("cart", "\"planted\"");
    duplicate(store.create(second, None).await)?;
    same(&visitor, &*alive(&**store, &visitor.id).await?)
}

/// No sign-in is evicted for one that is then refused. A duplicate id is an error, also at the limit.
pub(super) async fn create_with_a_duplicate_id_evicts_no_sign_in(
    store: &Arc<dyn Store>,
) -> Outcome {
    let oldest = sign_in(&**store, ADA).await?;
    let newest = sign_in_at(&**store, ADA, now() + MINUTE).await?;
    for again in [&oldest, &newest] {
        for when_full in [OverflowPolicy::EvictOldest, OverflowPolicy::Reject] {
            duplicate(store.create(again.clone(), Some(limit(1, when_full))).await)?;
        }
    }
    alive_as(&**store, &oldest).await?;
    alive_as(&**store, &newest).await
}

fn duplicate(created: Result<Created, StoreError>) -> Outcome {
    match created {
        Err(error) if error.kind() == StoreErrorKind::DuplicateId => Ok(()),
        Err(error) => Err(Violation::new(format!("the error for a duplicate id is {error:?}"))),
        Ok(created) => {
            Err(Violation::new(format!("create with a duplicate id returns {created:?}")))
        }
    }
}
