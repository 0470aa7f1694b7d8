//! A sign-out ends every sign-in that the request names.

use std::time::Duration;

use crate::harness::{Credential, Fault, Op, REFRESH, World};

suite!(pair:
    sec_14_a_refresh_cookie_alone_signs_out,
    sec_14_an_access_token_alone_signs_out,
    sec_14_an_expired_access_token_signs_out,
    sec_14_an_old_refresh_cookie_signs_out,
    sec_14_tokens_of_two_sign_ins_end_both,
    sec_86_tokens_from_before_a_sign_in_end_nothing,
    sec_76_a_failed_sign_out_by_an_expired_token_is_reported,
);

async fn sec_14_a_refresh_cookie_alone_signs_out(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let page = client.reloaded();

    let reply = page.post("/logout").await;

    assert_eq!(reply.status, 204);
    assert!(reply.set_cookie(REFRESH).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert_eq!(page.cookies("/"), "");
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_14_an_access_token_alone_signs_out(world: World) {
    let credential = world.client().signed_in("alice").await;
    let reply = world.client_with(&credential.access_alone()).post("/logout").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, 0));
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(world.client_with(&credential).post("/refresh").await.status, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_14_an_expired_access_token_signs_out(world: World) {
    let world = world.with_short_tokens().await;
    for both in [false, true] {
        let credential = world.client().signed_in("alice").await;
        world.advance(Duration::from_secs(301));
        assert_eq!(world.status_of(&credential).await, 401);
        let held = if both { credential.clone() } else { credential.access_alone() };

        assert_eq!(world.client_with(&held).post("/logout").await.status, 204);

        assert_eq!(world.client_with(&credential).post("/refresh").await.status, 401);
        assert_eq!(world.sign_in_count().await, 0);
    }
}

/// The cookie was rotated meanwhile, but it still names the sign-in that the user means.
async fn sec_14_an_old_refresh_cookie_signs_out(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    world.advance(Duration::from_secs(60));
    assert_eq!(world.client_with(&old).reloaded().post("/logout").await.status, 204);
    assert_eq!(world.status_of(&new).await, 401);
    assert_eq!(world.sign_in_count().await, 0);
}

/// Returns the access token of one sign-in with the refresh cookie of another.
fn mixed(token: &Credential, cookie: &Credential) -> Credential {
    let refresh = cookie.refresh().unwrap().to_owned();
    Credential::Pair { access: token.text().to_owned(), refresh }
}

async fn sec_14_tokens_of_two_sign_ins_end_both(world: World) {
    let first = world.client().signed_in("alice").await;
    let second = world.client().signed_in("bob").await;
    assert_eq!(world.client_with(&mixed(&first, &second)).post("/logout").await.status, 204);
    assert_eq!(world.statuses([&first, &second]).await, [401, 401]);
    assert_eq!(world.sign_in_count().await, 0);
}

async fn sec_86_tokens_from_before_a_sign_in_end_nothing(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.signed_in("alice").await;
    assert_eq!(old.sign_in(), new.sign_in());
    for thief in [world.client_with(&old), world.client_with(&old).reloaded()] {
        assert_eq!(thief.post("/logout").await.status, 204);
    }
    assert_eq!(world.status_of(&new).await, 200);
}

async fn sec_76_a_failed_sign_out_by_an_expired_token_is_reported(world: World) {
    let world = world.with_short_tokens().await;
    let credential = world.client().signed_in("alice").await;
    world.advance(Duration::from_secs(301));
    let late = world.client_with(&credential.access_alone());
    for op in [Op::Load, Op::Delete] {
        world.store.set(op, Fault::Fails);
        assert!(late.post("/logout").await.is_unavailable(), "{op:?}");
        world.store.clear_faults();
    }
    assert_eq!(late.post("/logout").await.status, 204);
    assert_eq!(world.sign_in_count().await, 0);
}
