//! `LoginRedirect`: browsers go to the login page, all other clients keep the 401.

use std::time::Duration;

use auth_core::Transport;
use http::{Method, header};

use crate::harness::{Client, Policy, Reply, World};

suite!(every:
    a_page_that_needs_a_login_redirects_the_browser,
    only_a_browser_that_opens_a_page_is_redirected,
    a_page_to_return_to_is_named_only_if_it_can_be_opened_again,
    an_old_authentication_leads_to_the_page_for_a_step_up,
    a_login_page_that_needs_a_login_is_no_endless_redirect,
);

async fn open(client: &Client, path: &str) -> Reply {
    client.get(path).header("sec-fetch-mode", "navigate").await
}

fn location(reply: &Reply) -> Option<String> {
    let redirects = reply.status == 303;
    assert_eq!(redirects, reply.headers.contains_key(header::LOCATION), "{reply:?}");
    assert!(!redirects || !reply.headers.contains_key(header::WWW_AUTHENTICATE), "{reply:?}");
    assert!(!redirects || reply.header(header::CACHE_CONTROL) == "no-store", "{reply:?}");
    redirects.then(|| reply.header(header::LOCATION))
}

async fn a_page_that_needs_a_login_redirects_the_browser(world: World) {
    let visitor = world.client();
    for (path, to) in [
        ("/me", "/login?next=%2Fme"),       // refused by the extractor
        ("/admin", "/login?next=%2Fadmin"), // by `Require`
        ("/me?tab=a%26b&next=/c", "/login?next=%2Fme%3Ftab%3Da%2526b%26next%3D%2Fc"),
    ] {
        assert_eq!(location(&open(&visitor, path).await).as_deref(), Some(to), "{path}");
    }
    assert_eq!(open(&visitor, "/").await.status, 200);

    let strict = world.with(|setup| setup.policy = Policy::Required).await;
    let reply = open(&strict.client(), "/no-such-page").await; // by the layer
    assert_eq!(location(&reply).as_deref(), Some("/login?next=%2Fno-such-page"));

    let (user, credential) = world.sign_in("alice").await;
    assert_eq!(user.get("/me").header("accept", "text/html").await.status, 200);
    assert_eq!(location(&open(&user, "/admin").await), None, "403: a login would not help");
    if world.transport() == Transport::Ambient {
        let stale = world.client_with(&credential.tampered());
        assert_eq!(location(&open(&stale, "/me").await).as_deref(), Some("/login?next=%2Fme"));
    }
}

async fn only_a_browser_that_opens_a_page_is_redirected(world: World) {
    let requests: [(&[(&'static str, &'static str)], bool); 10] = [
        (&[], false),
        (&[("accept", "*/*")], false),
        (&[("accept", "application/json")], false),
        (&[("accept", "text/htmlx, application/xhtml+xml")], false),
        (&[("accept", "application/xhtml+xml, Text/HTML;q=0.9, */*;q=0.8")], true),
        (&[("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
        (&[("sec-fetch-mode", "websocket")], false),
        (&[("sec-fetch-mode", "navigate"), ("accept", "*/*")], true),
        (&[("sec-fetch-mode", "navigate"), ("authorization", "Bearer stale")], false),
        (&[("accept", "text/html"), ("authorization", "Bearer stale")], false),
    ];
    for (headers, redirects) in requests {
        let call = world.client().get("/me");
        let reply = headers.iter().fold(call, |call, (name, value)| call.header(name, value)).await;
        assert_eq!(location(&reply).is_some(), redirects, "{headers:?}");
        if !redirects {
            assert_eq!(reply.status, 401, "{headers:?}");
            assert!(reply.headers.contains_key(header::WWW_AUTHENTICATE), "{headers:?}");
        }
    }
}

async fn a_page_to_return_to_is_named_only_if_it_can_be_opened_again(world: World) {
    let open = async |method: Method, path: &str| {
        let call = world.client().call(method, path);
        location(&call.header("sec-fetch-mode", "navigate").await)
    };
    assert_eq!(open(Method::GET, "/me").await.as_deref(), Some("/login?next=%2Fme"));
    let device = format!("/devices/{}", "A".repeat(22));
    assert_eq!(open(Method::DELETE, &device).await.as_deref(), Some("/login"));
    let long = format!("/me?{}", "a".repeat(2048));
    assert_eq!(open(Method::GET, &long).await.as_deref(), Some("/login"));
}

async fn an_old_authentication_leads_to_the_page_for_a_step_up(world: World) {
    let (client, _) = world.sign_in("alice").await;
    world.advance(Duration::from_secs(301));
    let reply = open(&client, "/step-up").await;
    if world.transport() == Transport::Ambient {
        let to = "/confirm?why=old&next=%2Fstep-up#form";
        assert_eq!(location(&reply).as_deref(), Some(to));
    } else {
        assert_eq!(
            (reply.status.as_u16(), location(&reply)),
            (401, None),
            "a token is no browser's"
        );
    }
    assert_eq!(client.get("/step-up").await.status, 401);
}

async fn a_login_page_that_needs_a_login_is_no_endless_redirect(world: World) {
    let strict = world.with(|setup| setup.policy = Policy::Required).await;
    assert_eq!(open(&strict.client(), "/login?next=%2Fme").await.status, 401);
}
