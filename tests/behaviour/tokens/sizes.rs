//! How long a token may be, and how much work it may make.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use auth_core::Outcome;
use auth_jwt::Algorithm;
use serde_json::json;

use super::kit::{NOW, Signer, ask, auth, claims, encoded, refused, with};

const HEADER: &str = r#"{"alg":"HS256"}"#;

/// Good claims with these members at the end, as text.
fn and(members: &str) -> String {
    format!(r#"{{"sub":"alice","aud":"shop","exp":{},{members}}}"#, NOW + 300)
}

/// A token of so many bytes.
fn of_length(signer: &Signer, length: usize) -> Option<String> {
    let least = signer.token(&with(json!({ "x": "" }))).len();
    (length.saturating_sub(least) / 4 * 3..)
        .map(|filler| signer.token(&with(json!({ "x": "x".repeat(filler) }))))
        .take_while(|token| token.len() <= length)
        .find(|token| token.len() == length)
}

#[tokio::test]
async fn sec_57_a_token_has_8_kib_at_most() {
    for signer in [Algorithm::Hs256, Algorithm::Es256].map(Signer::new) {
        let auth = auth(signer.key.clone());
        let longest = (8188..=8192).rev().find_map(|length| of_length(&signer, length)).unwrap();
        assert!(ask(&auth, &longest).await.is_ok());
        let longer = (8193..=8197).find_map(|length| of_length(&signer, length)).unwrap();
        assert_eq!(refused(&auth, longer).await, "malformed");
    }
}

/// Around the longest signature, at which a decoder's buffer is full.
#[tokio::test]
async fn sec_57_a_signature_of_any_length_is_refused_and_nothing_else() {
    for signer in [Algorithm::Hs256, Algorithm::EdDsa].map(Signer::new) {
        let auth = auth(signer.key.clone());
        let header = encoded(format!(r#"{{"alg":"{}"}}"#, signer.algorithm.as_str()));
        for length in (1..=90).chain(1360..=1372).chain([2048, 4096, 8000]) {
            let signature = "A".repeat(length);
            refused(&auth, format!("{header}.e30.{signature}")).await;
        }
        let longest = |length| format!("{header}.e30.{}", "A".repeat(length));
        assert_eq!(refused(&auth, longest(1366)).await, "bad signature");
        assert_eq!(refused(&auth, longest(1367)).await, "malformed");
    }
}

/// Runs this, and fails if it takes longer than a machine of any age needs.
fn quickly(run: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        run();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(10)).expect("it ends, and in time");
}

/// Five megabytes, in every shape: refused by their length. A thousand take less time than one of
/// them would take to be read.
#[tokio::test]
async fn sec_57_five_megabytes_are_refused_at_once() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let five = 5 << 20;
    let dots = ".".repeat(five);
    let deep = format!("{}.{}.AAAA", encoded(HEADER), encoded("[".repeat(five / 4 * 3)));
    let good = signer.token(&with(json!({ "x": "x".repeat(five) })));
    let signature = format!("{}{}", signer.token(&claims()), "A".repeat(five));
    let header = format!("{}.e30.AAAA", "A".repeat(five));
    for token in [dots, deep, good, signature, header] {
        assert_eq!(refused(&auth, &token).await, "malformed");
        let auth = auth.clone();
        quickly(move || {
            for _ in 0..1000 {
                let answer = auth.verify(token.as_bytes()).into_ready();
                assert!(matches!(answer, Ok(Outcome::Rejected(_))));
            }
        });
    }
}

/// As much work as 8 KiB can ask for: many members, all of different names, and many brackets.
#[tokio::test]
async fn sec_57_the_most_work_of_one_token_is_little() {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone());
    let members: Vec<String> = (0..700).map(|name| format!("\"{name}\":0")).collect();
    let wide = signer.raw(HEADER, and(&members.join(",")));
    let arrays = signer.raw(HEADER, and(&format!("\"x\":[{}0]", "[],".repeat(1800))));
    for token in [wide, arrays] {
        assert!(ask(&auth, &token).await.is_ok());
        let auth = auth.clone();
        quickly(move || {
            for _ in 0..100 {
                let answer = auth.verify(token.as_bytes()).into_ready();
                assert!(matches!(answer, Ok(Outcome::Authenticated(_))));
            }
        });
    }
}
