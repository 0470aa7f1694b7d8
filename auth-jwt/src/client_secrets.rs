//! [`ClientSecrets`]: the programs that may call an endpoint, and how they authenticate.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64_simd::STANDARD;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

/// The minimum length of a secret, in bytes: shorter ones could be guessed.
const LEAST_BYTES: usize = 32;

/// The clients that may call an [endpoint](crate::EndpointService), each with a secret.
///
/// A client sends its id and its secret as `Authorization: Basic` (`client_secret_basic`, RFC 6749 section
/// 2.3.1). Only digests of the secrets are kept.
///
/// ```
/// use auth_jwt::ClientSecrets;
///
/// # let (new, old) = ("4hTyZ0vVnJ3sWm8qLx2bKd7RfGc5PaEu", "Qm2xW9sT6yHk4LpVb8Zr3NcJd7FgXe5U");
/// // While a secret is replaced, both are accepted.
/// let clients = ClientSecrets::new().client("warehouse", new).client("warehouse", old);
/// # let _ = clients;
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ClientSecrets(Vec<(Box<str>, [u8; 32])>);

impl ClientSecrets {
    /// Creates an empty list, which accepts no client.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a client and its secret: at least 32 random bytes, or a random text of that length. A client may
    /// have several secrets.
    ///
    /// # Panics
    ///
    /// Panics if the id is empty or contains a colon, or if the secret has less than 32 bytes.
    pub fn client(mut self, id: &str, secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        assert!(!id.is_empty() && !id.contains(':'), "`{id}` is not the id of a client");
        assert!(secret.len() >= LEAST_BYTES, "a client's secret must have at least 32 bytes");
        self.0.push((id.into(), Sha256::digest(secret).into()));
        self
    }

    /// Returns whether one of the clients sends these headers. Of several `Authorization` headers, none counts.
    pub(crate) fn has(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some(credentials) = basic(value.as_bytes()) else { return false };
        let Some(colon) = credentials.iter().position(|byte| *byte == b':') else { return false };
        let (id, secret) = (&credentials[..colon], &credentials[colon + 1..]);
        // The RFC encodes both like a form. Many clients do not.
        let is_known_decoded = || Some(self.knows(&decoded(id)?, &decoded(secret)?));
        self.knows(id, secret) || is_known_decoded().unwrap_or(false)
    }

    fn knows(&self, id: &[u8], secret: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let is_of = |known: &[u8; 32]| verify_slices_are_equal(known, &digest).is_ok();
        self.0.iter().any(|(own, known)| own.as_bytes() == id && is_of(known))
    }
}

auth_core::redacted_debug!(ClientSecrets {});

/// Returns the decoded credentials of the scheme `Basic` (RFC 7617).
fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, credentials) = value.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    STANDARD.decode_to_vec(credentials.trim_ascii()).ok()
}

/// Decodes a value that is encoded as in a form, where it contains neither `&` nor `=`.
fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    if value.iter().any(|byte| b"&=".contains(byte)) {
        return None;
    }
    let (value, _) = form_urlencoded::parse(value).next()?;
    Some(value.into_owned().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret: 32 bytes or more, + and %";

    fn is_let_in(credentials: &str) -> bool {
        let clients = ClientSecrets::new().client("ware house", SECRET);
        let value = format!("Basic {}", STANDARD.encode_to_string(credentials));
        clients.has(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn a_secret_is_compared_as_it_is_and_as_a_form_encodes_it() {
        let encoded = "a+secret%3A+32+bytes+or+more%2C+%2B+and+%25";
        assert!(is_let_in(&format!("ware house:{SECRET}")));
        assert!(is_let_in(&format!("ware+house:{encoded}")));
        for wrong in [
            format!("ware+house:{encoded}&x"),
            format!("ware+house=x:{encoded}"),
            format!("ware+house:{encoded}=x"),
            format!("warehouse:{encoded}"),
            format!("ware house:{SECRET}."),
        ] {
            assert!(!is_let_in(&wrong), "{wrong}");
        }
    }
}
