//! Logging in with a provider: the server `oidc_login` and npm's `oidc-provider`.

use auth_core::Clock;
use http::Method;
use url::Url;

use crate::harness::{Browser, Http, ProviderLogin};

/// Replaces a parameter of a URL, or removes it.
fn with(url: &Url, name: &str, value: Option<&str>) -> String {
    let mut changed = url.clone();
    let others = url.query_pairs().filter(|(other, _)| other != name);
    changed.query_pairs_mut().clear().extend_pairs(others).extend_pairs(value.map(|it| (name, it)));
    changed.into()
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(other, _)| other == name).unwrap().1.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_with_the_provider_and_out_at_both() {
    let login = ProviderLogin::start();
    let agent = login.agent();
    assert_eq!(login.me(&agent).await, 401);
    let alice = login.log_in(&agent, "alice").await;
    assert_eq!(alice["name"], "alice of the provider");
    let subject = alice["subject"].as_str().unwrap();
    assert!(subject.starts_with("oidc-") && !subject.contains("alice"), "{subject}");
    let authenticated_at = alice["authenticated_at"].as_u64().unwrap();
    assert!(Clock::system().now().as_secs() - authenticated_at < 60, "{alice}");

    // On another device, she is the same user. Bob is not.
    assert_eq!(login.log_in(&login.agent(), "alice").await["subject"], subject);
    assert_ne!(login.log_in(&login.agent(), "bob").await["subject"], subject);

    // The provider remembers her: a second login needs no form.
    let again = agent.open(&login.url("/login?next=/me")).await;
    assert_eq!((again.status.as_u16(), again.url.path()), (200, "/me"));

    let home = agent.open(&login.url("/")).await;
    let asked = agent.submit(&home, &[], None).await;
    assert!(asked.url.as_str().starts_with(&login.provider.issuer()), "{asked:?}");
    assert_eq!(login.me(&agent).await, 401, "she is signed out here already");
    let home = agent.submit(&asked, &[("logout", "yes")], None).await;
    assert_eq!((home.status.as_u16(), home.url.as_str()), (200, &*login.url("/")));
    let again = agent.open(&login.url("/login")).await;
    assert!(again.body.contains("Sign-in"), "she is signed out at the provider: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_and_only_for_the_login_that_it_belongs_to() {
    let login = ProviderLogin::start();
    let agent = login.agent();
    let answer = login.answer(&agent, "alice").await.url;
    let status = async |url: &str| agent.open(url).await.status.as_u16();

    assert_eq!(status(&with(&answer, "state", Some("guessed"))).await, 400);
    assert_eq!(status(&with(&answer, "state", None)).await, 400);
    let stranger = login.agent().open(answer.as_str()).await;
    assert_eq!(stranger.status, 400, "in another browser: {stranger:?}");
    assert_eq!(login.me(&agent).await, 401);
    assert_eq!(status(answer.as_str()).await, 200);
    assert_eq!(status(answer.as_str()).await, 400, "a second time");

    // The code of one login with the state of another one.
    let other = login.agent();
    let started = other.open_until(&login.url("/login"), Some(&login.provider.issuer())).await;
    let mixed = with(&answer, "state", Some(&parameter(&started.url, "state")));
    assert_eq!(other.open(&mixed).await.status, 400);
    assert_eq!(login.me(&other).await, 401);
}

/// Each answer is from an honest provider that a login did not start at (RFC 9207).
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_of_another_issuer_is_refused() {
    let login = ProviderLogin::start();
    let agent = login.agent();
    for issuer in [Some("https://other.example"), Some(""), None] {
        let page = agent.open(&login.url("/login")).await;
        let is_known = !page.url.as_str().starts_with(&login.provider.issuer());
        assert!(!is_known, "{page:?}");
        let answer = login.at_provider(&agent, page, "alice").await.url;
        assert_eq!(agent.open(&with(&answer, "iss", issuer)).await.status, 400, "{issuer:?}");
        assert_eq!(login.me(&agent).await, 401);
        // The provider has a session, and would not ask again.
        let page = login.logout_page(&agent).await;
        agent.submit(&page, &[("logout", "yes")], None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_for_another_login_is_refused() {
    let login = ProviderLogin::start();
    let agent = login.agent();
    let start = agent.open_until(&login.url("/login"), Some(&login.provider.issuer())).await;
    let page = agent.open(&with(&start.url, "nonce", Some("of-another-login"))).await;
    let answer = login.at_provider(&agent, page, "alice").await;
    let refused = agent.open(answer.url.as_str()).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("another login"), "{refused:?}");
    assert_eq!(login.me(&agent).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_the_provider_is_shown() {
    let login = ProviderLogin::start();
    let agent = login.agent();
    let page = agent.open(&login.url("/login")).await;
    let refused = agent.open(&format!("{}/abort", page.url)).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("access_denied"), "{refused:?}");
    for elsewhere in ["//evil.example", "https://evil.example", "evil"] {
        let page = agent.open(&login.url(&format!("/login?next={elsewhere}"))).await;
        assert_eq!(page.status, 400, "{elsewhere}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_succeeds_after_the_provider_has_rotated_its_keys() {
    let login = ProviderLogin::start();
    login.log_in(&login.agent(), "alice").await; // the keys are known from here on
    let rotate = format!("{}/test/rotate", login.provider.issuer());
    assert_eq!(
        Http::new().send(Method::POST, &rotate, None, "".into()).await.unwrap().status(),
        200
    );
    login.log_in(&login.agent(), "alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_ends_the_sign_in() {
    let login = ProviderLogin::start();
    let [here, elsewhere] = [login.agent(), login.agent()];
    for agent in [&here, &elsewhere] {
        login.log_in(agent, "alice").await;
    }
    let page = login.logout_page(&here).await;
    assert_eq!(agent_statuses(&login, [&here, &elsewhere]).await, [200, 200]);
    here.submit(&page, &[("logout", "yes")], None).await;
    assert_eq!(agent_statuses(&login, [&here, &elsewhere]).await, [401, 200]);
}

async fn agent_statuses(
    login: &ProviderLogin,
    agents: [&crate::harness::UserAgent; 2],
) -> [u16; 2] {
    [login.me(agents[0]).await, login.me(agents[1]).await]
}

/// The form comes from another site, so the browser sends no cookie with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_as_a_form_of_another_site_is_accepted() {
    let login = ProviderLogin::start_at("localhost", &["--form-post"]);
    let agent = login.agent();
    let form = login.answer(&agent, "alice").await;
    assert_eq!(form.form().action.as_str(), login.url("/callback"));
    let stranger = login.agent().submit_to_other_site(&form).await;
    assert_eq!(stranger.status, 400, "in another browser: {stranger:?}");
    let me = agent.submit_to_other_site(&form).await;
    assert_eq!((me.status.as_u16(), me.url.path()), (200, "/me"), "{me:?}");
}

/// The same in Chromium, for which `localhost` and `127.0.0.1` are two sites.
#[test]
fn a_browser_returns_from_a_provider_that_sends_a_form() {
    let login = ProviderLogin::start_at("127.0.0.1", &["--form-post"]);
    let browser = Browser::start();
    browser.go(&login.url("/"));
    browser.click("a");
    browser.type_into("[name=login]", "alice");
    browser.type_into("[name=password]", "any");
    browser.click("button.login");
    browser.wait_for("form [value=consent]");
    browser.click("button.login");
    browser.wait_for("[action='/logout']");
    assert!(browser.text("p").starts_with("signed in as oidc-"));
}
