//! Counts the operations of a store and makes them fail one by one.

use std::collections::HashMap;

use auth_store::StoreError;
use tokio::sync::watch;

/// An operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Peek,
    /// Counted when a task begins to wait.
    Watch,
    Load,
    Create,
    Update,
    Rotate,
    Touch,
    Delete,
    DeleteIfVersion,
    DeleteIfIdle,
    List,
    Revoke,
    UpdateSubject,
    Sweep,
}

impl Op {
    /// Operations that only read.
    const READS: [Self; 4] = [Self::Peek, Self::Watch, Self::Load, Self::List];
    /// Operations that a `Session` or a sign-in waits for.
    pub(crate) const AWAITED: [Self; 9] = [
        Self::Load,
        Self::Create,
        Self::Update,
        Self::Rotate,
        Self::Delete,
        Self::DeleteIfVersion,
        Self::List,
        Self::Revoke,
        Self::UpdateSubject,
    ];
}

/// A fault of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Returns that the store is unavailable.
    Fails,
    /// Does not start until the fault is cleared.
    Hangs,
    /// Is executed, and then returns that the store is unavailable.
    AnswerLost,
    /// Is executed, and does not return until the fault is cleared.
    AnswerDelayed,
}

/// The error text of a failing store. No part of it may reach a client.
pub(crate) const ERROR_TEXT: &str = "db-7.internal:5432 reset the connection";

#[derive(Debug, Default)]
pub(super) struct Faults {
    calls: watch::Sender<HashMap<Op, usize>>,
    executed: watch::Sender<HashMap<Op, usize>>,
    faults: watch::Sender<HashMap<Op, Fault>>,
}

impl Faults {
    /// Counts a call, and makes it fail or wait before it is executed.
    pub(super) async fn enter(&self, op: Op) -> Result<(), StoreError> {
        self.count(op);
        let mut faults = self.faults.subscribe();
        let hangs = |faults: &HashMap<Op, Fault>| faults.get(&op) == Some(&Fault::Hangs);
        let now = faults.wait_for(|faults| !hangs(faults)).await;
        match now.unwrap().get(&op) {
            None | Some(Fault::AnswerLost | Fault::AnswerDelayed) => Ok(()),
            Some(_) => Err(StoreError::unavailable(ERROR_TEXT)),
        }
    }

    /// Makes a call fail or wait after it was executed.
    pub(super) async fn leave(&self, op: Op) -> Result<(), StoreError> {
        self.executed.send_modify(|executed| *executed.entry(op).or_default() += 1);
        let mut faults = self.faults.subscribe();
        let delayed = |faults: &HashMap<Op, Fault>| faults.get(&op) == Some(&Fault::AnswerDelayed);
        match faults.wait_for(|faults| !delayed(faults)).await.unwrap().get(&op) {
            Some(Fault::AnswerLost) => Err(StoreError::unavailable(ERROR_TEXT)),
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

    pub(super) fn clear_faults(&self) {
        self.faults.send_modify(HashMap::clear);
    }

    pub(super) fn reset_calls(&self) {
        self.calls.send_modify(HashMap::clear);
        self.executed.send_modify(HashMap::clear);
    }

    pub(super) fn calls(&self, op: Op) -> usize {
        self.calls.borrow().get(&op).copied().unwrap_or_default()
    }

    pub(super) fn all_calls(&self) -> usize {
        self.calls.borrow().values().sum()
    }

    pub(super) fn writes(&self) -> usize {
        let calls = self.calls.borrow();
        let writes = |op: &Op| !Op::READS.contains(op) && *op != Op::Sweep; // which no request causes
        calls.iter().filter(|(op, _)| writes(op)).map(|(_, count)| count).sum()
    }

    /// Waits until the operation was called this many times.
    pub(super) async fn reached(&self, op: Op, times: usize) {
        let often = |calls: &HashMap<Op, usize>| calls.get(&op).is_some_and(|n| *n >= times);
        self.calls.subscribe().wait_for(often).await.unwrap();
    }

    /// Waits until the operation was executed. Its answer may be lost or delayed.
    pub(super) async fn executed(&self, op: Op) {
        self.executed.subscribe().wait_for(|executed| executed.contains_key(&op)).await.unwrap();
    }
}
