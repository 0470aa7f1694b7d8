//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037), as they are read and published.
//!
//! The secret members are wiped from memory when they are dropped, and never serialized or shown.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use pem::Pem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::components::{Components, coordinate_bytes, public_from_pem, without_zeros};
use super::error::InvalidKey;
use crate::algorithm::{Algorithm, KeyRequirement};
use crate::json;

/// A JSON Web Key. Members that are not listed here are ignored.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(crate) use_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<Box<str>>,
    /// The issuer whose tokens the key signs. Entra ID publishes the keys of several in one set.
    #[serde(skip_serializing)]
    pub(crate) issuer: Option<Box<str>>,
    /// A chain of certificates; the first one contains the key. It is read only if the JWK has no other
    /// public key.
    #[serde(skip_serializing)]
    pub(crate) x5c: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) k: Option<Zeroizing<String>>,
    #[serde(skip_serializing)]
    pub(crate) d: Option<Zeroizing<String>>,
    #[serde(skip_serializing)]
    pub(crate) p: Option<Zeroizing<String>>,
    #[serde(skip_serializing)]
    pub(crate) q: Option<Zeroizing<String>>,
    #[serde(skip_serializing)]
    pub(crate) dp: Option<Zeroizing<String>>,
    #[serde(skip_serializing)]
    pub(crate) dq: Option<Zeroizing<String>>,
    #[serde(skip_serializing)]
    pub(crate) qi: Option<Zeroizing<String>>,
}

// Leaves out the numbers, some of which are secret.
auth_core::redacted_debug!(Jwk { kty, kid });

/// An operation of `key_ops`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Sign,
    Verify,
}

impl Jwk {
    pub(crate) fn parse(json: &str) -> Result<Self, InvalidKey> {
        json::from_str(json).map_err(|_| InvalidKey::Malformed("it is not a JSON Web Key"))
    }

    /// Returns the algorithm of this key: the one that it names, or else the wanted one, or else the only
    /// one that its curve allows.
    pub(crate) fn algorithm(&self, wanted: Option<Algorithm>) -> Result<Algorithm, InvalidKey> {
        let mismatch = |name: &str| InvalidKey::AlgorithmMismatch(name.into());
        match (&self.alg, wanted) {
            (Some(name), wanted) => {
                let named: Algorithm = name.parse().map_err(|_| mismatch(name))?;
                if wanted.is_some_and(|wanted| wanted != named) {
                    return Err(mismatch(name));
                }
                Ok(named)
            }
            (None, Some(wanted)) => Ok(wanted),
            (None, None) => match self.crv.as_deref() {
                Some("P-256") => Ok(Algorithm::Es256),
                Some("P-384") => Ok(Algorithm::Es384),
                Some("P-521") => Ok(Algorithm::Es512),
                Some("Ed25519") => Ok(Algorithm::EdDsa),
                _ => Err(InvalidKey::NoAlgorithm),
            },
        }
    }

    /// Checks that `use` and `key_ops` allow this operation (RFC 7517 sections 4.2 and 4.3). A key that
    /// signs may also verify, with its public half.
    pub(crate) fn check_use(&self, operation: Operation) -> Result<(), InvalidKey> {
        let allowing = match operation {
            Operation::Sign => &["sign"][..],
            Operation::Verify => &["verify", "sign"],
        };
        let for_signatures = self.use_for.as_deref().is_none_or(|use_for| use_for == "sig");
        let allowed = self.key_ops.as_ref().is_none_or(|operations| {
            operations.iter().any(|operation| allowing.contains(&operation.as_str()))
        });
        if for_signatures && allowed { Ok(()) } else { Err(InvalidKey::UseMismatch) }
    }

    /// Returns the numbers of the public half.
    pub(crate) fn components(&self, algorithm: Algorithm) -> Result<Components, InvalidKey> {
        let on_curve = |curve: &str| match self.crv.as_deref() {
            Some(own) if own == curve => Ok(()),
            Some(_) => Err(InvalidKey::Incompatible(algorithm)),
            None => Err(InvalidKey::Missing("crv")),
        };
        match (&*self.kty, algorithm.key_requirement()) {
            ("RSA", KeyRequirement::Rsa { .. }) if self.is_certificate() => {
                self.certified(algorithm)
            }
            ("RSA", KeyRequirement::Rsa { .. }) => {
                Ok(Components::Rsa { n: public(&self.n, "n")?, e: public(&self.e, "e")? })
            }
            ("EC", KeyRequirement::Curve(curve)) => {
                let bytes = coordinate_bytes(curve).ok_or(InvalidKey::Incompatible(algorithm))?;
                on_curve(curve)?;
                if self.is_certificate() {
                    return self.certified(algorithm);
                }
                let x = padded(&public(&self.x, "x")?, bytes)?;
                let y = padded(&public(&self.y, "y")?, bytes)?;
                Ok(Components::Curve { point: [vec![4], x, y].concat() })
            }
            ("OKP", KeyRequirement::Curve(curve @ "Ed25519")) => {
                on_curve(curve)?;
                Ok(Components::Ed25519 { x: public(&self.x, "x")? })
            }
            _ => Err(InvalidKey::Incompatible(algorithm)),
        }
    }

    /// Returns whether the key is there as a certificate only.
    fn is_certificate(&self) -> bool {
        self.x5c.is_some() && [&self.n, &self.e, &self.x, &self.y].into_iter().all(Option::is_none)
    }

    /// Returns the numbers of the key in the first certificate (RFC 7517 section 4.7).
    fn certified(&self, algorithm: Algorithm) -> Result<Components, InvalidKey> {
        let first = self.x5c.as_ref().and_then(|list| list.get(0)).and_then(Value::as_str);
        let der = first.and_then(|text| STANDARD.decode_to_vec(text).ok());
        let der = der.ok_or(InvalidKey::Malformed("`x5c` is not a list of certificates"))?;
        public_from_pem(algorithm, pem::encode(&Pem::new("CERTIFICATE", der)).as_bytes())
    }

    /// Creates a JSON Web Key from the numbers of a public key.
    pub(crate) fn of(components: &Components) -> Self {
        let text = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode_to_string(bytes));
        match components {
            Components::Rsa { n, e } => {
                Self { kty: "RSA".into(), n: text(n), e: text(e), ..Self::default() }
            }
            Components::Curve { point } => {
                let (x, y) = point[1..].split_at(point.len() / 2);
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                let (kty, crv) = ("EC".into(), Some(crv.into()));
                Self { kty, crv, x: text(x), y: text(y), ..Self::default() }
            }
            Components::Ed25519 { x } => {
                let (kty, crv) = ("OKP".into(), Some("Ed25519".into()));
                Self { kty, crv, x: text(x), ..Self::default() }
            }
        }
    }

    /// Returns the SHA-256 thumbprint of RFC 7638, in base64url.
    pub(crate) fn thumbprint(&self) -> Box<str> {
        use sha2::{Digest, Sha256};
        let quoted = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("\"{name}\":\"{value}\""))
        };
        let members = [
            quoted("crv", &self.crv),
            quoted("e", &self.e),
            Some(format!("\"kty\":\"{}\"", self.kty)),
            quoted("n", &self.n),
            quoted("x", &self.x),
            quoted("y", &self.y),
        ];
        let members: Vec<_> = members.into_iter().flatten().collect();
        let json = format!("{{{}}}", members.join(","));
        URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(json)).into()
    }
}

/// Writes a number in this length, with more or fewer leading zeros. Some issuers cut zeros off, and some
/// write one in front for the sign, although RFC 7518 section 6.2.1.2 does not allow either.
pub(super) fn padded(number: &[u8], bytes: usize) -> Result<Vec<u8>, InvalidKey> {
    let number = without_zeros(number);
    let zeros = bytes.checked_sub(number.len());
    let zeros = zeros.ok_or(InvalidKey::Malformed("a coordinate is too long"))?;
    Ok([&vec![0; zeros], number].concat())
}

fn public(member: &Option<String>, name: &'static str) -> Result<Vec<u8>, InvalidKey> {
    bytes(member.as_deref(), name)
}

/// Decodes a secret member into bytes that are wiped when they are dropped.
pub(crate) fn secret(
    member: &Option<Zeroizing<String>>,
    name: &'static str,
) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    bytes(member.as_ref().map(|text| text.as_str()), name).map(Zeroizing::new)
}

fn bytes(member: Option<&str>, name: &'static str) -> Result<Vec<u8>, InvalidKey> {
    let text = member.ok_or(InvalidKey::Missing(name))?;
    URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .map_err(|_| InvalidKey::Malformed("a number is not in base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the thumbprint of RFC 7638 section 3.1.
    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let jwk = Jwk {
            kty: "RSA".into(),
            n: Some(
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSo\
                 c_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGj\
                 QR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-b\
                 FTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
                    .into(),
            ),
            e: Some("AQAB".into()),
            ..Jwk::default()
        };
        assert_eq!(&*jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn sec_74_debug_and_json_leave_out_the_secret() {
        let jwk = Jwk::parse(r#"{"kty":"oct","k":"c2VjcmV0","kid":"1"}"#).unwrap();
        assert!(!format!("{jwk:?}").contains("c2VjcmV0"));
        assert!(!serde_json::to_string(&jwk).unwrap().contains("c2VjcmV0"));
    }
}
