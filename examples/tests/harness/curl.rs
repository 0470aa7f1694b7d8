//! Requests by curl.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use auth_servers::Scratch;
use serde_json::{Value, json};

use super::programs;

/// curl for one server, with a cookie jar or without.
pub(crate) struct Curl {
    program: PathBuf,
    server: String,
    folder: Option<Scratch>,
}

/// A request that is not sent yet.
pub(crate) struct Call(Command);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Curl {
    pub(crate) fn new(server: &str) -> Self {
        let program = programs::find("curl", "curl");
        Self { program, server: server.to_owned(), folder: None }
    }

    pub(crate) fn with_jar(server: &str) -> Self {
        Self { folder: Some(Scratch::new()), ..Self::new(server) }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let mut command = Command::new(&self.program);
        command.arg("--disable"); // first: no settings of the developer's
        command.args(["--silent", "--show-error", "--include", "--noproxy", "*"]);
        command.args(["--max-time", "10", "--request", method]);
        if let Some(jar) = self.jar() {
            command.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        }
        command.arg(format!("{}{path}", self.server));
        Call(command)
    }

    pub(crate) fn login(&self, username: &str, password: &str) -> Answer {
        self.post("/login").json(&json!({ "username": username, "password": password })).send()
    }

    /// The cookie in the jar, as a `Cookie` header.
    pub(crate) fn cookie(&self) -> Option<String> {
        let cookies = self.cookies();
        assert!(cookies.len() <= 1, "{cookies:?}");
        cookies.first().map(|(name, value)| format!("cookie: {name}={value}"))
    }

    /// The names of the cookies in the jar.
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

impl Call {
    /// As `name: value`.
    pub(crate) fn header(mut self, line: &str) -> Self {
        self.0.args(["--header", line]);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(&format!("authorization: Bearer {token}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.0.args(["--data-raw", &body.to_string()]);
        self.header("content-type: application/json")
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        for (name, value) in fields {
            self.0.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        self
    }

    pub(crate) fn send(mut self) -> Answer {
        let output = self.0.output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}: {problem}", self.0);
        Answer::parse(&String::from_utf8(output.stdout).unwrap())
    }
}

impl Answer {
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

    /// Every value of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| &**value).collect()
    }

    /// The value of a header that is there once.
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

    /// What it says went wrong.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }
}
