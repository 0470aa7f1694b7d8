//! How a sign-in ends by itself.

use std::time::Duration;

use auth_store::{Lifetime, Store};

use crate::app::Me;
use crate::harness::{Op, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

suite!(every:
    sec_85_a_credential_that_another_node_gave_out_is_good_here,
    sec_08_a_sign_in_that_is_not_used_ends,
    sec_09_a_sign_in_in_use_ends_at_the_absolute_limit,
    sec_11_a_sign_in_that_was_not_used_is_gone_from_the_store,
    sec_12_signing_in_again_starts_both_limits_anew,
    sec_85_a_sign_in_used_on_another_node_does_not_end_here,
    uses_are_written_down_now_and_then,
    sec_10_a_preset_of_an_assurance_level_holds,
);

suite!(secret: sec_11_a_sign_in_at_its_limit_is_gone_from_the_store);

suite!(pair: sec_11_a_sign_in_at_its_limit_is_swept_away);

suite!(visitors: a_cart_of_a_visitor_ends_sooner);

async fn sec_08_a_sign_in_that_is_not_used_ends(world: World) {
    let used = world.client();
    let (used_credential, unused) =
        (used.signed_in("alice").await, world.client().signed_in("alice").await);
    world.wait(59 * MINUTE);
    assert_eq!(used.get("/me").await.status, 200);

    world.wait(MINUTE);

    assert_eq!(world.status_of(&unused).await, 401);
    assert_eq!(world.status_of(&used_credential).await, 200);
}

async fn sec_09_a_sign_in_in_use_ends_at_the_absolute_limit(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    let ends = client.get("/me").await.json::<Me>().expires_at;
    assert_eq!(ends, world.clock.now().as_secs() + 24 * 3600);
    for _ in 0..47 {
        world.wait(30 * MINUTE);
        assert_eq!(client.get("/me").await.status, 200);
    }
    world.wait(30 * MINUTE - Duration::from_secs(1));
    assert_eq!(client.get("/me").await.status, 200);

    world.wait(Duration::from_secs(1));

    assert_eq!(client.get("/me").await.status, 401);
}

async fn sec_11_a_sign_in_that_was_not_used_is_gone_from_the_store(world: World) {
    let idle = world.client().signed_in("alice").await;
    world.wait(HOUR);
    assert_eq!(world.status_of(&idle).await, 401);
    world.store.reached(Op::DeleteIfIdle, 1).await;
    assert_eq!(world.kept().await, 0);
}

async fn sec_11_a_sign_in_at_its_limit_is_gone_from_the_store(world: World) {
    let world = world.with(|setup| setup.lifetime = Lifetime::new(None, HOUR).unwrap()).await;
    let old = world.client().signed_in("alice").await;
    world.wait(HOUR);
    assert_eq!(world.status_of(&old).await, 401);
    world.store.reached(Op::DeleteIf, 1).await;
    assert_eq!(world.kept().await, 0);
}

/// Its last access token ends with it, and leads to it no more.
async fn sec_11_a_sign_in_at_its_limit_is_swept_away(world: World) {
    let world = world.with(|setup| setup.lifetime = Lifetime::new(None, HOUR).unwrap()).await;
    let client = world.client();
    client.signed_in("alice").await;
    world.wait(HOUR);
    assert_eq!(client.get("/me").await.status, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
    world.store.sweep(world.clock.now(), 100).await.unwrap();
    assert_eq!(world.kept().await, 0);
}

async fn sec_12_signing_in_again_starts_both_limits_anew(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    for _ in 0..46 {
        world.wait(30 * MINUTE);
        client.get("/me").await;
    }
    world.wait(55 * MINUTE); // nearly idle, and nearly a day

    client.signed_in("alice").await;

    world.wait(55 * MINUTE);
    let me: Me = client.get("/me").await.json();
    let now = world.clock.now().as_secs();
    assert_eq!(me.authenticated_at, now - 55 * 60);
    assert_eq!(me.expires_at, now - 55 * 60 + 24 * 3600);
}

/// This node has a copy of the sign-in, and has not heard of the uses elsewhere.
async fn sec_85_a_sign_in_used_on_another_node_does_not_end_here(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    world.store.keep_copies();
    assert_eq!(client.get("/me").await.status, 200);
    world.wait(50 * MINUTE);
    world.store.touch(&credential.sign_in(), world.clock.now()).await.unwrap();
    world.wait(50 * MINUTE);

    assert_eq!(client.get("/me").await.status, 200, "it was used 50 minutes ago");
    assert_eq!(world.kept().await, 1);

    world.wait(HOUR);
    assert_eq!(client.get("/me").await.status, 401, "now it is idle everywhere");
}

/// This node has a copy from before, which can confirm the old secret and deny nothing.
async fn sec_85_a_credential_that_another_node_gave_out_is_good_here(world: World) {
    let client = world.client();
    let old = client.signed_in("alice").await;
    world.store.keep_copies();
    assert_eq!(client.get("/me").await.status, 200);

    let new = client.signed_in("alice").await;

    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(world.status_of(&new).await, 200);
}

async fn uses_are_written_down_now_and_then(world: World) {
    let client = world.client();
    client.signed_in("alice").await;
    world.store.forget_calls();
    for _ in 0..20 {
        world.wait(Duration::from_secs(6)); // two minutes in all
        assert_eq!(client.get("/me").await.status, 200);
    }
    assert_eq!(world.store.calls(Op::Touch), 0, "less than a twentieth of the idle limit");

    world.wait(2 * MINUTE); // past it, and past the quarter by which nodes part
    for _ in 0..20 {
        assert_eq!(client.get("/me").await.status, 200);
    }
    assert_eq!(world.store.calls(Op::Touch), 1);
    assert_eq!(world.store.writes(), 1, "reading an identity writes nothing else");
}

async fn sec_10_a_preset_of_an_assurance_level_holds(world: World) {
    let presets = [
        (Lifetime::AAL1, 30 * 24 * HOUR, 30 * 24 * HOUR),
        (Lifetime::AAL2, HOUR, 24 * HOUR),
        (Lifetime::AAL3, 15 * MINUTE, 12 * HOUR),
    ];
    for (lifetime, idle, absolute) in presets {
        let world = world.with(|setup| setup.lifetime = lifetime).await;
        let (first, second) = (world.client(), world.client());
        let used = first.signed_in("alice").await;
        let unused = second.signed_in("alice").await;
        let ends = first.get("/me").await.json::<Me>().expires_at;
        assert_eq!(ends, (world.clock.now() + absolute).as_secs());
        world.wait(idle - Duration::from_secs(1));
        assert_eq!(world.status_of(&used).await, 200);
        world.wait(Duration::from_secs(1));
        assert_eq!(world.status_of(&unused).await, 401);
    }
}

async fn a_cart_of_a_visitor_ends_sooner(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    world.wait(29 * MINUTE);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    world.wait(30 * MINUTE);
    assert_eq!(client.get("/cart").await.text(), "[]");
    world.store.reached(Op::DeleteIfIdle, 1).await;
    assert_eq!(world.kept().await, 0);
}
