//! For whom `Auth` acts after a sign-in in the same request, and what ends all sign-ins of a user.

use auth_core::{Auth, AuthErrorKind, Principal, any_of};
use http::request::Parts;
use http::{Request, Response, header};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::app::User;
use crate::harness::{Credential, Fault, Op, REFRESH, SESSION, World, call, sign_in_by};

suite!(every:
    sec_91_auth_acts_for_the_user_who_has_just_signed_in,
    sec_91_all_sign_ins_of_the_new_user_end,
    sec_91_a_failed_sign_in_changes_nothing,
    sec_92_a_failed_end_of_all_can_be_repeated,
    sec_92_a_failed_load_lets_the_owner_try_again,
    a_sign_in_is_revalidated_in_the_request_that_made_it,
    auth_acts_for_the_new_secret_after_a_refresh,
    a_request_that_has_refreshed_can_end_its_sign_in,
    refreshes_of_a_client_that_hangs_up_leave_it_a_valid_secret,
    a_sign_out_after_a_sign_in_issues_no_credential,
    a_refresh_after_a_sign_in_is_a_mistake_of_the_application,
);

fn user(name: &str) -> Principal<User> {
    Principal::new(name).claims(User { name: name.to_owned() })
}

/// Two sign-ins of alice and one of bob.
struct Three {
    alice: Credential,
    alices_other: Credential,
    bob: Credential,
}

impl Three {
    async fn of(world: &World) -> Self {
        let (_, alice) = world.sign_in("alice").await;
        let (_, alices_other) = world.sign_in("alice").await;
        let (_, bob) = world.sign_in("bob").await;
        Self { alice, alices_other, bob }
    }
}

async fn sec_91_auth_acts_for_the_user_who_has_just_signed_in(world: World) {
    let three = Three::of(&world).await;
    let transport = world.transport();
    let bobs = three.bob.sign_in();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let alices = auth.identity().unwrap().sign_in().unwrap();
        let signed_in = sign_in_by(auth.sign_in(user("bob")), transport).await.unwrap();
        if let Some(identity) = auth.identity() {
            assert_eq!(identity.subject(), "bob");
            assert_eq!(identity.sign_in(), Some(signed_in.sign_in));
        }
        let listed = auth.sign_ins().await.unwrap();
        let current: Vec<_> = listed.iter().filter(|info| info.current).collect();
        assert_eq!((listed.len(), current.len()), (2, 1), "bob's, and this one is current");
        assert_eq!(current[0].id, signed_in.sign_in);
        assert!(!auth.revoke(alices).await.unwrap(), "alice's sign-ins are not bob's");
        assert_eq!(auth.revoke_others().await.unwrap(), 1);
        assert_ne!(signed_in.sign_in, bobs);
        Response::default()
    };
    assert_eq!(world.handle(Some(&three.alice), handler).await.status(), 200);
    assert_eq!(world.statuses([&three.alices_other, &three.bob]).await, [200, 401]);
    assert_eq!(world.sign_in_count().await, 2, "alice's other one, and bob's new one");
}

async fn sec_91_all_sign_ins_of_the_new_user_end(world: World) {
    let three = Three::of(&world).await;
    let transport = world.transport();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let _ended = sign_in_by(auth.sign_in(user("bob")), transport).await.unwrap();
        assert_eq!(auth.revoke_all().await.unwrap(), 2);
        Response::default()
    };
    assert_eq!(world.handle(Some(&three.alice), handler).await.status(), 200);
    assert_eq!(world.statuses([&three.alices_other, &three.bob]).await, [200, 401]);
    assert_eq!(world.sign_in_count().await, 1);
}

async fn sec_91_a_failed_sign_in_changes_nothing(world: World) {
    let three = Three::of(&world).await;
    let (transport, store) = (world.transport(), &world.store);
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        store.set(Op::Create, Fault::Fails);
        let failed = sign_in_by(auth.sign_in(user("bob")), transport).await.unwrap_err();
        assert_eq!(failed.kind(), AuthErrorKind::Unavailable);
        store.clear_faults();
        assert_eq!(auth.identity().unwrap().subject(), "alice");
        assert_eq!(auth.revoke_others().await.unwrap(), 1);
        Response::default()
    };
    assert_eq!(world.handle(Some(&three.alice), handler).await.status(), 200);
    let credentials = [&three.alice, &three.alices_other, &three.bob];
    assert_eq!(world.statuses(credentials).await, [200, 401, 200]);
}

/// The owner wants to end the sign-in of a thief. Whatever fails, the owner can repeat it.
async fn sec_92_a_failed_end_of_all_can_be_repeated(world: World) {
    for (op, fault) in [
        (Op::Revoke, Fault::Fails),
        (Op::Revoke, Fault::AnswerLost),
        (Op::Delete, Fault::Fails),
        (Op::Delete, Fault::AnswerLost),
    ] {
        let (owner, own) = world.sign_in("alice").await;
        let (_, thief) = world.sign_in("alice").await;
        world.store.set(op, fault);
        let failed = owner.post("/logout-everywhere").await;
        assert!(failed.is_unavailable(), "{op:?} {fault:?}: {failed:?}");
        world.store.clear_faults();
        let [own_status, thief_status] = world.statuses([&own, &thief]).await;
        assert!(own_status == 200 || thief_status == 401, "{op:?} {fault:?}");
        if own_status == 200 {
            assert_eq!(owner.post("/logout-everywhere").await.status, 200);
        }
        assert_eq!(world.statuses([&own, &thief]).await, [401, 401], "{op:?} {fault:?}");
        assert_eq!(world.sign_in_count().await, 0);
    }
}

/// A cookie that does not decide belongs to another sign-in, which the sign-out has to find.
async fn sec_92_a_failed_load_lets_the_owner_try_again(world: World) {
    let (_, own) = world.sign_in("alice").await;
    let (_, beside) = world.sign_in("alice").await;
    let (_, thief) = world.sign_in("alice").await;
    let cookies = beside.refresh().map_or_else(
        || format!("{SESSION}={}", beside.secret()),
        |refresh| format!("{REFRESH}={refresh}"),
    );
    let in_cookie = world.reads_cookies() && !matches!(own, Credential::Cookie(_));
    let mut request = Request::post("/").header(own.header().0, own.header().1);
    if in_cookie {
        request = request.header(header::COOKIE, cookies);
    }
    let store = &world.store;
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        store.set(Op::Load, Fault::Fails);
        if let Err(error) = auth.revoke_all().await {
            assert_eq!(error.kind(), AuthErrorKind::Unavailable);
            store.clear_faults();
            assert_eq!(world.status_of(&thief).await, 401, "the others end first");
            auth.revoke_all().await.unwrap();
        }
        store.clear_faults();
        Response::default()
    };
    let layer = any_of([world.auth()]).optional();
    let response = call(layer, request.body(()).unwrap(), handler).await;
    assert_eq!(response.status(), 200);
    assert_eq!(world.statuses([&own, &beside, &thief]).await, [401; 3]);
    assert_eq!(world.sign_in_count().await, 0);
}

/// Regression: with sessions, `Auth` still acted for the secret that the refresh had replaced.
async fn auth_acts_for_the_new_secret_after_a_refresh(world: World) {
    let (_, own) = world.sign_in("alice").await;
    let (_, other) = world.sign_in("alice").await;
    let issued = Mutex::new(Vec::new());
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        for _ in 0..3 {
            let refreshed = auth.refresh().await.unwrap();
            assert_eq!(refreshed.sign_in, own.sign_in());
            assert_eq!(auth.revalidate().await.unwrap().subject(), "alice");
            issued.lock().push(refreshed.tokens.map(|tokens| tokens.access_token.into_string()));
        }
        assert_eq!(auth.revoke_others().await.unwrap(), 1);
        assert_eq!(auth.revalidate().await.unwrap().sign_in(), Some(own.sign_in()));
        Response::default()
    };
    let response = world.handle(Some(&own), handler).await;
    assert_eq!(response.status(), 200);
    let issued = issued.into_inner();
    let token = issued.last().unwrap().as_deref();
    let newest = Credential::from_response(token, response.headers()).unwrap();
    assert_ne!(newest, own);
    assert_eq!(world.statuses([&newest, &other]).await, [200, 401]);
    if let Credential::Token(_) = newest {
        assert!(issued.iter().all(|token| *token == issued[0]), "a response has one secret");
        assert_eq!(world.status_of(&own).await, 401);
    }
    world.client_with(&newest).refreshed().await;
}

async fn a_request_that_has_refreshed_can_end_its_sign_in(world: World) {
    for everywhere in [false, true] {
        let (_, own) = world.sign_in("alice").await;
        let handler = async |head: Parts| {
            let auth = Auth::<User>::of(&head).unwrap();
            let _ended = auth.refresh().await.unwrap();
            if everywhere {
                assert_eq!(auth.revoke_all().await.unwrap(), 1);
            } else {
                auth.sign_out().await.unwrap();
            }
            assert_eq!(auth.refresh().await.unwrap_err().kind(), AuthErrorKind::Unauthenticated);
            Response::default()
        };
        let response = world.handle(Some(&own), handler).await;
        assert_eq!(response.status(), 200);
        assert_eq!(Credential::from_response(None, response.headers()), None, "no new cookie");
        assert_eq!(world.sign_in_count().await, 0);
    }
}

/// Each refresh is undone, or can be repeated.
async fn refreshes_of_a_client_that_hangs_up_leave_it_a_valid_secret(world: World) {
    let (_, own) = world.sign_in("alice").await;
    let refreshed = Notify::new();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        for _ in 0..2 {
            let _lost = auth.refresh().await.unwrap();
        }
        refreshed.notify_one();
        std::future::pending().await
    };
    tokio::select! {
        biased;
        _ = world.handle(Some(&own), handler) => panic!("it never answers"),
        () = refreshed.notified() => {}
    }
    while world.status_of(&own).await != 200 {
        tokio::task::yield_now().await; // a bearer token is valid again once the refresh is undone
    }
    let new = world.client_with(&own).refreshed().await;
    assert_eq!(world.status_of(&new).await, 200);
}

async fn a_sign_in_is_revalidated_in_the_request_that_made_it(world: World) {
    let (_, alice) = world.sign_in("alice").await;
    let transport = world.transport();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let _sent = sign_in_by(auth.sign_in(user("bob")), transport).await.unwrap();
        if auth.identity().is_some() {
            assert_eq!(auth.revalidate().await.unwrap().subject(), "bob");
        }
        Response::default()
    };
    assert_eq!(world.handle(Some(&alice), handler).await.status(), 200);
}

async fn a_sign_out_after_a_sign_in_issues_no_credential(world: World) {
    let transport = world.transport();
    let handler = async |head: Parts| {
        let auth = Auth::<User>::of(&head).unwrap();
        let _ended = sign_in_by(auth.sign_in(user("bob")), transport).await.unwrap();
        auth.sign_out().await.unwrap();
        Response::default()
    };
    let response = world.handle(None, handler).await;
    assert!(!response.headers().contains_key("set-cookie"), "{response:?}");
    assert_eq!(world.sign_in_count().await, 0);
}

/// The request's own credential, which `refresh` would replace, is not valid any more.
async fn a_refresh_after_a_sign_in_is_a_mistake_of_the_application(world: World) {
    for name in ["alice", "bob"] {
        let (_, credential) = world.sign_in("alice").await;
        let handler = async |head: Parts| {
            let auth = Auth::<User>::of(&head).unwrap();
            let _sent = sign_in_by(auth.sign_in(user(name)), world.transport()).await.unwrap();
            let error = auth.refresh().await.unwrap_err();
            assert_eq!(error.kind(), AuthErrorKind::Config);
            Response::default()
        };
        assert_eq!(world.handle(Some(&credential), handler).await.status(), 200);
    }
}
