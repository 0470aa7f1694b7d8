//! Sign-ins that outlast the shop.

use rustix::process::Signal;
use serde_json::json;

use super::service::{file, get, log_out, put};
use crate::harness::{Scratch, Shop, Tokens, alice, shop_at};

/// A shop with all that it keeps in one folder.
fn shop(folder: &Scratch) -> Shop {
    shop_at(&file(folder), folder, &[])
}

fn end(mut shop: Shop, signal: Signal) {
    shop.process.signal(signal);
    shop.process.exit_code();
}

/// Whether it was asked to end or killed: what was acknowledged is on the disk.
#[test]
fn users_of_a_shop_on_sqlite_stay_signed_in() {
    for signal in [Signal::TERM, Signal::KILL] {
        let folder = Scratch::new();
        let before = shop(&folder);
        let credentials = alice(&before);
        for credential in &credentials {
            assert_eq!(put(&before, credential, "tea").json(), json!({ "tea": 1 }));
        }
        end(before, signal);

        let after = shop(&folder);
        for credential in &credentials {
            assert_eq!(get(&after, "/me", credential).json()["subject"], "alice");
            assert_eq!(get(&after, "/cart", credential).json(), json!({ "tea": 1 }));
            assert_eq!(get(&after, "/devices", credential).json().as_array().unwrap().len(), 2);
        }
    }
}

#[test]
fn a_refresh_token_from_before_a_restart_is_taken() {
    let folder = Scratch::new();
    let before = shop(&folder);
    let tokens = Tokens::of_alice_in_the_body(&before.client());
    end(before, Signal::KILL);

    let after = shop(&folder);
    let refresh = json!({ "refresh_token": tokens.refresh() });
    let tokens = Tokens::of(&after.client().post("/refresh").json(&refresh).send());
    let token = format!("authorization: Bearer {}", tokens.access);
    assert_eq!(get(&after, "/me", &token).json()["subject"], "alice");
}

#[test]
fn sec_14_who_logged_out_stays_out_after_a_restart() {
    for signal in [Signal::TERM, Signal::KILL] {
        let folder = Scratch::new();
        let before = shop(&folder);
        let credentials = alice(&before);
        for credential in &credentials {
            log_out(&before, credential);
        }
        end(before, signal);

        let after = shop(&folder);
        for credential in &credentials {
            assert_eq!(get(&after, "/me", credential).status, 401);
        }
    }
}
