//! Credentials in the wrong place, or more than one of them.

use crate::app::Login;
use crate::harness::{Client, Credential, World};

suite!(every:
    sec_34_two_authorization_headers_are_rejected,
    sec_87_an_unrecognized_authorization_header_is_rejected,
    sec_87_a_client_with_a_bad_authorization_header_can_sign_in,
    sec_43_a_credential_in_the_url_is_ignored,
    sec_47_an_identity_in_request_headers_is_ignored,
);

suite!(cookie:
    sec_34_two_session_cookies_are_rejected,
    sec_87_a_good_cookie_does_not_make_up_for_a_bad_header,
    sec_32_a_cookie_of_a_similar_name_is_ignored,
);

async fn sec_34_two_authorization_headers_are_rejected(world: World) {
    let credential = world.client().signed_in("alice").await;
    let bearer = format!("Bearer {}", credential.text());
    for path in ["/me", "/maybe", "/admin", "/cart"] {
        let call = world.client().get(path);
        let reply = call.header("authorization", &bearer).header("authorization", &bearer);
        assert_eq!(reply.await.status, 401, "{path}");
    }
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_34_two_session_cookies_are_rejected(world: World) {
    let credential = world.client().signed_in("alice").await;
    let Credential::Cookie(good) = &credential else { panic!("{credential:?}") };
    let name = "__Host-session";
    for cookies in [
        format!("{name}={good}; {name}={good}"),
        format!("{name}={good}; a=b; {name}=planted"),
        format!("{name}=; {name}={good}"),
    ] {
        assert_eq!(world.client().get("/me").header("cookie", &cookies).await.status, 401);
    }
    let lines = world.client().get("/me").header("cookie", &format!("{name}={good}"));
    assert_eq!(lines.header("cookie", &format!("{name}={good}")).await.status, 401);
    let others = format!("a=b; {name}={good}; c=d");
    assert_eq!(world.client().get("/me").header("cookie", &others).await.status, 200);
}

const UNKNOWN: [&str; 7] = [
    "Basic YWxpY2U6cGFzc3dvcmQ=",
    "Bearer",
    "Bearer ",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
    "Bearer nonsense",
    "Negotiate abc",
    "",
];

async fn sec_87_an_unrecognized_authorization_header_is_rejected(world: World) {
    for value in UNKNOWN {
        for path in ["/me", "/maybe", "/admin", "/reports", "/step-up", "/cart"] {
            let reply = world.client().get(path).header("authorization", value).await;
            assert_eq!(reply.status, 401, "{value:?} at {path}");
            assert!(reply.headers.contains_key("www-authenticate"), "{value:?} at {path}");
        }
    }
}

async fn sec_87_a_client_with_a_bad_authorization_header_can_sign_in(world: World) {
    let stale = world.client().signed_in("alice").await.tampered();
    for value in ["Bearer nonsense", &format!("Bearer {}", stale.text())] {
        let client = world.client();
        assert_eq!(client.get("/who").header("authorization", value).await.text(), "rejected");
        let login = Login::from("alice").via(world.transport());
        let reply = client.post("/login").json(&login).header("authorization", value).await;
        assert!(reply.status.is_success(), "{reply:?}");
        assert_eq!(client.get("/me").await.status, 200);
    }
}

async fn sec_87_a_good_cookie_does_not_make_up_for_a_bad_header(world: World) {
    let (client, _) = world.sign_in("alice").await;
    for path in ["/me", "/maybe"] {
        let reply = client.get(path).header("authorization", "Bearer nonsense").await;
        assert_eq!(reply.status, 401, "{path}");
    }
    assert_eq!(client.get("/who").header("authorization", "Basic abc").await.text(), "rejected");
}

async fn sec_43_a_credential_in_the_url_is_ignored(world: World) {
    let credential = world.client().signed_in("alice").await;
    let text = credential.text();
    for name in ["access_token", "token", "__Host-session", "session", "sid"] {
        let client: Client = world.client();
        assert_eq!(client.get(&format!("/me?{name}={text}")).await.status, 401, "{name}");
        assert_eq!(
            client.get(&format!("/maybe?{name}={text}")).await.text(),
            "anonymous",
            "{name}"
        );
    }
}

async fn sec_47_an_identity_in_request_headers_is_ignored(world: World) {
    world.client().signed_in(Login::from("alice").role("admin")).await;
    let headers = [
        ("x-user-id", "alice"),
        ("x-forwarded-user", "alice"),
        ("remote-user", "alice"),
        ("x-auth-request-user", "alice"),
        ("x-roles", "admin"),
    ];
    let with_all = |path| {
        headers
            .iter()
            .fold(world.client().get(path), |call, (name, value)| call.header(name, value))
    };
    assert_eq!(with_all("/me").await.status, 401);
    assert_eq!(with_all("/admin").await.status, 401);
    assert_eq!(with_all("/maybe").await.text(), "anonymous");
}

async fn sec_32_a_cookie_of_a_similar_name_is_ignored(world: World) {
    let credential = world.client().signed_in("alice").await;
    let Credential::Cookie(good) = &credential else { panic!("{credential:?}") };
    for name in
        ["session", "__host-session", "__HOST-SESSION", "=__Host-session", "x__Host-session"]
    {
        let cookie = format!("{name}={good}");
        assert_eq!(world.client().get("/me").header("cookie", &cookie).await.status, 401, "{name}");
    }
}
