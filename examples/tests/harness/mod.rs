//! What both test binaries use: shops as processes, clients for them, and the servers they need.
//!
//! [`Shop`] is one process. [`Service`] is a store and the shops that share it. [`Curl`], [`Http`],
//! [`Events`] and [`Browser`] are clients, from the simplest to a real browser.

mod browser;
mod credential;
mod curl;
mod events;
mod http;
mod other_site;
mod process;
mod provider_login;
mod server;
mod service;
mod shop;
mod tokens;
mod user_agent;
mod wait;
mod webdriver;

pub(crate) use auth_servers::{Scratch, until};

pub(crate) use browser::{Browser, Display};
pub(crate) use credential::{Credential, Kind, customers, login};
pub(crate) use curl::{Curl, Response};
pub(crate) use events::Events;
pub(crate) use http::Http;
pub(crate) use other_site::OtherSite;
pub(crate) use process::{Process, find_program};
pub(crate) use provider_login::ProviderLogin;
pub(crate) use server::Server;
pub(crate) use service::{BehindNginx, CACHE_MODES, Service, alice, shop_at, sqlite_url, urls};
pub(crate) use shop::{Shop, command};
pub(crate) use tokens::{Tokens, bearer};
pub(crate) use user_agent::UserAgent;
pub(crate) use wait::until_with_backoff;
