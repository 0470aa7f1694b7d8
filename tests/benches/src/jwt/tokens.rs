//! The tokens: claims as an authorization server writes them, and as the handlers read them.
//!
//! The tokens are distinct and of one length, so that every case does the same work for each.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::drive::{Case, bare};
use crate::jwt::issuer::{Alg, Issuer, KID};

pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "https://api.example.com";

/// The claims of a token: about 300 bytes of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: u64,
    pub iat: u64,
    pub jti: String,
    pub scope: String,
    pub roles: Vec<String>,
    pub name: String,
}

impl TokenClaims {
    fn of(number: usize, now: u64) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            sub: format!("user-{number:07}"),
            aud: AUDIENCE.to_owned(),
            exp: now + 24 * 3600,
            iat: now,
            jti: format!("f81d4fae-7dec-11d0-a765-{number:012x}"),
            scope: "orders:read orders:write".to_owned(),
            roles: vec!["buyer".to_owned(), "reviewer".to_owned()],
            name: format!("Ada Lovelace {number:07}"),
        }
    }
}

/// Distinct tokens of one length, and the key that signed them.
pub struct Tokens {
    pub alg: Alg,
    pub issuer: Issuer,
    tokens: Vec<String>,
}

impl Tokens {
    /// Creates this many tokens, each of another user.
    pub fn new(alg: Alg, count: usize) -> Self {
        let issuer = Issuer::new(alg);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = json!({ "alg": alg.name(), "typ": "JWT", "kid": KID }).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        let token = |number| {
            let claims = serde_json::to_vec(&TokenClaims::of(number, now)).unwrap();
            let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
            let signature = URL_SAFE_NO_PAD.encode(issuer.sign(message.as_bytes()));
            format!("{message}.{signature}")
        };
        let tokens = (0..count).map(token).collect();
        Self { alg, issuer, tokens }
    }

    /// Returns the length of a token in bytes.
    pub fn size(&self) -> usize {
        self.tokens[0].len()
    }

    /// Returns the tokens.
    pub fn texts(&self) -> &[String] {
        &self.tokens
    }

    /// Returns the values of the `Authorization` headers.
    pub fn headers(&self) -> Vec<HeaderValue> {
        let value = |token| HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        self.tokens.iter().map(value).collect()
    }

    /// Returns the signed message and the signature of each token.
    pub fn signed(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        self.tokens.iter().map(|token| {
            let (message, signature) = token.rsplit_once('.').unwrap();
            (message.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(signature).unwrap())
        })
    }

    /// Returns the case without a layer.
    pub fn bare(&self) -> Case {
        let service = tower::service_fn(bare);
        Case::new("bare service", service, "authorization", &self.headers())
    }
}
