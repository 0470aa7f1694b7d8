//! Two shops that many customers use at the same time, without a fault.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{Service, urls};
use crate::load::{Load, Loss, OPTIONS, Staff, exclusive};

const DURATION: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout)] // figures, shown with --nocapture
async fn sec_14_59_77_88_two_shops_lose_nothing_and_end_sign_ins_in_time_under_load() {
    let _exclusive = exclusive().await;
    let service = Service::redis(&OPTIONS);
    let shops = service.shops();
    let load = Load {
        shops: urls(&shops),
        staff: Staff::connect(&service.server.url()).await,
        customers: 15,
        pause: Duration::from_millis(40),
        loss: Loss::Nothing,
    };
    let figures = load.run(async |_| sleep(DURATION).await).await;
    println!("{DURATION:?} of load | {figures}");
    figures.assert_available();
}
