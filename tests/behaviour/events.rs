//! Events: what the logs contain, and what they must not contain.

use auth_store::{Store, encode};

use crate::app::Login;
use crate::harness::{Credential, EventCapture, Fault, Op, World};

suite!(every on one_thread:
    sec_73_signing_in_and_out_is_an_event,
    sec_73_a_refused_request_is_an_event,
    sec_73_an_unavailable_store_is_an_event_with_its_cause,
    sec_73_a_sign_in_that_fails_is_an_event_with_its_cause,
    an_outage_is_logged_at_a_bounded_rate,
    sec_73_the_end_of_a_sign_in_is_an_event,
    sec_86_forged_secrets_are_not_logged_as_reuse,
    sec_74_no_event_holds_a_secret,
    sec_74_no_event_holds_a_stored_claim,
);

suite!(secret on one_thread: sec_73_a_rejected_secret_is_an_event);

suite!(pair on one_thread: sec_73_a_rejected_token_is_an_event);

suite!(cookie on one_thread:
    sec_73_a_request_from_another_site_is_an_event,
    sec_73_a_sign_in_from_another_site_is_an_event,
);

/// Returns the one event with this message.
fn find<'a>(lines: &'a [String], message: &str) -> &'a str {
    let found: Vec<_> = lines.iter().filter(|line| line.contains(message)).collect();
    let [line] = found[..] else { panic!("{message}: {lines:#?}") };
    line
}

async fn sec_73_signing_in_and_out_is_an_event(world: World) {
    let events = EventCapture::start();
    let client = world.client();
    let id = client.signed_in("alice").await.sign_in().to_string();
    let lines = events.take();
    let line = find(&lines, "signed in");
    assert!(line.starts_with("INFO") && line.contains("alice") && line.contains(&id), "{line}");

    client.post("/refresh").await;
    assert!(find(&events.take(), "refreshed").contains(&id));
    client.post("/logout").await;
    assert!(find(&events.take(), "signed out").contains(&id));

    world.client().signed_in("alice").await;
    client.signed_in("alice").await;
    events.take();
    client.post("/logout-everywhere").await;
    let lines = events.take();
    assert!(find(&lines, "sign-ins revoked").contains("alice"));
}

async fn sec_73_a_rejected_secret_is_an_event(world: World) {
    let credential = world.client().signed_in("alice").await;
    let bad = [(credential.tampered(), "reused"), (credential.forged(), "unknown")];
    rejections_are_events(&world, bad).await;
}

async fn sec_73_a_rejected_token_is_an_event(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.signed_in("alice").await;
    let gone = world.client().signed_in("bob").await;
    world.client_with(&gone).post("/logout").await;
    let bad = [
        (new.tampered(), "bad signature"),
        (new.forged(), "bad signature"),
        (old, "rotated"),
        (gone, "unknown"),
    ];
    rejections_are_events(&world, bad).await;
}

async fn rejections_are_events<const N: usize>(world: &World, bad: [(Credential, &str); N]) {
    let events = EventCapture::start();
    for (bad, reason) in bad {
        assert_eq!(world.status_of(&bad).await, 401);
        let line = events.take().join("\n");
        assert!(line.contains("INFO") && line.contains("credential rejected"), "{line}");
        assert!(line.contains(&format!("reason={reason}")), "{line}");
    }
    world.client().get("/me").header("authorization", "Basic abc").await;
    assert!(find(&events.take(), "credential rejected").contains("reason=unrecognized"));
}

async fn sec_73_a_refused_request_is_an_event(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let events = EventCapture::start();
    for (path, message) in [
        ("/admin", "request refused: forbidden"),
        ("/reports", "request refused: insufficient scope"),
        ("/strong", "request refused: step-up"),
    ] {
        client.get(path).await;
        let lines = events.take();
        assert!(find(&lines, message).starts_with("INFO"), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("alice")), "the subject: {lines:#?}");
    }
    client.get("/me").await;
    assert!(events.take().iter().all(|line| !line.contains("refused")), "nothing was refused");
}

async fn sec_73_an_unavailable_store_is_an_event_with_its_cause(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.set_all(Fault::Fails);
    let events = EventCapture::start();
    world.status_of(&credential).await;
    let lines = events.take();
    let line = find(&lines, "request refused: unavailable");
    assert!(line.starts_with("ERROR") && line.contains("db-7.internal"), "{line}");
}

/// The event is also emitted if the application builds a response of the error itself.
async fn sec_73_a_sign_in_that_fails_is_an_event_with_its_cause(world: World) {
    world.store.set(Op::Create, Fault::Fails);
    let events = EventCapture::start();
    assert!(world.client().login("alice").await.is_unavailable());
    let text = events.take().join("\n");
    assert!(text.contains("ERROR") && text.contains("db-7.internal"), "{text}");
}

/// The next event after suppressed ones has their number.
async fn an_outage_is_logged_at_a_bounded_rate(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.set_all(Fault::Fails);
    let events = EventCapture::start();
    for _ in 0..50 {
        assert_eq!(world.status_of(&credential).await, 503);
        assert!(world.client().login("bob").await.is_unavailable());
    }
    let lines = events.take();
    for message in ["request refused: unavailable", "sign-ins are temporarily unavailable"] {
        let logged = lines.iter().filter(|line| line.contains(message)).count();
        assert_eq!(logged, 10, "{message}: {lines:#?}");
    }
    world.advance(std::time::Duration::from_secs(10));
    world.status_of(&credential).await;
    world.client().login("bob").await;
    let lines = events.take();
    for message in ["request refused: unavailable", "sign-ins are temporarily unavailable"] {
        assert!(find(&lines, message).contains("suppressed=40"), "{lines:#?}");
    }
}

async fn sec_73_the_end_of_a_sign_in_is_an_event(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.advance(std::time::Duration::from_secs(3600));
    let events = EventCapture::start();
    world.status_of(&credential).await;
    assert!(find(&events.take(), "sign-in expired").contains(&credential.sign_in().to_string()));
}

async fn sec_73_a_request_from_another_site_is_an_event(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let events = EventCapture::start();
    client.post("/cart?a=b").header("sec-fetch-site", "cross-site").await;
    let lines = events.take();
    let line = find(&lines, "cross-origin");
    assert!(line.starts_with("WARN") && line.ends_with(r#"path="/cart""#), "{line}");
    client.post("/cart").header("origin", "https://evil.example").await;
    let lines = events.take();
    let line = find(&lines, "cross-origin");
    assert!(line.contains(r#"origin="https://evil.example" path="/cart""#), "{line}");
}

async fn sec_73_a_sign_in_from_another_site_is_an_event(world: World) {
    let events = EventCapture::start();
    let form = world.client().post("/login").json(&Login::from("mallory"));
    let form = form.header("sec-fetch-site", "cross-site").header("origin", "https://evil.example");
    assert_eq!(form.await.status, 403);
    let lines = events.take();
    let line = find(&lines, "cross-origin");
    assert!(line.starts_with("WARN") && line.contains(r#""/login""#), "{line}");
    assert!(line.contains("https://evil.example"), "{line}");
}

async fn sec_86_forged_secrets_are_not_logged_as_reuse(world: World) {
    let credential = world.client().signed_in("alice").await;
    let events = EventCapture::start();
    let forger = world.client_with(&credential.forged());
    forger.get("/me").await;
    forger.post("/refresh").await;
    let text = events.take().join("\n");
    assert!(text.contains("unknown"), "{text}");
    for word in ["reuse", "rotated", "WARN", "ERROR"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

async fn sec_74_no_event_holds_a_secret(world: World) {
    let events = EventCapture::start();
    let client = world.client();
    client.post("/cart").body("apple").await;
    let mut secrets: Vec<Credential> = client.credential().into_iter().collect();
    secrets.push(client.signed_in(Login::from("alice").role("buyer")).await);
    client.post("/refresh").await;
    secrets.extend(client.credential());
    for path in ["/me", "/admin", "/devices", "/cart"] {
        client.get(path).await;
    }
    for secret in &secrets[..1] {
        world.status_of(secret).await;
        world.client_with(secret).post("/refresh").await;
    }
    secrets.push(secrets[0].tampered());
    world.status_of(secrets.last().unwrap()).await;
    world.store.set_all(Fault::Fails);
    for path in ["/cart", "/login", "/refresh", "/logout"] {
        client.post(path).json(&Login::from("alice")).await;
    }
    let lines = events.take();
    assert!(lines.len() > 8, "{lines:#?}");
    for line in &lines {
        for secret in &secrets {
            for part in secret.secrets() {
                assert!(!line.contains(part), "{line}");
            }
        }
    }
}

/// The stored claims have the form of an older version.
async fn sec_74_no_event_holds_a_stored_claim(world: World) {
    let credential = world.client().signed_in("alice").await;
    let other = encode(&[], &"alice@example.org").unwrap();
    world.store.update_subject("alice", &other).await.unwrap();
    let events = EventCapture::start();
    assert_eq!(world.status_of(&credential).await, 401);
    let lines = events.take();
    assert!(lines.iter().any(|line| line.contains("claims")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("example.org")), "{lines:#?}");
}
