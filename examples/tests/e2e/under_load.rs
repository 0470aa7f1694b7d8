//! Two shops that many customers use at once.

use std::time::Duration;

use auth_servers::RedisServer;
use tokio::time::sleep;

use crate::harness::{Service, Shop, urls};
use crate::load::{CUSTOMERS, Load, Loss, Staff, alone};

/// A half of a minute in which everybody comes and goes.
const TIME: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout)] // figures, for who asks with --nocapture
async fn sec_14_59_77_88_two_shops_under_load_lose_nothing_and_serve_nobody_too_long() {
    let _alone = alone().await;
    let service = Service::start(&["--auth", "both", "--customers", CUSTOMERS]);
    let shops = service.shops();
    let load = Load {
        shops: urls(&shops),
        staff: Staff::at(&service.redis.url()).await,
        customers: 15,
        pause: Duration::from_millis(40),
        loss: Loss::Nothing,
    };
    let figures = load.during(async |_| sleep(TIME).await).await;
    println!("{TIME:?} of load | {figures}");
    assert_eq!(figures.unavailable, 0);
}

/// What each shop knows for itself is not enough, and it shows.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "RefusedWhileSignedIn")]
async fn two_shops_that_share_nothing_are_found_out() {
    let _alone = alone().await;
    let redis = RedisServer::start();
    let shops = [(); 2].map(|()| Shop::start_with(&["--customers", CUSTOMERS]));
    let load = Load::light(urls(&shops), Staff::at(&redis.url()).await);
    load.during(async |_| sleep(Duration::from_secs(1)).await).await;
}
