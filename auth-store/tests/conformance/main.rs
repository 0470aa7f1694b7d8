//! The conformance kit passes stores that keep the contract, and catches those that break it.

mod broken;
mod capacity;
mod failing;
mod growth;
mod memory;
mod plain;
mod records;
