//! The end of a sign-in by time, with the system's own clock.

use serde_json::json;

use crate::harness::{Shop, until_rarely};

#[test]
fn a_sign_in_that_is_not_used_ends() {
    let shop = Shop::start_with(&["--idle", "1"]);
    let alice = shop.device();
    assert_eq!(alice.login("alice", "wonderland").status, 200);
    let refused = until_rarely("the sign-in has ended", || {
        let answer = alice.get("/me").send();
        (answer.status != 200).then_some(answer)
    });
    assert_eq!((refused.status, &*refused.error()), (401, "unauthorized"));
    assert_eq!(alice.get("/cart").send().json(), json!({}));
}
