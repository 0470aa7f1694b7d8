//! Requests that are still under way when the sign-in changes.

use crate::harness::{Client, Reply, World};

suite!(every:
    sec_77_a_slow_request_does_not_undo_a_sign_out,
    sec_77_a_slow_request_does_not_undo_a_sign_out_everywhere,
    sec_78_a_slow_request_does_not_remove_the_new_credential,
    sec_78_a_late_request_does_not_replace_the_new_credential,
    two_slow_requests_keep_what_both_added,
);

suite!(cookie: sec_78_a_late_request_of_the_visitor_does_not_replace_the_new_credential);

suite!(visitors: a_slow_request_of_a_visitor_who_signs_in_is_not_lost_in_silence);

/// Starts a request that waits in its handler.
async fn slow_add(world: &World, client: &Client, item: &'static str) -> SlowAdd {
    let call = client.post("/slow-cart").body(item);
    let sent = tokio::spawn(async move { call.await });
    world.gate.reached().await;
    SlowAdd(sent)
}

struct SlowAdd(tokio::task::JoinHandle<Reply>);

impl SlowAdd {
    /// Lets it go on, and waits for its response.
    async fn finish(self, world: &World) -> Reply {
        world.gate.open();
        self.0.await.unwrap()
    }
}

async fn sec_77_a_slow_request_does_not_undo_a_sign_out(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    let slow = slow_add(&world, &client, "apple").await;

    assert_eq!(client.post("/logout").await.status, 204);
    let late = slow.finish(&world).await;

    assert_eq!(late.status, 401, "what it stored is not there");
    assert!(late.set_cookies().is_empty());
    assert_eq!(world.kept().await, 0);
    assert_eq!(world.status_of(&credential).await, 401);
}

async fn sec_77_a_slow_request_does_not_undo_a_sign_out_everywhere(world: World) {
    let (here, elsewhere) = (world.client(), world.client());
    here.signed_in("alice").await;
    let credential = elsewhere.signed_in("alice").await;
    let slow = slow_add(&world, &elsewhere, "apple").await;

    here.post("/logout-everywhere").await;
    let late = slow.finish(&world).await;

    assert_eq!(late.status, 401);
    assert_eq!(world.kept().await, 0);
    assert_eq!(world.status_of(&credential).await, 401);
}

/// The slow request began with the secret from before; it was good then.
async fn sec_78_a_slow_request_does_not_remove_the_new_credential(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let slow = slow_add(&world, &client, "apple").await;

    let new = client.signed_in("alice").await;
    let late = slow.finish(&world).await;

    assert!(late.set_cookies().is_empty(), "{late:?}");
    assert_eq!(client.credential(), Some(new));
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#, "the same sign-in goes on");
}

/// A request that another tab sent just before the secret changed, and that arrives after.
async fn sec_78_a_late_request_does_not_replace_the_new_credential(world: World) {
    let browser = world.client();
    let old = browser.signed_in("alice").await;
    browser.signed_in("alice").await;

    let late = world.holder(&old).post("/cart").body("apple").await;

    assert!(late.set_cookies().is_empty(), "the browser would lose its new cookie: {late:?}");
    assert_eq!(browser.get("/me").await.status, 200);
}

async fn sec_78_a_late_request_of_the_visitor_does_not_replace_the_new_credential(world: World) {
    let browser = world.client();
    browser.post("/cart").body("apple").await;
    let visitors = browser.credential().unwrap();
    browser.signed_in("alice").await;

    let late = world.holder(&visitors).post("/cart").body("pear").await;

    assert!(late.set_cookies().is_empty(), "the browser would lose its new cookie: {late:?}");
}

/// The visitor's record ends when the visitor signs in. The client hears of it and tries again.
async fn a_slow_request_of_a_visitor_who_signs_in_is_not_lost_in_silence(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    let slow = slow_add(&world, &client, "pear").await;

    client.signed_in("alice").await;
    let late = slow.finish(&world).await;

    assert!(late.is_unavailable(), "{late:?}");
    client.post("/cart").body("pear").await;
    assert_eq!(client.get("/cart").await.text(), r#"["apple","pear"]"#);
}

async fn two_slow_requests_keep_what_both_added(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let first = slow_add(&world, &client, "apple").await;
    let second = slow_add(&world, &client, "pear").await;

    world.gate.open(); // whichever of them goes on first, the other follows
    assert_eq!(second.finish(&world).await.status, 200);
    assert_eq!(first.0.await.unwrap().status, 200);

    let mut items: Vec<String> = client.get("/cart").await.json();
    items.sort();
    assert_eq!(items, ["apple", "pear"]);
}
