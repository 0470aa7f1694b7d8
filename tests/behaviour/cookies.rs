//! The session cookie: its attributes, its lifetime and its removal.

use std::collections::BTreeMap;
use std::time::Duration;

use auth_core::{Authenticator, CookieBuilder, Persistence, SameSite, any_of};
use auth_store::Lifetime;
use http::{Method, Response, header};

use crate::app::Login;
use crate::harness::{
    Auth, Call, Credential, DAY, Fault, Framework, MINUTE, Op, Setup, TestBackend, World, jwt,
    session,
};

/// Returns a backend whose cookie has this domain, or none.
fn with_domain(setup: &Setup, domain: Option<&str>) -> Auth {
    let cookie = CookieBuilder::new("__Secure-session");
    let cookie = domain.into_iter().fold(cookie, CookieBuilder::domain);
    session(setup).cookie(cookie.build().unwrap()).erased()
}

/// The cookies of a browser by their domain: it sends both a cookie for this host alone and one for a domain.
#[derive(Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    async fn call(&mut self, call: Call) -> u16 {
        let cookies = self.0.values().cloned().collect::<Vec<_>>().join("; ");
        let reply = call.header("cookie", &cookies).await;
        for cookie in reply.set_cookies() {
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            let domain = attributes.split("; ").find(|it| it.starts_with("Domain="));
            let domain = domain.unwrap_or_default().to_owned();
            if attributes.contains("Max-Age=0") {
                self.0.remove(&domain);
            } else {
                self.0.insert(domain, pair.to_owned());
            }
        }
        reply.status.as_u16()
    }
}

/// The browser keeps the former cookie and sends both, and neither counts. The next sign-in must end that.
#[tokio::test]
async fn a_changed_domain_does_not_lock_a_browser_out() {
    const HOST_ONLY: fn(&Setup) -> Auth = |setup| with_domain(setup, None);
    const DOMAIN: fn(&Setup) -> Auth = |setup| with_domain(setup, Some("shop.example"));
    for (former, new, sign_ins) in [(HOST_ONLY, DOMAIN, 1), (DOMAIN, HOST_ONLY, 2)] {
        let world = World::start(TestBackend::by_cookie(former), Framework::Hyper).await;
        let mut browser = Browser::default();
        let sign_in = |world: &World| world.client().post("/login").json(&Login::from("alice"));
        assert_eq!(browser.call(sign_in(&world)).await, 204);
        assert_eq!(browser.call(world.client().get("/me")).await, 200);
        world.advance(DAY);

        let world = world.with_backend(TestBackend::by_cookie(new)).await;
        for _ in 0..sign_ins {
            assert_eq!(browser.call(world.client().get("/me")).await, 401);
            assert_eq!(browser.call(sign_in(&world)).await, 204);
        }
        assert_eq!(browser.call(world.client().get("/me")).await, 200);
        assert_eq!(browser.0.len(), 1);
        assert_eq!(browser.call(world.client().post("/logout")).await, 204);
        assert!(browser.0.is_empty());
    }
}

/// The application has had another cookie before. The browser may have it alone, or for another path.
#[tokio::test]
async fn a_sign_in_and_a_sign_out_remove_the_former_cookies_that_are_named() {
    let backend = TestBackend::by_cookie(|setup| {
        let old = CookieBuilder::new("sid").domain("shop.example").path("/app").build().unwrap();
        let older = CookieBuilder::new("__Host-sid").partitioned().build().unwrap();
        let cookie = CookieBuilder::new("__Host-session").former(old).former(older);
        let sessions = session(setup).cookie(cookie.build().unwrap());
        any_of((sessions, jwt(setup))).erased()
    });
    let world = World::start(backend, Framework::Hyper).await;
    let former = [
        "sid=; HttpOnly; SameSite=Lax; Secure; Path=/app; Domain=shop.example; Max-Age=0",
        "__Host-sid=; HttpOnly; SameSite=Lax; Partitioned; Secure; Path=/; Max-Age=0",
    ];
    let check = |cookies: &[&str], others: usize| {
        assert_eq!(cookies.len(), former.len() + others, "{cookies:?}");
        for (cookie, former) in cookies.iter().zip(former) {
            assert!(cookie.starts_with(former), "{cookie}");
        }
    };
    let client = world.client();
    check(&client.login("alice").await.set_cookies(), 1);
    check(&client.post("/refresh").await.set_cookies(), 1);
    check(&client.post("/logout").await.set_cookies(), 1);
    check(&client.post("/logout").await.set_cookies(), 0);
    assert!(client.get("/me").await.set_cookies().is_empty());
}

/// An application in a frame of another site, which has a partition of its own in the browser.
#[tokio::test]
async fn a_partitioned_cookie_replaces_one_that_is_not() {
    let backend = TestBackend::by_cookie(|setup| {
        let cookie = CookieBuilder::new("__Host-session").same_site(SameSite::None).partitioned();
        session(setup).cookie(cookie.build().unwrap()).erased()
    });
    let world = World::start(backend, Framework::Hyper).await;
    let client = world.client();
    for reply in [client.login("alice").await, client.post("/logout").await] {
        let [unpartitioned, own] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        let attributes = "; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=0";
        assert!(unpartitioned.starts_with(&format!("__Host-session={attributes}")));
        assert!(own.contains("; HttpOnly; SameSite=None; Partitioned; Secure; Path=/"), "{own}");
    }
}

/// A cookie that an attacker has set for the whole domain does not outlive a sign-in.
#[tokio::test]
async fn sec_34_a_sign_in_or_sign_out_removes_a_planted_cookie() {
    const HOST_ONLY: fn(&Setup) -> Auth = |setup| with_domain(setup, None);
    let world = World::start(TestBackend::by_cookie(HOST_ONLY), Framework::Hyper).await;
    let mut browser = Browser::default();
    let sign_in = || world.client().post("/login").json(&Login::from("alice"));
    assert_eq!(browser.call(sign_in()).await, 204);
    for (call, left) in [(sign_in(), 1), (world.client().post("/logout"), 0)] {
        let planted = "__Secure-session=planted".to_owned();
        browser.0.insert("Domain=shop.example".to_owned(), planted);
        assert_eq!(browser.call(world.client().get("/me")).await, 401);
        assert_eq!(browser.call(call).await, 204);
        assert_eq!(browser.0.len(), left);
    }
}

suite!(cookie:
    sec_25_26_27_28_the_cookie_has_the_secure_attributes,
    sec_23_a_cookie_is_a_browser_session_cookie_unless_persistent,
    sec_37_a_cookie_that_outlives_its_max_age_is_refused,
    sec_35_a_sign_out_removes_the_cookie,
    sec_35_no_other_response_removes_the_cookie,
    max_age_is_the_remaining_lifetime,
    a_persistent_cookie_is_renewed_while_it_is_used,
    only_a_cookie_that_the_browser_deletes_too_early_is_renewed,
    a_renewed_cookie_never_overwrites_a_newer_one,
    nodes_that_renew_a_cookie_at_the_same_time_set_the_same_one,
);

suite!(pair: a_persistent_refresh_cookie_is_renewed_by_each_refresh);

async fn sec_25_26_27_28_the_cookie_has_the_secure_attributes(world: World) {
    let client = world.client();
    let calls = [client.post("/login").json(&Login::from("alice")), client.post("/refresh")];
    for call in calls {
        let reply = call.await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        let secret = client.credential().unwrap();
        let expected =
            format!("__Host-session={}; HttpOnly; SameSite=Lax; Secure; Path=/", secret.secret());
        assert_eq!(cookie, expected);
        assert!(reply.body.is_empty(), "the secret is only in the cookie");
    }
}

async fn sec_23_a_cookie_is_a_browser_session_cookie_unless_persistent(world: World) {
    let max_age = async |world: &World, login: Login| {
        let reply = world.client().login(login).await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        // Old clients know `Expires` only.
        assert_eq!(cookie.contains("; Max-Age="), cookie.contains("; Expires="), "{cookie}");
        cookie.split("Max-Age=").nth(1).map(|age| age.split(';').next().unwrap().to_owned())
    };
    assert_eq!(max_age(&world, "alice".into()).await, None);
    assert_eq!(max_age(&world, Login::from("alice").remember(false)).await, None);
    let day = Some("86400".to_owned());
    assert_eq!(max_age(&world, Login::from("alice").remember(true)).await, day);

    let persistent = world.with(|setup| setup.persistence = Persistence::Persistent).await;
    assert_eq!(max_age(&persistent, "alice".into()).await, day);
    assert_eq!(max_age(&persistent, Login::from("alice").remember(false)).await, None);
}

async fn max_age_is_the_remaining_lifetime(world: World) {
    let client = world.client();
    client.login(Login::from("alice").remember(true)).await;
    world.advance(Duration::from_secs(1800));
    let refresh = client.post("/refresh").await;
    let [cookie] = refresh.set_cookies()[..] else { panic!("{refresh:?}") };
    assert!(cookie.contains("Max-Age=84600;") || cookie.ends_with("Max-Age=84600"), "{cookie}");
}

async fn sec_37_a_cookie_that_outlives_its_max_age_is_refused(world: World) {
    let world = world.with(|setup| setup.lifetime = Lifetime::AAL1).await;
    let (client, credential) = world.sign_in(Login::from("alice").remember(true)).await;
    world.advance(30 * DAY - Duration::from_secs(1));
    assert_eq!(world.status_of(&credential).await, 200);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.status_of(&credential).await, 401);
    assert_eq!(client.post("/refresh").await.status, 401);
}

async fn sec_35_a_sign_out_removes_the_cookie(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    assert!(client.cookies("/").contains(credential.secret()));

    let reply = client.post("/logout").await;

    let removal = "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=";
    let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
    assert!(cookie.starts_with(removal), "{cookie}");
    assert_eq!(client.cookies("/"), "");
    assert_eq!(client.cookies("/devices/1"), "");
    let nothing_to_take = world.client().post("/logout").await;
    assert!(nothing_to_take.set_cookies().is_empty());
}

/// Only a sign-out removes a cookie, because the browser may have a newer one than the request.
async fn sec_35_no_other_response_removes_the_cookie(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.post("/refresh").await;
    world.advance(MINUTE); // until then, the refresh can be repeated
    let stale = world.client_with(&old);
    for (method, path) in [(Method::GET, "/me"), (Method::GET, "/cart"), (Method::POST, "/refresh")]
    {
        let reply = stale.call(method, path).await;
        assert!(reply.set_cookies().is_empty(), "{path}: {reply:?}");
    }
    assert!(matches!(client.credential(), Some(Credential::Cookie(_))));
}

/// Starts another node whose users are remembered for this long.
async fn remembering(world: &World, lifetime: Duration) -> World {
    let lifetime = Lifetime::new(None, lifetime).unwrap();
    let persistence = Persistence::Persistent;
    world.with(|setup| (setup.lifetime, setup.persistence) = (lifetime, persistence)).await
}

fn max_age(cookie: &str) -> Duration {
    let seconds = cookie.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap();
    Duration::from_secs(seconds.parse().unwrap())
}

/// Regression: a browser keeps a cookie for 400 days, and it was set only once.
async fn a_persistent_cookie_is_renewed_while_it_is_used(world: World) {
    let world = remembering(&world, 730 * DAY).await;
    let (client, credential) = world.sign_in("alice").await;
    let mut left = 730 * DAY;
    for month in 1..24 {
        let mut advance = |time| {
            world.advance(time);
            left -= time;
            left
        };
        let max = advance(30 * DAY).min(400 * DAY);
        let first = client.get("/me").await;
        let [cookie] = first.set_cookies()[..] else { panic!("month {month}: {first:?}") };
        assert!(cookie.starts_with(&format!("__Host-session={};", credential.secret())));
        assert_eq!(max_age(cookie), max, "month {month}");
        assert!(cookie.contains("HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
        assert_eq!(first.header(header::CACHE_CONTROL), "no-store");
        let node = world.with(|_| {}).await;
        for wait in [Duration::ZERO, Duration::from_secs(5400)] {
            advance(wait);
            for client in [&client, &node.client_with(&credential)] {
                let next = client.get("/me").await;
                assert_eq!((next.status.as_u16(), next.set_cookies().len()), (200, 0), "{month}");
            }
        }
    }
}

async fn only_a_cookie_that_the_browser_deletes_too_early_is_renewed(world: World) {
    let short = remembering(&world, 399 * DAY).await;
    let long = remembering(&world, 730 * DAY).await;
    let until_the_browser_closes = Login::from("alice").remember(false);
    let clients = [short.sign_in("alice").await.0, long.sign_in(until_the_browser_closes).await.0];
    let (client, old) = long.sign_in("alice").await;
    world.advance(200 * DAY);
    for client in clients {
        let reply = client.get("/me").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 0), "{reply:?}");
    }
    client.refreshed().await;
    let late = long.client_with(&old).get("/me").await;
    assert_eq!((late.status.as_u16(), late.set_cookies().len()), (200, 0), "there is a newer one");

    world.advance(30 * DAY);
    let signed_out = client.post("/logout").await;
    let [cookie] = signed_out.set_cookies()[..] else { panic!("{signed_out:?}") };
    assert!(cookie.contains("Max-Age=0"), "a sign-out is not renewed: {cookie}");
}

/// Neither node knows of the use on the other one.
async fn nodes_that_renew_a_cookie_at_the_same_time_set_the_same_one(world: World) {
    let node = remembering(&world, 730 * DAY).await;
    let other = node.with(|_| {}).await;
    let (client, credential) = node.sign_in("alice").await;
    world.advance(30 * DAY);
    world.store.set(Op::Touch, Fault::Fails);
    for client in [&client, &other.client_with(&credential)] {
        let reply = client.get("/me").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1), "{reply:?}");
        assert_eq!(client.credential(), Some(credential.clone()));
    }
    world.store.clear_faults();
    assert_eq!(node.statuses([&credential]).await, [200]);
}

/// Regression: a slow request set its cookie again, although another one had replaced it meanwhile.
async fn a_renewed_cookie_never_overwrites_a_newer_one(world: World) {
    let world = remembering(&world, 730 * DAY).await;
    for meanwhile in ["nothing", "step-up", "refresh", "sign-out", "outage"] {
        let (client, old) = world.sign_in("alice").await;
        world.advance(30 * DAY);
        let slow = world.handle(Some(&old), |_| async {
            match meanwhile {
                "step-up" => drop(client.signed_in("alice").await),
                "refresh" => drop(client.refreshed().await),
                "sign-out" => assert_eq!(client.post("/logout").await.status, 204),
                "outage" => world.store.set(Op::Load, Fault::Fails),
                _ => {}
            }
            Response::new(String::new())
        });
        let slow = slow.await;
        world.store.clear_faults();
        assert_eq!(slow.status(), 200, "{meanwhile}");
        let set = slow.headers().get_all(header::SET_COOKIE).iter().count();
        assert_eq!(set, usize::from(meanwhile == "nothing"), "{meanwhile}");
    }
}

async fn a_persistent_refresh_cookie_is_renewed_by_each_refresh(world: World) {
    let world = remembering(&world, 730 * DAY).await;
    let (client, _) = world.sign_in("alice").await;
    for month in 1..24 {
        world.advance(30 * DAY);
        let reply = client.post("/refresh").await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        assert_eq!(max_age(cookie), (400 * DAY).min((730 - 30 * month) * DAY));
    }
}
