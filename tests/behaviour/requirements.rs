//! Authorization: deny by default, roles, scopes and step-up.

use std::time::Duration;

use crate::app::Login;
use crate::harness::{Policy, World};

suite!(every:
    sec_72_the_layer_denies_by_default,
    sec_72_a_page_is_open_only_to_authorized_users,
    sec_18_an_old_authentication_requires_a_step_up,
    sec_18_a_weak_authentication_requires_a_step_up,
    the_challenge_names_the_missing_scope,
    a_permission_that_has_to_be_awaited_is_required,
    a_requirement_in_the_signature_of_a_handler_is_enforced,
);

async fn sec_72_the_layer_denies_by_default(world: World) {
    let strict = world.with(|setup| setup.policy = Policy::Required).await;
    let credential = world.client().signed_in("alice").await;
    for path in ["/", "/me", "/maybe", "/who", "/cart", "/devices", "/admin", "/no-such-page"] {
        let refused = strict.client().get(path).await;
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.headers.contains_key("www-authenticate"), "{path}");
        let tampered = strict.client_with(&credential.tampered()).get(path).await;
        assert_eq!(tampered.status, 401, "{path}");
    }
    assert_eq!(strict.client().login("alice").await.status, 401, "signing in is refused too");
    assert_eq!(strict.client_with(&credential).get("/").await.status, 200);
    assert_eq!(strict.client_with(&credential).get("/no-such-page").await.status, 404);
}

async fn sec_72_a_page_is_open_only_to_authorized_users(world: World) {
    let (anonymous, buyer, admin) = (world.client(), world.client(), world.client());
    buyer.signed_in(Login::from("alice").role("buyer").scope("cart").acr("aal1")).await;
    admin.signed_in(Login::from("root").role("admin").scope("reports").acr("aal2")).await;
    let forged = world.client_with(&admin.credential().unwrap().forged());
    let table = [
        ("/", [200, 200, 200]),
        ("/me", [401, 200, 200]),
        ("/maybe", [200, 200, 200]),
        ("/devices", [401, 200, 200]),
        ("/admin", [401, 403, 200]),
        ("/reports", [401, 403, 200]),
        ("/strong", [401, 401, 200]),
        ("/step-up", [401, 200, 200]),
        ("/otp", [401, 401, 401]),
        ("/ours", [401, 200, 200]),
        ("/theirs", [401, 403, 403]),
    ];
    for (path, expected) in table {
        let mut found = [0; 3];
        for (status, client) in found.iter_mut().zip([&anonymous, &buyer, &admin]) {
            *status = client.get(path).await.status.as_u16();
        }
        assert_eq!(found, expected, "{path}");
    }
    for path in
        ["/me", "/devices", "/admin", "/reports", "/strong", "/step-up", "/otp", "/ours", "/theirs"]
    {
        assert_eq!(forged.get(path).await.status, 401, "{path}");
    }
}

/// The step-up challenge is defined in RFC 9470.
async fn sec_18_an_old_authentication_requires_a_step_up(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    world.advance(Duration::from_secs(300));
    assert_eq!(client.get("/step-up").await.status, 200);

    world.advance(Duration::from_secs(1));

    let refused = client.get("/step-up").await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header(http::header::WWW_AUTHENTICATE);
    assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
    assert!(challenge.contains(r#"max_age="300""#), "{challenge}");
    assert_eq!(world.status_of(&credential).await, 200, "the sign-in itself is valid");

    client.signed_in("alice").await;
    assert_eq!(client.get("/step-up").await.status, 200);
}

async fn sec_18_a_weak_authentication_requires_a_step_up(world: World) {
    let client = world.client();
    for login in [Login::from("alice"), Login::from("alice").acr("aal1")] {
        client.signed_in(login).await;
        let refused = client.get("/strong").await;
        assert_eq!(refused.status, 401);
        let challenge = refused.header(http::header::WWW_AUTHENTICATE);
        assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
        assert!(challenge.contains(r#"acr_values="aal2 aal3""#), "{challenge}");
    }
    client.signed_in(Login::from("alice").acr("aal3")).await;
    assert_eq!(client.get("/strong").await.status, 200);
}

async fn the_challenge_names_the_missing_scope(world: World) {
    let (client, _) = world.sign_in(Login::from("alice").scope("cart")).await;
    let refused = client.get("/reports").await;
    assert_eq!(refused.status, 403);
    if world.transport() == auth_core::Transport::Explicit {
        let challenge = refused.header(http::header::WWW_AUTHENTICATE);
        assert_eq!(challenge, r#"Bearer realm="api", error="insufficient_scope", scope="reports""#);
    }
}

async fn a_permission_that_has_to_be_awaited_is_required(world: World) {
    assert_eq!(world.client().get("/on-duty").await.status, 401);
    for (name, role, status) in [
        ("alice", "buyer", 403),
        ("alice", "nurse", 200),
        ("bob", "nurse", 403),
        ("bob", "admin", 200),
        ("down", "nurse", 503),
    ] {
        let (client, _) = world.sign_in(Login::from(name).role(role)).await;
        assert_eq!(client.get("/on-duty").await.status, status, "{name}, {role}");
    }
}

async fn a_requirement_in_the_signature_of_a_handler_is_enforced(world: World) {
    assert_eq!(world.client().get("/editors").await.status, 401);
    for (role, status) in [("buyer", 403), ("editor", 200), ("reviewer", 200)] {
        let (client, credential) = world.sign_in(Login::from("alice").role(role)).await;
        let reply = client.get("/editors").await;
        assert_eq!(reply.status, status, "{role}");
        if status == 200 {
            assert_eq!(reply.text(), "alice");
            assert_eq!(world.client_with(&credential.forged()).get("/editors").await.status, 401);
        }
    }
}
