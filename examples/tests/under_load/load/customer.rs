//! A customer: signs in, uses the service from several places at once, and logs out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::client::{Client, SignedIn};
use super::history::{Answer, Deed, SignIn};
use super::staff::Staff;
use crate::harness::By;

/// How long it takes to come back after a sign-in that was not possible.
const COME_BACK: Duration = Duration::from_millis(500);
/// How long others use a sign-in after its end: longer than shops may not know of it.
const AFTERWARDS: Duration = Duration::from_millis(2500);
/// How often it is asked again after the end of the load.
const TRIES: usize = 100;

/// What customers have in common.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) client: Client,
    pub(super) staff: Staff,
    /// The mean pause between two requests of one place.
    pub(super) pause: Duration,
    pub(super) lease: Duration,
    /// Whether it is time to go.
    pub(super) closing: watch::Receiver<bool>,
}

/// How long a customer stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// A few seconds, and then logs out.
    Brief,
    /// Until the end of the load, and then looks into the cart.
    Long,
}

impl Place {
    /// One customer, from the first request to the last.
    pub(super) async fn context(self, customer: u32, stay: Stay, mut rng: Rng) {
        let shop = rng.usize(..self.shops());
        let cookie = SignIn { customer, by: By::Cookie };
        let token = SignIn { customer, by: By::Token };
        let signed_in = tokio::join!(
            self.client.sign_in(cookie, shop),
            self.client.sign_in(token, self.shops() - 1 - shop)
        );
        let (Some(cookie), Some(token)) = signed_in else {
            sleep(COME_BACK).await;
            return;
        };
        let both = [cookie, token];
        let leaving = AtomicBool::new(false);
        let places = both.iter().flat_map(|one| (0..self.shops()).map(move |at| (one, at)));
        let places = places.map(|(one, at)| {
            let only_looks = only_looks(one.sign_in, at);
            self.uses(one, at, only_looks, &leaving, rng.fork())
        });
        let places = join_all(places.collect::<Vec<_>>());
        let staff = self.changes_roles(customer, &leaving, rng.fork());
        tokio::join!(places, staff, async {
            self.stays(&both, stay, &mut rng).await;
            leaving.store(true, Ordering::Relaxed);
        });
        if stay == Stay::Long {
            sleep(self.lease).await;
            join_all(both.iter().map(|one| self.looks_back(one))).await;
        }
    }

    /// Sends one request after the other, until it is over.
    async fn uses(
        &self,
        one: &SignedIn,
        shop: usize,
        only_looks: bool,
        over: &AtomicBool,
        mut rng: Rng,
    ) {
        while !over.load(Ordering::Relaxed) {
            self.pauses(&mut rng).await;
            let deed = match rng.u32(..100) {
                _ if only_looks => Deed::Look,
                0..55 => Deed::Look,
                55..75 => Deed::Admin,
                75..85 => Deed::Cart,
                _ => Deed::Add,
            };
            self.client.ask(one, deed, shop).await;
        }
    }

    /// New roles now and then, until the store does not say whether they are there.
    async fn changes_roles(&self, customer: u32, over: &AtomicBool, mut rng: Rng) {
        let mut admin = false;
        while !over.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(rng.u64(200..1500))).await;
            admin = !admin;
            if !self.staff.change(&self.client.record, customer, admin).await {
                return;
            }
        }
    }

    /// The time of a stay, and what there is to do at its end.
    async fn stays(&self, both: &[SignedIn; 2], stay: Stay, rng: &mut Rng) {
        let mut closing = self.closing.clone();
        let closed = closing.wait_for(|closing| *closing);
        if stay == Stay::Long {
            closed.await.expect("the load runs");
            return;
        }
        let brief = Duration::from_millis(rng.u64(300..3000));
        let _ = timeout(brief, closed).await; // whichever comes first
        let [cookie, token] = both;
        let shop = rng.usize(..self.shops());
        let newer = self.client.refresh(token, shop).await;
        for one in [cookie, newer.as_ref().unwrap_or(token)] {
            self.logs_out(one, rng).await;
        }
        sleep(AFTERWARDS).await;
    }

    /// Asks until it is acknowledged.
    async fn logs_out(&self, one: &SignedIn, rng: &mut Rng) {
        loop {
            let shop = rng.usize(..self.shops());
            match self.client.ask(one, Deed::Logout, shop).await {
                Answer::Unavailable => self.pauses(rng).await,
                _ => return,
            }
        }
    }

    /// Every shop shows the roles and the cart, when all have heard of everything. What asks the store
    /// comes last.
    async fn looks_back(&self, one: &SignedIn) {
        for shop in 0..self.shops() {
            for deed in [Deed::Look, Deed::Cart, Deed::Admin] {
                let mut left = TRIES;
                while self.client.ask(one, deed, shop).await == Answer::Unavailable {
                    left = left.checked_sub(1).expect("it is answered at last");
                    sleep(self.pause).await;
                }
            }
        }
    }

    async fn pauses(&self, rng: &mut Rng) {
        sleep(self.pause.mul_f64(rng.f64() * 2.0)).await;
    }

    fn shops(&self) -> usize {
        self.client.shops.len()
    }
}

/// Half of all places: what asks the store there brings a new copy, and hides that nobody had heard.
/// Of some customers one sign-in is only looked at, of others all at one shop.
fn only_looks(SignIn { customer, by }: SignIn, shop: usize) -> bool {
    match customer % 4 {
        0 => by == By::Cookie,
        1 => by == By::Token,
        2 => shop.is_multiple_of(2),
        _ => !shop.is_multiple_of(2),
    }
}
