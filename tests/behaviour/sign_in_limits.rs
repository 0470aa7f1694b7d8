//! The limit of concurrent sign-ins per user.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_jwt::{JwtAuth, Key};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, OverflowPolicy, SecretKind, SignInLimit, Store};

use crate::app::{Confirmation, DeviceEntry, Login, Me};
use crate::harness::{Client, Credential, TestBackend, World, send_concurrently};

suite!(every:
    sec_21_fifty_concurrent_sign_ins_leave_three,
    sec_21_the_oldest_sign_in_is_evicted,
    sec_21_a_sign_in_over_the_limit_is_refused_and_ends_no_other,
    an_expired_sign_in_does_not_count_towards_the_limit,
    signing_in_again_counts_once_towards_the_limit,
    sec_21_kinds_with_limits_of_their_own_count_apart,
    sec_21_a_kind_with_a_limit_of_its_own_is_otherwise_like_before,
);

async fn sec_21_fifty_concurrent_sign_ins_leave_three(world: World) {
    let world = world.with_limit(3, OverflowPolicy::EvictOldest).await;
    let login = Login::from("alice").via(world.transport());
    let clients: Vec<Client> = (0..50).map(|_| world.client()).collect();

    let replies = send_concurrently(clients.iter().map(|c| c.post("/login").json(&login))).await;

    assert!(replies.iter().all(|reply| reply.status.is_success()));
    assert_eq!(world.sign_in_count().await, 3);
    let mut recognised = 0;
    for client in &clients {
        recognised += usize::from(client.get("/me").await.status == 200);
    }
    assert_eq!(recognised, 3);
}

async fn sec_21_the_oldest_sign_in_is_evicted(world: World) {
    let world = world.with_limit(2, OverflowPolicy::EvictOldest).await;
    let mut credentials = Vec::new();
    for _ in 0..3 {
        credentials.push(world.client().signed_in("alice").await);
        world.advance(Duration::from_secs(1));
    }
    let bobs = world.client().signed_in("bob").await;

    assert_eq!(world.status_of(&credentials[0]).await, 401);
    assert_eq!(world.status_of(&credentials[1]).await, 200);
    assert_eq!(world.status_of(&credentials[2]).await, 200);
    assert_eq!(world.status_of(&bobs).await, 200);
}

async fn sec_21_a_sign_in_over_the_limit_is_refused_and_ends_no_other(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    let first = world.client().signed_in("alice").await;
    let late = world.client();

    assert_eq!(late.login("alice").await.status, 403);

    assert_eq!(late.credential(), None);
    assert_eq!(world.status_of(&first).await, 200);
    late.signed_in("bob").await;
}

async fn an_expired_sign_in_does_not_count_towards_the_limit(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    world.client().signed_in("alice").await;
    world.advance(Duration::from_secs(3600));
    world.client().signed_in("alice").await;
}

async fn signing_in_again_counts_once_towards_the_limit(world: World) {
    let world = world.with_limit(1, OverflowPolicy::Reject).await;
    let (client, _) = world.sign_in("alice").await;
    client.signed_in("alice").await;
    assert_eq!(client.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 1);
}

/// Returns the kind of a credential, and a backend whose credentials are of another kind.
fn kinds(credential: &Credential) -> (SecretKind, SecretKind, TestBackend) {
    let (bearer, cookie) = (TestBackend::session_bearer(), TestBackend::session());
    match credential {
        Credential::Cookie(_) => (SecretKind::Cookie, SecretKind::Bearer, bearer),
        Credential::Token(_) => (SecretKind::Bearer, SecretKind::Cookie, cookie),
        Credential::Pair { .. } => (SecretKind::Refresh, SecretKind::Cookie, cookie),
    }
}

fn limit(max: u32, when_full: OverflowPolicy) -> SignInLimit {
    SignInLimit { max: NonZeroU32::new(max).unwrap(), when_full }
}

/// Browsers and apps of one user sign in at the same time, each kind up to its own limit.
async fn sec_21_kinds_with_limits_of_their_own_count_apart(world: World) {
    let (own, other, backend) = kinds(&world.client().signed_in("bob").await);
    for (name, policy) in [("alice", OverflowPolicy::EvictOldest), ("eve", OverflowPolicy::Reject)]
    {
        let limits = vec![(own, limit(2, policy)), (other, limit(3, policy))];
        let world = world.with(|setup| setup.limit_of = limits).await;
        let beside = world.with_backend(backend).await;
        let clients: Vec<_> = (0..12).flat_map(|_| [world.client(), beside.client()]).collect();
        let calls = clients.iter().enumerate().map(|(number, client)| {
            let of = if number % 2 == 0 { &world } else { &beside };
            client.post("/login").json(&Login::from(name).via(of.transport()))
        });

        send_concurrently(calls).await;

        let records = world.store.list(name).await.unwrap();
        let stored = |kind| records.iter().filter(|record| record.kind.completed() == kind).count();
        assert_eq!((stored(own), stored(other)), (2, 3), "{policy:?}");
        let shown = |kind: SecretKind| {
            records.iter().filter(|record| record.info().kind == kind.scheme()).count()
        };
        assert_eq!((shown(own), shown(other)), (2, 3), "{policy:?}");
        let mut active = [0, 0];
        for (number, client) in clients.iter().enumerate() {
            active[number % 2] += usize::from(client.get("/me").await.status == 200);
        }
        assert_eq!(active, [2, 3], "{policy:?}");
    }
}

/// Such a limit would never be reached, whatever clients do.
#[test]
#[should_panic(expected = "the kind Refresh: this one issues [Cookie, Bearer]")]
fn sec_21_a_limit_of_refresh_tokens_is_rejected_by_sessions() {
    let auth = SessionAuth::new(MemoryStore::new());
    let _ = auth.max_sign_ins_of(SecretKind::Refresh, 5, OverflowPolicy::EvictOldest);
}

#[test]
#[should_panic(expected = "the kind Cookie: this one issues [Refresh]")]
fn sec_21_a_limit_of_session_cookies_is_rejected_by_tokens() {
    let auth = JwtAuth::new(Key::hs256([7; 32]).unwrap()).audience("shop");
    let auth = auth.sign_in(MemoryStore::new());
    let _ = auth.max_sign_ins_of(SecretKind::Cookie, 5, OverflowPolicy::EvictOldest);
}

async fn sec_21_a_kind_with_a_limit_of_its_own_is_otherwise_like_before(world: World) {
    let before = world.client();
    let old = before.signed_in("alice").await;
    let (own, ..) = kinds(&old);
    let limits = vec![(own, limit(1, OverflowPolicy::EvictOldest))];
    let world = world.with(|setup| setup.limit_of = limits).await;
    let first = world.client();
    first.signed_in(Login::from("alice").role("admin").acr("aal2")).await;
    let me: Me = first.get("/me").await.json();
    assert_eq!(me.authenticated_at, Some(world.clock.now().as_secs()));
    for path in ["/admin", "/strong", "/step-up", "/payments"] {
        assert_eq!(first.get(path).await.status, 200, "{path}");
    }
    first.refreshed().await;
    let confirmation = Confirmation::by(&["otp"]);
    assert!(first.post("/reauthenticate").json(&confirmation).await.status.is_success());
    assert_eq!(first.get("/otp").await.status, 200);
    first.signed_in("alice").await;
    assert_eq!(world.status_of(&old).await, 200, "one from before counts with the others");

    let second = world.client();
    second.signed_in(Login::from("alice").pending()).await;
    assert_eq!(first.get("/me").await.status, 200);
    assert!(second.post("/second-factor").json(&confirmation).await.status.is_success());
    assert_eq!(first.get("/me").await.status, 401, "it was evicted");
    assert_eq!(world.status_of(&old).await, 200);
    for _ in 0..2 {
        assert!(second.post("/act-as").json(&Login::from("bob")).await.status.is_success());
        assert!(second.post("/stop-acting").await.status.is_success());
    }
    let of_before = world.client_with(&old);
    assert!(of_before.post("/act-as").json(&Login::from("bob")).await.status.is_success());
    assert!(of_before.post("/stop-acting").await.status.is_success());
    assert_eq!(second.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 2);
    of_before.signed_in("alice").await;
    assert_eq!(second.get("/me").await.status, 401, "now they count together");
    assert_eq!(of_before.get("/devices").await.json::<Vec<DeviceEntry>>().len(), 1);
}
