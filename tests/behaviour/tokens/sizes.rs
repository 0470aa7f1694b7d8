//! How long a token may be, and how much work it may cause.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use auth_core::{Authenticator, Outcome};
use auth_jwt::Algorithm;
use serde_json::json;

use super::kit::{NOW, Signer, auth, claims, encoded, rejection, verify, with};
use crate::app::Login;
use crate::harness::{Framework, TestBackend, World, jwt};

const HEADER: &str = r#"{"alg":"HS256"}"#;

/// Returns valid claims with these members at the end, as text.
fn and(members: &str) -> String {
    format!(r#"{{"sub":"alice","aud":"shop","exp":{},{members}}}"#, NOW + 300)
}

/// Returns a token of this length, if there is one.
fn of_length(signer: &Signer, length: usize) -> Option<String> {
    let least = signer.token(&with(json!({ "x": "" }))).len();
    (length.saturating_sub(least) / 4 * 3..)
        .map(|filler| signer.token(&with(json!({ "x": "x".repeat(filler) }))))
        .take_while(|token| token.len() <= length)
        .find(|token| token.len() == length)
}

#[tokio::test]
async fn sec_57_a_token_has_a_maximum_length() {
    for signer in [Algorithm::Hs256, Algorithm::Es256].map(Signer::new) {
        let auth = auth(signer.key.clone());
        for (auth, max) in [(auth.clone(), 64 << 10), (auth.max_token_bytes(1000), 1000)] {
            let longest = (max - 4..=max).rev().find_map(|length| of_length(&signer, length));
            assert!(verify(&auth, longest.unwrap()).await.is_ok(), "{max}");
            let longer = (max + 1..=max + 5).find_map(|length| of_length(&signer, length));
            assert_eq!(rejection(&auth, longer.unwrap()).await, "token too long");
        }
    }
}

/// Some issuers list all groups of a user.
#[tokio::test]
async fn a_token_may_contain_hundreds_of_groups() {
    for signer in [Algorithm::Hs256, Algorithm::Es256].map(Signer::new) {
        let validation = auth_jwt::Validation::new().audience("shop").roles_pointer("/groups");
        let auth = auth(signer.key.clone()).validation(validation);
        for count in [200, 1000] {
            let group = |number: usize| format!("f81d4fae-7dec-11d0-a765-{number:012x}");
            let groups: Vec<String> = (0..count).map(group).collect();
            let token = signer.token(&with(json!({ "groups": groups })));
            for _ in 0..2 {
                let identity = verify(&auth, &token).await.unwrap();
                assert_eq!(identity.roles().collect::<Vec<_>>(), groups);
            }
        }
    }
}

/// Servers do not agree about headers that are longer, so the error comes at the sign-in.
#[tokio::test]
async fn an_issued_token_has_at_most_8_kib_by_default() {
    let by_default = TestBackend::by_token(|setup| jwt(setup).erased());
    let longer = TestBackend::by_token(|setup| jwt(setup).max_token_bytes(32 << 10).erased());
    for (backend, status) in [(by_default, 413), (longer, 200)] {
        let world = World::start(backend, Framework::Axum).await;
        let client = world.client();
        let reply = client.login(Login::from("alice").role(&"x".repeat(9000))).await;
        assert_eq!(reply.status, status);
        assert_eq!(
            client.get("/maybe").await.text(),
            if status == 200 { "alice" } else { "anonymous" }
        );
    }
}

/// Lengths around the longest signature, where the buffer of a decoder is full.
#[tokio::test]
async fn sec_57_a_signature_of_any_length_is_only_rejected() {
    for signer in [Algorithm::Hs256, Algorithm::EdDsa].map(Signer::new) {
        let auth = auth(signer.key.clone());
        let header = encoded(format!(r#"{{"alg":"{}"}}"#, signer.algorithm.as_str()));
        for length in (1..=90).chain(1360..=1372).chain([2048, 4096, 8000]) {
            let signature = "A".repeat(length);
            rejection(&auth, format!("{header}.e30.{signature}")).await;
        }
        let longest = |length| format!("{header}.e30.{}", "A".repeat(length));
        assert_eq!(rejection(&auth, longest(1366)).await, "bad signature");
        assert_eq!(rejection(&auth, longest(1367)).await, "malformed");
    }
}

/// Runs this, and fails if it takes longer than even a slow machine needs.
fn quickly(run: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        run();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(10)).expect("the work ends in time");
}

/// Five megabytes of several shapes are rejected by their length. A thousand of them take less time
/// than parsing one would.
#[tokio::test]
async fn sec_57_five_megabytes_are_rejected_at_once() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let five = 5 << 20;
    let dots = ".".repeat(five);
    let deep = format!("{}.{}.AAAA", encoded(HEADER), encoded("[".repeat(five / 4 * 3)));
    let good = signer.token(&with(json!({ "x": "x".repeat(five) })));
    let signature = format!("{}{}", signer.token(&claims()), "A".repeat(five));
    let header = format!("{}.e30.AAAA", "A".repeat(five));
    for token in [dots, deep, good, signature, header] {
        let reason = rejection(&auth, &token).await;
        assert!(["malformed", "token too long"].contains(&reason), "{reason}");
        let auth = auth.clone();
        quickly(move || {
            for _ in 0..1000 {
                let answer = auth.verify(token.as_bytes()).into_ready();
                assert!(matches!(answer, Ok(Outcome::Rejected(_))));
            }
        });
    }
}

/// The most work that 64 KiB can cause: many members, all with different names, and many brackets.
#[tokio::test]
async fn sec_57_the_work_for_one_token_is_bounded() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let members: Vec<String> = (0..5000).map(|name| format!("\"{name}\":0")).collect();
    let wide = signer.raw(HEADER, and(&members.join(",")));
    let arrays = signer.raw(HEADER, and(&format!("\"x\":[{}0]", "[],".repeat(15_000))));
    for token in [wide, arrays] {
        assert!(verify(&auth, &token).await.is_ok());
        let auth = auth.clone();
        quickly(move || {
            for _ in 0..100 {
                let answer = auth.verify(token.as_bytes()).into_ready();
                assert!(matches!(answer, Ok(Outcome::Authenticated(_))));
            }
        });
    }
}
