//! Visitors, where one backend keeps their data and another does not.

use super::mixes::{ALIKE, cookie_first, token_first, two_cookies, world};
use crate::app::{Login, Refresh};
use crate::harness::Credential;

#[tokio::test]
async fn a_visitor_has_a_cart_whichever_backend_comes_first() {
    for build in [cookie_first, token_first].into_iter().chain(ALIKE) {
        let world = world(build).await;
        let client = world.client();
        assert_eq!(client.post("/cart").body("apple").await.status, 200);
        assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    }
}

/// A browser with an old cookie and a good refresh token asks the backend that can renew.
#[tokio::test]
async fn an_old_cookie_does_not_keep_a_token_in_the_body_from_being_refreshed() {
    for build in [cookie_first, token_first] {
        let world = world(build).await;
        let app = world.client();
        app.post("/login").json(&Login::from("alice").via(auth_core::Transport::Explicit)).await;
        let Some(Credential::Token(token)) = app.credential() else { panic!("no token") };
        let stale = Credential::Cookie("A".repeat(86));
        let reply = world.holder(&stale).post("/refresh").json(&Refresh::token(&token)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn an_old_cookie_does_not_keep_another_backend_from_refreshing_its_own() {
    let world = world(two_cookies).await;
    let staff = world.client().signed_in("alice").await; // the secret is good in either cookie
    let cookies = format!("__Host-session={}; __Host-staff={}", "A".repeat(86), staff.secret());
    let reply = world.client().post("/refresh").header("cookie", &cookies).await;
    assert!(reply.status.is_success(), "{reply:?}");
}
