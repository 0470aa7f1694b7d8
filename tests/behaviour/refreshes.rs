//! Refreshes: a new secret for the same sign-in.

use std::future::IntoFuture;
use std::time::Duration;

use auth_core::Authenticator;

use crate::app::{Login, Me, Refresh};
use crate::harness::{Fault, Framework, Op, TestBackend, World, send_concurrently, session};

suite!(every:
    sec_22_a_refresh_changes_nothing_but_the_secret,
    sec_13_refreshes_do_not_extend_the_absolute_timeout,
    a_refresh_with_a_forged_secret_is_refused,
    a_refresh_without_a_credential_is_refused,
);

suite!(secret:
    a_refresh_replaces_the_secret,
    refreshing_the_old_secret_is_refused_and_ends_nothing,
    refreshing_a_tampered_secret_is_refused_and_ends_nothing,
);

suite!(cookie:
    a_refreshed_cookie_is_accepted_for_ten_seconds,
    sec_83_a_sign_in_ends_the_grace_of_a_refreshed_cookie,
    concurrent_refreshes_of_a_cookie_have_one_successor,
    sec_64_a_refresh_of_a_cookie_can_be_repeated_until_the_new_one_is_used,
    sec_64_the_first_use_counts_if_the_last_seen_time_was_not_written,
    sec_64_a_concurrent_use_of_the_old_cookie_is_no_use_of_the_new_one,
);

suite!(bearer:
    a_token_in_the_body_is_refreshed,
    a_refresh_ends_the_old_token_at_once,
    one_of_several_concurrent_refreshes_succeeds,
);

suite!(visitors: a_refresh_of_a_visitor_is_refused);

/// In which a cookie that was refreshed is still accepted, by default.
const GRACE: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(1);

async fn a_refresh_replaces_the_secret(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    assert_ne!(new.secret(), old.secret());
    assert_eq!(new.sign_in(), old.sign_in());
    world.advance(GRACE);
    assert_eq!(world.statuses([&new, &old]).await, [200, 401]);
}

async fn a_refresh_ends_the_old_token_at_once(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    assert_eq!(world.statuses([&new, &old]).await, [200, 401]);
}

/// Requests that a page sent before the new cookie arrived carry the old one.
async fn a_refreshed_cookie_is_accepted_for_ten_seconds(world: World) {
    let node = world.with(|_| {}).await;
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    assert_eq!(world.statuses([&new, &old]).await, [200, 200]);

    world.advance(GRACE - MOMENT);
    for world in [&world, &node] {
        assert_eq!(world.statuses([&new, &old]).await, [200, 200]);
    }
    let late = world.client_with(&old);
    let saved = late.post("/cart").body("apple").await;
    assert_eq!(saved.set_cookies().len(), 0, "the browser has a newer one");
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);

    world.advance(MOMENT);
    for world in [&world, &node] {
        assert_eq!(world.statuses([&new, &old]).await, [200, 401]);
    }
}

async fn sec_83_a_sign_in_ends_the_grace_of_a_refreshed_cookie(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let refreshed = client.refreshed().await;
    let new = client.signed_in("alice").await;
    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(world.statuses([&new, &refreshed, &old]).await, [200, 401, 401]);
    for old in [&refreshed, &old] {
        assert_eq!(world.client_with(old).post("/refresh").await.status, 401);
    }
}

async fn concurrent_refreshes_of_a_cookie_have_one_successor(world: World) {
    let old = world.client().signed_in("alice").await;
    let tabs: Vec<_> = (0..20).map(|_| world.client_with(&old)).collect();

    let replies = send_concurrently(tabs.iter().map(|tab| tab.post("/refresh"))).await;

    assert!(replies.iter().all(|reply| reply.status.is_success()), "{replies:?}");
    let new = tabs[0].credential().unwrap();
    assert_ne!(new.secret(), old.secret());
    for tab in &tabs {
        assert_eq!(tab.credential().unwrap().secret(), new.secret());
    }
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_64_a_refresh_of_a_cookie_can_be_repeated_until_the_new_one_is_used(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    world.advance(Duration::from_secs(60) - MOMENT);
    let again = world.client_with(&old).refreshed().await;
    assert_eq!(again.secret(), new.secret(), "the first response was lost");

    assert_eq!(world.status_of(&new).await, 200);
    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);

    let newer = client.refreshed().await;
    assert_eq!(world.status_of(&newer).await, 200);
    let late = world.client_with(&new).post("/refresh").await;
    assert_eq!(late.status, 204, "a late request, and the browser has the newer one");
    assert!(late.set_cookies().is_empty(), "the newer one was used, in the same millisecond");
    assert_eq!(world.statuses([&newer, &new]).await, [200, 200], "nothing has ended");

    let newest = client.refreshed().await;
    world.advance(Duration::from_secs(60));
    assert_eq!(world.client_with(&newer).post("/refresh").await.status, 401, "too late");
    assert_eq!(world.status_of(&newest).await, 200);
}

async fn sec_64_the_first_use_counts_if_the_last_seen_time_was_not_written(world: World) {
    let (client, old) = world.sign_in("alice").await;
    world.advance(Duration::from_secs(100)); // no touch is due yet
    world.store.set(Op::Touch, Fault::Fails);
    let new = client.refreshed().await;
    world.store.clear_faults();
    assert_eq!(world.status_of(&new).await, 200);
    let late = world.client_with(&old).post("/refresh").await;
    assert_eq!((late.status.as_u16(), late.set_cookies().len()), (204, 0), "no new one");
}

/// Regression: a page sent a request beside the refresh, which recorded a use a moment later than the refresh
/// had begun. That counted as a use of the new cookie, so that a refresh whose response was lost was not
/// repeated.
async fn sec_64_a_concurrent_use_of_the_old_cookie_is_no_use_of_the_new_one(world: World) {
    let (client, old) = world.sign_in("alice").await;
    world.store.serve_stale_copies(); // the last-seen time of another request is not known yet
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(Duration::from_secs(600)); // a touch is due
    let lost = world.client_with(&old);
    world.store.reset_calls();
    world.store.set(Op::Rotate, Fault::Hangs);
    let refresh = tokio::spawn(lost.post("/refresh").into_future());
    world.store.reached(Op::Rotate, 1).await;
    world.advance(MOMENT);
    assert_eq!(client.get("/me").await.status, 200);
    world.store.reached(Op::Touch, 2).await;
    world.store.clear_faults();
    assert!(refresh.await.unwrap().status.is_success());

    let again = client.refreshed().await;
    assert_eq!(again.secret(), lost.credential().unwrap().secret());
    assert_eq!(world.status_of(&again).await, 200);
    let late = world.client_with(&old).post("/refresh").await;
    assert_eq!((late.status.as_u16(), late.set_cookies().len()), (204, 0), "it was used");
}

/// A request with the old cookie does not count as a use of the new one. The response with the new one may
/// be lost.
#[tokio::test]
async fn sec_64_a_late_request_does_not_count_as_a_use_of_the_new_cookie() {
    let second = Duration::from_secs(1);
    let backend = TestBackend::by_cookie(|setup| {
        let second = Duration::from_secs(1);
        session(setup).touch_interval(second).refresh_grace(300 * second).erased()
    });
    let world = World::start(backend, Framework::Hyper).await;
    let (client, old) = world.sign_in("alice").await;
    let lost = client.refreshed().await;
    world.advance(4 * second);
    let late = world.client_with(&old);
    assert_eq!(late.get("/me").await.status, 200);
    world.advance(second);
    assert_eq!(late.refreshed().await.secret(), lost.secret());

    world.advance(90 * second);
    assert_eq!(world.statuses([&lost, &old]).await, [200, 200]);
    let late = world.client_with(&old).post("/refresh").await;
    assert_eq!((late.status.as_u16(), late.set_cookies().len()), (204, 0), "it was used");
}

async fn sec_22_a_refresh_changes_nothing_but_the_secret(world: World) {
    let (client, _) = world.sign_in(Login::from("alice").role("buyer").acr("aal1")).await;
    let before: Me = client.get("/me").await.json();
    world.advance(Duration::from_secs(1200));

    assert!(client.post("/refresh").await.status.is_success());

    assert_eq!(client.get("/me").await.json::<Me>(), before);
    assert_eq!(client.get("/step-up").await.status, 401, "a refresh is no authentication");
}

async fn sec_13_refreshes_do_not_extend_the_absolute_timeout(world: World) {
    let (client, _) = world.sign_in("alice").await;
    for _ in 0..47 {
        world.advance(Duration::from_secs(1800));
        assert!(client.post("/refresh").await.status.is_success());
    }
    world.advance(Duration::from_secs(1800)); // a day in total

    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(client.get("/me").await.status, 401);
}

async fn one_of_several_concurrent_refreshes_succeeds(world: World) {
    let credential = world.client().signed_in("alice").await;
    let clients: Vec<_> = (0..20).map(|_| world.client_with(&credential)).collect();

    let replies = send_concurrently(clients.iter().map(|client| client.post("/refresh"))).await;

    let won = replies.iter().filter(|reply| reply.status.is_success()).count();
    assert_eq!(won, 1, "{replies:?}");
    assert_eq!(world.sign_in_count().await, 1, "a lost race is not a reuse");
}

async fn a_refresh_without_a_credential_is_refused(world: World) {
    let anonymous = world.client().post("/refresh").await;
    assert_eq!(anonymous.status, 401);
    assert!(anonymous.headers.contains_key("www-authenticate"));
}

async fn refreshing_the_old_secret_is_refused_and_ends_nothing(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.post("/refresh").await;
    world.advance(Duration::from_secs(60));

    assert_eq!(world.client_with(&old).post("/refresh").await.status, 401);
    assert_eq!(client.get("/me").await.status, 200, "a late request is not a reuse");
}

async fn a_refresh_with_a_forged_secret_is_refused(world: World) {
    let credential = world.client().signed_in("alice").await;
    assert_eq!(world.client_with(&credential.forged()).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&credential).await, 200);
    assert!(world.client_with(&credential).post("/refresh").await.status.is_success());
}

async fn refreshing_a_tampered_secret_is_refused_and_ends_nothing(world: World) {
    let credential = world.client().signed_in("alice").await;
    assert_eq!(world.client_with(&credential.tampered()).post("/refresh").await.status, 401);
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn a_token_in_the_body_is_refreshed(world: World) {
    let old = world.client().signed_in("alice").await;
    let client = world.client();
    let refresh = async |token: &str| client.post("/refresh").json(&Refresh::token(token)).await;

    assert_eq!(refresh("nonsense").await.status, 401);
    assert_eq!(refresh(old.text()).await.status, 200);

    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(world.status_of(&old).await, 401);
}

async fn a_refresh_of_a_visitor_is_refused(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    assert_eq!(client.post("/refresh").await.status, 401);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}
