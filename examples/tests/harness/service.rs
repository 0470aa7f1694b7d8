//! Shops that act as one service: they share a store and a signing key.

use auth_servers::{Nginx, RedisServer, Scratch};

use super::curl::Curl;
use super::server::Server;
use super::shop::Shop;
use super::tokens::{Tokens, bearer};

/// The options for shops with the near cache, and without.
pub(crate) const CACHE_MODES: [&[&str]; 2] = [&[], &["--no-near-cache"]];

/// A store, and what shops need to share it: its URL, and the file of the signing key.
pub(crate) struct Service<S = RedisServer> {
    pub(crate) server: S,
    folder: Scratch,
    options: &'static [&'static str],
}

impl Service {
    /// Starts Redis. The options apply to every shop.
    pub(crate) fn redis(options: &'static [&'static str]) -> Self {
        Self::start(options)
    }
}

impl<S: Server> Service<S> {
    /// Starts the server. The options apply to every shop.
    pub(crate) fn start(options: &'static [&'static str]) -> Self {
        Self { server: S::start(), folder: Scratch::new(), options }
    }

    /// Starts a shop.
    pub(crate) fn shop(&self) -> Shop {
        shop_at(&self.server.url(), &self.folder, self.options)
    }

    /// Starts two shops.
    pub(crate) fn shops(&self) -> [Shop; 2] {
        [self.shop(), self.shop()]
    }

    /// Returns the folder of the signing key.
    pub(crate) fn folder(&self) -> &Scratch {
        &self.folder
    }
}

/// Two shops behind nginx, which forwards requests to each in turn.
pub(crate) struct BehindNginx {
    pub(crate) nginx: Nginx,
    pub(crate) service: Service,
    pub(crate) shops: [Shop; 2],
}

impl BehindNginx {
    pub(crate) fn start(options: &'static [&'static str]) -> Self {
        let service = Service::redis(options);
        let shops = service.shops();
        let nginx = Nginx::in_front_of(&shops.each_ref().map(Shop::port));
        Self { nginx, service, shops }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.nginx.port())
    }

    /// Returns a client that keeps cookies.
    pub(crate) fn device(&self) -> Curl {
        Curl::with_jar(&self.url())
    }
}

/// Starts a shop with the store at `url` and its signing key in `folder`.
pub(crate) fn shop_at(url: &str, folder: &Scratch, options: &[&str]) -> Shop {
    let key = folder.join("key.pem");
    let shared = ["--store", url, "--signing-key", key.to_str().unwrap()];
    Shop::start_with(&[&shared, options].concat())
}

/// Returns the URL of an SQLite file in this folder.
pub(crate) fn sqlite_url(folder: &Scratch) -> String {
    format!("sqlite:{}", folder.join("shop.db").display())
}

/// Returns the URLs of these shops.
pub(crate) fn urls(shops: &[Shop]) -> Vec<String> {
    shops.iter().map(|shop| shop.url("")).collect()
}

/// Signs Alice in twice, by cookie and by token, and returns the two credentials as header lines.
pub(crate) fn alice(shop: &Shop) -> [String; 2] {
    let browser = shop.device();
    assert_eq!(browser.login("alice", "wonderland").status, 200);
    let token = Tokens::of_alice(&shop.client()).access;
    [browser.cookie().unwrap(), bearer(&token)]
}
