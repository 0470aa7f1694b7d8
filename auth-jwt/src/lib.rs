#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "remote-keys")]
mod alb_auth;
mod algorithm;
mod authenticator;
#[cfg(feature = "sign-in")]
mod back_channel_logout;
mod cache;
mod claims;
#[cfg(feature = "sign-in")]
mod client_secrets;
mod document;
#[cfg(feature = "sign-in")]
mod endpoint;
#[cfg(feature = "introspection")]
mod introspection;
mod json;
mod jws;
mod jwt_auth;
mod key;
mod key_set;
mod keys;
mod mode;
#[cfg(feature = "sign-in")]
mod own_token;
mod protected_resource;
mod rejections;
#[cfg(feature = "remote-keys")]
mod remote_keys;
mod revocation_list;
#[cfg(feature = "sign-in")]
mod sign_in;
mod signing_keys;
#[cfg(feature = "testing")]
pub mod testing;
mod validation;
mod verifier;

// Named here, so that the compiler's error without the feature names it.
#[cfg(feature = "sign-in")]
#[doc(inline)]
pub use auth_store::{MemoryStore, OverflowPolicy, Session, SignInManager, connect};

#[cfg(feature = "remote-keys")]
pub use alb_auth::{AlbAuth, AlbAuthBuilder};
pub use algorithm::{Algorithm, KeyRequirement, UnknownAlgorithm};
#[cfg(feature = "sign-in")]
pub use auth_store::Revocations;
#[doc(hidden)]
pub use authenticator::ModeFor;
#[cfg(feature = "sign-in")]
pub use back_channel_logout::BackChannelLogout;
pub use cache::CacheStats;
#[cfg(feature = "sign-in")]
pub use client_secrets::ClientSecrets;
#[cfg(feature = "sign-in")]
pub use endpoint::EndpointService;
#[cfg(feature = "introspection")]
pub use introspection::{Introspection, IntrospectionAuth};
pub use jws::SignError;
pub use jwt_auth::JwtAuth;
#[cfg(not(feature = "sign-in"))]
#[doc(hidden)]
pub use jwt_auth::NeedsFeatureSignIn;
pub use key::{HmacKey, InvalidKey, Key, SigningKey, SkippedKey};
pub use key_set::KeySet;
pub use keys::KeySource;
#[doc(hidden)]
pub use mode::{Mode, Signs, Verifies};
pub use protected_resource::{ProtectedResource, ResourceMetadataService};
#[cfg(feature = "remote-keys")]
pub use remote_keys::{
    FetchError, FetchErrorKind, HttpClient, InvalidRemoteKeys, RemoteIssuers, RemoteKeys,
    RemoteKeysBuilder, RemoteKeysStatus,
};
#[cfg(feature = "sign-in")]
pub use sign_in::JwtSignIn;
#[cfg(feature = "sign-in")]
#[doc(hidden)]
pub use sign_in::WithSignIn;
pub use signing_keys::{JwksService, RotateError, SigningKeys, WithdrawError};
pub use validation::Validation;

auth_core::reexport!();
#[cfg(feature = "sign-in")]
auth_store::reexport!();
