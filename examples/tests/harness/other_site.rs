//! A page of another site, as an attacker would publish it.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A server with one page. Its host is `127.0.0.1`, which is cross-site to `localhost`.
pub(crate) struct OtherSite {
    pub(crate) url: String,
    _runtime: Runtime, // stops the server when it is dropped
}

impl OtherSite {
    /// Serves a page with a form that posts these fields to `action`.
    pub(crate) fn with_form(action: &str, fields: &[(&str, &str)]) -> Self {
        let input = |(name, value)| format!(r#"<input name="{name}" value="{value}">"#);
        let inputs: String = fields.iter().copied().map(input).collect();
        let page = format!(
            r#"<!doctype html><form method="post" action="{action}">{inputs}<button>Win</button></form>"#
        );
        let app = Router::new().route("/", get(async || Html(page)));

        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        runtime.spawn(async { axum::serve(listener, app).await });
        Self { url, _runtime: runtime }
    }
}
