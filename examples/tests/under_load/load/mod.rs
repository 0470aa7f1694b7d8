//! A load of customers, and a checker of the responses they get.
//!
//! Each customer signs in by cookie and by token, reads, adds to carts, becomes an admin and a buyer
//! again, and logs out, while others continue to use what has ended. Every request is recorded in a
//! history: what was sent, when, and how it was answered. Afterwards pure functions check the history.
//! They know neither the service nor the fault.

mod checker;
mod client;
mod crowd;
mod customer;
mod figures;
mod history;
mod recorder;
mod run;
mod running;
mod staff;

pub(crate) use checker::{Loss, Violation};
pub(crate) use figures::Figures;
pub(crate) use run::{CUSTOMERS, Load, OPTIONS, exclusive};
pub(crate) use running::Running;
pub(crate) use staff::Staff;
