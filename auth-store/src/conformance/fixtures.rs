//! Sign-ins and secrets for the checks.
//!
//! Times are close to the system's time, because a backend may remove expired sign-ins by its own clock.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, Lifetime, Persistence, ProviderSession, SignInId, Timestamp};

use super::report::{Violation, ensure};
use crate::data::SessionData;
use crate::error::StoreError;
use crate::lifetime::Deadlines;
use crate::record::{Actor, Device, Record, Rotation, RotationGrace, SignInDetails, encode};
use crate::secret::{Nonce, Secret, SecretKind};
use crate::store::{Created, OverflowPolicy, SignInLimit, Store};

pub(super) const ADA: &str = "ada";
pub(super) const BOB: &str = "bob";
pub(super) const KIND: SecretKind = SecretKind::Refresh;
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Kinds of backends that are not part of these crates.
pub(super) fn custom_kinds() -> [SecretKind; 2] {
    ["conformance", "conformance-2"].map(SecretKind::custom)
}

pub(super) fn now() -> Timestamp {
    Clock::system().now()
}

/// Generates a secret with a new id from the store.
pub(super) fn secret(store: &dyn Store, subject: Option<&str>) -> Result<Secret, Violation> {
    secret_of(store.new_id(subject)?)
}

/// Generates a secret with this id: a forged one, if the id is in use.
pub(super) fn secret_of(id: SignInId) -> Result<Secret, Violation> {
    Ok(Secret::generate(id).map_err(StoreError::unavailable)?)
}

/// Generates an id without a sign-in.
pub(super) fn unknown(store: &dyn Store) -> Result<SignInId, Violation> {
    Ok(store.new_id(Some(ADA))?)
}

/// Returns encoded claims with this role.
pub(super) fn principal(role: &str) -> Result<Box<[u8]>, Violation> {
    encode(&[role.into()], &"Ada L\u{f6}velace \u{1f511}").map_err(|error| {
        Violation::new(format!("the suite's own claims do not serialize: {error}"))
    })
}

/// Returns data with one key.
pub(super) fn data(key: &str, json: &str) -> SessionData {
    SessionData::from_iter([(key, json)])
}

pub(super) fn details() -> SignInDetails {
    SignInDetails {
        grace: None,
        scopes: vec!["read".into(), "write".into()],
        acr: Some("aal2".into()),
        amr: vec!["pwd".into(), "otp".into()],
        cnf: Some("jkt:0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".into()),
        device: Device {
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64)".into()),
            address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
            label: Some("B\u{fc}ro \u{1f4bb}".into()),
        },
        lifetime: Some(Lifetime::AAL3),
        auth_hash: Some("4a7d1ed414474e40".into()),
        provider: Some(Box::new(
            ProviderSession::new("https://login.example", "248289761001", Timestamp::from_secs(7))
                .sid("08a5019c"),
        )),
        roles: vec!["reader".into()],
        actor: Some(Box::new(Actor {
            subject: "root".into(),
            sign_in: SignInId::from_bytes([9; 16]),
        })),
        later: Box::from(*b"\x05later"),
    }
}

/// Returns a record with a value in every field.
pub(super) fn record(
    secret: &Secret,
    subject: Option<&str>,
    at: Timestamp,
) -> Result<Record, Violation> {
    let deadlines = Deadlines::starting(Lifetime::default(), at);
    let subject = subject.map(Arc::from);
    let signed_in = subject.is_some();
    let mut record = Record::new(secret.id(), KIND, secret.digests(KIND), subject, deadlines, at);
    record.persistence = Persistence::Persistent;
    record.data = data("cart", "[1,2]");
    record.details = Some(Box::new(details()));
    if signed_in {
        record.set_principal(principal("reader")?);
    }
    Ok(record)
}

/// Returns a new record of the subject that is not stored yet.
pub(super) fn draft(store: &dyn Store, subject: &str, at: Timestamp) -> Result<Record, Violation> {
    record(&secret(store, Some(subject))?, Some(subject), at)
}

/// Stores the record without a limit, or with the highest that the store accepts.
pub(super) async fn put(store: &dyn Store, record: &Record) -> Result<(), Violation> {
    let created = store.create(record.clone(), store.bounds().lower(None)).await?;
    ensure(
        created == Created::Stored { evicted: 0 },
        format!("create without a limit returns {created:?}"),
    )
}

/// Stores a sign-in of the subject that begins at this time.
pub(super) async fn sign_in_at(
    store: &dyn Store,
    subject: &str,
    at: Timestamp,
) -> Result<Record, Violation> {
    let record = draft(store, subject, at)?;
    put(store, &record).await?;
    Ok(record)
}

/// Stores a sign-in of the subject that begins now.
pub(super) async fn sign_in(store: &dyn Store, subject: &str) -> Result<Record, Violation> {
    sign_in_at(store, subject, now()).await
}

/// Stores a sign-in of Ada's, and returns its secret too.
pub(super) async fn with_secret(store: &dyn Store) -> Result<(Secret, Record), Violation> {
    let secret = secret(store, Some(ADA))?;
    let record = record(&secret, Some(ADA), now())?;
    put(store, &record).await?;
    Ok((secret, record))
}

/// Returns a new anonymous record that is not stored yet.
pub(super) fn visitor(store: &dyn Store, at: Timestamp) -> Result<Record, Violation> {
    record(&secret(store, None)?, None, at)
}

/// Stores an anonymous record.
pub(super) async fn anonymous(store: &dyn Store) -> Result<Record, Violation> {
    let record = visitor(store, now())?;
    put(store, &record).await?;
    Ok(record)
}

/// Stores a sign-in of the subject that expired yesterday.
pub(super) async fn expired(store: &dyn Store, subject: &str) -> Result<Record, Violation> {
    let mut record = draft(store, subject, now().before(3 * DAY))?;
    record.deadlines = Deadlines { idle_secs: 0, ends_at: now().before(DAY) };
    put(store, &record).await?;
    Ok(record)
}

/// Returns the successor of a secret, and the rotation that replaces the one with the other.
pub(super) fn refresh(
    old: &Secret,
    grace: Option<Timestamp>,
) -> Result<(Secret, Rotation), Violation> {
    let nonce = Nonce::generate().map_err(StoreError::unavailable)?;
    let new = old.successor(&nonce);
    let previous = old.digests(KIND).current;
    let grace = grace.map(|until| {
        // It ends at this moment, whether the new secret was used or not.
        RotationGrace { previous, nonce, replaced_at: until, until, user_agent: Some(7) }
    });
    let digests = new.digests(KIND);
    Ok((new, Rotation { kind: KIND, digests, grace, reauthentication: None }))
}

pub(super) fn limit(max: u32, when_full: OverflowPolicy) -> SignInLimit {
    SignInLimit { max: NonZeroU32::new(max).unwrap_or(NonZeroU32::MIN), when_full }
}
