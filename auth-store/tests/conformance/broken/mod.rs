//! Stores with one fault each, and the checks that catch it.

mod bounds;
mod caught;
mod create;
mod dropped;
mod end;
mod limit;
mod look;
mod rotate;
mod subject;
mod sweep;
mod touch;
mod update;
mod watch;
