//! What the behaviours have in common: servers, clients, a store that can be watched and broken.

#[macro_use]
mod suite;
mod at_once;
mod backend;
mod client;
mod credential;
mod faults;
mod gate;
mod reply;
mod run;
mod store;
mod token;
mod world;

pub(crate) use at_once::at_once;
pub(crate) use backend::{Backend, Setup};
pub(crate) use client::{Call, Client};
pub(crate) use credential::Credential;
pub(crate) use faults::{Fault, Op};
pub(crate) use gate::Gate;
pub(crate) use reply::Reply;
pub(crate) use run::{many_threads, one_thread};
pub(crate) use store::WatchedStore;
pub(crate) use token::TokenAuth;
pub(crate) use world::{Framework, World};
