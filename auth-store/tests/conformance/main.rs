//! The conformance kit passes stores that keep the contract, and catches those that break it.

mod broken;
mod failing;
mod fault;
mod growth;
mod memory;
mod plain;
mod records;
mod room;
