//! Forms without scripts, and the redirect that answers them.

use serde_json::json;

use crate::harness::{Curl, Shop};

const ELSEWHERE: [&str; 8] = [
    "//evil",
    r"/\evil",
    "https://evil",
    "https:evil",
    r"\\evil",
    "/\t/evil",
    "evil",
    "javascript:alert(1)",
];

fn sign_in(client: &Curl, next: &str) -> (u16, Option<String>) {
    let fields = [("username", "alice"), ("password", "wonderland"), ("next", next)];
    let response = client.post("/login").form(&fields).send();
    (response.status, response.header("location").map(str::to_owned))
}

#[test]
fn a_form_is_redirected_to_its_return_path() {
    let shop = Shop::start();
    let alice = shop.device();
    assert_eq!(sign_in(&alice, "/cart?full=1"), (303, Some("/cart?full=1".to_owned())));
    assert_eq!(alice.get("/me").send().json()["subject"], "alice");
    let fields = [("item", "tea & milk"), ("quantity", "2"), ("next", "/")];
    let added = alice.post("/cart").form(&fields).send();
    assert_eq!((added.status, added.header("location")), (303, Some("/")));
    assert_eq!(alice.get("/cart").send().json(), json!({ "tea & milk": 2 }));
}

#[test]
fn a_form_without_a_return_path_is_answered_with_json() {
    let shop = Shop::start();
    let fields = [("username", "bob"), ("password", "builder")];
    let response = shop.client().post("/login").form(&fields).send();
    assert_eq!((response.status, &response.json()["roles"]), (200, &json!(["admin"])));
}

#[test]
fn sec_42_return_paths_stay_on_the_site() {
    let shop = Shop::start();
    for next in ELSEWHERE {
        let home = (303, Some("/".to_owned()));
        assert_eq!(sign_in(&shop.client(), next), home, "{next:?}");
        let fields = [("item", "tea"), ("quantity", "1"), ("next", next)];
        let added = shop.client().post("/cart").form(&fields).send();
        assert_eq!((added.status, added.header("location")), (303, Some("/")), "{next:?}");
    }
}
