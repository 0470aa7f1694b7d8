//! Parts of a server of the Model Context Protocol (MCP) behind the authentication layer.
//!
//! `tool_scopes` requires scopes for each tool, `streams` ends streams with the sign-in, and `orders` is the
//! server itself, with a few tools. The program is `src/bin/mcp.rs`.

mod orders;
mod streams;
mod tool_scopes;

pub use orders::Orders;
pub use streams::end_with_sign_in;
pub use tool_scopes::{ToolScopes, require_tool_scopes};
