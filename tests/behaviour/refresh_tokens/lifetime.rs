//! The lifetime of refresh tokens.

use auth_store::{Lifetime, Store};
use serde_json::Value;

use crate::harness::{Fault, MINUTE, World};

suite!(pair:
    sec_66_an_unused_refresh_token_expires,
    sec_66_using_the_access_token_keeps_the_refresh_token_alive,
    sec_65_a_used_refresh_token_expires_at_the_absolute_timeout,
    sec_65_the_last_access_token_expires_with_its_sign_in,
    sec_68_a_revoked_refresh_token_is_rejected,
    sec_76_nothing_is_renewed_or_lost_while_the_store_is_down,
);

/// Returns a node whose access tokens have the default lifetime.
async fn short(world: &World, lifetime: Lifetime) -> World {
    world.with(|setup| setup.lifetime = lifetime).await.with_short_tokens().await
}

async fn sec_66_an_unused_refresh_token_expires(world: World) {
    let world = short(&world, Lifetime::AAL2).await;
    let (used, unused) = (world.client(), world.client());
    used.signed_in("alice").await;
    unused.signed_in("alice").await;
    world.advance(59 * MINUTE);
    used.refreshed().await;

    world.advance(MINUTE);

    assert_eq!(unused.post("/refresh").await.status, 401);
    assert_eq!(unused.reloaded().post("/refresh").await.status, 401);
    used.refreshed().await;
}

async fn sec_66_using_the_access_token_keeps_the_refresh_token_alive(world: World) {
    let (client, _) = world.sign_in("alice").await;
    world.advance(50 * MINUTE);
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(50 * MINUTE);
    client.refreshed().await;
}

async fn sec_65_a_used_refresh_token_expires_at_the_absolute_timeout(world: World) {
    let world = short(&world, Lifetime::AAL3).await;
    let (client, _) = world.sign_in("alice").await;
    for _ in 0..71 {
        world.advance(10 * MINUTE);
        client.refreshed().await;
        assert_eq!(client.get("/me").await.status, 200);
    }

    world.advance(10 * MINUTE); // twelve hours in total

    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(client.reloaded().post("/refresh").await.status, 401);
}

async fn sec_65_the_last_access_token_expires_with_its_sign_in(world: World) {
    let world = short(&world, Lifetime::new(None, 60 * MINUTE).unwrap()).await;
    let (client, _) = world.sign_in("alice").await;
    world.advance(58 * MINUTE);
    let body: Value = client.post("/refresh").await.json();
    assert_eq!(body["expires_in"], 120);
    world.advance(2 * MINUTE);
    assert_eq!(client.get("/me").await.status, 401);
}

async fn sec_68_a_revoked_refresh_token_is_rejected(world: World) {
    let (first, second, here) = (world.client(), world.client(), world.client());
    first.signed_in("bob").await;
    second.signed_in("alice").await;
    here.signed_in("alice").await;

    world.store.revoke_subject("bob").await.unwrap();
    here.post("/logout-others").await;

    for ended in [&first, &first.reloaded(), &second, &second.reloaded()] {
        let refused = ended.post("/refresh").await;
        assert_eq!((refused.status.as_u16(), refused.set_cookies().len()), (401, 0));
    }
    here.refreshed().await;
}

async fn sec_76_nothing_is_renewed_or_lost_while_the_store_is_down(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let page = client.reloaded();
    world.store.set_all(Fault::Fails);
    assert!(page.post("/refresh").await.is_unavailable());
    assert!(page.post("/logout").await.is_unavailable());
    assert_eq!(page.get("/maybe").await.text(), "anonymous", "a refresh token identifies no user");
    world.store.clear_faults();
    page.refreshed().await;
    assert_eq!(world.status_of(&credential).await, 200);
}
