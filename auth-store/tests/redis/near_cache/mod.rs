//! A near cache in front of Redis: what is ended anywhere is not believed beyond the bound, whatever
//! becomes of the servers and of the lines to them.

mod apart;
mod emptied;
mod kit;
mod lines;
mod moves;
mod node;
mod outages;
mod primaries;
mod told;
