//! The scopes that a request needs for the tools that it calls.
//!
//! All requests of the protocol go to one path, so the path cannot decide. The name of the tool is in the body
//! and, since the protocol's version 2026-07-28, also in headers.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth_core::{AuthContext, Require};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The maximum length of a request.
const MAX_BODY: usize = 64 * 1024;
/// The method that calls a tool.
const CALL: &str = "tools/call";

/// The scopes of each tool, by its exact name. The tools of a clone are the same.
#[derive(Clone, Debug, Default)]
pub struct ToolScopes(Arc<Vec<(&'static str, &'static [&'static str])>>);

/// A request or a notification, or the client's response to a request of the server (JSON-RPC 2.0). A member
/// that is repeated is an error: this server and the next reader could understand different ones.
#[derive(Deserialize)]
struct Message {
    method: Option<String>,
    #[serde(default)]
    params: Option<Params>,
    result: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Params {
    name: Option<String>,
}

impl ToolScopes {
    /// Creates an empty list. Calls of tools that are not in the list need all scopes of the list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool and the scopes that each call of it needs.
    #[must_use]
    pub fn tool(mut self, name: &'static str, scopes: &'static [&'static str]) -> Self {
        Arc::make_mut(&mut self.0).push((name, scopes));
        self
    }

    /// Returns the scopes that a request needs: those of the tools that its body or its headers name, and all
    /// scopes of the list if it may be a call that is not understood.
    fn of(&self, headers: &HeaderMap, body: &[u8]) -> BTreeSet<&'static str> {
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let mut needed = BTreeSet::new();
        if header("mcp-method") == Some(CALL) {
            needed.extend(self.of_tool(header("mcp-name")));
        }
        if body.is_empty() {
            return needed; // not a POST, or one that the server refuses
        }
        match serde_json::from_slice(body) {
            Ok(Message { method: Some(method), params, .. }) if method == CALL => {
                needed.extend(self.of_tool(params.and_then(|it| it.name).as_deref()));
            }
            Ok(Message { method: Some(_), .. }) => {}
            Ok(message) if message.result.is_some() || message.error.is_some() => {}
            _ => needed.extend(self.of_tool(None)),
        }
        needed
    }

    fn of_tool(&self, name: Option<&str>) -> Vec<&'static str> {
        match self.0.iter().find(|(known, _)| Some(*known) == name) {
            Some((_, scopes)) => scopes.to_vec(),
            None => self.0.iter().flat_map(|(_, scopes)| scopes.iter().copied()).collect(),
        }
    }
}

/// Refuses calls of tools for which the credential lacks a scope. The response is 403, with a challenge that
/// names all scopes of the call. The layer goes inside of the authentication layer.
pub async fn require_tool_scopes(
    State(scopes): State<ToolScopes>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let needed = scopes.of(&parts.headers, &body);
    let require = Require::all(needed.into_iter().map(Require::scope));
    let checked = AuthContext::of(&parts.extensions, "`require_tool_scopes`")
        .map_err(Into::into)
        .and_then(|context| require.check(context));
    match checked {
        Ok(()) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(refusal) => refusal.into_extractor_response(&parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes() -> ToolScopes {
        ToolScopes::new().tool("list", &["read"]).tool("cancel", &["read", "write"])
    }

    /// Returns the scopes of a request with these headers and this body.
    fn of(headers: &[(&'static str, &'static str)], body: &str) -> String {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        scopes().of(&headers.collect(), body.as_bytes()).into_iter().collect::<Vec<_>>().join(" ")
    }

    fn call(name: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#)
    }

    #[test]
    fn a_call_needs_the_scopes_of_its_tool() {
        assert_eq!(of(&[], &call("list")), "read");
        assert_eq!(of(&[], &call("cancel")), "read write");
        for other in ["initialize", "tools/list", "ping", "notifications/initialized"] {
            let body =
                format!(r#"{{"jsonrpc":"2.0","method":"{other}","params":{{"name":"cancel"}}}}"#);
            assert_eq!(of(&[], &body), "", "{other}");
        }
        assert_eq!(of(&[], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), "");
        assert_eq!(of(&[], ""), "");
    }

    #[test]
    fn what_is_not_understood_needs_all_scopes() {
        let twice = r#"{"method":"ping","method":"tools/call","params":{"name":"list"}}"#;
        let names = r#"{"method":"tools/call","params":{"name":"list","name":"cancel"}}"#;
        let batch = format!("[{}]", call("list"));
        for body in [
            &call("List"),
            &call("list "),
            &call(""),
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":7}}"#,
            twice,
            names,
            &batch,
            "{}",
            "null",
            "tools/call",
            "\u{feff}{}",
        ] {
            assert_eq!(of(&[], body), "read write", "{body}");
        }
    }

    #[test]
    fn headers_only_add_to_what_the_body_needs() {
        let of_tool = |name| [("mcp-method", CALL), ("mcp-name", name)];
        assert_eq!(of(&of_tool("list"), &call("list")), "read");
        assert_eq!(of(&of_tool("list"), &call("cancel")), "read write");
        assert_eq!(of(&of_tool("cancel"), &call("list")), "read write");
        assert_eq!(of(&of_tool("other"), &call("list")), "read write");
        assert_eq!(of(&[("mcp-method", CALL)], &call("list")), "read write");
        assert_eq!(of(&[("mcp-method", "prompts/get"), ("mcp-name", "a")], &call("list")), "read");
    }
}
