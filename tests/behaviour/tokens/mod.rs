//! JSON Web Tokens: what a verifier believes, and what it refuses.

mod algorithms;
mod application;
mod application_types;
mod audiences;
mod corpus;
mod headers;
mod hostile;
mod interop;
mod issuers;
mod kit;
mod malleated;
mod published;
mod remembered;
mod rotation;
mod signature;
mod sizes;
mod times;
mod token_kinds;
mod vectors;
mod weak_curve_keys;
mod weak_keys;
