//! JSON Web Tokens: which of them a verifier accepts, and which it rejects.

mod algorithms;
mod application_options;
mod application_types;
mod audiences;
mod cache;
mod corpus;
mod foreign_claims;
mod headers;
mod hostile_input;
mod interop;
mod issuers;
mod kit;
mod malleability;
mod protected_resource;
mod providers;
mod published_keys;
mod remote_keys;
mod revocations;
mod rfc_examples;
mod rotation;
mod signature;
mod sizes;
mod token_kinds;
mod validity_period;
mod weak_curve_keys;
mod weak_keys;
