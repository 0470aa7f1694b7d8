//! Whatever came with a request that signs in is dead afterwards.

use crate::app::Login;
use crate::harness::{Credential, World};

suite!(pair:
    sec_04_a_sign_in_ends_the_refresh_cookie_that_came_alone,
    sec_04_a_sign_in_ends_the_cookie_beside_the_token,
    sec_02_no_two_tokens_are_alike,
    claims_that_no_token_can_carry_sign_nobody_in,
    a_step_up_that_cannot_be_delivered_leaves_everything_as_it_was,
);

async fn sec_04_a_sign_in_ends_the_refresh_cookie_that_came_alone(world: World) {
    for subject in ["alice", "bob"] {
        let client = world.client();
        let old = client.signed_in("alice").await;
        let page = client.reloaded();
        let new = page.signed_in(subject).await;
        assert_eq!(world.status_of(&old).await, 401, "{subject}");
        assert_eq!(world.holder(&old).post("/refresh").await.status, 401);
        assert_eq!(world.status_of(&new).await, 200);
        page.post("/logout").await;
        assert_eq!(world.kept().await, 0);
    }
}

async fn sec_04_a_sign_in_ends_the_cookie_beside_the_token(world: World) {
    let first = world.client().signed_in("alice").await;
    let second = world.client().signed_in("bob").await;
    let refresh = second.refresh().unwrap().to_owned();
    let mixed = Credential::Pair { access: first.text().to_owned(), refresh };

    let new = world.holder(&mixed).signed_in("alice").await;

    assert_eq!(world.status_of(&first).await, 401);
    assert_eq!(world.status_of(&second).await, 401);
    assert_eq!(world.holder(&second).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&new).await, 200);
    assert_eq!(world.kept().await, 1);
}

async fn sec_02_no_two_tokens_are_alike(world: World) {
    let client = world.client();
    let mut tokens = vec![client.signed_in("alice").await.text().to_owned()];
    for _ in 0..3 {
        tokens.push(client.refreshed().await.text().to_owned());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "also within one second");
}

/// A token of over 8 KiB is read by nobody.
async fn claims_that_no_token_can_carry_sign_nobody_in(world: World) {
    let client = world.client();
    let reply = client.login(Login::from("alice").role(&"x".repeat(8192))).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (413, 0), "{reply:?}");
    assert_eq!(client.credential(), None);
    assert_eq!(world.kept().await, 0);
}

/// Also where the refresh cookie alone says whose sign-in would go on.
async fn a_step_up_that_cannot_be_delivered_leaves_everything_as_it_was(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;
    client.post("/cart").body("apple").await;
    for page in [&client, &client.reloaded()] {
        let reply = page.login(Login::from("alice").role(&"x".repeat(8192))).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (413, 0), "{reply:?}");
        assert_eq!(world.status_of(&old).await, 200);
    }
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(client.post("/refresh").await.status, 200);
}
