//! Customers who all log out at one shop, and still use another that may not hear of it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::client::{Client, SignedIn};
use super::history::{Deed, SignIn};
use crate::harness::By;

/// How long they go on: longer than a shop may not know of it.
const AFTERWARDS: Duration = Duration::from_millis(2500);
const PAUSE: Duration = Duration::from_millis(20);
/// After so many looks the shop has a copy.
const LOOKS: usize = 3;

/// They are signed in, and have been served everywhere.
pub(crate) struct Crowd {
    client: Client,
    signed_in: Vec<SignedIn>,
}

impl Crowd {
    /// These customers, by cookie and by token.
    pub(super) async fn gather(client: Client, customers: impl Iterator<Item = u32>) -> Self {
        let mut signed_in = Vec::new();
        for customer in customers {
            for by in [By::Cookie, By::Token] {
                let one = client.sign_in(SignIn { customer, by }, 0).await;
                let one = one.expect("nothing has happened yet");
                for shop in (0..client.shops.len()).cycle().take(LOOKS * client.shops.len()) {
                    client.ask(&one, Deed::Look, shop).await;
                }
                signed_in.push(one);
            }
        }
        Self { client, signed_in }
    }

    /// All log out at the first shop, and go on at the last one.
    pub(crate) async fn leaves(&self) {
        let last = self.client.shops.len() - 1;
        join_all(self.signed_in.iter().map(async |one| {
            self.client.ask(one, Deed::Logout, 0).await;
            let out = self.client.record.now();
            while self.client.record.now() - out < AFTERWARDS {
                self.client.ask(one, Deed::Look, last).await;
                sleep(PAUSE).await;
            }
        }))
        .await;
    }
}
