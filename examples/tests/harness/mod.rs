//! What the tests are made of.

mod browser;
mod credential;
mod curl;
mod database;
mod http;
mod process;
mod programs;
mod service;
mod shop;
mod site;
mod stream;
mod tokens;
mod wait;
mod webdriver;

pub(crate) use auth_servers::{Scratch, until};

pub(crate) use browser::Browser;
pub(crate) use credential::{By, Credential, customers, login};
pub(crate) use curl::{Answer, Curl};
pub(crate) use database::Database;
pub(crate) use http::Http;
pub(crate) use process::Process;
pub(crate) use service::{Service, alice, shop_at, urls};
pub(crate) use shop::{Shop, command};
pub(crate) use site::Site;
pub(crate) use stream::Events;
pub(crate) use tokens::Tokens;
pub(crate) use wait::until_rarely;
