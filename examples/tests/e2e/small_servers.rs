//! The small servers, used as the first lines of their files describe.

use std::process::Command;

use crate::harness::{Curl, Process, Tokens};

const ALICE: [(&str, &str); 2] = [("username", "alice"), ("password", "wonderland")];

#[test]
fn jwt_signs_in_refreshes_and_signs_out() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwt"));
    let mut server = Process::start(command.arg("127.0.0.1:0"));
    let alice = Curl::with_jar(&server.announced("tokens at "));
    let me = |tokens: &Tokens| {
        let response = alice.get("/me").bearer(&tokens.access).send();
        (response.status, response.body)
    };
    assert_eq!(alice.get("/me").send().status, 401);
    let wrong = alice.post("/login").form(&[ALICE[0], ("password", "builder")]).send();
    assert_eq!(wrong.status, 401);

    let first = Tokens::of(&alice.post("/login").form(&ALICE).send());
    assert_eq!(me(&first), (200, "hello alice\n".to_owned()));
    let second = Tokens::of(&alice.post("/refresh").send());
    assert_eq!(me(&second).0, 200);
    assert_eq!(alice.post("/logout").send().status, 200);
    assert_eq!((me(&first).0, me(&second).0), (401, 401));
    assert_eq!(alice.post("/refresh").send().status, 401);
}

fn grpc(args: &[&str]) -> Process {
    Process::start(Command::new(env!("CARGO_BIN_EXE_grpc")).args(args))
}

#[test]
fn grpc_demo_calls_without_and_with_a_token() {
    let mut demo = grpc(&["--demo", "--listen", "127.0.0.1:0"]);
    assert_eq!(demo.exit_code(), Some(0), "{}", demo.stderr());
    let stdout = demo.stdout();
    let responses: Vec<_> = stdout.lines().skip(2).collect();
    assert_eq!(responses, ["refused: Unauthenticated (16)", "hello alice"]);
}

#[test]
fn grpc_rejects_calls_with_a_status() {
    let mut server = grpc(&["--listen", "127.0.0.1:0"]);
    let token = server.announced("alice's token: ");
    let url = server.announced("gRPC at ");
    let call = |token: &[&str]| {
        let mut client = grpc(&[&["--client", &url], token].concat());
        (client.exit_code(), client.stdout())
    };
    assert_eq!(call(&["--token", &token]), (Some(0), "hello alice\n".to_owned()));
    let rejected = (Some(1), "refused: Unauthenticated (16)\n".to_owned());
    assert_eq!(call(&[]), rejected);
    assert_eq!(call(&["--token", &format!("{token}x")]), rejected);
    assert_eq!(call(&["--token", "nonsense"]), rejected);
}

#[test]
fn grpc_stops_on_a_signal() {
    let mut server = grpc(&["--listen", "127.0.0.1:0"]);
    server.announced("gRPC at ");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit_code(), Some(0), "{}", server.stderr());
}
