//! The behaviour of a customer: signs in, uses the service from several clients at once, and logs out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::client::{Client, SignedIn};
use super::history::{Action, Outcome, SignIn};
use super::staff::Staff;
use crate::harness::Kind;

/// The pause after a failed sign-in.
const RETRY: Duration = Duration::from_millis(500);
/// How long other clients use a sign-in after its end: longer than `max_staleness`.
const AFTERWARDS: Duration = Duration::from_millis(2500);
/// How often to retry an unavailable shop after the end of the load.
const MAX_RETRIES: usize = 100;

/// What all customers share.
#[derive(Clone)]
pub(super) struct CustomerContext {
    pub(super) client: Client,
    pub(super) staff: Staff,
    /// The mean pause between two requests of one client.
    pub(super) pause: Duration,
    pub(super) max_staleness: Duration,
    /// Whether the load is ending.
    pub(super) closing: watch::Receiver<bool>,
}

/// How long a customer stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// A few seconds, and logs out then.
    Brief,
    /// Until the end of the load, and reads everything once more then.
    Long,
}

impl CustomerContext {
    /// Runs one customer, from the first request to the last.
    pub(super) async fn visit(self, customer: u32, stay: Stay, mut rng: Rng) {
        let shop = rng.usize(..self.shops());
        let cookie = SignIn { customer, kind: Kind::Cookie };
        let token = SignIn { customer, kind: Kind::Token };
        let signed_in = tokio::join!(
            self.client.sign_in(cookie, shop),
            self.client.sign_in(token, self.shops() - 1 - shop)
        );
        let (Some(cookie), Some(token)) = signed_in else {
            sleep(RETRY).await;
            return;
        };
        let both = [cookie, token];
        let leaving = AtomicBool::new(false);
        // One client for each credential and shop.
        let clients = both.iter().flat_map(|one| (0..self.shops()).map(move |shop| (one, shop)));
        let clients = clients.map(|(one, shop)| {
            let read_only = is_read_only(one.sign_in, shop);
            self.use_shop(one, shop, read_only, &leaving, rng.fork())
        });
        let clients = join_all(clients.collect::<Vec<_>>());
        let staff = self.change_roles(customer, &leaving, rng.fork());
        tokio::join!(clients, staff, async {
            self.stay(&both, stay, &mut rng).await;
            leaving.store(true, Ordering::Relaxed);
        });
        if stay == Stay::Long {
            sleep(self.max_staleness).await;
            join_all(both.iter().map(|one| self.read_everything(one))).await;
        }
    }

    /// Sends one request after the other to this shop, until the customer leaves.
    async fn use_shop(
        &self,
        one: &SignedIn,
        shop: usize,
        read_only: bool,
        leaving: &AtomicBool,
        mut rng: Rng,
    ) {
        while !leaving.load(Ordering::Relaxed) {
            self.pause(&mut rng).await;
            let action = match rng.u32(..100) {
                _ if read_only => Action::Me,
                0..55 => Action::Me,
                55..75 => Action::Admin,
                75..85 => Action::ReadCart,
                _ => Action::AddToCart,
            };
            self.client.call(one, action, shop).await;
        }
    }

    /// Changes the customer's roles from time to time, until the store does not acknowledge a change.
    async fn change_roles(&self, customer: u32, leaving: &AtomicBool, mut rng: Rng) {
        let mut admin = false;
        while !leaving.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(rng.u64(200..1500))).await;
            admin = !admin;
            if !self.staff.change(&self.client.recorder, customer, admin).await {
                return;
            }
        }
    }

    /// Waits for the end of the stay. After a brief stay, refreshes the token and logs out.
    async fn stay(&self, both: &[SignedIn; 2], stay: Stay, rng: &mut Rng) {
        let mut closing = self.closing.clone();
        let closed = closing.wait_for(|closing| *closing);
        if stay == Stay::Long {
            closed.await.expect("the load runs");
            return;
        }
        let brief = Duration::from_millis(rng.u64(300..3000));
        let _ = timeout(brief, closed).await; // whichever is first
        let [cookie, token] = both;
        let shop = rng.usize(..self.shops());
        let newer = self.client.refresh(token, shop).await;
        for one in [cookie, newer.as_ref().unwrap_or(token)] {
            self.log_out(one, rng).await;
        }
        sleep(AFTERWARDS).await;
    }

    /// Sends the logout until it is acknowledged.
    async fn log_out(&self, one: &SignedIn, rng: &mut Rng) {
        loop {
            let shop = rng.usize(..self.shops());
            match self.client.call(one, Action::Logout, shop).await {
                Outcome::Unavailable => self.pause(rng).await,
                _ => return,
            }
        }
    }

    /// Reads the roles and the cart from every shop, when all changes must be effective. The revalidated
    /// route is last, because it refreshes the cached sign-in.
    async fn read_everything(&self, one: &SignedIn) {
        for shop in 0..self.shops() {
            for action in [Action::Me, Action::ReadCart, Action::Admin] {
                let mut left = MAX_RETRIES;
                while self.client.call(one, action, shop).await == Outcome::Unavailable {
                    left = left.checked_sub(1).expect("the shop is available again");
                    sleep(self.pause).await;
                }
            }
        }
    }

    async fn pause(&self, rng: &mut Rng) {
        sleep(self.pause.mul_f64(rng.f64() * 2.0)).await;
    }

    fn shops(&self) -> usize {
        self.client.shops.len()
    }
}

/// Returns whether a client only reads the identity, as half of all do. Other requests read the store
/// and refresh the cached sign-in, which would hide a missed notification. For some customers, one
/// credential is only read; for others, both at one shop.
fn is_read_only(SignIn { customer, kind }: SignIn, shop: usize) -> bool {
    match customer % 4 {
        0 => kind == Kind::Cookie,
        1 => kind == Kind::Token,
        2 => shop.is_multiple_of(2),
        _ => !shop.is_multiple_of(2),
    }
}
