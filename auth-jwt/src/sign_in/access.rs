//! The access token: RFC 9068, and the sign-in that it belongs to.

use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind, Timestamp};
use auth_store::IssuedSecret;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::desk::TokenIssuer;
use crate::jws::MAX_BYTES;
use crate::proven::FAMILY_BYTES;
use crate::validation::{Audience, Validation};

/// The claims that a token makes itself.
const OURS: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "sid",
    "fam",
    "auth_time",
    "acr",
    "amr",
    "scope",
    "scp",
    "roles",
    "cnf",
    "events",
];

/// An access token, and for how long it is good.
pub(super) struct AccessToken {
    pub(super) text: String,
    pub(super) lasts: Duration,
}

/// Whether a token can carry these claims of the application's.
pub(super) fn check<C: Serialize>(claims: &C) -> Result<(), AuthError> {
    let refused = |why: String| AuthError::new(AuthErrorKind::Serialization, why);
    match serde_json::to_value(claims).map_err(|error| refused(error.to_string()))? {
        Value::Null => Ok(()),
        Value::Object(members) => match members.keys().find(|name| is_ours(name)) {
            Some(name) => Err(refused(format!("the claim `{name}` is the token's own"))),
            None => Ok(()),
        },
        _ => Err(refused("claims in a token have names: a struct or a map does".to_owned())),
    }
}

fn is_ours(name: &str) -> bool {
    OURS.contains(&name)
}

impl TokenIssuer {
    /// The access token of a sign-in, with these scopes.
    pub(super) fn access_token(
        &self,
        policy: &Validation,
        issued: &IssuedSecret,
        scopes: &[Box<str>],
        now: Timestamp,
    ) -> Result<AccessToken, AuthError> {
        let failed = |error: &dyn std::error::Error| {
            AuthError::new(AuthErrorKind::Serialization, error.to_string())
        };
        let lasts = self.access_lifetime.min(issued.limits.ends_at.since(now));
        let mut claims = application(issued).map_err(|error| failed(&error))?;
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        if let Some(issuer) = &policy.issuer {
            set("iss", json!(**issuer));
        }
        set("sub", json!(issued.subject));
        if let Audience::OneOf(names) = &policy.audience {
            set("aud", if let [only] = &names[..] { json!(only) } else { json!(names) });
            set("client_id", json!(self.client.as_ref().or(names.first())));
        }
        set("exp", json!((now + lasts).as_millis().div_ceil(1000)));
        set("iat", json!(now.as_secs()));
        set("jti", json!(token_id().map_err(|error| failed(&error))?));
        set("sid", json!(issued.sid().to_string()));
        set("fam", json!(URL_SAFE_NO_PAD.encode_to_string(family(issued))));
        set("auth_time", json!(issued.authenticated_at.as_secs()));
        if let Some(details) = &issued.details {
            if let Some(acr) = &details.acr {
                set("acr", json!(acr));
            }
            if !details.amr.is_empty() {
                set("amr", json!(details.amr));
            }
        }
        if !scopes.is_empty() {
            set("scope", json!(scopes.join(" ")));
        }
        let text = self.signer.sign("at+jwt", &claims).map_err(|error| failed(&error))?;
        if text.len() > MAX_BYTES {
            return Err(AuthError::new(AuthErrorKind::TooLarge, "a token of over 8 KiB"));
        }
        Ok(AccessToken { text, lasts })
    }
}

/// Roles and the application's claims, for services that verify the token and ask nobody.
fn application(issued: &IssuedSecret) -> Result<Map<String, Value>, serde_json::Error> {
    let (roles, claims) = auth_store::decode::<Value>(&issued.principal)?;
    let mut claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
    claims.retain(|name, _| !is_ours(name));
    if !roles.is_empty() {
        claims.insert("roles".to_owned(), json!(roles));
    }
    Ok(claims)
}

/// What tells the tokens of this sign-in from those of before the user last signed in: the family of
/// refresh tokens stays while they are refreshed, and only then.
fn family(issued: &IssuedSecret) -> [u8; FAMILY_BYTES] {
    let digest = issued.secret.family_digest(issued.kind);
    std::array::from_fn(|i| digest.0[i])
}

fn token_id() -> Result<String, getrandom::Error> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_applications_claims_take_no_name_of_the_tokens_own() {
        assert!(check(&json!({ "name": "Alice" })).is_ok());
        assert!(check(&()).is_ok());
        for claims in [json!({ "sub": "mallory" }), json!({ "exp": 1 }), json!([1]), json!("x")] {
            assert_eq!(
                check(&claims).unwrap_err().kind(),
                AuthErrorKind::Serialization,
                "{claims}"
            );
        }
    }
}
