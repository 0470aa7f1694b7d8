//! What the behaviours have in common: servers, clients, a store that can be watched and broken.

#[macro_use]
mod suite;
mod api_key;
mod at_once;
mod backend;
mod background;
mod capture;
mod client;
mod credential;
mod faults;
mod gate;
mod inside;
mod jwt;
mod kept_in;
mod reply;
mod run;
mod store;
mod token;
mod world;

pub(crate) use api_key::ApiKeys;
pub(crate) use at_once::at_once;
pub(crate) use backend::{Auth, Backend, Policy, Setup, jwt, jwt_eddsa, session};
pub(crate) use capture::Capture;
pub(crate) use client::{Call, Client};
pub(crate) use credential::{Credential, REFRESH, SESSION};
pub(crate) use faults::{Fault, Op};
pub(crate) use gate::Gate;
pub(crate) use inside::sign_in_by;
pub(crate) use jwt::claims;
pub(crate) use reply::Reply;
pub(crate) use run::{many_threads, one_thread};
pub(crate) use token::TokenAuth;
pub(crate) use world::{Framework, World};
