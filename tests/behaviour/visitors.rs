//! Anonymous sessions: data of clients before they sign in.

use auth_core::SignInId;
use auth_store::{MemoryStore, Store};

use crate::harness::{Credential, Op, World};

suite!(every:
    sec_20_a_visitor_who_stores_nothing_gets_no_cookie_and_costs_no_write,
    sec_06_an_id_that_was_not_issued_is_not_adopted,
);

suite!(secret: sec_07_a_malformed_secret_costs_no_lookup);

suite!(visitors:
    sec_06_a_planted_cookie_is_replaced_by_one_of_ours,
    a_visitor_whose_cart_has_ended_starts_a_new_one,
    reading_an_empty_cart_stores_nothing,
    sec_84_a_flood_of_visitors_signs_no_user_out,
);

async fn sec_20_a_visitor_who_stores_nothing_gets_no_cookie_and_costs_no_write(world: World) {
    for path in ["/", "/maybe", "/who", "/me", "/admin", "/cart"] {
        let reply = world.client().get(path).await;
        assert!(reply.set_cookies().is_empty(), "{path}: {reply:?}");
    }
    assert_eq!(world.client().post("/logout").await.set_cookies(), [""; 0]);
    assert_eq!(world.store.all_calls(), 0, "the store was not called");
}

async fn reading_an_empty_cart_stores_nothing(world: World) {
    let client = world.client();
    assert_eq!(client.get("/cart").await.text(), "[]");
    assert_eq!(client.cookies("/"), "");
    assert_eq!(world.store.writes(), 0);
}

async fn sec_07_a_malformed_secret_costs_no_lookup(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.reset_calls();
    let good = credential.secret();
    let short = &good[1..];
    for bad in [format!("{short}="), format!("{short}/"), format!("{short}%"), "!".repeat(86)] {
        let bad = credential.with_secret(&bad);
        assert_eq!(world.status_of(&bad).await, 401, "{bad:?}");
    }
    let (text, shorter) = (credential.text(), credential.text().len() - 1);
    let truncated = match &credential {
        Credential::Cookie(_) => Credential::Cookie(text[..shorter].to_owned()),
        _ => Credential::Token(text[..shorter].to_owned()),
    };
    let long = credential.with_secret(&format!("{good}{good}"));
    for bad in [truncated, long] {
        assert_eq!(world.status_of(&bad).await, 401, "{bad:?}");
    }
    assert_eq!(world.store.all_calls(), 0);
}

/// An id that the store did not issue.
const NOBODYS: SignInId = SignInId::from_bytes([7; 16]);

async fn sec_06_an_id_that_was_not_issued_is_not_adopted(world: World) {
    let issued = world.client().signed_in("alice").await;
    let planted = issued.forged_for(NOBODYS);
    world.store.reset_calls();

    let victim = world.client_with(&planted);
    assert_eq!(victim.get("/me").await.status, 401);
    victim.get("/cart").await;
    assert_eq!(world.store.writes(), 0);

    let new = victim.signed_in("bob").await;
    assert_ne!(new.sign_in(), planted.sign_in());
    assert_eq!(world.status_of(&planted).await, 401);
    assert!(world.store.load(&planted.sign_in()).await.unwrap().is_none());
}

async fn sec_06_a_planted_cookie_is_replaced_by_one_of_ours(world: World) {
    let planted = Credential::Cookie("x".repeat(86)).forged_for(NOBODYS);
    let victim = world.client_with(&planted);
    victim.post("/cart").body("apple").await;

    let ours = victim.credential().unwrap();
    assert_ne!(ours.sign_in(), planted.sign_in());
    assert_eq!(world.client_with(&ours).get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.client_with(&planted).get("/cart").await.text(), "[]");
}

async fn a_visitor_whose_cart_has_ended_starts_a_new_one(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    world.advance(std::time::Duration::from_secs(24 * 3600));
    client.post("/cart").body("pear").await;
    assert_eq!(client.get("/cart").await.text(), r#"["pear"]"#);
}

async fn sec_84_a_flood_of_visitors_signs_no_user_out(world: World) {
    let store = MemoryStore::builder().capacity(12).max_anonymous(4).build();
    let world = world.on_store(store).await;
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol"] {
        users.push(world.client().signed_in(name).await);
    }

    for _ in 0..100 {
        let visitor = world.client();
        assert_eq!(visitor.post("/cart").body("apple").await.status, 200);
        assert_eq!(
            visitor.get("/cart").await.text(),
            r#"["apple"]"#,
            "the latest visitor has a cart"
        );
    }
    assert!(world.sign_in_count().await <= 3 + 4);

    for user in &users {
        assert_eq!(world.status_of(user).await, 200);
    }
    for i in 0..9 {
        users.push(world.client().signed_in(format!("user {i}").as_str()).await);
    }
    for user in &users {
        assert_eq!(world.status_of(user).await, 200, "visitors were evicted, users never are");
    }
    let late = world.client();
    assert!(late.login("late").await.is_unavailable(), "the store is full of users");
    assert!(late.credential().is_none());
    assert!(late.post("/cart").body("apple").await.is_unavailable());
    assert_eq!(world.store.calls(Op::Revoke), 0);
}
