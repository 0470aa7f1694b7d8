//! Services that are broken on purpose. The checker must find their violations, or its silence about
//! other services would mean nothing.

use std::time::Duration;

use auth_servers::RedisServer;
use tokio::time::sleep;

use crate::harness::{Scratch, Shop, shop_at, sqlite_url, urls};
use crate::load::{CUSTOMERS, Load, OPTIONS, Staff, Violation, exclusive};

/// Each shop knows only its own sign-ins.
#[tokio::test(flavor = "multi_thread")]
async fn shops_that_share_nothing_are_found() {
    let _exclusive = exclusive().await;
    let redis = RedisServer::start();
    let shops = [(); 2].map(|()| Shop::start_with(&OPTIONS));
    let load = Load::light(urls(&shops), Staff::connect(&redis.url()).await);
    let violations = load.violations(async |_| sleep(Duration::from_secs(1)).await).await;
    let refused = |one: &Violation| matches!(one, Violation::RefusedWhileSignedIn(_));
    assert!(violations.iter().any(refused), "{violations:#?}");
}

/// Cached sign-ins last longer than two seconds, and no notification arrives. A near cache that has lost
/// its notifications without noticing would behave like this.
#[tokio::test(flavor = "multi_thread")]
async fn shops_with_stale_caches_are_found() {
    let _exclusive = exclusive().await;
    let folder = Scratch::new();
    let store = sqlite_url(&folder);
    let options = ["--customers", CUSTOMERS, "--stale-for", "10"];
    let shops = [(); 2].map(|()| shop_at(&store, &folder, &options));
    let load = Load::light(urls(&shops), Staff::connect(&store).await);
    let violations = load.violations(async |_| sleep(Duration::from_secs(8)).await).await;
    let ended = |one: &Violation| matches!(one, Violation::ServedAfterLogout(_));
    let stale = |one: &Violation| matches!(one, Violation::StaleRoles(_));
    assert!(violations.iter().any(ended), "{violations:#?}");
    assert!(violations.iter().any(stale), "{violations:#?}");
}
