//! The commands and scripts that are sent.
//!
//! A [`Request`] also states whether it may be repeated, and when a write is acknowledged.

use redis::Cmd;

/// A script, and its SHA-1.
pub(in crate::stores::redis) struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    pub(in crate::stores::redis) fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}

/// A command or a script, with the slot of its keys.
pub(in crate::stores::redis) struct Request {
    body: Body,
    slot: u16,
    pub(super) repeats: Repeats,
    pub(super) durability: Durability,
    pub(super) source: ReadFrom,
}

enum Body {
    Command(Cmd),
    Script { script: &'static Script, keys: usize, arguments: Vec<Vec<u8>> },
}

/// Whether a step whose answer was lost may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Taking the step twice has the effect and the answer of taking it once.
    Freely,
    /// It must not be sent again once it may have happened.
    Never,
}

/// When a write is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// As soon as the primary has it.
    OnPrimary,
    /// As soon as the required number of replicas has it as well.
    OnReplicas,
}

/// From which server an answer is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadFrom {
    /// From any that has the keys. Only a primary accepts a write.
    Any,
    /// From a primary.
    Primary,
}

impl Request {
    /// Creates a request for a command that may be repeated.
    pub(in crate::stores::redis) fn command(command: Cmd, slot: u16) -> Self {
        let body = Body::Command(command);
        Self {
            body,
            slot,
            repeats: Repeats::Freely,
            durability: Durability::OnPrimary,
            source: ReadFrom::Any,
        }
    }

    /// Creates a request for a script that must not be repeated.
    pub(in crate::stores::redis) fn script(
        script: &'static Script,
        slot: u16,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Self {
        let all = keys.iter().chain(arguments).map(|bytes| bytes.to_vec()).collect();
        let body = Body::Script { script, keys: keys.len(), arguments: all };
        Self {
            body,
            slot,
            repeats: Repeats::Never,
            durability: Durability::OnPrimary,
            source: ReadFrom::Any,
        }
    }

    /// Allows repeating the step, because taking it twice has the effect of taking it once.
    pub(in crate::stores::redis) fn repeatable(self) -> Self {
        Self { repeats: Repeats::Freely, ..self }
    }

    /// Acknowledges the step only when replicas have it as well.
    pub(in crate::stores::redis) fn on_replicas(self) -> Self {
        Self { durability: Durability::OnReplicas, ..self }
    }

    /// Accepts the answer only if the server is a primary when it answers. A replica may be behind, and
    /// answers reads like a primary.
    pub(in crate::stores::redis) fn only_from_primary(self) -> Self {
        Self { source: ReadFrom::Primary, ..self }
    }

    /// Returns the slot of its keys.
    pub(in crate::stores::redis) fn slot(&self) -> u16 {
        self.slot
    }

    /// Returns the command to send first. A script is called by its hash.
    pub(super) fn first(&self) -> Cmd {
        match &self.body {
            Body::Command(command) => command.clone(),
            Body::Script { script, keys, arguments } => {
                invoke("EVALSHA", &script.hash, *keys, arguments)
            }
        }
    }

    /// Returns the command to send if the server does not know the script.
    pub(super) fn in_full(&self) -> Option<Cmd> {
        match &self.body {
            Body::Command(_) => None,
            Body::Script { script, keys, arguments } => {
                Some(invoke("EVAL", script.code, *keys, arguments))
            }
        }
    }
}

fn invoke(verb: &str, script: &str, keys: usize, arguments: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(keys);
    for argument in arguments {
        command.arg(argument.as_slice());
    }
    command
}
