//! What few sign-ins have, or few requests read.

use std::net::IpAddr;

use auth_core::Timestamp;

use crate::secret::{Digest, Nonce};

/// What few sign-ins have, or few requests read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInDetails {
    /// The secret before the current one, while a refresh with it may be repeated.
    pub grace: Option<RotationGrace>,
    /// What the client may do (RFC 6749 section 3.3).
    pub scopes: Vec<Box<str>>,
    /// How well the user was authenticated.
    pub acr: Option<Box<str>>,
    /// By which methods.
    pub amr: Vec<Box<str>>,
    /// The key that the credential is bound to, if any (RFC 7800).
    pub cnf: Option<Box<str>>,
    /// What is known about the device.
    pub device: Device,
}

/// What is known about the device that a sign-in was made on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent`, at most [`Device::MAX_USER_AGENT`] bytes of it.
    pub user_agent: Option<Box<str>>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What the user calls it.
    pub label: Option<Box<str>>,
}

impl Device {
    /// The most bytes of a `User-Agent` that are kept.
    pub const MAX_USER_AGENT: usize = 256;
    /// The most bytes of a label that are kept.
    pub const MAX_LABEL: usize = 128;
}

/// The secret before the current one: refreshing with it again yields the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationGrace {
    /// The digest of the verifier before the current one.
    pub previous: Digest,
    /// From which the current one was derived.
    pub nonce: Nonce,
    /// Until when.
    pub until: Timestamp,
}
