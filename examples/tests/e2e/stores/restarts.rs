//! Sign-ins on SQLite survive a restart of the shop.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Scratch, Shop, Tokens, alice, shop_at, sqlite_url};

/// Starts a shop that keeps its database and its signing key in this folder.
fn shop(folder: &Scratch) -> Shop {
    shop_at(&sqlite_url(folder), folder, &[])
}

/// Starts a shop, lets `before` use it, and starts another one after the end of the first. Does so
/// with a shutdown and with a kill: what was acknowledged is on the disk in both cases.
fn across_restarts<T>(before: impl Fn(&Shop) -> T, after: impl Fn(&Shop, T)) {
    for signal in [Signal::TERM, Signal::KILL] {
        let folder = Scratch::new();
        let mut first = shop(&folder);
        let state = before(&first);
        first.process.signal(signal);
        first.process.exit_code();
        after(&shop(&folder), state);
    }
}

#[test]
fn users_stay_signed_in_after_a_restart() {
    let before = |shop: &Shop| {
        let credentials = alice(shop);
        for credential in &credentials {
            assert_eq!(shop.add(credential, "tea").json(), json!({ "tea": 1 }));
        }
        credentials
    };
    across_restarts(before, |shop, credentials| {
        for credential in &credentials {
            assert_eq!(shop.get("/me", credential).json()["subject"], "alice");
            assert_eq!(shop.get("/cart", credential).json(), json!({ "tea": 1 }));
            assert_eq!(shop.get("/devices", credential).json().as_array().unwrap().len(), 2);
        }
    });
}

#[test]
fn a_refresh_token_is_valid_after_a_restart() {
    let before = |shop: &Shop| Tokens::of_alice_in_body(&shop.client());
    across_restarts(before, |shop, tokens| {
        let tokens = Tokens::of(&tokens.send_refresh(&shop.client()));
        assert_eq!(shop.get("/me", &tokens.header()).json()["subject"], "alice");
    });
}

#[test]
fn sec_14_users_stay_signed_out_after_a_restart() {
    let before = |shop: &Shop| {
        let credentials = alice(shop);
        credentials.iter().for_each(|credential| shop.log_out(credential));
        credentials
    };
    across_restarts(before, |shop, credentials| {
        for credential in &credentials {
            assert_eq!(shop.get("/me", credential).status, 401);
        }
    });
}
