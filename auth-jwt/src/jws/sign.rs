//! Making a token.

use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;

use crate::algorithm::Algorithm;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// What is to be signed of a token of this type. None if the claims are no object.
pub(crate) fn unsigned(
    algorithm: Algorithm,
    kid: Option<&str>,
    typ: &str,
    claims: &impl Serialize,
) -> Option<String> {
    let header = serde_json::to_vec(&Header { alg: algorithm.as_str(), typ, kid }).ok()?;
    let claims = serde_json::to_value(claims).ok().filter(Value::is_object)?;
    let mut text = URL_SAFE_NO_PAD.encode_to_string(header);
    text.push('.');
    URL_SAFE_NO_PAD.encode_append(claims.to_string(), &mut text);
    Some(text)
}

/// The token, with its signature.
pub(crate) fn signed(mut unsigned: String, signature: &[u8]) -> String {
    unsigned.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, &mut unsigned);
    unsigned
}
