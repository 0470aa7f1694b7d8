//! A client that sends its requests with curl, with or without a cookie jar.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use auth_servers::Scratch;
use serde_json::{Value, json};

use super::process::find_program;

/// A client for one server, with or without a cookie jar.
pub(crate) struct Curl {
    program: PathBuf,
    server: String,
    folder: Option<Scratch>,
}

/// A request that has not been sent.
pub(crate) struct Request(Command);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Curl {
    pub(crate) fn new(server: &str) -> Self {
        let program = find_program("curl", "curl");
        Self { program, server: server.to_owned(), folder: None }
    }

    pub(crate) fn with_jar(server: &str) -> Self {
        Self { folder: Some(Scratch::new()), ..Self::new(server) }
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        self.call("POST", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        self.call("DELETE", path)
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Request {
        let mut command = Command::new(&self.program);
        command.arg("--disable"); // must be first: ignores the developer's settings
        command.args(["--silent", "--show-error", "--include", "--noproxy", "*"]);
        command.args(["--max-time", "10", "--request", method]);
        if let Some(jar) = self.jar() {
            command.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        }
        command.arg(format!("{}{path}", self.server));
        Request(command)
    }

    pub(crate) fn login(&self, username: &str, password: &str) -> Response {
        self.post("/login").json(&json!({ "username": username, "password": password })).send()
    }

    /// Returns the only cookie in the jar as a header line.
    pub(crate) fn cookie(&self) -> Option<String> {
        let cookies = self.cookies();
        assert!(cookies.len() <= 1, "{cookies:?}");
        cookies.first().map(|(name, value)| format!("cookie: {name}={value}"))
    }

    /// Returns the names of the cookies in the jar.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        self.cookies().into_iter().map(|(name, _)| name).collect()
    }

    fn cookies(&self) -> Vec<(String, String)> {
        let jar = self.jar().and_then(|jar| fs::read_to_string(jar).ok()).unwrap_or_default();
        let cookies = jar.lines().filter_map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            Some(((*fields.get(5)?).to_owned(), (*fields.get(6)?).to_owned()))
        });
        cookies.collect()
    }

    fn jar(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join("jar"))
    }
}

impl Request {
    /// Adds a header line, as `name: value`.
    pub(crate) fn header(mut self, line: &str) -> Self {
        self.0.args(["--header", line]);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(&super::tokens::bearer(token))
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.0.args(["--data-raw", body]);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(&body.to_string()).header("content-type: application/json")
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        for (name, value) in fields {
            self.0.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        self
    }

    pub(crate) fn send(mut self) -> Response {
        let output = self.0.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}: {stderr}", self.0);
        Response::parse(&String::from_utf8(output.stdout).unwrap())
    }
}

impl Response {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }

    /// Returns all values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| &**value).collect()
    }

    /// Returns the value of a header, which must not be repeated.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers(name);
        assert!(values.len() <= 1, "{self:?}");
        values.first().copied()
    }

    pub(crate) fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// Returns the text of an error.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }
}
