//! Access tokens (RFC 9068) that name the stored sign-in that they belong to.
//!
//! They carry roles and claims for services that verify a token without the store.

use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind, Timestamp};
use auth_store::IssuedSecret;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::issuer::TokenIssuer;
use crate::own_token::FAMILY_BYTES;
use crate::validation::{Audience, Validation};

/// The claims that the application cannot set, because the token has its own.
const RESERVED: [&str; 19] = [
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
    "act",
    "acr",
    "amr",
    "scope",
    "scp",
    "roles",
    "cnf",
    "events",
];

/// Whether a token has the user's roles.
#[derive(Clone, Copy)]
pub(super) enum Roles {
    Included,
    LeftOut,
}

/// An access token and its lifetime.
pub(super) struct AccessToken {
    pub(super) text: String,
    pub(super) lifetime: Duration,
}

/// Checks that a token can carry these claims of the application's.
pub(super) fn check_claims<C: Serialize>(claims: &C) -> Result<(), AuthError> {
    let invalid = |why: String| AuthError::new(AuthErrorKind::Serialization, why);
    match serde_json::to_value(claims).map_err(|error| invalid(error.to_string()))? {
        Value::Null => Ok(()),
        Value::Object(members) => match members.keys().find(|name| is_reserved(name)) {
            Some(name) => Err(invalid(format!("the claim `{name}` is reserved"))),
            None => Ok(()),
        },
        _ => Err(invalid(
            "claims must serialize to a JSON object, such as a struct or a map".to_owned(),
        )),
    }
}

/// Returns whether the token has a claim of its own under this name.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

impl TokenIssuer {
    /// Issues the access token of a sign-in, with these scopes.
    pub(super) fn access_token(
        &self,
        validation: &Validation,
        (issued, roles): (&IssuedSecret, Roles),
        scopes: &[Box<str>],
        max_bytes: usize,
        now: Timestamp,
    ) -> Result<AccessToken, AuthError> {
        let failed = |error: &dyn std::error::Error| {
            AuthError::new(AuthErrorKind::Serialization, error.to_string())
        };
        let lifetime = self.access_lifetime.min(issued.deadlines.ends_at.since(now));
        let mut claims = application(issued, roles).map_err(|error| failed(&error))?;
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        if let Some(issuer) = &validation.issuer {
            set("iss", json!(**issuer));
        }
        set("sub", json!(issued.subject));
        if let Audience::OneOf(names) = &validation.audience {
            set("aud", if let [only] = &names[..] { json!(only) } else { json!(names) });
            set("client_id", json!(self.client.as_ref().or(names.first())));
        }
        set("exp", json!((now + lifetime).as_millis().div_ceil(1000)));
        set("iat", json!(now.as_secs()));
        set("jti", json!(token_id().map_err(|error| failed(&error))?));
        set("sid", json!(issued.id().to_string()));
        set("fam", json!(URL_SAFE_NO_PAD.encode_to_string(family(issued))));
        let actor = issued.details.as_ref().and_then(|details| details.actor.as_ref());
        match actor {
            Some(actor) => set("act", json!({ "sub": *actor.subject })),
            None => set("auth_time", json!(issued.authenticated_at.as_secs())),
        }
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
        if text.len() > max_bytes {
            let too_long = format!("the access token must have at most {max_bytes} bytes");
            return Err(AuthError::new(AuthErrorKind::TooLarge, too_long));
        }
        Ok(AccessToken { text, lifetime })
    }
}

/// Returns roles and the application's claims, for services that verify the token without the store.
fn application(
    issued: &IssuedSecret,
    included: Roles,
) -> Result<Map<String, Value>, serde_json::Error> {
    let (roles, claims) = auth_store::decode::<Value>(&issued.principal)?;
    let mut claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
    claims.retain(|name, _| !is_reserved(name));
    if matches!(included, Roles::Included) && !roles.is_empty() {
        claims.insert("roles".to_owned(), json!(roles));
    }
    Ok(claims)
}

/// Returns the start of the digest of the sign-in's family of refresh tokens. Refreshing keeps the
/// family and signing in again replaces it, so it invalidates tokens from before.
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
    fn reserved_claims_are_rejected() {
        assert!(check_claims(&json!({ "name": "Alice" })).is_ok());
        assert!(check_claims(&()).is_ok());
        for claims in [json!({ "sub": "mallory" }), json!({ "exp": 1 }), json!([1]), json!("x")] {
            assert_eq!(
                check_claims(&claims).unwrap_err().kind(),
                AuthErrorKind::Serialization,
                "{claims}"
            );
        }
    }
}
