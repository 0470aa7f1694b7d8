//! Headers and bodies of responses: caching, `Vary`, challenges and refusals.

use auth_core::{AnyOf, AuthLayer, any_of};
use http::{HeaderValue, Response, header};

use crate::app::{Login, User};
use crate::harness::World;

suite!(every:
    sec_44_a_response_that_depends_on_the_credential_says_so,
    sec_44_a_response_with_a_credential_is_not_stored,
    sec_90_a_response_to_a_known_user_is_not_for_shared_caches,
    sec_90_the_cache_control_of_the_application_is_kept,
    sec_90_the_cache_control_of_the_layer_is_configurable,
    sec_75_a_refusal_has_no_body_and_gives_no_reason,
    a_bearer_challenge_has_an_error_only_if_a_token_was_sent,
    sec_45_a_sign_out_clears_the_site_data_of_the_browser,
);

async fn sec_44_a_response_that_depends_on_the_credential_says_so(world: World) {
    let credential = world.client().signed_in("alice").await;
    for path in ["/", "/me", "/maybe", "/cart", "/admin", "/no-such-page"] {
        for client in [world.client(), world.client_with(&credential)] {
            let vary = client.get(path).await.header(header::VARY);
            let names: Vec<_> = vary.split(", ").collect();
            assert_eq!(names.contains(&"cookie"), world.reads_cookies(), "{path}: {vary}");
            assert_eq!(names.contains(&"authorization"), world.reads_tokens(), "{path}: {vary}");
        }
    }
    let refused =
        world.client_with(&credential).post("/me").header("origin", "https://evil.example");
    assert!(!refused.await.header(header::VARY).is_empty());
}

async fn sec_44_a_response_with_a_credential_is_not_stored(world: World) {
    let client = world.client();
    let login = client.login("alice").await;
    let refresh = client.post("/refresh").await;
    let logout = client.post("/logout").await;
    assert_eq!(login.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(refresh.header(header::CACHE_CONTROL), "no-store");
    if !logout.set_cookies().is_empty() {
        assert_eq!(logout.header(header::CACHE_CONTROL), "no-store");
    }
    assert_eq!(world.client().get("/").await.header(header::CACHE_CONTROL), "");
}

async fn sec_90_a_response_to_a_known_user_is_not_for_shared_caches(world: World) {
    let (client, _) = world.sign_in("alice").await;
    for path in ["/", "/me", "/maybe", "/cart", "/admin", "/strong", "/no-such-page"] {
        let control = client.get(path).await.header(header::CACHE_CONTROL);
        assert_eq!(control, "private, no-cache", "{path}");
        assert_eq!(world.client().get(path).await.header(header::CACHE_CONTROL), "", "{path}");
    }
    if let Some(stale) = client.credential().map(|credential| credential.tampered()) {
        let refused = world.client_with(&stale).get("/me").await;
        assert_eq!(refused.header(header::CACHE_CONTROL), "");
    }
}

/// Returns the `Cache-Control` of a response of alice's with these headers.
async fn cache_control(
    world: &World,
    layer: AuthLayer<AnyOf<User>>,
    headers: &'static [(&'static str, &'static str)],
) -> String {
    let credential = world.client().signed_in("alice").await;
    let answer = world.handle_behind(layer, Some(&credential), async |_| {
        let response =
            headers.iter().fold(Response::builder(), |it, (name, value)| it.header(*name, *value));
        response.body(String::new()).unwrap()
    });
    let reply = answer.await;
    let values = reply.headers().get_all(header::CACHE_CONTROL).iter();
    values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" and ")
}

async fn sec_90_the_cache_control_of_the_application_is_kept(world: World) {
    let control =
        async |headers| cache_control(&world, any_of([world.auth()]).optional(), headers).await;
    // A cache may store a response with a validator or an expiry, whatever the request carried.
    let validators: &[(&str, &str)] = &[
        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("etag", "\"1\""),
        ("expires", "Tue, 14 Nov 2093 22:13:20 GMT"),
    ];
    assert_eq!(control(&[]).await, "private, no-cache");
    assert_eq!(control(validators).await, "private, no-cache");
    assert_eq!(control(&[("cache-control", "public, max-age=60")]).await, "public, max-age=60");
    assert_eq!(control(&[("cache-control", "no-store")]).await, "no-store");
}

async fn sec_90_the_cache_control_of_the_layer_is_configurable(world: World) {
    let layer = || any_of([world.auth()]).optional();
    let no_store = layer().cache_control(HeaderValue::from_static("No-Store"));
    assert_eq!(cache_control(&world, no_store, &[]).await, "No-Store");
    let short = HeaderValue::from_static("max-age=5, private");
    assert_eq!(
        cache_control(&world, layer().cache_control(short), &[]).await,
        "max-age=5, private"
    );
    assert_eq!(cache_control(&world, layer().insecure_without_cache_control(), &[]).await, "");
}

#[test]
#[should_panic(expected = "must contain `private` or `no-store`")]
fn sec_90_a_cache_control_for_shared_caches_is_rejected() {
    let auth = auth_session::SessionAuth::new(auth_store::MemoryStore::new());
    let _ = auth.optional().cache_control(HeaderValue::from_static("public, max-age=60"));
}

async fn sec_75_a_refusal_has_no_body_and_gives_no_reason(world: World) {
    let good = world.client().signed_in(Login::from("alice").role("buyer")).await;
    let gone = world.client().signed_in("bob").await;
    world.client_with(&gone).post("/logout").await;
    let mut answers = Vec::new();
    for bad in [good.tampered(), good.forged(), gone] {
        let reply = world.client_with(&bad).get("/me").await;
        assert!(reply.body.is_empty());
        answers.push((reply.status, reply.header(header::WWW_AUTHENTICATE)));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all refusals are equal: {answers:?}");
    assert!(world.client_with(&good).get("/admin").await.body.is_empty());
}

async fn a_bearer_challenge_has_an_error_only_if_a_token_was_sent(world: World) {
    let challenge = async |token: Option<&str>| {
        let call = world.client().get("/me");
        let call = match token {
            Some(token) => call.header("authorization", &format!("Bearer {token}")),
            None => call,
        };
        let reply = call.await;
        let challenges: Vec<_> = reply.headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
        challenges.iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    if world.reads_tokens() {
        assert!(challenge(None).await.contains(&r#"Bearer realm="api""#.to_owned()));
        let bad = challenge(Some("nonsense")).await;
        assert!(
            bad.contains(&r#"Bearer realm="api", error="invalid_token""#.to_owned()),
            "{bad:?}"
        );
    } else {
        assert_eq!(challenge(None).await, ["Session"]);
    }
}

async fn sec_45_a_sign_out_clears_the_site_data_of_the_browser(world: World) {
    let (plain, _) = world.sign_in("alice").await;
    assert!(!plain.post("/logout").await.headers.contains_key("clear-site-data"));

    let value = r#""cache", "storage""#;
    let clearing = |setup: &mut crate::harness::Setup| {
        setup.clear_site_data = Some(HeaderValue::from_static(value));
    };
    let world = world.with(clearing).await;
    for path in ["/logout", "/logout-everywhere"] {
        let client = world.client();
        let login = client.login("alice").await;
        assert!(!login.headers.contains_key("clear-site-data"));
        assert_eq!(client.post(path).await.headers["clear-site-data"], value, "{path}");
    }
}
