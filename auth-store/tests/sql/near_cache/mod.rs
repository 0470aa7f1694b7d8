//! A near cache in front of PostgreSQL: what is ended anywhere is not believed beyond the bound.

mod kit;
mod lines;
mod node;
mod outages;
