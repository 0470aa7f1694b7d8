//! Customers who all log out at one shop, and continue to use another that may miss it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::client::{Client, SignedIn};
use super::history::{Action, SignIn};
use crate::harness::Kind;

/// How long they continue: longer than `max_staleness`.
const AFTERWARDS: Duration = Duration::from_millis(2500);
const PAUSE: Duration = Duration::from_millis(20);
/// After this many requests a shop has cached the sign-in.
const WARM_UP: usize = 3;

/// Signed-in customers whose sign-ins all shops have cached.
pub(crate) struct Crowd {
    client: Client,
    signed_in: Vec<SignedIn>,
}

impl Crowd {
    /// Signs these customers in, by cookie and by token.
    pub(super) async fn sign_in(client: Client, customers: impl Iterator<Item = u32>) -> Self {
        let mut signed_in = Vec::new();
        for customer in customers {
            for kind in [Kind::Cookie, Kind::Token] {
                let one = client.sign_in(SignIn { customer, kind }, 0).await;
                let one = one.expect("the fault has not begun");
                for shop in (0..client.shops.len()).cycle().take(WARM_UP * client.shops.len()) {
                    client.call(&one, Action::Me, shop).await;
                }
                signed_in.push(one);
            }
        }
        Self { client, signed_in }
    }

    /// Logs all of them out at the first shop, and sends requests to the last one for a while.
    pub(crate) async fn log_out(&self) {
        let last = self.client.shops.len() - 1;
        join_all(self.signed_in.iter().map(async |one| {
            self.client.call(one, Action::Logout, 0).await;
            let logged_out = self.client.recorder.now();
            while self.client.recorder.now() - logged_out < AFTERWARDS {
                self.client.call(one, Action::Me, last).await;
                sleep(PAUSE).await;
            }
        }))
        .await;
    }
}
