//! Credentials in the wrong place, or more than one of them.

use crate::app::Login;
use crate::harness::{Client, Credential, SESSION, World};

suite!(every:
    sec_34_two_authorization_headers_are_rejected,
    sec_87_an_unrecognized_authorization_header_is_rejected,
    sec_87_a_client_with_a_bad_authorization_header_can_sign_in,
    an_empty_authorization_header_is_absent,
    sec_43_a_credential_in_the_url_is_ignored,
    sec_47_an_identity_in_request_headers_is_ignored,
);

suite!(explicit: a_token_counts_beside_an_ignored_scheme);

suite!(cookie:
    sec_34_two_different_session_cookies_are_rejected,
    an_identical_cookie_sent_twice_is_accepted,
    a_cookie_in_the_form_of_old_clients_is_accepted,
    sec_34_a_quote_in_a_cookie_hides_no_other_cookie,
    sec_87_only_a_scheme_ignored_by_name_is_absent_beside_a_cookie,
    a_good_cookie_counts_beside_an_empty_authorization_header,
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

async fn sec_34_two_different_session_cookies_are_rejected(world: World) {
    let credential = world.client().signed_in("alice").await;
    let Credential::Cookie(good) = &credential else { panic!("{credential:?}") };
    let name = "__Host-session";
    for cookies in [
        format!("{name}={good}; a=b; {name}=planted"),
        format!("{name}=planted; {name}={good}"),
        format!("{name}={good}; {name}=\"{good}"),
        format!("{name}={good}; {name}={good}; {name}=planted"),
        format!("{name}=; {name}={good}"),
    ] {
        assert_eq!(world.client().get("/me").header("cookie", &cookies).await.status, 401);
    }
    let lines = world.client().get("/me").header("cookie", &format!("{name}={good}"));
    assert_eq!(lines.header("cookie", &format!("{name}=planted")).await.status, 401);
    let others = format!("a=b; {name}={good}; c=d");
    assert_eq!(world.client().get("/me").header("cookie", &others).await.status, 200);
}

/// Some clients send every cookie twice, in one header or in two.
async fn an_identical_cookie_sent_twice_is_accepted(world: World) {
    let credential = world.client().signed_in("alice").await;
    let cookie = format!("{SESSION}={}", credential.text());
    let twice = world.client().get("/me").header("cookie", &format!("{cookie}; a=b; {cookie}"));
    assert_eq!(twice.await.status, 200);
    let lines = world.client().get("/me").header("cookie", &cookie).header("cookie", &cookie);
    assert_eq!(lines.await.status, 200);
}

/// Java's `HttpURLConnection` sends a cookie with `Max-Age` in the form of RFC 2965.
async fn a_cookie_in_the_form_of_old_clients_is_accepted(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let good = credential.text();
    for cookie in [
        format!("$Version=\"1\"; {SESSION}=\"{good}\";$Path=\"/\""),
        format!("$Version=1; a=\"b\"; $Path=\"/\"; {SESSION}=\"{good}\"; $Path=\"/\""),
        format!("{SESSION}=\"{good}\""),
        format!("{SESSION}={good}; {SESSION}=\"{good}\""),
    ] {
        assert_eq!(
            world.client().get("/me").header("cookie", &cookie).await.status,
            200,
            "{cookie}"
        );
        let logout = world.client().post("/refresh").header("cookie", &cookie);
        assert_eq!(logout.header("sec-fetch-site", "cross-site").await.status, 403, "{cookie}");
    }
    for cookie in [
        format!("{SESSION}=\"{good}"),
        format!("{SESSION}={good}\""),
        format!("{SESSION}='{good}'"),
        format!("{SESSION}=\"\"{good}\"\""),
        format!("$Version=\"1\", {SESSION}=\"{good}\""),
    ] {
        assert_eq!(
            world.client().get("/me").header("cookie", &cookie).await.status,
            401,
            "{cookie}"
        );
    }
    let out = world.client().post("/logout").header("cookie", &format!("{SESSION}=\"{good}\""));
    assert_eq!(out.await.status, 204);
    assert_eq!(world.status_of(&credential).await, 401);
}

/// A reader that let a quoted value reach over semicolons would take one cookie for part of another.
async fn sec_34_a_quote_in_a_cookie_hides_no_other_cookie(world: World) {
    let credential = world.client().signed_in("alice").await;
    let good = credential.text();
    let ask = async |cookies: String| {
        world.client().get("/me").header("cookie", &cookies).await.status.as_u16()
    };
    assert_eq!(ask(format!("a=\"b; {SESSION}={good}; c=d\"")).await, 200);
    assert_eq!(ask(format!("{SESSION}=\"x; {SESSION}={good}; c=d\"")).await, 401);
}

const BASIC: &str = "Basic c3RhZ2luZzpwYXNzd29yZA==";

/// The password of a proxy in front of a staging server reaches the application.
async fn sec_87_only_a_scheme_ignored_by_name_is_absent_beside_a_cookie(world: World) {
    let (client, _) = world.sign_in("alice").await;
    assert_eq!(client.get("/me").header("authorization", BASIC).await.status, 401, "by default");

    let staging = world.with(|setup| setup.ignored_scheme = Some("basic")).await;
    let client = client.at(staging.port());
    for value in [BASIC, "Basic", "BASIC abc"] {
        for path in ["/me", "/maybe", "/revalidated", "/devices"] {
            let reply = client.get(path).header("authorization", value).await;
            assert_eq!(reply.status, 200, "{value} at {path}");
        }
    }
    for value in ["Bearer nonsense", "Negotiate abc", "Basics abc"] {
        assert_eq!(client.get("/me").header("authorization", value).await.status, 401, "{value}");
        let both = client.get("/me").header("authorization", BASIC).header("authorization", value);
        assert_eq!(both.await.status, 401, "{value}");
    }
    let form = || client.post("/cart").header("authorization", BASIC).body("apple");
    assert_eq!(form().header("sec-fetch-site", "cross-site").await.status, 403, "a cookie decides");
    assert_eq!(form().await.status, 200);
    assert_eq!(client.post("/refresh").header("authorization", BASIC).await.status, 204);
    assert_eq!(client.get("/me").header("authorization", BASIC).await.status, 200);
    assert_eq!(client.post("/logout").header("authorization", BASIC).await.status, 204);
    assert_eq!(staging.sign_in_count().await, 0);
    let anonymous = staging.client().get("/maybe").header("authorization", BASIC);
    assert_eq!(anonymous.await.text(), "anonymous");
}

async fn a_token_counts_beside_an_ignored_scheme(world: World) {
    let world = world.with(|setup| setup.ignored_scheme = Some("Basic")).await;
    let credential = world.client().signed_in("alice").await;
    let bearer = format!("Bearer {}", credential.text());
    let ask = |path: &str| world.client().get(path).header("authorization", BASIC);
    for path in ["/me", "/revalidated"] {
        assert_eq!(ask(path).header("authorization", &bearer).await.status, 200, "{path}");
    }
    assert_eq!(ask("/me").await.status, 401);
    let out = world.client().post("/logout").header("authorization", &bearer);
    assert_eq!(out.header("authorization", BASIC).await.status, 204);
    assert_eq!(world.status_of(&credential).await, 401);
}

const EMPTY: [&str; 3] = ["", " ", "\t "];

async fn an_empty_authorization_header_is_absent(world: World) {
    let credential = world.client().signed_in("alice").await;
    for value in EMPTY {
        let ask = |path: &str| world.client().get(path).header("authorization", value);
        assert_eq!(ask("/maybe").await.text(), "anonymous", "{value:?}");
        assert_eq!(ask("/who").await.text(), "anonymous", "{value:?}");
        if world.transport() == auth_core::Transport::Explicit {
            let bearer = format!("Bearer {}", credential.text());
            assert_eq!(ask("/me").header("authorization", &bearer).await.status, 200, "{value:?}");
        }
    }
}

async fn a_good_cookie_counts_beside_an_empty_authorization_header(world: World) {
    let (client, _) = world.sign_in("alice").await;
    for value in EMPTY {
        assert_eq!(client.get("/me").header("authorization", value).await.status, 200);
        assert_eq!(client.get("/revalidated").header("authorization", value).await.status, 200);
        assert_eq!(client.post("/refresh").header("authorization", value).await.status, 204);
    }
    assert_eq!(client.post("/logout").header("authorization", "").await.status, 204);
    assert_eq!(world.sign_in_count().await, 0);
}

const UNKNOWN: [&str; 6] = [
    "Basic YWxpY2U6cGFzc3dvcmQ=",
    "Bearer",
    "Bearer ",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
    "Bearer nonsense",
    "Negotiate abc",
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
