//! Mistakes on the command line: exit code 2, and a message that helps.

use std::net::TcpListener;

use crate::harness::{Process, command};

/// What it says on stderr, as it does not start.
pub(crate) fn refusal(args: &[&str]) -> String {
    let mut shop = Process::start(&mut command(args));
    assert_eq!(shop.exit_code(), Some(2), "{args:?}: {}", shop.stderr());
    assert_eq!(shop.stdout(), "", "{args:?}");
    shop.stderr()
}

#[test]
fn what_the_shop_cannot_do_is_named() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--auth", "magic"], &["magic", "session", "jwt", "both"]),
        (&["--store", "memory:x"], &["--store", "memory:"]),
        (&["--store", "nonsense"], &["--store", "memory:"]),
        (&["--idle", "0"], &["--idle", "0"]),
        (&["--absolute", "0"], &["--absolute", "0"]),
        (&["--access", "0"], &["--access", "0"]),
        (&["--refresh", "0"], &["--refresh", "0"]),
        (&["--stale-for", "0"], &["--stale-for", "0"]),
        (&["--listen", "here"], &["--listen", "here"]),
    ];
    for (args, named) in cases {
        let message = refusal(args);
        assert!(message.starts_with("error: "), "{args:?}: {message}");
        assert!(named.iter().all(|name| message.contains(name)), "{args:?}: {message}");
    }
}

#[test]
fn without_tls_other_machines_are_not_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let message = refusal(&["--listen", address]);
        assert!(message.contains("--behind-tls"), "{address}: {message}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = refusal(&["--listen", &address]);
    assert!(message.contains(&format!("cannot listen on {address}")), "{message}");
}

#[test]
fn the_help_names_every_option_and_ends_well() {
    let mut shop = Process::start(&mut command(&["--help"]));
    assert_eq!(shop.exit_code(), Some(0));
    let help = shop.stdout();
    for named in ["--auth", "--store", "--listen", "--idle", "--absolute", "--access", "--refresh"]
        .into_iter()
        .chain([
            "--signing-key",
            "--behind-tls",
            "--no-near-cache",
            "--stale-for",
            "sqlite:",
            "postgres://",
            "redis+sentinel://",
            "[default: both]",
            "2592000",
        ])
    {
        assert!(help.contains(named), "{named}: {help}");
    }
}
