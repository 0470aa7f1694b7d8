//! Authenticators of an application's own, for API keys and HTTP Basic:
//! `cargo run -p examples --bin api_key`.
//!
//! ```text
//! curl -H 'X-Api-Key: <the key that the server prints>' http://localhost:3000/me
//! curl -H 'X-Api-Key: <the key that the server prints>' http://localhost:3000/stock
//! curl -u alice:wonderland http://localhost:3000/me
//! ```
//!
//! Prefer sessions, tokens or API keys to HTTP Basic. It is here because some clients support nothing
//! else. Its drawbacks:
//!
//! - Every request contains the password, so it must only be used over TLS.
//! - The user cannot sign out, or revoke one device.
//! - Verifying a password is slow by design, and happens on every request. Attackers can use that to
//!   exhaust the server.
//! - A browser that knows the password also sends it with requests that other sites make. It is an
//!   ambient credential like a cookie. The authenticator declares it as one, so that the layer rejects
//!   cross-origin requests.

#![allow(clippy::print_stdout)] // prints where it listens

use auth_core::{
    Attempt, AuthFuture, AuthenticationInfo, Authenticator, Challenge, ChallengeReason, Identity,
    Outcome, Principal, Rejection, RejectionReason, RequestHead, Require, any_of,
};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use examples::serve;
use examples::users::{User, Users};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (keys, key) = ApiKeys::with_robot()?;
    let app = Router::new()
        .route("/me", get(me))
        .route("/stock", get(async || "plenty\n").route_layer(Require::role("robot")))
        .layer(any_of((keys, Basic { users: Users::demo() })));
    let listener = TcpListener::bind(serve::address()?).await?;
    println!("X-Api-Key: {key}");
    println!("API keys at http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

async fn me(me: Identity<User>) -> String {
    format!("{}\n", json!({ "subject": me.subject(), "scheme": me.scheme() }))
}

/// The digests of the API keys, with their principals. An attacker who reads the table learns no key.
/// A fast digest is enough, because the keys are random and cannot be guessed like passwords.
struct ApiKeys(Vec<([u8; 32], Principal<User>)>);

impl ApiKeys {
    const HEADER: &str = "x-api-key";

    /// Creates one principal and its key. A real server shows a key once, when it is created.
    fn with_robot() -> std::io::Result<(Self, String)> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let key = URL_SAFE_NO_PAD.encode(random);
        let robot = User::named("Robot");
        let robot = Principal::new("robot").role("robot").claims(robot);
        Ok((Self(vec![(Sha256::digest(&key).into(), robot)]), key))
    }

    fn verify(&self, head: &RequestHead<'_>, key: &HeaderValue) -> Outcome<User> {
        let rejected = |reason| Outcome::Rejected(Rejection::new("api-key", reason));
        if head.headers().get_all(Self::HEADER).iter().count() > 1 {
            return rejected(RejectionReason::Duplicate);
        }
        let digest: [u8; 32] = Sha256::digest(key).into();
        let known = self.0.iter().find(|(known, _)| known.ct_eq(&digest).into());
        match known {
            Some((_, principal)) => authenticated("api-key", principal.clone()),
            None => rejected(RejectionReason::Unknown),
        }
    }
}

impl Authenticator for ApiKeys {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let key = head.headers().get(Self::HEADER)?;
        Some(Attempt::explicit(self.verify(head, key)))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if matches!(
            reason,
            ChallengeReason::MissingCredential | ChallengeReason::InvalidCredential(_)
        ) {
            Challenge::new("ApiKey").append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(Self::HEADER)
    }
}

/// HTTP Basic (RFC 7617) with the passwords of the users. Read the warning above first.
struct Basic {
    users: Users,
}

impl Authenticator for Basic {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let Some((username, password)) = user_and_password(head.credentials("Basic")?) else {
            let rejection = Rejection::new("basic", RejectionReason::Malformed);
            return Some(Attempt::ambient_header(Outcome::Rejected(rejection)));
        };
        let users = self.users.clone();
        // `Users::check` verifies the password on a thread that may block.
        Some(Attempt::ambient_header(AuthFuture::boxed(async move {
            match users.check(&username, &password).await {
                Ok(principal) => authenticated("basic", principal),
                Err(_) => Outcome::Rejected(Rejection::new("basic", RejectionReason::Unknown)),
            }
        })))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if matches!(
            reason,
            ChallengeReason::MissingCredential | ChallengeReason::InvalidCredential(_)
        ) {
            let basic = Challenge::new("Basic").param("realm", "examples");
            basic.param("charset", "UTF-8").append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("authorization")
    }
}

/// Decodes the credentials. The username ends at the first colon; the password may contain colons.
fn user_and_password(credentials: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

/// Returns the identity of a valid credential. It has no time of authentication: a script keeps its key, and a
/// browser its password, and both send it without a user. A route with `Require::max_auth_age` refuses it.
fn authenticated(scheme: &'static str, principal: Principal<User>) -> Outcome<User> {
    let authentication = AuthenticationInfo::new(scheme, None);
    Outcome::Authenticated(Identity::verified(principal, authentication))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn the_username_ends_at_the_first_colon() {
        let decode = |text: &str| user_and_password(STANDARD.encode(text).as_bytes());
        let pair = |username: &str, password: &str| Some((username.into(), password.into()));
        assert_eq!(decode("alice:a:b"), pair("alice", "a:b"));
        assert_eq!(decode(":"), pair("", ""));
        assert_eq!(decode("alice"), None);
        assert_eq!(user_and_password(b"!"), None);
        assert_eq!(user_and_password(&[0xff]), None);
    }

    #[test]
    fn one_valid_key_is_accepted_and_two_are_rejected() {
        let (keys, key) = ApiKeys::with_robot().unwrap();
        let outcome = |sent: &[&str]| {
            let mut request = Request::new(());
            for key in sent {
                let value = HeaderValue::from_str(key).unwrap();
                request.headers_mut().append(ApiKeys::HEADER, value);
            }
            let attempt = keys.authenticate(&RequestHead::from(&request))?;
            attempt.into_outcome().into_ready().ok()
        };
        assert!(outcome(&[]).is_none());
        assert!(matches!(outcome(&[&key]), Some(Outcome::Authenticated(_))));
        for sent in [&["guess"][..], &[&key, &key], &[""]] {
            assert!(matches!(outcome(sent), Some(Outcome::Rejected(_))), "{sent:?}");
        }
    }
}
