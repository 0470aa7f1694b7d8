//! What the behaviours share: the backends and the store under test, servers, clients, and faults.

#[macro_use]
mod suite;
mod api_key;
mod backend;
mod background;
#[path = "../../call.rs"]
mod call;
mod client;
mod concurrent;
mod credential;
mod event_capture;
mod faults;
mod faulty_store;
mod gate;
mod in_process;
mod jwt;
#[cfg(not(test))]
mod library;
mod reply;
mod run;
#[cfg(test)]
mod store_choice;
mod token;
mod users;
mod world;

pub(crate) use api_key::ApiKeyAuth;
pub(crate) use backend::{Auth, Policy, Setup, TestBackend, jwt, jwt_eddsa, session};
pub(crate) use call::call;
pub(crate) use client::{Call, Client};
pub(crate) use concurrent::send_concurrently;
pub(crate) use credential::{Credential, REFRESH, SESSION};
pub(crate) use event_capture::EventCapture;
pub(crate) use faults::{Fault, Op};
pub(crate) use faulty_store::FaultyStore;
pub(crate) use gate::Gate;
pub(crate) use in_process::sign_in_by;
pub(crate) use jwt::claims;
#[cfg(not(test))]
pub use library::run;
#[cfg(not(test))]
pub(crate) use library::{Listed, fresh_store, most_writers, start_time};
pub(crate) use reply::Reply;
pub(crate) use run::{alone, many_threads, one_thread};
#[cfg(test)]
pub(crate) use store_choice::{fresh_store, most_writers, start_time};
pub(crate) use token::TokenAuth;
pub(crate) use users::Users;
pub(crate) use world::{DAY, Framework, HOUR, MINUTE, World};
