//! Details of a sign-in that few requests read.
//!
//! They are boxed in a [`Record`](super::Record), so that the record stays small.

use std::net::IpAddr;

use auth_core::Timestamp;

use crate::secret::{Digest, Nonce};

/// Details that few sign-ins have, or few requests read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInDetails {
    /// The previous secret, as long as a refresh with it may be repeated.
    pub grace: Option<RotationGrace>,
    /// The scopes granted to the client (RFC 6749 section 3.3).
    pub scopes: Vec<Box<str>>,
    /// The authentication context class: how strongly the user was authenticated.
    pub acr: Option<Box<str>>,
    /// The authentication methods (RFC 8176).
    pub amr: Vec<Box<str>>,
    /// The key to which the credential is bound, if any (RFC 7800).
    pub cnf: Option<Box<str>>,
    /// The device on which the user signed in.
    pub device: Device,
}

/// The device on which a user signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header, cut to [`Device::MAX_USER_AGENT`] bytes.
    pub user_agent: Option<Box<str>>,
    /// The address from which the request came.
    pub address: Option<IpAddr>,
    /// The name that the user gave the device.
    pub label: Option<Box<str>>,
}

impl Device {
    /// The maximum number of bytes kept of a `User-Agent`.
    pub const MAX_USER_AGENT: usize = 256;
    /// The maximum number of bytes kept of a label.
    pub const MAX_LABEL: usize = 128;
}

/// Allows a client to repeat a refresh whose response was lost: refreshing again with the previous
/// secret yields the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationGrace {
    /// The digest of the previous verifier.
    pub previous: Digest,
    /// The nonce with which the current secret was derived from the previous one.
    pub nonce: Nonce,
    /// When the grace ends.
    pub until: Timestamp,
}
