//! The parts of a record that vary in length: details, grace and data.
//!
//! An empty part takes no bytes.

use std::net::IpAddr;

use super::text::{Malformed, Reader, put_number, put_optional, put_text, put_texts};
use crate::data::SessionData;
use crate::record::{Device, RotationGrace, SignInDetails};
use crate::secret::{Digest, Nonce};

/// Encodes the details, without the grace, which is a part of its own. Default details take no
/// bytes.
pub(in crate::stores) fn details(details: &SignInDetails) -> Vec<u8> {
    let mut out = Vec::new();
    if (SignInDetails { grace: None, ..details.clone() }) == SignInDetails::default() {
        return out;
    }
    let SignInDetails { grace: _, scopes, acr, amr, cnf, device } = details;
    put_texts(&mut out, scopes);
    put_optional(&mut out, acr.as_deref());
    put_texts(&mut out, amr);
    put_optional(&mut out, cnf.as_deref());
    put_optional(&mut out, device.user_agent.as_deref());
    put_optional(&mut out, device.label.as_deref());
    match device.address {
        None => put_number(&mut out, 0),
        Some(IpAddr::V4(address)) => {
            put_number(&mut out, 4);
            out.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            put_number(&mut out, 16);
            out.extend_from_slice(&address.octets());
        }
    }
    out
}

pub(in crate::stores) fn read_details(bytes: &[u8]) -> Result<SignInDetails, Malformed> {
    let mut from = Reader(bytes);
    if from.is_empty() {
        return Ok(SignInDetails::default());
    }
    Ok(SignInDetails {
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
    })
}

/// Encodes a grace. `None` takes no bytes.
pub(in crate::stores) fn grace(grace: Option<&RotationGrace>) -> Vec<u8> {
    grace.map_or_else(Vec::new, |grace| {
        [&grace.previous.0[..], &grace.nonce.0, &grace.until.as_millis().to_be_bytes()].concat()
    })
}

pub(in crate::stores) fn read_grace(bytes: &[u8]) -> Result<Option<RotationGrace>, Malformed> {
    let mut from = Reader(bytes);
    if from.is_empty() {
        return Ok(None);
    }
    Ok(Some(RotationGrace {
        previous: Digest(from.array()?),
        nonce: Nonce(from.array()?),
        until: from.timestamp()?,
    }))
}

/// Encodes keys and JSON texts, alternating, without a count.
pub(in crate::stores) fn data(data: &SessionData) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.bytes() + 4);
    for (key, json) in data.iter() {
        put_text(&mut out, key);
        put_text(&mut out, json);
    }
    out
}

pub(in crate::stores) fn read_data(bytes: &[u8]) -> Result<SessionData, Malformed> {
    let (mut from, mut data) = (Reader(bytes), SessionData::new());
    while !from.is_empty() {
        let (key, json) = (from.text()?, from.text()?);
        data.insert(key, json);
    }
    Ok(data)
}
