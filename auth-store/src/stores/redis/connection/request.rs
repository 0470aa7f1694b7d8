//! What is asked of a server.

use redis::Cmd;

/// A script that is one step of the contract, and its SHA-1.
pub(in crate::stores::redis) struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    pub(in crate::stores::redis) fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}

/// A command or a script, and how it has to be treated.
pub(in crate::stores::redis) struct Request {
    body: Body,
    slot: u16,
    pub(super) repeats: Repeats,
    pub(super) lasts: Lasts,
}

enum Body {
    Command(Cmd),
    Script { script: &'static Script, keys: usize, arguments: Vec<Vec<u8>> },
}

/// Whether a step whose answer was lost may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Twice is the same as once, and answers the same.
    Freely,
    Never,
}

/// How safe a write is before it counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasts {
    /// The primary has it.
    OnPrimary,
    /// As many replicas have it as were asked for, too.
    OnReplicas,
}

impl Request {
    /// A command that may be repeated.
    pub(in crate::stores::redis) fn command(command: Cmd, slot: u16) -> Self {
        let body = Body::Command(command);
        Self { body, slot, repeats: Repeats::Freely, lasts: Lasts::OnPrimary }
    }

    /// A script with these keys and arguments, which is never repeated.
    pub(in crate::stores::redis) fn script(
        script: &'static Script,
        slot: u16,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Self {
        let all = keys.iter().chain(arguments).map(|bytes| bytes.to_vec()).collect();
        let body = Body::Script { script, keys: keys.len(), arguments: all };
        Self { body, slot, repeats: Repeats::Never, lasts: Lasts::OnPrimary }
    }

    /// The same step, of which twice is the same as once.
    pub(in crate::stores::redis) fn repeatable(self) -> Self {
        Self { repeats: Repeats::Freely, ..self }
    }

    /// The same step, which counts only when replicas have it too.
    pub(in crate::stores::redis) fn lasting(self) -> Self {
        Self { lasts: Lasts::OnReplicas, ..self }
    }

    /// The slot of its keys.
    pub(in crate::stores::redis) fn slot(&self) -> u16 {
        self.slot
    }

    /// The command to send first: a script by its hash.
    pub(super) fn first(&self) -> Cmd {
        match &self.body {
            Body::Command(command) => command.clone(),
            Body::Script { script, keys, arguments } => {
                invoke("EVALSHA", &script.hash, *keys, arguments)
            }
        }
    }

    /// The command to send when the server does not know the script.
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
