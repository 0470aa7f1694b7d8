//! Shops that are one service.

use auth_servers::{RedisServer, Scratch};

use super::shop::Shop;
use super::tokens::Tokens;

/// Redis, and what shops need to be one service: its URL, and the file of the signing key.
pub(crate) struct Service {
    pub(crate) redis: RedisServer,
    folder: Scratch,
    options: &'static [&'static str],
}

impl Service {
    /// With the near cache, and without.
    pub(crate) const WAYS: [&'static [&'static str]; 2] = [&[], &["--no-near-cache"]];

    /// The server keeps its data over a restart. The options are for every shop.
    pub(crate) fn start(options: &'static [&'static str]) -> Self {
        Self::with(&["--appendonly", "yes"], options)
    }

    /// With these settings of the server.
    pub(crate) fn with(settings: &[&str], options: &'static [&'static str]) -> Self {
        Self { redis: RedisServer::with(settings), folder: Scratch::new(), options }
    }

    /// One more shop.
    pub(crate) fn shop(&self) -> Shop {
        shop_at(&self.redis.url(), &self.folder, self.options)
    }

    /// Where the signing key is.
    pub(crate) fn folder(&self) -> &Scratch {
        &self.folder
    }

    /// Two shops.
    pub(crate) fn shops(&self) -> [Shop; 2] {
        [self.shop(), self.shop()]
    }
}

/// A shop with the store at this URL, and its signing key in this folder.
pub(crate) fn shop_at(url: &str, folder: &Scratch, options: &[&str]) -> Shop {
    let key = folder.join("key.pem");
    let shared = ["--store", url, "--signing-key", key.to_str().unwrap()];
    Shop::start_with(&[&shared, options].concat())
}

/// Where the shops are.
pub(crate) fn urls(shops: &[Shop]) -> Vec<String> {
    shops.iter().map(|shop| shop.url("")).collect()
}

/// Alice signs in there twice, by cookie and by token: what she sends from then on, as headers.
pub(crate) fn alice(shop: &Shop) -> [String; 2] {
    let browser = shop.device();
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    let token = Tokens::of_alice(&shop.client()).access;
    [browser.cookie().unwrap(), format!("authorization: Bearer {token}")]
}
