//! Requests that are in progress while the sign-in changes.

use std::future::IntoFuture;

use crate::harness::{Call, Client, Fault, Op, Reply, World};

suite!(every:
    sec_77_a_slow_request_does_not_undo_a_sign_out,
    sec_77_a_slow_request_does_not_undo_a_sign_out_everywhere,
    sec_78_a_slow_request_does_not_remove_the_new_credential,
    sec_78_a_late_request_does_not_replace_the_new_credential,
    two_slow_requests_keep_both_additions,
    sec_77_a_sign_out_between_reading_and_writing_is_not_undone,
    sec_77_a_refresh_does_not_undo_a_sign_out,
    a_sign_in_during_a_sign_out_on_another_node_starts_a_new_sign_in,
);

suite!(cookie:
    sec_78_a_late_request_of_a_visitor_does_not_replace_the_new_credential,
    a_long_rotated_cookie_does_not_lock_its_visitor_out,
);

suite!(visitors:
    a_slow_request_of_a_visitor_who_signs_in_fails_visibly,
    data_stored_on_another_node_during_the_sign_in_is_kept,
);

/// Starts a request that waits in its handler.
async fn slow_add(world: &World, client: &Client, item: &'static str) -> SlowAdd {
    let call = client.post("/slow-cart").body(item);
    let sent = tokio::spawn(async move { call.await });
    world.gate.reached().await;
    SlowAdd(sent)
}

struct SlowAdd(tokio::task::JoinHandle<Reply>);

impl SlowAdd {
    /// Lets the request continue, and returns its response.
    async fn finish(self, world: &World) -> Reply {
        world.gate.open();
        self.0.await.unwrap()
    }
}

async fn sec_77_a_slow_request_does_not_undo_a_sign_out(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let slow = slow_add(&world, &client, "apple").await;

    assert_eq!(client.post("/logout").await.status, 204);
    let late = slow.finish(&world).await;

    assert_eq!(late.status, 401, "its data was not stored");
    assert!(late.set_cookies().is_empty());
    assert_eq!(world.sign_in_count().await, 0);
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
    assert_eq!(world.sign_in_count().await, 0);
    assert_eq!(world.status_of(&credential).await, 401);
}

/// The slow request began with the old secret, which was valid at that time.
async fn sec_78_a_slow_request_does_not_remove_the_new_credential(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let slow = slow_add(&world, &client, "apple").await;

    let new = client.signed_in("alice").await;
    let late = slow.finish(&world).await;

    assert!(late.set_cookies().is_empty(), "{late:?}");
    assert_eq!(client.credential(), Some(new));
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#, "the same sign-in continues");
}

/// Another tab sent the request just before the rotation, and it arrives after it.
async fn sec_78_a_late_request_does_not_replace_the_new_credential(world: World) {
    let (browser, old) = world.sign_in("alice").await;
    browser.signed_in("alice").await;

    let late = world.client_with(&old).post("/cart").body("apple").await;

    assert!(late.set_cookies().is_empty(), "the browser would lose its new cookie: {late:?}");
    assert_eq!(browser.get("/me").await.status, 200);
}

async fn sec_78_a_late_request_of_a_visitor_does_not_replace_the_new_credential(world: World) {
    let browser = world.client();
    browser.post("/cart").body("apple").await;
    let visitors = browser.credential().unwrap();
    browser.signed_in("alice").await;

    let late = world.client_with(&visitors).post("/cart").body("pear").await;

    assert!(late.set_cookies().is_empty(), "the browser would lose its new cookie: {late:?}");
}

/// The response with the new cookie was lost. A minute later, a request with the old cookie is not
/// late any more.
async fn a_long_rotated_cookie_does_not_lock_its_visitor_out(world: World) {
    let (browser, old) = world.sign_in("alice").await;
    browser.signed_in("alice").await;

    let late = world.client_with(&old).post("/cart").body("apple").await;
    assert_eq!(late.status, 401);
    world.advance(std::time::Duration::from_secs(61));
    let visitor = world.client_with(&old).post("/cart").body("apple").await;
    assert_eq!((visitor.status.as_u16(), visitor.set_cookies().len()), (200, 1));
}

/// The visitor's record ends at the sign-in. The request fails, so the client can repeat it.
async fn a_slow_request_of_a_visitor_who_signs_in_fails_visibly(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    let slow = slow_add(&world, &client, "pear").await;

    client.signed_in("alice").await;
    let late = slow.finish(&world).await;

    assert!(late.is_unavailable(), "{late:?}");
    client.post("/cart").body("pear").await;
    assert_eq!(client.get("/cart").await.text(), r#"["apple","pear"]"#);
}

async fn two_slow_requests_keep_both_additions(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let first = slow_add(&world, &client, "apple").await;
    let second = slow_add(&world, &client, "pear").await;

    world.gate.open(); // the other one follows, in either order
    assert_eq!(second.finish(&world).await.status, 200);
    assert_eq!(first.0.await.unwrap().status, 200);

    let mut items: Vec<String> = client.get("/cart").await.json();
    items.sort();
    assert_eq!(items, ["apple", "pear"]);
}

/// Sends a request and holds it when it calls this operation of the store.
pub(crate) async fn held_at(world: &World, op: Op, call: Call) -> tokio::task::JoinHandle<Reply> {
    world.store.reset_calls();
    world.store.set(op, Fault::Hangs);
    let sent = tokio::spawn(call.into_future());
    world.store.reached(op, 1).await;
    sent
}

async fn sec_77_a_sign_out_between_reading_and_writing_is_not_undone(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let held = held_at(&world, Op::Update, client.post("/cart").body("apple")).await;

    assert_eq!(client.post("/logout").await.status, 204);
    world.store.clear_faults();

    assert_eq!(held.await.unwrap().status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_77_a_refresh_does_not_undo_a_sign_out(world: World) {
    let (here, elsewhere) = (world.client(), world.client());
    here.signed_in("alice").await;
    elsewhere.signed_in("alice").await;
    sign_out_undoes(&world, here.post("/refresh"), &elsewhere).await;
}

/// Signs the user out everywhere while the call replaces the secret, which is then refused.
pub(crate) async fn sign_out_undoes(world: &World, call: Call, elsewhere: &Client) {
    let held = held_at(world, Op::Rotate, call).await;

    assert_eq!(elsewhere.post("/logout-everywhere").await.text(), "2");
    world.store.clear_faults();

    let late = held.await.unwrap();
    assert_eq!((late.status.as_u16(), late.set_cookies().len()), (401, 0));
    assert_eq!(world.sign_in_count().await, 0);
}

async fn a_sign_in_during_a_sign_out_on_another_node_starts_a_new_sign_in(world: World) {
    let (here, elsewhere) = (world.client(), world.client());
    let old = here.signed_in("alice").await;
    elsewhere.signed_in("alice").await;
    here.post("/cart").body("apple").await;
    let login = crate::app::Login::from("alice").via(world.transport());
    let held = held_at(&world, Op::Rotate, here.post("/login").json(&login)).await;

    assert_eq!(elsewhere.post("/logout-others").await.text(), "1");
    world.store.clear_faults();

    assert!(held.await.unwrap().status.is_success());
    assert_ne!(here.credential().unwrap().sign_in(), old.sign_in(), "the old sign-in has ended");
    assert_eq!(here.get("/cart").await.text(), "[]");
    assert_eq!(world.status_of(&old).await, 401);
}

async fn data_stored_on_another_node_during_the_sign_in_is_kept(world: World) {
    let node = world.with(|_| {}).await;
    let client = world.client();
    client.post("/cart").body("apple").await;
    let visitor = node.client_with(&client.credential().unwrap());
    let login = crate::app::Login::from("alice").via(world.transport());
    let held = held_at(&world, Op::DeleteIfVersion, client.post("/login").json(&login)).await;

    assert_eq!(visitor.post("/cart").body("pear").await.status, 200);
    world.store.clear_faults();

    assert!(held.await.unwrap().status.is_success());
    assert_eq!(client.get("/cart").await.text(), r#"["apple","pear"]"#);
    assert_eq!(world.sign_in_count().await, 1);
}
