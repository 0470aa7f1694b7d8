//! An application's own credentials, API keys and HTTP Basic, behind the same layer:
//! `cargo run -p examples --bin api_key`.
//!
//! ```text
//! curl -H 'X-Api-Key: <the key that it prints>' http://localhost:3000/me
//! curl -H 'X-Api-Key: <the key that it prints>' http://localhost:3000/stock
//! curl -u alice:wonderland http://localhost:3000/me
//! ```
//!
//! HTTP Basic is here because some clients speak nothing else. It sends the password with every
//! request, so whoever sees one has it: only ever over TLS. Nobody can sign out, or end one device.
//! And passwords are slow to verify by design, on every request: many clients are a load that
//! attackers get for free. A browser that was told the password once sends it with every request,
//! also with those that another site makes: it is ambient, like a cookie, and says so, which makes
//! the layer check where requests come from. Prefer sessions, tokens or API keys.

#![allow(clippy::print_stdout)] // where it listens, for whoever started it

use auth_core::{
    Attempt, AuthFuture, AuthenticationInfo, Authenticator, Challenge, ChallengeReason, Clock,
    Identity, Outcome, Principal, Rejection, RejectionReason, RequestHead, Require, any_of,
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
    let (keys, key) = ApiKeys::with_a_robot()?;
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

/// Keys that this server handed out. They are random, so a fast digest keeps them as safe as a slow
/// one would; whoever reads the table learns no key.
struct ApiKeys(Vec<([u8; 32], Principal<User>)>);

impl ApiKeys {
    const HEADER: &str = "x-api-key";

    /// One robot, and its key. A real server shows a key once, when it is made.
    fn with_a_robot() -> std::io::Result<(Self, String)> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let key = URL_SAFE_NO_PAD.encode(random);
        let robot = User::named("Robot");
        let robot = Principal::new("robot").role("robot").claims(robot);
        Ok((Self(vec![(Sha256::digest(&key).into(), robot)]), key))
    }

    fn judge(&self, head: &RequestHead<'_>, key: &HeaderValue) -> Outcome<User> {
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
        Some(Attempt::explicit(self.judge(head, key)))
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

/// HTTP Basic (RFC 7617) against the users. Read the warning above first.
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
        // The verification runs on a thread of its own, see `Users::check`.
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

/// The username ends at the first colon; the password may hold more of them.
fn user_and_password(credentials: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

fn authenticated(scheme: &'static str, principal: Principal<User>) -> Outcome<User> {
    let authentication = AuthenticationInfo::new(scheme, Clock::system().now());
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
    fn one_good_key_is_known_and_two_are_not() {
        let (keys, key) = ApiKeys::with_a_robot().unwrap();
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
