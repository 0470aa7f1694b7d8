//! A client for server-sent events, which reads the response line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::shop::Shop;

/// How long to wait for the next line.
const DEADLINE: Duration = Duration::from_secs(30);

/// An open response of `/events`.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    /// The header lines of the response, in lower case.
    pub(crate) head: Vec<String>,
}

impl Events {
    /// Opens `/events` with this header line, and waits for the first event.
    ///
    /// # Panics
    ///
    /// Panics if the request is refused.
    pub(crate) fn open(shop: &Shop, credential: &str) -> Self {
        Self::open_at(shop.authority(), credential)
    }

    /// Does the same at another host and port.
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

    /// Returns the next event and its data, or `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some(event) = self.line()?.strip_prefix("event: ") {
                let data = self.line()?;
                let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("{data}"));
                return Some((event.to_owned(), data.to_owned()));
            }
        }
    }

    /// Returns why the sign-in has ended, or `None` if the stream ends without that event.
    pub(crate) fn ended(mut self) -> Option<String> {
        let (event, reason) = self.next()?;
        assert_eq!(event, "ended");
        assert_eq!(self.next(), None, "it is the last event");
        Some(reason)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).expect("a line, or the end of the stream") {
            0 => None,
            _ => Some(line.trim_end().to_owned()),
        }
    }
}
