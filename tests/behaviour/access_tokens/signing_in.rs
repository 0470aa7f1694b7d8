//! A sign-in ends every credential that came with its request.

use crate::app::Login;
use crate::harness::{Credential, World};

suite!(pair:
    sec_04_a_sign_in_ends_a_refresh_cookie_sent_alone,
    sec_04_a_sign_in_ends_the_cookie_sent_with_the_token,
    sec_02_no_two_tokens_are_equal,
    claims_too_large_for_a_token_fail_the_sign_in,
    a_step_up_that_cannot_be_delivered_changes_nothing,
);

async fn sec_04_a_sign_in_ends_a_refresh_cookie_sent_alone(world: World) {
    for subject in ["alice", "bob"] {
        let (client, old) = world.sign_in("alice").await;
        let page = client.reloaded();
        let new = page.signed_in(subject).await;
        assert_eq!(world.status_of(&old).await, 401, "{subject}");
        assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);
        assert_eq!(world.status_of(&new).await, 200);
        page.post("/logout").await;
        assert_eq!(world.sign_in_count().await, 0);
    }
}

async fn sec_04_a_sign_in_ends_the_cookie_sent_with_the_token(world: World) {
    let first = world.client().signed_in("alice").await;
    let second = world.client().signed_in("bob").await;
    let refresh = second.refresh().unwrap().to_owned();
    let mixed = Credential::Pair { access: first.text().to_owned(), refresh };

    let new = world.client_with(&mixed).signed_in("alice").await;

    assert_eq!(world.statuses([&first, &second]).await, [401, 401]);
    assert_eq!(world.client_with(&second).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&new).await, 200);
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_02_no_two_tokens_are_equal(world: World) {
    let client = world.client();
    let mut tokens = vec![client.signed_in("alice").await.text().to_owned()];
    for _ in 0..3 {
        tokens.push(client.refreshed().await.text().to_owned());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "also within the same second");
}

/// Verifiers do not read tokens of more than 8 KiB.
async fn claims_too_large_for_a_token_fail_the_sign_in(world: World) {
    let client = world.client();
    let reply = client.login(Login::from("alice").role(&"x".repeat(8192))).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (413, 0), "{reply:?}");
    assert_eq!(client.credential(), None);
    assert_eq!(world.sign_in_count().await, 0);
}

/// This includes a request in which only the refresh cookie names the sign-in.
async fn a_step_up_that_cannot_be_delivered_changes_nothing(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.post("/cart").body("apple").await;
    for page in [&client, &client.reloaded()] {
        let reply = page.login(Login::from("alice").role(&"x".repeat(8192))).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (413, 0), "{reply:?}");
        assert_eq!(world.status_of(&old).await, 200);
    }
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(client.post("/refresh").await.status, 200);
}
