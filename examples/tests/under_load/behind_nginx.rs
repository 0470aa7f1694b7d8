//! Two shops behind a proxy that asks them in turn.

use auth_servers::Nginx;

use crate::harness::{Service, Shop};
use crate::load::{CUSTOMERS, Load, Staff, alone};

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout)] // figures, for who asks with --nocapture
async fn sec_14_59_88_a_service_behind_a_proxy_under_load_loses_nothing() {
    let _alone = alone().await;
    let service = Service::start(&["--customers", CUSTOMERS]);
    let shops = service.shops();
    let nginx = Nginx::in_front_of(&shops.each_ref().map(Shop::port));
    let url = format!("http://localhost:{}", nginx.port());
    let load = Load::light(vec![url], Staff::at(&service.redis.url()).await);
    let figures = load.during(async |running| {
        running.goes_on().await;
        running.goes_on().await;
    });
    let figures = figures.await;
    println!("behind nginx | {figures}");
    figures.are_served();
}
