//! A response that goes on, read as it comes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::shop::Shop;

/// How long the next line may take to come.
const DEADLINE: Duration = Duration::from_secs(30);

/// An open stream of server-sent events.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    /// The header lines, in lower case.
    pub(crate) head: Vec<String>,
}

impl Events {
    /// Opens `/events` for who sends this header, and has been greeted.
    ///
    /// # Panics
    /// If it is refused.
    pub(crate) fn open(shop: &Shop, credential: &str) -> Self {
        Self::open_at(shop.authority(), credential)
    }

    /// The same at this host and port.
    pub(crate) fn open_at(authority: &str, credential: &str) -> Self {
        let head = format!(
            "GET /events HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n{credential}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut events = Self { stream: BufReader::new(stream), head: Vec::new() };
        assert_eq!(events.line().as_deref(), Some("HTTP/1.1 200 OK"));
        while let Some(line) = events.line().filter(|line| !line.is_empty()) {
            events.head.push(line.to_ascii_lowercase());
        }
        assert_eq!(events.next().unwrap(), ("hello".to_owned(), "Alice".to_owned()));
        events
    }

    /// The next event and its data; none if the stream has ended.
    pub(crate) fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some(event) = self.line()?.strip_prefix("event: ") {
                let data = self.line()?;
                let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("{data}"));
                return Some((event.to_owned(), data.to_owned()));
            }
        }
    }

    /// How the sign-in ended; none if the stream ended without saying so.
    pub(crate) fn ended(mut self) -> Option<String> {
        let (event, how) = self.next()?;
        assert_eq!(event, "ended");
        assert_eq!(self.next(), None, "nothing comes after it");
        Some(how)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).expect("something comes, or the end") {
            0 => None,
            _ => Some(line.trim_end().to_owned()),
        }
    }
}
