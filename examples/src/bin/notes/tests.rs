//! The application with each backend, as browsers and the app see it.

use std::collections::BTreeMap;

use argon2::Params;
use auth_session::testing::TestUser;
use auth_session::{ManualClock, MemoryStore, Timestamp};
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::MockConnectInfo;
use http::{Method, Request, header};
use parking_lot::Mutex;
use serde_json::Value;
use tower::{Layer, ServiceExt};

use super::*;
use crate::handlers::sign_in;

const KINDS: [AuthKind; 3] = [AuthKind::Session, AuthKind::Jwt, AuthKind::Both];
const PASSWORD: &str = "correct horse battery";
const HOUR: Duration = Duration::from_secs(3600);

struct World {
    db: Db,
    auth: Backend,
    clock: ManualClock,
    app: Router,
}

impl World {
    /// Starts with the users `ada`, who is an administrator, and `bob`.
    async fn start(kind: AuthKind) -> Self {
        let cheap = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let db = Db::open("sqlite::memory:", Passwords::new(cheap)).await.unwrap();
        assert!(db.create("ada", PASSWORD, true).await.unwrap());
        assert!(db.create("bob", PASSWORD, false).await.unwrap());
        let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
        Self::on(kind, Arc::new(MemoryStore::new()), db, clock)
    }

    /// Starts a node with this store.
    fn on(kind: AuthKind, store: Arc<dyn Store>, db: Db, clock: ManualClock) -> Self {
        let throttle = Throttle::new(Arc::clone(&store)).clock(clock.clock());
        let auth = backend(kind, store, &db, &clock.clock()).unwrap();
        let client = MockConnectInfo(SocketAddr::from(([192, 0, 2, 1], 7)));
        let app = router(db.clone(), Arc::clone(&auth), throttle).unwrap().layer(client);
        Self { db, auth, clock, app }
    }

    fn browser(&self) -> Browser {
        Browser { app: self.app.clone(), cookies: Mutex::default() }
    }

    /// Returns a browser in which this user has logged in.
    async fn browser_of(&self, name: &str) -> Browser {
        self.clock.advance(Duration::from_secs(1)); // later than the others in the list of devices
        let browser = self.browser();
        let reply = browser.post("/login", &login(name, PASSWORD)).await;
        assert_eq!((reply.status, &*reply.location), (303, "/"), "{}", reply.body);
        browser
    }
}

fn login(name: &str, password: &str) -> String {
    format!("name={name}&password={password}")
}

/// Keeps cookies, and opens pages as a person does.
struct Browser {
    app: Router,
    cookies: Mutex<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    location: String,
    cookies: Vec<String>,
    body: String,
}

impl Browser {
    async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).header("sec-fetch-site", "same-origin"), "").await
    }

    async fn post(&self, path: &str, form: &str) -> Reply {
        self.send(Request::post(path).header("sec-fetch-site", "same-origin"), form).await
    }

    async fn send(&self, request: http::request::Builder, form: &str) -> Reply {
        let cookies: Vec<_> =
            self.cookies.lock().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let form_type = "application/x-www-form-urlencoded";
        let mut request = request.header("sec-fetch-mode", "navigate");
        request = request.header(header::CONTENT_TYPE, form_type);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let request = request.body(Body::from(form.replace(' ', "+"))).unwrap();
        let reply = reply(self.app.clone().oneshot(request).await.unwrap()).await;
        for cookie in &reply.cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match cookie.contains("Max-Age=0") {
                true => drop(self.cookies.lock().remove(name)),
                false => drop(self.cookies.lock().insert(name.to_owned(), value.to_owned())),
            }
        }
        reply
    }
}

async fn reply(response: Response) -> Reply {
    let (head, body) = response.into_parts();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let location = head.headers.get(header::LOCATION).map(text).unwrap_or_default();
    let cookies = head.headers.get_all(header::SET_COOKIE).iter().map(text).collect();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    Reply { status: head.status.as_u16(), location, cookies, body }
}

/// Sends a request of the app.
async fn app_sends(world: &World, method: Method, path: &str, token: &str, body: &str) -> Reply {
    let request = Request::builder().method(method).uri(path);
    let request = match token {
        "" => request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
        token => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
    };
    let request = request.body(Body::from(body.replace(' ', "+"))).unwrap();
    reply(world.app.clone().oneshot(request).await.unwrap()).await
}

async fn tokens(world: &World, form: &str) -> Value {
    let reply = app_sends(world, Method::POST, "/api/token", "", form).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

#[tokio::test]
async fn a_draft_of_a_visitor_survives_the_sign_up_and_is_escaped() {
    for kind in [AuthKind::Session, AuthKind::Both] {
        let world = World::start(kind).await;
        let browser = world.browser();
        assert_eq!(browser.post("/draft", "text=<b>%26").await.status, 303);
        assert!(browser.get("/").await.body.contains("&#60;b&#62;&#38;"));
        let form = format!("{}&remember=yes", login("eve", PASSWORD));
        assert_eq!(browser.post("/signup", &form).await.location, "/");
        let home = browser.get("/").await.body;
        assert!(home.contains("Notes of eve") && home.contains("&#60;b&#62;&#38;"), "{home}");

        assert_eq!(browser.post("/notes", "text=<b>%26").await.status, 303);
        let home = browser.get("/").await.body;
        assert!(home.contains("<li>&#60;b&#62;&#38;") && home.contains("name=\"text\" value=\"\""));
        assert!(!world.browser_of("bob").await.get("/").await.body.contains("&#60;b"), "not bob's");
    }
    let browser = World::start(AuthKind::Jwt).await.browser();
    assert_eq!(browser.post("/draft", "text=a").await.location, "/login", "there are no visitors");
}

#[tokio::test]
async fn a_browser_comes_back_to_its_page_after_the_login() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let browser = world.browser();
        let refused = browser.get("/devices?a=b").await;
        assert_eq!((refused.status, &*refused.location), (303, "/login?next=%2Fdevices%3Fa%3Db"));
        let form = browser.get(&refused.location).await.body;
        assert!(form.contains("value=\"/devices?a=b\""), "{form}");
        let next = |to: &str| format!("{}&next={to}", login("bob", PASSWORD));
        for evil in ["https://evil.example", "//evil.example", "/%5Cevil.example"] {
            assert_eq!(browser.post("/login", &next(evil)).await.status, 422, "{evil}");
        }
        assert_eq!(browser.post("/login", &next("/devices")).await.location, "/devices");
        assert!(browser.get("/devices").await.body.contains("(this one)"));
        assert_eq!(browser.post("/logout", "").await.status, 303);
        assert_eq!(browser.get("/devices").await.location, "/login?next=%2Fdevices");
    }
}

#[tokio::test]
async fn other_sites_can_neither_log_in_nor_act() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let browser = world.browser_of("bob").await;
        for path in ["/login", "/signup", "/notes", "/draft", "/logout", "/devices", "/password"] {
            let request = Request::post(path).header("sec-fetch-site", "cross-site");
            let form = format!("{}&text=a", login("bob", PASSWORD));
            assert_eq!(browser.send(request, &form).await.status, 403, "{path}");
        }
        let request = Request::post("/signup").header("sec-fetch-site", "cross-site");
        let form = login("eve", PASSWORD);
        assert_eq!(world.browser().send(request, &form).await.status, 403);
        assert!(world.db.user("eve").await.unwrap().is_none(), "even without a cookie");
        let home = browser.get("/").await.body;
        assert!(home.contains("Notes of bob") && home.contains("<ul></ul>"), "{home}");
    }
}

#[tokio::test]
async fn failed_logins_look_alike_and_guesses_are_throttled() {
    for kind in KINDS {
        let world = World::start(kind).await;
        world.db.disable("ada").await.unwrap();
        let (browser, own) = (world.browser(), world.browser_of("bob").await);
        let replies = [("bob", "wrong"), ("nobody", PASSWORD), ("ada", PASSWORD)];
        for (name, password) in replies {
            let reply = browser.post("/login", &login(name, password)).await;
            assert_eq!((reply.status, reply.cookies.len()), (401, 0));
            assert!(reply.body.contains("Wrong name or password"), "{}", reply.body);
        }
        for _ in 0..9 {
            browser.post("/login", &login("bob", "wrong")).await;
        }
        let refused = browser.post("/login", &login("bob", PASSWORD)).await;
        assert_eq!(refused.status, 429);
        assert!(refused.body.contains("Try again later"), "{}", refused.body);
        let token = format!("grant_type=password&username=bob&password={PASSWORD}");
        let refused = app_sends(&world, Method::POST, "/api/token", "", &token).await;
        assert_eq!(refused.status, 429, "{}", refused.body);
        let confirm = |password| format!("password={password}");
        assert_eq!(own.post("/confirm", &confirm(PASSWORD)).await.status, 303, "it counts apart");
        for _ in 0..10 {
            assert_eq!(own.post("/password", &confirm("wrong")).await.status, 401);
        }
        assert_eq!(own.post("/confirm", &confirm(PASSWORD)).await.status, 429);
        world.clock.advance(HOUR);
        for number in 0..100 {
            browser.post("/login", &login(&format!("user{number}"), "wrong")).await;
        }
        let refused = browser.post("/login", &login("bob", PASSWORD)).await;
        assert_eq!(refused.status, 429, "too many from this address");
        world.clock.advance(HOUR);
        assert_eq!(browser.post("/login", &login("bob", PASSWORD)).await.status, 303);
    }
}

#[tokio::test]
async fn a_remembered_user_stays_for_30_days_and_others_for_an_hour() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let [short, long] = [world.browser(), world.browser()];
        let reply = short.post("/login", &login("bob", PASSWORD)).await;
        assert!(reply.cookies.iter().all(|cookie| !cookie.contains("Max-Age=")), "{reply:?}");
        let form = format!("{}&remember=yes", login("bob", PASSWORD));
        let reply = long.post("/login", &form).await;
        assert!(reply.cookies.iter().any(|cookie| cookie.contains("Max-Age=2592000")), "{reply:?}");
        world.clock.advance(HOUR);
        assert_eq!(short.get("/devices").await.status, 303);
        assert_eq!(long.get("/devices").await.status, 200);
        world.clock.advance(29 * 24 * HOUR);
        assert_eq!(long.get("/devices").await.status, 200);
    }
}

#[tokio::test]
async fn the_app_has_tokens_that_it_refreshes() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let password = format!("grant_type=password&username=bob&password={PASSWORD}");
        let mut issued = tokens(&world, &password).await;
        let access = issued["access_token"].as_str().unwrap();
        let added = app_sends(&world, Method::POST, "/api/notes", access, "milk").await;
        assert_eq!(added.status, 201);
        if let Some(refresh) = issued["refresh_token"].as_str() {
            issued =
                tokens(&world, &format!("grant_type=refresh_token&refresh_token={refresh}")).await;
        }
        let access = issued["access_token"].as_str().unwrap();
        let notes = app_sends(&world, Method::GET, "/api/notes", access, "").await;
        assert_eq!((notes.status, &*notes.body), (200, r#"["milk"]"#));
        assert_eq!(app_sends(&world, Method::GET, "/api/notes", "made-up", "").await.status, 401);
        for (form, code) in [
            ("grant_type=password&username=bob&password=wrong", "invalid_grant"),
            ("grant_type=refresh_token&refresh_token=ref_made-up", "invalid_grant"),
            ("grant_type=refresh_token", "invalid_request"),
            ("grant_type=magic", "unsupported_grant_type"),
        ] {
            let reply = app_sends(&world, Method::POST, "/api/token", "", form).await;
            assert_eq!((reply.status, reply.body), (400, format!(r#"{{"error":"{code}"}}"#)));
        }
        let devices = world.browser_of("bob").await.get("/devices").await.body;
        assert!(devices.contains("the app") && devices.contains("(this one)"), "{devices}");
    }
}

/// Returns the ids in a list of devices.
fn ids(devices: &Reply) -> Vec<String> {
    let ids = devices.body.split("name=\"id\" value=\"").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_ends_own_devices_only() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let (own, other, ada) = (
            world.browser_of("bob").await,
            world.browser_of("bob").await,
            world.browser_of("ada").await,
        );
        let [ref of_ada] = ids(&ada.get("/devices").await)[..] else { panic!("she has one") };
        own.post("/devices", &format!("id={of_ada}")).await;
        assert_eq!(ada.get("/devices").await.status, 200);
        let listed = ids(&own.get("/devices").await);
        assert_eq!(listed.len(), 2);
        own.post("/devices", &format!("id={}", listed[1])).await;
        assert_eq!(other.get("/devices").await.status, 303);
        own.post("/devices", &format!("id={}", listed[0])).await;
        assert_eq!(own.get("/devices").await.status, 303);
    }
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sign_ins() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let (own, other) = (world.browser_of("bob").await, world.browser_of("bob").await);
        let password = format!("grant_type=password&username=bob&password={PASSWORD}");
        let issued = tokens(&world, &password).await;
        let change = |old: &str, new: &str| format!("password={old}&new={new}");
        assert_eq!(own.post("/password", &change("wrong", "a new password")).await.status, 401);
        assert_eq!(own.post("/password", &change(PASSWORD, "short")).await.status, 422);
        assert_eq!(other.get("/devices").await.status, 200);
        let reply = own.post("/password", &change(PASSWORD, "a new password")).await;
        assert_eq!(reply.location, "/devices");
        assert_eq!(own.get("/devices").await.status, 200);
        assert_eq!(other.get("/devices").await.status, 303);
        let access = issued["access_token"].as_str().unwrap();
        assert_eq!(app_sends(&world, Method::GET, "/api/notes", access, "").await.status, 401);
        assert_eq!(other.post("/login", &login("bob", PASSWORD)).await.status, 401);
        assert_eq!(other.post("/login", &login("bob", "a new password")).await.status, 303);
        world.clock.advance(CHECK_AGE + Duration::from_secs(1));
        assert_eq!(own.get("/devices").await.status, 200, "its hash is the new one");
    }
}

/// A change in the database by hand takes effect at the next check.
#[tokio::test]
async fn a_password_that_was_changed_by_hand_ends_the_sign_ins() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let browser = world.browser_of("bob").await;
        world.db.set_password("bob", "another password").await.unwrap();
        world.clock.advance(CHECK_AGE + Duration::from_secs(1));
        assert_eq!(browser.get("/devices").await.status, 303);
    }
}

#[tokio::test]
async fn an_administrator_disables_a_user() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let (ada, bob) = (world.browser_of("ada").await, world.browser_of("bob").await);
        assert_eq!(bob.get("/admin").await.status, 403);
        assert_eq!(bob.post("/admin/disable", "name=ada").await.status, 403);
        assert!(ada.get("/admin").await.body.contains("bob (active)"));
        assert_eq!(ada.post("/admin/disable", "name=bob").await.location, "/admin");
        assert!(ada.get("/admin").await.body.contains("bob (disabled)"));
        assert_eq!(bob.get("/devices").await.status, 303);
        assert_eq!(bob.post("/login", &login("bob", PASSWORD)).await.status, 401);
    }
}

#[tokio::test]
async fn an_administrator_acts_for_a_user_and_returns() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let (ada, bob) = (world.browser_of("ada").await, world.browser_of("bob").await);
        assert_eq!(bob.post("/notes", "text=milk").await.status, 303);
        assert_eq!(bob.post("/admin/act-as", "name=ada").await.status, 403);
        for name in ["ada", "nobody"] {
            assert_eq!(ada.post("/admin/act-as", &format!("name={name}")).await.status, 404);
        }
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(ada.post("/admin/act-as", "name=bob").await.location, "/");
        let home = ada.get("/").await.body;
        assert!(home.contains("You are ada") && home.contains("Notes of bob"), "{home}");
        assert!(home.contains("<li>milk"), "{home}");
        assert!(bob.get("/devices").await.body.contains("ada acts for you"));
        assert!(!bob.get("/").await.body.contains("You are"));
        for path in ["/password", "/account/delete", "/confirm"] {
            for reply in [ada.get(path).await, ada.post(path, "password=a&new=b").await] {
                assert_eq!(reply.status, 403, "{path}: {reply:?}");
            }
        }
        let devices = ids(&ada.get("/devices").await);
        assert_eq!(devices.len(), 2);
        for id in devices {
            assert_eq!(ada.post("/devices", &format!("id={id}")).await.status, 403);
        }
        assert_eq!(ada.get("/admin").await.status, 403, "the role is ada's");
        assert_eq!(ada.post("/stop-acting", "").await.location, "/admin");
        assert!(ada.get("/admin").await.body.contains("bob (active)"));
        assert!(!bob.get("/devices").await.body.contains("acts for you"));

        ada.post("/admin/act-as", "name=bob").await;
        world.db.set_password("bob", "another password").await.unwrap();
        world.clock.advance(CHECK_AGE + Duration::from_secs(1));
        assert_eq!(ada.get("/devices").await.status, 303, "it ends like a sign-in of the user");
    }
}

/// Two nodes with a database that reports no changes, and a near cache on each.
#[tokio::test]
async fn the_near_cache_is_late_by_two_seconds_except_where_it_matters() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let folder = std::env::temp_dir().join(format!("notes-{}-{kind:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = format!("sqlite:{}", folder.join("sign-ins.db").display());
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let store = connect(&url, &world.clock.clock()).await.unwrap();
            nodes.push(World::on(kind, store, world.db.clone(), world.clock.clone()));
        }
        let [stale, admin] = [nodes[0].browser_of("ada").await, nodes[0].browser_of("ada").await];
        let elsewhere = nodes[1].browser_of("ada").await;
        for browser in [&stale, &admin] {
            assert_eq!(browser.get("/devices").await.status, 200, "it is cached now");
        }
        for id in &ids(&elsewhere.get("/devices").await)[..2] {
            elsewhere.post("/devices", &format!("id={id}")).await;
        }
        assert_eq!(stale.get("/devices").await.status, 200);
        assert_eq!(admin.get("/admin").await.status, 303, "it is read from the database");
        world.clock.advance(Duration::from_secs(2));
        assert_eq!(stale.get("/devices").await.status, 303);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[tokio::test]
async fn deleting_the_account_needs_the_password_again() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let (browser, other) = (world.browser_of("bob").await, world.browser_of("bob").await);
        assert_eq!(browser.post("/notes", "text=milk").await.status, 303);
        world.clock.advance(HOUR / 2);
        let page = browser.get("/account/delete").await;
        assert_eq!((page.status, &*page.location), (303, "/confirm?next=%2Faccount%2Fdelete"));
        assert_eq!(browser.post("/account/delete", "").await.location, "/confirm");
        let confirm = |password| format!("password={password}&next=/account/delete");
        assert_eq!(browser.post("/confirm", &confirm("wrong")).await.status, 401);
        assert_eq!(browser.post("/confirm", &confirm(PASSWORD)).await.location, "/account/delete");
        assert_eq!(browser.get("/account/delete").await.status, 200);
        assert_eq!(browser.post("/account/delete", "").await.location, "/");
        for browser in [&browser, &other] {
            assert_eq!(browser.get("/devices").await.status, 303);
            assert_eq!(browser.post("/login", &login("bob", PASSWORD)).await.status, 401);
        }
        assert!(world.db.notes("bob").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_sign_in() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let (browser, other) = (world.browser_of("bob").await, world.browser_of("bob").await);
        let first = ids(&browser.get("/devices").await).remove(0);
        let stream = browser.get("/events");
        let end = async {
            tokio::task::yield_now().await;
            other.post("/devices", &format!("id={first}")).await
        };
        let (stream, _) = tokio::join!(stream, end);
        assert!(stream.body.contains("event: ended\ndata: revoked"), "{}", stream.body);
    }
}

/// A test of one page needs no login page.
#[tokio::test]
async fn a_page_is_tested_with_a_fake_user() {
    for kind in KINDS {
        let world = World::start(kind).await;
        let ada = world.db.user("ada").await.unwrap().unwrap();
        let ada = TestUser::sign_in(Arc::clone(&world.auth), |auth| sign_in(&auth, &ada));
        let app = ada.await.unwrap().layer(world.app.clone());
        let page = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            reply(app.clone().oneshot(request).await.unwrap()).await
        };
        assert!(page("/admin").await.body.contains("ada (active)"));
        world.clock.advance(24 * HOUR);
        assert_eq!(page("/admin").await.status, 401, "the sign-in has expired");
    }
}

#[tokio::test]
async fn input_is_limited() {
    let world = World::start(AuthKind::Both).await;
    let browser = world.browser_of("bob").await;
    let long = "a".repeat(33);
    for (name, password) in [
        ("", PASSWORD),
        ("Eve", PASSWORD),
        (&long, PASSWORD),
        ("eve", "short"),
        ("bob", PASSWORD),
        (ADMIN, PASSWORD),
    ] {
        let reply = world.browser().post("/signup", &login(name, password)).await;
        assert_eq!((reply.status, reply.cookies.len()), (422, 0), "{name}");
    }
    for (text, status) in [("", 422), (&*"a".repeat(4097), 422), (&*"a".repeat(20_000), 413)] {
        for path in ["/notes", "/draft"] {
            assert_eq!(browser.post(path, &format!("text={text}")).await.status, status, "{path}");
        }
    }
    let page = browser.send(Request::get("/"), "").await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn pages_run_no_script_and_are_kept_in_no_cache() {
    let world = World::start(AuthKind::Both).await;
    for path in ["/", "/login", "/devices"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let headers = world.app.clone().oneshot(request).await.unwrap().headers().clone();
        for (name, value) in PAGE_HEADERS {
            assert_eq!(headers[name], value, "{path}");
        }
    }
    let browser = world.browser_of("bob").await;
    let cookies =
        browser.cookies.lock().iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>();
    let request = Request::get("/").header(header::COOKIE, cookies.join("; "));
    let response = world.app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}
