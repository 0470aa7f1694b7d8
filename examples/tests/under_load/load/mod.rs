//! Customers who use a service all at once, and what must be true of the answers they get.
//!
//! Each customer signs in by cookie and by token, looks, puts things into the carts, is made an
//! admin and a buyer again, and logs out, while others still use what has ended. Every request is
//! written into a history: what was asked, when it was sent and answered, and how. Afterwards the
//! history is judged by pure functions, which know neither the service nor the fault that it went
//! through.

mod carts;
mod client;
mod crowd;
mod customer;
mod ends;
mod figures;
mod history;
mod judge;
#[cfg(test)]
mod made_up;
mod record;
mod roles;
mod run;
mod running;
mod staff;
mod terms;

pub(crate) use figures::Figures;
pub(crate) use judge::Violation;
pub(crate) use run::{CUSTOMERS, Load, alone};
pub(crate) use running::Running;
pub(crate) use staff::Staff;
pub(crate) use terms::Loss;
