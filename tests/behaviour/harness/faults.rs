//! The operations of a store, counted and broken one by one.

use std::collections::HashMap;

use auth_store::StoreError;
use tokio::sync::watch;

/// An operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Peek,
    /// Counted when somebody begins to wait.
    Watch,
    Load,
    Create,
    Update,
    Rotate,
    Touch,
    Delete,
    DeleteIf,
    DeleteIfIdle,
    List,
    Revoke,
    Amend,
    Sweep,
}

impl Op {
    /// Those that read only.
    const READS: [Self; 4] = [Self::Peek, Self::Watch, Self::Load, Self::List];
    /// Those that a `Session` or a sign-in waits for.
    pub(crate) const AWAITED: [Self; 9] = [
        Self::Load,
        Self::Create,
        Self::Update,
        Self::Rotate,
        Self::Delete,
        Self::DeleteIf,
        Self::List,
        Self::Revoke,
        Self::Amend,
    ];
}

/// What is wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It says that the store did not answer.
    Fails,
    /// It does not answer until the fault is gone.
    Hangs,
    /// It is done, and then says that the store did not answer.
    Unanswered,
    /// It is done, and does not answer until the fault is gone.
    Late,
}

/// What a failing store says of itself: nothing of it may reach a client.
pub(crate) const COMPLAINT: &str = "db-7.internal:5432 reset the connection";

#[derive(Debug, Default)]
pub(super) struct Faults {
    calls: watch::Sender<HashMap<Op, usize>>,
    faults: watch::Sender<HashMap<Op, Fault>>,
}

impl Faults {
    /// Counts a call, and lets it fail or wait.
    pub(super) async fn enter(&self, op: Op) -> Result<(), StoreError> {
        self.count(op);
        let mut faults = self.faults.subscribe();
        let hangs = |faults: &HashMap<Op, Fault>| faults.get(&op) == Some(&Fault::Hangs);
        let now = faults.wait_for(|faults| !hangs(faults)).await;
        match now.unwrap().get(&op) {
            None | Some(Fault::Unanswered | Fault::Late) => Ok(()),
            Some(_) => Err(StoreError::unavailable(COMPLAINT)),
        }
    }

    /// Lets the answer of a call be lost, or late.
    pub(super) async fn leave(&self, op: Op) -> Result<(), StoreError> {
        let mut faults = self.faults.subscribe();
        let late = |faults: &HashMap<Op, Fault>| faults.get(&op) == Some(&Fault::Late);
        match faults.wait_for(|faults| !late(faults)).await.unwrap().get(&op) {
            Some(Fault::Unanswered) => Err(StoreError::unavailable(COMPLAINT)),
            _ => Ok(()),
        }
    }

    pub(super) fn count(&self, op: Op) {
        self.calls.send_modify(|calls| *calls.entry(op).or_default() += 1);
    }

    pub(super) fn has(&self, op: Op) -> bool {
        self.faults.borrow().contains_key(&op)
    }

    pub(super) fn set(&self, op: Op, fault: Fault) {
        self.faults.send_modify(|faults| {
            faults.insert(op, fault);
        });
    }

    pub(super) fn heal(&self) {
        self.faults.send_modify(HashMap::clear);
    }

    pub(super) fn forget_calls(&self) {
        self.calls.send_modify(HashMap::clear);
    }

    pub(super) fn calls(&self, op: Op) -> usize {
        self.calls.borrow().get(&op).copied().unwrap_or_default()
    }

    pub(super) fn all_calls(&self) -> usize {
        self.calls.borrow().values().sum()
    }

    pub(super) fn writes(&self) -> usize {
        let calls = self.calls.borrow();
        calls.iter().filter(|(op, _)| !Op::READS.contains(op)).map(|(_, count)| count).sum()
    }

    /// Waits until the operation was called so often.
    pub(super) async fn reached(&self, op: Op, times: usize) {
        let mut calls = self.calls.subscribe();
        let often = |calls: &HashMap<Op, usize>| calls.get(&op).is_some_and(|n| *n >= times);
        calls.wait_for(often).await.unwrap();
    }
}
