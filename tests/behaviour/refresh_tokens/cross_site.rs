//! Requests that another site makes the browser send, with a refresh token in a cookie.

use auth_core::Transport;
use serde_json::Value;

use crate::app::{Login, Refresh};
use crate::harness::{Call, Client, World};

suite!(pair:
    sec_82_another_site_cannot_sign_a_browser_in_by_token,
    sec_82_another_site_can_neither_renew_nor_end,
    sec_82_another_site_cannot_remove_a_cookie,
    sec_82_another_site_cannot_use_a_cookie_sent_with_a_token,
    sec_82_a_trusted_origin_is_allowed,
    explicit_tokens_are_accepted_from_any_origin,
);

const EVIL: &str = "https://evil.example";

type Header = (&'static str, &'static str);

const ELSEWHERE: [Header; 3] =
    [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", EVIL)];

fn from(call: Call, (name, value): Header) -> Call {
    call.header(name, value)
}

async fn sec_82_another_site_cannot_sign_a_browser_in_by_token(world: World) {
    for header in ELSEWHERE {
        let victim = world.client();
        let login = Login::from("mallory").via(Transport::Explicit);
        let reply = from(victim.post("/login").json(&login), header).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0));
        assert!(reply.body.is_empty() || !reply.text().contains("access_token"), "{reply:?}");
    }
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_82_another_site_can_neither_renew_nor_end(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let login = Login::from("mallory").via(Transport::Explicit);
    let in_body = login.clone().refresh_in_body();
    let page = client.reloaded();
    for header in ELSEWHERE {
        let calls = [
            page.post("/refresh"),
            page.post("/logout"),
            page.post("/login").json(&login),
            page.post("/login").json(&in_body),
            client.post("/refresh"),
            client.post("/login").json(&login),
            client.post("/login").json(&in_body),
            world.client().post("/logout"),
        ];
        for call in calls {
            let reply = from(call, header).await;
            assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0));
        }
    }
    assert_eq!(client.credential(), Some(credential.clone()));
    assert_eq!(world.status_of(&credential).await, 200);
    client.refreshed().await;
}

/// The other site sends its own token in the body, and the victim's browser attaches the cookie.
async fn sec_82_another_site_cannot_remove_a_cookie(world: World) {
    let (victim, _) = world.sign_in("alice").await;
    let mallory = world.client().login(Login::from("mallory").refresh_in_body()).await;
    let token = mallory.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();
    for header in ELSEWHERE {
        let page = victim.reloaded();
        let reply = from(page.post("/refresh").json(&Refresh::token(&token)), header).await;
        assert_eq!(reply.set_cookies(), [""; 0], "{reply:?}");
    }
}

async fn sec_82_another_site_cannot_use_a_cookie_sent_with_a_token(world: World) {
    for path in ["/logout", "/logout-everywhere"] {
        for header in ELSEWHERE {
            let (client, _) = world.sign_in("alice").await;
            let reply = from(client.post(path), header).await;
            assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0), "{path}");
        }
    }
}

async fn sec_82_a_trusted_origin_is_allowed(world: World) {
    let world = world.with(|setup| setup.trusted_origin = Some("https://app.example")).await;
    let client = world.client();
    let login = Login::from("alice").via(Transport::Explicit);
    let app = ("origin", "https://app.example");
    assert_eq!(from(client.post("/login").json(&login), ("origin", EVIL)).await.status, 403);
    assert_eq!(from(client.post("/login").json(&login), app).await.status, 200);
    for page in [&client, &client.reloaded()] {
        assert_eq!(from(page.post("/refresh"), ("origin", EVIL)).await.status, 403);
        assert_eq!(from(page.post("/refresh"), app).await.status, 200);
    }
    assert_eq!(from(client.post("/logout"), app).await.status, 204);
}

/// No cookie is read or set, and a browser does not attach a token by itself.
async fn explicit_tokens_are_accepted_from_any_origin(world: World) {
    let client: Client = world.client();
    for header in ELSEWHERE {
        let login = Login::from("alice").via(Transport::Explicit).refresh_in_body();
        let reply = from(client.post("/login").json(&login), header).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let token = reply.json::<Value>()["refresh_token"].as_str().unwrap().to_owned();
        assert_eq!(from(client.post("/cart").body("apple"), header).await.status, 200);
        let refresh = client.post("/refresh").json(&Refresh::token(&token));
        assert_eq!(from(refresh, header).await.status, 200);
        assert_eq!(from(client.post("/logout-others"), header).await.status, 200);
        assert_eq!(from(client.post("/logout"), header).await.status, 204);
        assert_eq!(client.get("/me").await.status, 401);
    }

    let (_, credential) = world.sign_in("alice").await;
    for header in ELSEWHERE {
        let app = world.client_with(&credential.access_alone());
        assert_eq!(from(app.post("/cart").body("apple"), header).await.status, 200);
    }
}
