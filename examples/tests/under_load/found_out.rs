//! Services that do what they must not are found out: the judges see it.

use std::time::Duration;

use auth_servers::RedisServer;
use tokio::time::sleep;

use crate::harness::{Scratch, Shop, shop_at, urls};
use crate::load::{CUSTOMERS, Load, Staff, Violation, alone};

/// What each shop knows for itself is not enough, and it shows.
#[tokio::test(flavor = "multi_thread")]
async fn two_shops_that_share_nothing() {
    let _alone = alone().await;
    let redis = RedisServer::start();
    let shops = [(); 2].map(|()| Shop::start_with(&["--customers", CUSTOMERS]));
    let load = Load::light(urls(&shops), Staff::at(&redis.url()).await);
    let found = load.found(async |_| sleep(Duration::from_secs(1)).await).await;
    let refused = |one: &Violation| matches!(one, Violation::RefusedWhileSignedIn(_));
    assert!(found.iter().any(refused), "{found:#?}");
}

/// Copies that last for longer than two seconds, and nobody hears of anything: so would be a near
/// cache that has stopped to listen and does not notice.
#[tokio::test(flavor = "multi_thread")]
async fn two_shops_that_hear_of_nothing() {
    let _alone = alone().await;
    let folder = Scratch::new();
    let store = format!("sqlite:{}", folder.join("shop.db").display());
    let options = ["--customers", CUSTOMERS, "--stale-for", "10"];
    let shops = [(); 2].map(|()| shop_at(&store, &folder, &options));
    let load = Load::light(urls(&shops), Staff::at(&store).await);
    let found = load.found(async |_| sleep(Duration::from_secs(8)).await).await;
    let ended = |one: &Violation| matches!(one, Violation::ServedAfterLogout(_));
    let stale = |one: &Violation| matches!(one, Violation::StaleRoles(_));
    assert!(found.iter().any(ended), "{found:#?}");
    assert!(found.iter().any(stale), "{found:#?}");
}
