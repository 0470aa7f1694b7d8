//! A near cache in front of Redis: a sign-in that ends on any node is not answered from memory for
//! longer than the maximum staleness, whatever happens to the servers and to the connections.

mod changes;
mod emptied;
mod failovers;

mod moving_slots;
mod nodes;
mod outages;
