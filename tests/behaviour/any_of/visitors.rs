//! Visitors, if one backend stores their data and another does not.

use super::combinations::{ALIKE, cookie_first, token_first, two_cookies, world};
use crate::app::{Login, Refresh};
use crate::harness::Credential;

behaviours! {
    a_visitor_has_a_cart_in_any_order_of_backends,
    an_old_cookie_does_not_prevent_refreshing_a_token_in_the_body,
    an_old_cookie_does_not_prevent_another_backend_from_refreshing,
}

async fn a_visitor_has_a_cart_in_any_order_of_backends() {
    for build in [cookie_first, token_first].into_iter().chain(ALIKE) {
        let world = world(build).await;
        let client = world.client();
        assert_eq!(client.post("/cart").body("apple").await.status, 200);
        assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    }
}

/// For a browser with an old cookie and a valid refresh token, the backend that can renew is used.
async fn an_old_cookie_does_not_prevent_refreshing_a_token_in_the_body() {
    for build in [cookie_first, token_first] {
        let world = world(build).await;
        let app = world.client();
        app.post("/login").json(&Login::from("alice").via(auth_core::Transport::Explicit)).await;
        let Some(Credential::Token(token)) = app.credential() else { panic!("no token") };
        let stale = Credential::Cookie("A".repeat(86));
        let reply = world.client_with(&stale).post("/refresh").json(&Refresh::token(&token)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

async fn an_old_cookie_does_not_prevent_another_backend_from_refreshing() {
    let world = world(two_cookies).await;
    let staff = world.client().signed_in("alice").await; // either cookie could carry the secret
    let cookies = format!("__Host-session={}; __Host-staff={}", "A".repeat(86), staff.secret());
    let reply = world.client().post("/refresh").header("cookie", &cookies).await;
    assert!(reply.status.is_success(), "{reply:?}");
}
