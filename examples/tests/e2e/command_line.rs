//! Invalid options: the shop exits with code 2 and a message that names the option.

use std::net::TcpListener;

use crate::harness::{Process, command};

/// Returns what the shop prints to stderr with invalid options.
pub(crate) fn rejection(args: &[&str]) -> String {
    let mut shop = Process::start(&mut command(args));
    assert_eq!(shop.exit_code(), Some(2), "{args:?}: {}", shop.stderr());
    assert_eq!(shop.stdout(), "", "{args:?}");
    shop.stderr()
}

#[test]
fn invalid_values_are_named() {
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
    for (args, expected) in cases {
        let message = rejection(args);
        assert!(message.starts_with("error: "), "{args:?}: {message}");
        assert!(expected.iter().all(|text| message.contains(text)), "{args:?}: {message}");
    }
}

#[test]
fn other_addresses_require_tls() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let message = rejection(&["--listen", address]);
        assert!(message.contains("--behind-tls"), "{address}: {message}");
    }
}

#[test]
fn a_port_in_use_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let message = rejection(&["--listen", &address]);
    assert!(message.contains(&format!("cannot listen on {address}")), "{message}");
}

#[test]
fn the_help_names_all_options_and_exits_with_success() {
    let mut shop = Process::start(&mut command(&["--help"]));
    assert_eq!(shop.exit_code(), Some(0));
    let help = shop.stdout();
    for text in ["--auth", "--store", "--listen", "--idle", "--absolute", "--access", "--refresh"]
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
        assert!(help.contains(text), "{text}: {help}");
    }
}
