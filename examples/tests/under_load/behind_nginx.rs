//! Two shops behind nginx, which forwards requests to each in turn.

use crate::harness::BehindNginx;
use crate::load::{Load, OPTIONS, Staff, exclusive};

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout)] // figures, shown with --nocapture
async fn sec_14_59_88_shops_behind_a_proxy_lose_nothing_under_load() {
    let _exclusive = exclusive().await;
    let front = BehindNginx::start(&OPTIONS);
    let staff = Staff::connect(&front.service.server.url()).await;
    let load = Load::light(vec![front.url()], staff);
    let figures = load
        .run(async |running| {
            running.until_all_works().await;
            running.until_all_works().await;
        })
        .await;
    println!("behind nginx | {figures}");
    figures.assert_available();
}
