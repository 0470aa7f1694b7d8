//! The parts of a record that vary in length: details and grace.
//!
//! An empty part takes no bytes.

use std::net::IpAddr;

use auth_core::{Lifetime, ProviderSession, SignInId, Timestamp};

use super::enums::kind_name;
use super::text::{Malformed, Reader, put_number, put_optional, put_text, put_texts};
use crate::record::stored::{Actor, Device, RotationGrace, SignInDetails};
use crate::secret::{Digest, Nonce, SecretKind};

/// Encodes the details of a record of this kind, without the grace, which is a part of its own. Default
/// details take no bytes.
///
/// The name of a custom kind precedes the details, so a record of such a kind always has some. A later release
/// adds fields at the end, and nowhere else. An earlier release keeps them as they are.
pub(crate) fn details(kind: SecretKind, details: Option<&SignInDetails>) -> Option<Vec<u8>> {
    let mut encoded = kind_name(kind);
    let Some(details) = details else { return (!encoded.is_empty()).then_some(encoded) };
    if (SignInDetails { grace: None, ..details.clone() }) == SignInDetails::default() {
        return Some(encoded);
    }
    let out = &mut encoded;
    let SignInDetails { scopes, acr, amr, cnf, device, .. } = details;
    put_texts(out, scopes);
    put_optional(out, acr.as_deref());
    put_texts(out, amr);
    put_optional(out, cnf.as_deref());
    put_optional(out, device.user_agent.as_deref());
    put_optional(out, device.label.as_deref());
    match device.address {
        None => put_number(out, 0),
        Some(IpAddr::V4(address)) => {
            put_number(out, 4);
            out.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            put_number(out, 16);
            out.extend_from_slice(&address.octets());
        }
    }
    put_later_details(out, details);
    Some(encoded)
}

/// Encodes the details that not every sign-in has. One that is not set takes no bytes if none follows.
fn put_later_details(out: &mut Vec<u8>, details: &SignInDetails) {
    let SignInDetails { lifetime, auth_hash, provider, roles, actor, later, .. } = details;
    let is_set = [
        lifetime.is_some(),
        auth_hash.is_some(),
        provider.is_some(),
        !roles.is_empty(),
        actor.is_some(),
        !later.is_empty(),
    ];
    let count = is_set.iter().rposition(|is_set| *is_set).map_or(0, |last| last + 1);
    if count > 0 {
        put_lifetime(out, *lifetime);
    }
    if count > 1 {
        put_optional(out, auth_hash.as_deref());
    }
    if count > 2 {
        put_provider(out, provider.as_deref());
    }
    if count > 3 {
        put_texts(out, roles);
    }
    if count > 4 {
        put_optional(out, actor.as_ref().map(|actor| &*actor.subject));
        out.extend(actor.iter().flat_map(|actor| actor.sign_in.as_bytes()));
    }
    out.extend_from_slice(later);
}

// How the lifetime is encoded: none, or the timeouts in milliseconds, the absolute one first.
const NO_LIFETIME: usize = 0;
const WITHOUT_IDLE: usize = 1;
const WITH_IDLE: usize = 2;

fn put_lifetime(out: &mut Vec<u8>, lifetime: Option<Lifetime>) {
    let Some(lifetime) = lifetime else { return put_number(out, NO_LIFETIME) };
    put_number(out, if lifetime.idle().is_some() { WITH_IDLE } else { WITHOUT_IDLE });
    for timeout in [lifetime.absolute()].into_iter().chain(lifetime.idle()) {
        out.extend((Timestamp::EPOCH + timeout).as_millis().to_be_bytes());
    }
}

fn read_lifetime(from: &mut Reader<'_>) -> Result<Option<Lifetime>, Malformed> {
    let form = from.number()?;
    let mut timeout = || Ok(from.timestamp()?.since(Timestamp::EPOCH));
    let (absolute, idle) = match form {
        NO_LIFETIME => return Ok(None),
        WITHOUT_IDLE => (timeout()?, None),
        WITH_IDLE => (timeout()?, Some(timeout()?)),
        _ => return Err(Malformed),
    };
    Lifetime::new(idle, absolute).map(Some).map_err(|_| Malformed)
}

fn put_provider(out: &mut Vec<u8>, provider: Option<&ProviderSession>) {
    put_optional(out, provider.map(|provider| &*provider.issuer));
    if let Some(provider) = provider {
        put_text(out, &provider.subject);
        put_optional(out, provider.sid.as_deref());
        out.extend(provider.issued_at.as_millis().to_be_bytes());
    }
}

/// Decodes the session at a provider. If there is none, nothing is written, unless fields of a later release
/// follow.
fn read_provider(from: &mut Reader<'_>) -> Result<Option<Box<ProviderSession>>, Malformed> {
    if from.is_empty() {
        return Ok(None);
    }
    let Some(issuer) = from.optional()? else {
        return if from.is_empty() { Err(Malformed) } else { Ok(None) };
    };
    let (subject, sid) = (from.text()?, from.optional()?);
    let mut provider = ProviderSession::new(issuer, subject, from.timestamp()?);
    provider.sid = sid;
    Ok(Some(Box::new(provider)))
}

/// Decodes who acts for the user. If the user acts alone, there are no bytes, unless fields of a later release follow.
fn read_actor(from: &mut Reader<'_>) -> Result<Option<Box<Actor>>, Malformed> {
    if from.is_empty() {
        return Ok(None);
    }
    let Some(subject) = from.optional()? else {
        return if from.is_empty() { Err(Malformed) } else { Ok(None) };
    };
    Ok(Some(Box::new(Actor {
        subject: subject.into(),
        sign_in: SignInId::from_bytes(from.array()?),
    })))
}

/// Decodes details, without the grace.
pub(crate) fn read_details(bytes: &[u8]) -> Result<SignInDetails, Malformed> {
    let mut from = Reader(bytes);
    if from.is_empty() {
        return Ok(SignInDetails::default());
    }
    let mut details = SignInDetails {
        grace: None,
        scopes: from.texts()?,
        acr: from.optional()?,
        amr: from.texts()?,
        cnf: from.optional()?,
        device: Device {
            user_agent: from.optional()?,
            label: from.optional()?,
            address: match from.number()? {
                0 => None,
                4 => Some(IpAddr::from(from.array::<4>()?)),
                16 => Some(IpAddr::from(from.array::<16>()?)),
                _ => return Err(Malformed),
            },
        },
        ..SignInDetails::default()
    };
    let later = from.0;
    if !later.is_empty() {
        details.lifetime = read_lifetime(&mut from)?;
        details.auth_hash = if from.is_empty() { None } else { from.optional()? };
        details.provider = read_provider(&mut from)?;
        details.roles = if from.is_empty() { Vec::new() } else { from.texts()? };
        details.actor = read_actor(&mut from)?;
        details.later = from.0.into();
        let mut written = Vec::with_capacity(later.len());
        put_later_details(&mut written, &details);
        if written != later {
            return Err(Malformed); // no release writes it
        }
    }
    Ok(details)
}

/// Encodes a grace. `None` takes no bytes.
pub(crate) fn grace(grace: Option<&RotationGrace>) -> Vec<u8> {
    let Some(grace) = grace else { return Vec::new() };
    let RotationGrace { previous, nonce, replaced_at, until, user_agent } = grace;
    let [until, replaced_at] = [until, replaced_at].map(|at| at.as_millis().to_be_bytes());
    let mut out = [&previous.0[..], &nonce.0, &until, &replaced_at].concat();
    out.extend(user_agent.iter().flat_map(|hash| hash.to_be_bytes()));
    out
}

pub(crate) fn read_grace(bytes: &[u8]) -> Result<Option<RotationGrace>, Malformed> {
    let mut from = Reader(bytes);
    if from.is_empty() {
        return Ok(None);
    }
    let (previous, nonce) = (Digest(from.array()?), Nonce(from.array()?));
    let until = from.timestamp()?;
    // The fields that follow are missing if an earlier release has written the grace.
    let replaced_at = from.timestamp().unwrap_or(until);
    let user_agent = from.array().ok().map(u64::from_be_bytes);
    if !from.is_empty() {
        return Err(Malformed);
    }
    Ok(Some(RotationGrace { previous, nonce, replaced_at, until, user_agent }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn encoded(written: &SignInDetails) -> Vec<u8> {
        details(SecretKind::Cookie, Some(written)).unwrap()
    }

    fn written() -> (RotationGrace, Vec<u8>) {
        let written = RotationGrace {
            previous: Digest([1; 32]),
            nonce: Nonce([2; 16]),
            replaced_at: Timestamp::from_secs(100),
            until: Timestamp::from_secs(110),
            user_agent: Some(7),
        };
        (written, grace(Some(&written)))
    }

    #[test]
    fn optional_details_are_read_as_they_were_written() {
        let (second, day) = (Duration::from_secs(1), Duration::from_millis(86_400_001));
        for lifetime in [Lifetime::new(Some(second), day), Lifetime::new(None, day)] {
            let mut written = SignInDetails { lifetime: lifetime.ok(), ..SignInDetails::default() };
            let bytes = encoded(&written);
            assert_eq!(read_details(&bytes).unwrap(), written);
            assert!(read_details(&bytes[..bytes.len() - 1]).is_err());
            written.later = Box::from(*b"later");
            assert_eq!(read_details(&encoded(&written)).unwrap(), written);
        }
        let hash = SignInDetails { auth_hash: Some("a".into()), ..SignInDetails::default() };
        assert_eq!(read_details(&encoded(&hash)).unwrap(), hash);
        let roles = SignInDetails { roles: vec!["reader".into()], ..SignInDetails::default() };
        assert_eq!(read_details(&encoded(&roles)).unwrap(), roles);
        let mut acting = roles.clone();
        acting.actor = Some(Box::new(Actor {
            subject: "root".into(),
            sign_in: SignInId::from_bytes([7; 16]),
        }));
        let bytes = encoded(&acting);
        assert_eq!(read_details(&bytes).unwrap(), acting);
        assert!(read_details(&bytes[..bytes.len() - 1]).is_err());
        acting.later = Box::from(*b"later");
        assert_eq!(read_details(&encoded(&acting)).unwrap(), acting);
        for unset in [&[0][..], &[0, 0], &[0, 0, 0], &[0, 0, 0, 0], &[0, 0, 0, 0, 0]] {
            let bytes = [&encoded(&hash)[..7], unset].concat();
            assert!(read_details(&bytes).is_err(), "{unset:?}");
        }
        let none = SignInDetails { later: Box::from(*b"later"), ..SignInDetails::default() };
        assert_eq!(read_details(&encoded(&none)).unwrap(), none);
    }

    #[test]
    fn a_grace_is_read_as_it_was_written() {
        let (written, bytes) = written();
        assert_eq!(read_grace(&bytes).unwrap(), Some(written));
        assert_eq!(read_grace(&grace(None)).unwrap(), None);
    }

    #[test]
    fn a_grace_of_an_earlier_release_is_read_and_a_longer_one_is_refused() {
        let (written, mut bytes) = written();
        let earlier = read_grace(&bytes[..56]).unwrap().unwrap();
        assert_eq!((earlier.previous, earlier.until), (written.previous, written.until));
        assert_eq!(earlier.repeatable_until(), written.until, "it does not last longer");
        assert_eq!(earlier.user_agent, None);
        assert!(read_grace(&bytes[..55]).is_err());
        bytes.push(0);
        assert!(read_grace(&bytes).is_err(), "what is not known must not be dropped");
    }
}
