//! Where secrets appear, and where they must not.

use std::fmt::Write;

use auth_store::{Record, Secret};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::header;
use serde_json::json;

use crate::app::Login;
use crate::harness::{Credential, REFRESH, World};

suite!(every:
    sec_24_the_store_holds_digests_and_no_secret,
    sec_28_the_secret_is_sent_once_and_in_one_place,
    sec_36_the_secret_reveals_nothing_about_the_user,
);

suite!(bearer: sec_28_a_token_is_only_in_the_body);

suite!(pair: sec_28_a_pair_is_split_between_the_body_and_a_cookie);

async fn sec_24_the_store_holds_digests_and_no_secret(world: World) {
    let client = world.client();
    let mut credentials = vec![client.signed_in(Login::from("alice").label("phone")).await];
    client.post("/cart").body("apple").await;
    client.post("/refresh").await;
    credentials.extend(client.credential());
    credentials.push(world.client().signed_in("bob").await);
    let mut dump = Vec::new();
    for record in world.store.records().await {
        dump.push(everything(&record));
    }
    let (bytes, text): (Vec<_>, Vec<_>) = dump.into_iter().unzip();
    let (bytes, text) = (bytes.concat(), text.concat());
    assert!(text.contains("alice") && text.contains("apple") && text.contains("phone"));

    for credential in credentials {
        let raw = URL_SAFE_NO_PAD.decode(credential.secret()).unwrap();
        for secret in [&raw[16..32], &raw[32..], &raw[32..48], &raw[48..]] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let decimal = format!("{secret:?}");
            let encoded = [URL_SAFE_NO_PAD.encode(secret), STANDARD_NO_PAD.encode(secret)];
            for form in [&hex, decimal.trim_matches(['[', ']']), &encoded[0], &encoded[1]] {
                assert!(!text.contains(form), "{form}");
            }
        }
        assert!(!text.contains(&credential.secret()[22..]));
    }
}

/// Returns everything that a store could write, as bytes and as text.
fn everything(record: &Record) -> (Vec<u8>, String) {
    let mut bytes = [record.current.0.as_slice(), &record.family.0, record.id.as_bytes()].concat();
    bytes.extend(record.principal());
    let mut text = format!("{record:?} {:?} {:?}", record.current.0, record.family.0);
    write!(text, "{:?} {:?} {:?}", record.deadlines, record.persistence, record.data).unwrap();
    write!(text, "{:?} {:?}", record.created_at, record.authenticated_at).unwrap();
    write!(text, "{}", String::from_utf8_lossy(record.principal())).unwrap();
    if let Some(details) = &record.details {
        write!(text, "{details:?}").unwrap();
        if let Some(grace) = details.grace {
            bytes.extend([grace.previous.0.as_slice(), &grace.nonce.0].concat());
            write!(text, "{:?} {:?}", grace.previous.0, grace.nonce.0).unwrap();
        }
    }
    bytes.extend(text.as_bytes());
    (bytes, text)
}

async fn sec_28_the_secret_is_sent_once_and_in_one_place(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    for path in ["/", "/me", "/maybe", "/who", "/cart", "/devices", "/admin", "/no-such-page"] {
        let shown = format!("{:?}", client.get(path).await);
        for secret in credential.secrets() {
            assert!(!shown.contains(secret), "{path}: {shown}");
        }
    }
}

async fn sec_28_a_token_is_only_in_the_body(world: World) {
    let client = world.client();
    let reply = client.login("alice").await;
    let Some(Credential::Token(token)) = client.credential() else { panic!("{reply:?}") };
    let body: serde_json::Value = reply.json();
    assert_eq!(body["access_token"], token);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &86400.into()));
    assert_eq!(body.as_object().unwrap().len(), 3);
    assert!(!format!("{:?}", reply.headers).contains(&token[30..]));
}

async fn sec_28_a_pair_is_split_between_the_body_and_a_cookie(world: World) {
    let client = world.client();
    let reply = client.login("alice").await;
    let Some(Credential::Pair { access, refresh }) = client.credential() else {
        panic!("{reply:?}")
    };
    let body: serde_json::Value = reply.json();
    let expected = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 86400 });
    assert_eq!(body, expected);
    let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
    assert!(cookie.starts_with(&format!("{REFRESH}={refresh};")), "{cookie}");
    assert!(!reply.text().contains(&refresh[26..]) && !cookie.contains(&access[30..]));
    let others = reply.headers.iter().filter(|(name, _)| *name != header::SET_COOKIE);
    for (_, value) in others {
        let value = value.to_str().unwrap();
        assert!(!value.contains(&refresh[26..]) && !value.contains(&access[30..]), "{value}");
    }
}

async fn sec_36_the_secret_reveals_nothing_about_the_user(world: World) {
    let credential = world.client().signed_in(Login::from("alice").role("admin")).await;
    let raw = URL_SAFE_NO_PAD.decode(credential.secret()).unwrap();
    let shown = String::from_utf8_lossy(&raw).to_lowercase();
    for word in ["alice", "admin", "{"] {
        assert!(!shown.contains(word) || word.len() == 1);
    }
    assert_eq!(credential.secret().len(), Secret::TEXT_LEN, "the same length for every user");
    let root = world.client().signed_in(Login::from("r").role("x".repeat(500).as_str())).await;
    assert_eq!(root.secret().len(), Secret::TEXT_LEN);
}
