//! Databases that shops share.

use serde_json::json;

use crate::harness::{Answer, Database, Scratch, Shop, shop_at};

/// A database, and what shops need to be one service.
pub(super) struct Service<S> {
    pub(super) server: S,
    folder: Scratch,
    options: &'static [&'static str],
}

impl<S: Database> Service<S> {
    /// The options are for every shop.
    pub(super) fn start(options: &'static [&'static str]) -> Self {
        Self { server: S::start(), folder: Scratch::new(), options }
    }

    /// One more shop.
    pub(super) fn shop(&self) -> Shop {
        shop_at(&self.server.url(), &self.folder, self.options)
    }

    /// Two shops.
    pub(super) fn shops(&self) -> [Shop; 2] {
        [self.shop(), self.shop()]
    }
}

/// The URL of a file of SQLite in this folder.
pub(super) fn file(folder: &Scratch) -> String {
    format!("sqlite:{}", folder.join("shop.db").display())
}

pub(super) fn get(shop: &Shop, path: &str, credential: &str) -> Answer {
    shop.client().get(path).header(credential).send()
}

/// Puts one of these into the cart.
pub(super) fn put(shop: &Shop, credential: &str, item: &str) -> Answer {
    let item = json!({ "item": item, "quantity": 1 });
    shop.client().post("/cart").header(credential).json(&item).send()
}

pub(super) fn log_out(shop: &Shop, credential: &str) {
    assert_eq!(shop.client().post("/logout").header(credential).send().status, 204);
}
