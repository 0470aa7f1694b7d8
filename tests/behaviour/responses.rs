//! Headers and bodies of responses: caching, `Vary`, challenges and refusals.

use http::{HeaderValue, header};

use crate::app::Login;
use crate::harness::World;

suite!(every:
    sec_44_a_response_that_depends_on_the_credential_says_so,
    sec_44_a_response_with_a_credential_is_not_stored,
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
