//! [`Orders`], a server of the Model Context Protocol with three tools.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Identity;
use http::request::Parts;
use parking_lot::Mutex;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::tool_scopes::ToolScopes;

/// How often `watch_orders` reports.
const PAUSE: Duration = Duration::from_millis(100);

/// A shop's orders as tools. It keeps no sessions of the protocol: each request proves its own user.
#[derive(Clone, Debug)]
pub struct Orders(Arc<Mutex<Vec<&'static str>>>);

impl Default for Orders {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec!["tea", "cake"])))
    }
}

impl Orders {
    /// Returns the scopes that each of the tools needs.
    #[must_use]
    pub fn scopes() -> ToolScopes {
        ToolScopes::new()
            .tool("list_orders", &["orders:read"])
            .tool("watch_orders", &["orders:read"])
            .tool("cancel_orders", &["orders:read", "orders:write"])
    }

    fn list(&self) -> String {
        self.0.lock().join(", ")
    }

    /// Reports until the client goes, or until the stream ends with the sign-in.
    async fn watch(&self, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let token = context.meta.get_progress_token();
        let token = token.ok_or_else(|| ErrorData::invalid_params("no progress token", None))?;
        for count in 1_u32.. {
            let progress = ProgressNotificationParam::new(token.clone(), f64::from(count));
            let sent = context.peer.notify_progress(progress.with_message(self.list())).await;
            if sent.is_err() {
                break;
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// Returns the subject of a request. The layer has verified it.
fn subject(context: &RequestContext<RoleServer>) -> Result<String, ErrorData> {
    let identity = context
        .extensions
        .get::<Parts>()
        .and_then(|parts| Identity::<auth_core::Claims>::of(&parts.extensions).ok().flatten());
    let identity = identity.ok_or_else(|| ErrorData::internal_error("no identity", None))?;
    Ok(identity.subject().to_owned())
}

fn text(text: String) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

fn tool(name: &'static str, description: &'static str) -> Tool {
    let schema = Map::from_iter([("type".to_owned(), json!("object"))]);
    Tool::new(name, description, Arc::new(schema))
}

impl ServerHandler for Orders {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![
            tool("list_orders", "Lists the orders"),
            tool("watch_orders", "Reports the orders until the client stops listening"),
            tool("cancel_orders", "Cancels all orders"),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let user = subject(&context)?;
        match &*request.name {
            "list_orders" => Ok(text(format!("orders for {user}: {}", self.list()))),
            "watch_orders" => {
                self.watch(&context).await?;
                Ok(text("the stream has ended".to_owned()))
            }
            "cancel_orders" => {
                self.0.lock().clear();
                Ok(text(format!("cancelled by {user}")))
            }
            other => Err(ErrorData::invalid_params(format!("no tool `{other}`"), None::<Value>)),
        }
    }
}
