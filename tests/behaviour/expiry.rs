//! How a sign-in expires: idle and absolute timeouts, presets and the garbage they leave.

use std::time::Duration;

use auth_store::{Lifetime, Store};

use crate::app::{Login, Me};
use crate::harness::{DAY, HOUR, MINUTE, Op, World};

suite!(every:
    sec_85_a_credential_issued_by_another_node_is_accepted_here,
    sec_08_an_unused_sign_in_expires,
    sec_09_a_used_sign_in_expires_at_the_absolute_timeout,
    sec_11_an_unused_sign_in_is_deleted_from_the_store,
    sec_12_signing_in_again_restarts_both_timeouts,
    sec_85_a_sign_in_used_on_another_node_does_not_expire_here,
    last_seen_is_written_once_per_interval,
    sec_10_a_preset_of_an_assurance_level_is_enforced,
    sec_09_each_sign_in_has_its_own_lifetime,
    sec_08_the_idle_timeout_of_a_sign_in_is_its_own,
);

suite!(secret: sec_11_a_sign_in_at_its_absolute_timeout_is_deleted_from_the_store);

suite!(pair: sec_11_a_sign_in_at_its_absolute_timeout_is_swept);

suite!(cookie:
    a_request_from_another_site_is_no_use_of_the_sign_in,
    a_remembered_sign_in_outlives_the_lifetime_of_the_backend,
);

suite!(visitors: the_cart_of_a_visitor_expires_sooner);

async fn sec_08_an_unused_sign_in_expires(world: World) {
    let used = world.client();
    let (used_credential, unused) =
        (used.signed_in("alice").await, world.client().signed_in("alice").await);
    world.advance(59 * MINUTE);
    assert_eq!(used.get("/me").await.status, 200);

    world.advance(MINUTE);

    assert_eq!(world.statuses([&unused, &used_credential]).await, [401, 200]);
}

async fn sec_09_a_used_sign_in_expires_at_the_absolute_timeout(world: World) {
    let (client, _) = world.sign_in("alice").await;
    let ends = client.get("/me").await.json::<Me>().expires_at;
    assert_eq!(ends, world.clock.now().as_secs() + 24 * 3600);
    for _ in 0..47 {
        world.advance(30 * MINUTE);
        assert_eq!(client.get("/me").await.status, 200);
    }
    world.advance(30 * MINUTE - Duration::from_secs(1));
    assert_eq!(client.get("/me").await.status, 200);

    world.advance(Duration::from_secs(1));

    assert_eq!(client.get("/me").await.status, 401);
}

/// On every node, for every credential of the sign-in, and after a refresh.
async fn sec_09_each_sign_in_has_its_own_lifetime(world: World) {
    let world = world.with_short_tokens().await;
    let node = world.with_short_tokens().await;
    let (remembered, _) = world.sign_in(Login::from("alice").lifetime(None, 30 * DAY)).await;
    let (guest, _) = world.sign_in(Login::from("alice").lifetime(None, 12 * HOUR)).await;
    let (usual, _) = world.sign_in("alice").await;
    let mut statuses = Vec::new();
    for hours in [11, 2, 687, 19, 1] {
        world.advance(hours * HOUR); // 11, 13, 700, 719 and 720 hours after the sign-in
        let mut now = Vec::new();
        for client in [&remembered, &guest, &usual] {
            client.post("/refresh").await;
            now.push(client.at(node.port()).get("/me").await.status.as_u16());
        }
        statuses.push(now);
    }
    let expected =
        [[200, 200, 401], [200, 401, 401], [200, 401, 401], [200, 401, 401], [401, 401, 401]];
    assert_eq!(statuses, expected);
}

async fn sec_08_the_idle_timeout_of_a_sign_in_is_its_own(world: World) {
    let login = Login::from("alice").lifetime(Some(10 * MINUTE), HOUR);
    let (client, credential) = world.sign_in(login).await;
    let (usual, _) = world.sign_in("alice").await;
    for _ in 0..3 {
        world.advance(9 * MINUTE);
        assert_eq!(client.get("/me").await.status, 200);
    }
    world.advance(10 * MINUTE);
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(usual.get("/me").await.status, 200, "it has the idle timeout of the backend");

    // A new sign-in that states no lifetime has that of the backend.
    let client = world.client();
    client.signed_in(Login::from("alice").lifetime(Some(10 * MINUTE), HOUR)).await;
    client.signed_in("alice").await;
    world.advance(59 * MINUTE);
    assert_eq!(client.get("/me").await.status, 200);
}

/// Browsers keep no cookie for longer than 400 days.
async fn a_remembered_sign_in_outlives_the_lifetime_of_the_backend(world: World) {
    let login = Login::from("alice").remember(true).lifetime(None, 730 * DAY);
    let client = world.client();
    let reply = client.login(login).await;
    assert!(reply.set_cookies()[0].contains("Max-Age=34560000"), "{reply:?}");
    let mut renewals = 0;
    for _ in 1..24 {
        world.advance(30 * DAY);
        let reply = client.get("/me").await;
        assert_eq!(reply.status, 200);
        renewals += reply.set_cookies().len();
    }
    assert_eq!(renewals, 23);
}

async fn sec_11_an_unused_sign_in_is_deleted_from_the_store(world: World) {
    is_deleted_after_an_hour(&world, Op::DeleteIfIdle).await;
}

/// Checks that a sign-in expires after an hour, and that this operation then deletes it.
async fn is_deleted_after_an_hour(world: &World, op: Op) {
    let (client, _) = world.sign_in("alice").await;
    world.advance(HOUR);
    assert_eq!(client.get("/me").await.status, 401);
    world.store.reached(op, 1).await;
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_11_a_sign_in_at_its_absolute_timeout_is_deleted_from_the_store(world: World) {
    let world = world.with_absolute_timeout(HOUR).await;
    is_deleted_after_an_hour(&world, Op::DeleteIfVersion).await;
}

/// The last access token expires with the sign-in and does not lead to it any more.
async fn sec_11_a_sign_in_at_its_absolute_timeout_is_swept(world: World) {
    let world = world.with_absolute_timeout(HOUR).await;
    let (client, _) = world.sign_in("alice").await;
    world.advance(HOUR);
    assert_eq!(client.get("/me").await.status, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
    world.store.sweep(world.clock.now(), 100).await.unwrap();
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_12_signing_in_again_restarts_both_timeouts(world: World) {
    let (client, _) = world.sign_in("alice").await;
    for _ in 0..46 {
        world.advance(30 * MINUTE);
        client.get("/me").await;
    }
    world.advance(55 * MINUTE); // almost idle for an hour, and almost a day old

    client.signed_in("alice").await;

    world.advance(55 * MINUTE);
    let me: Me = client.get("/me").await.json();
    let now = world.clock.now().as_secs();
    assert_eq!(me.authenticated_at, Some(now - 55 * 60));
    assert_eq!(me.expires_at, now - 55 * 60 + 24 * 3600);
}

/// This node has a copy of the sign-in that does not show its uses on other nodes.
async fn sec_85_a_sign_in_used_on_another_node_does_not_expire_here(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    world.store.serve_stale_copies();
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(50 * MINUTE);
    world.store.touch(&credential.sign_in(), world.clock.now()).await.unwrap();
    world.advance(50 * MINUTE);

    assert_eq!(client.get("/me").await.status, 200, "it was used 50 minutes ago");
    assert_eq!(world.sign_in_count().await, 1);

    world.advance(HOUR);
    assert_eq!(client.get("/me").await.status, 401, "now it is idle everywhere");
}

/// This node has an older copy, which can confirm the old secret but cannot reject the new one.
async fn sec_85_a_credential_issued_by_another_node_is_accepted_here(world: World) {
    let (client, old) = world.sign_in("alice").await;
    world.store.serve_stale_copies();
    assert_eq!(client.get("/me").await.status, 200);

    let new = client.signed_in("alice").await;

    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(world.status_of(&new).await, 200);
}

async fn last_seen_is_written_once_per_interval(world: World) {
    let (client, _) = world.sign_in("alice").await;
    world.store.reset_calls();
    for _ in 0..20 {
        world.advance(Duration::from_secs(6)); // two minutes in total
        assert_eq!(client.get("/me").await.status, 200);
    }
    assert_eq!(world.store.calls(Op::Touch), 0, "less than a twentieth of the idle limit");

    world.advance(2 * MINUTE); // past the interval and its jitter of a quarter
    for _ in 0..20 {
        assert_eq!(client.get("/me").await.status, 200);
    }
    assert_eq!(world.store.calls(Op::Touch), 1);
    assert_eq!(world.store.writes(), 1, "reading an identity writes nothing else");
}

/// Otherwise a page that stays open on another site could keep a sign-in alive.
async fn a_request_from_another_site_is_no_use_of_the_sign_in(world: World) {
    let (client, _) = world.sign_in("alice").await;
    world.store.reset_calls();
    world.advance(10 * MINUTE);
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let reply = client.post("/cart").body("apple").header(from.0, from.1).await;
        assert_eq!(reply.status, 403);
    }
    assert_eq!((world.store.calls(Op::Touch), world.store.calls(Op::Peek)), (0, 0));
    assert_eq!(client.post("/cart").body("apple").await.status, 200);
    assert_eq!(world.store.calls(Op::Touch), 1);
}

async fn sec_10_a_preset_of_an_assurance_level_is_enforced(world: World) {
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
        world.advance(idle - Duration::from_secs(1));
        assert_eq!(world.status_of(&used).await, 200);
        world.advance(Duration::from_secs(1));
        assert_eq!(world.status_of(&unused).await, 401);
    }
}

async fn the_cart_of_a_visitor_expires_sooner(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    world.advance(29 * MINUTE);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    world.advance(30 * MINUTE);
    assert_eq!(client.get("/cart").await.text(), "[]");
    world.store.reached(Op::DeleteIfIdle, 1).await;
    assert_eq!(world.sign_in_count().await, 0);
}
