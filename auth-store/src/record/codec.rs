//! The stored form of roles and claims.
//!
//! They are JSON, so that every store and every node reads them alike, whatever their release.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Encoded<'a, C> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [Box<str>],
    claims: &'a C,
}

#[derive(Deserialize)]
#[serde(bound = "C: DeserializeOwned")]
struct Decoded<C> {
    #[serde(default)]
    roles: Vec<Box<str>>,
    claims: C,
}

/// Encodes roles and claims, which all sign-ins of a subject have in common.
///
/// # Errors
///
/// Returns an error if the claims cannot be serialized as JSON.
pub fn encode<C: Serialize>(
    roles: &[Box<str>],
    claims: &C,
) -> Result<Box<[u8]>, serde_json::Error> {
    serde_json::to_vec(&Encoded { roles, claims }).map(Vec::into_boxed_slice)
}

/// Decodes what [`encode`] returned.
///
/// # Errors
///
/// Returns an error if the bytes are not valid or the claims are not a `C`.
pub fn decode<C: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<Box<str>>, C), serde_json::Error> {
    let Decoded { mut roles, claims } = serde_json::from_slice(bytes)?;
    roles.shrink_to_fit(); // a record in memory keeps them
    Ok((roles, claims))
}
