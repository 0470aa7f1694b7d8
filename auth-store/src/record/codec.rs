//! How roles and claims are kept: as JSON, so that every store and every node reads them alike.

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

/// Encodes what a subject's sign-ins have in common.
///
/// # Errors
/// If the claims do not serialize.
pub fn encode<C: Serialize>(
    roles: &[Box<str>],
    claims: &C,
) -> Result<Box<[u8]>, serde_json::Error> {
    serde_json::to_vec(&Encoded { roles, claims }).map(Vec::into_boxed_slice)
}

/// Decodes roles and claims.
///
/// # Errors
/// If the claims are not those of `C`.
pub fn decode<C: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<Box<str>>, C), serde_json::Error> {
    let Decoded { mut roles, claims } = serde_json::from_slice(bytes)?;
    roles.shrink_to_fit(); // a record in memory keeps them
    Ok((roles, claims))
}
