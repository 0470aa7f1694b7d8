//! The conformance suite passes correct stores, and catches each fault in a broken one.

mod broken;
mod capacity;
mod failing;
mod growth;
mod memory;
mod plain;
mod records;
mod reopened;
