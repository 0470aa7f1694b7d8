//! The server `oidc_login`, and the provider at which its users log in.

use std::process::Command;

use auth_servers::{OidcProvider, Scratch, free_port};
use serde_json::{Value, json};

use super::http::Http;
use super::process::Process;
use super::user_agent::{Page, UserAgent};

const SECRET: &str = "the-secret-of-the-client";

/// A provider, and a server that is a client to it.
pub(crate) struct ProviderLogin {
    pub(crate) provider: OidcProvider,
    server: Process,
    url: String,
    _folder: Scratch,
}

impl ProviderLogin {
    pub(crate) fn start() -> Self {
        Self::start_at("localhost", &[])
    }

    /// Starts the server with these arguments. Browsers find it at this host.
    pub(crate) fn start_at(host: &str, args: &[&str]) -> Self {
        let port = free_port();
        let url = format!("http://{host}:{port}");
        let client = json!({
            "client_id": "shop",
            "client_secret": SECRET,
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "redirect_uris": [format!("{url}/callback")],
            "post_logout_redirect_uris": [format!("{url}/")],
            "backchannel_logout_uri": format!("{url}/backchannel-logout"),
            "backchannel_logout_session_required": true,
        });
        let provider = OidcProvider::start(&json!([client]).to_string());
        let folder = Scratch::new();
        let secret = folder.join("secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oidc_login"));
        command.args(["--issuer", &provider.issuer(), "--client-id", "shop", "--url", &url]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]).args(args);
        let mut server = Process::start(command.arg("--client-secret-file").arg(&secret));
        server.announced("login at ");
        Self { provider, server, url, _folder: folder }
    }

    /// Returns the URL of a path of the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Starts a login, and gives the user's name and consent to the provider. Stops where the
    /// provider sends its answer.
    pub(crate) async fn answer(&self, agent: &UserAgent, user: &str) -> Page {
        let page = agent.open(&self.url("/login?next=/me")).await;
        self.at_provider(agent, page, user).await
    }

    /// Gives the user's name and consent on the provider's login page. Stops where it sends its answer.
    pub(crate) async fn at_provider(&self, agent: &UserAgent, page: Page, user: &str) -> Page {
        assert!(page.url.as_str().starts_with(&self.provider.issuer()), "{page:?}");
        let callback = self.url("/callback");
        let page =
            agent.submit(&page, &[("login", user), ("password", "any")], Some(&callback)).await;
        agent.submit(&page, &[], Some(&callback)).await
    }

    /// Logs in, and returns what the server says about the user.
    pub(crate) async fn log_in(&self, agent: &UserAgent, user: &str) -> Value {
        let answer = self.answer(agent, user).await;
        let me = agent.open(answer.url.as_str()).await;
        assert_eq!(me.status, 200, "{me:?} {}", self.server.stderr());
        serde_json::from_str(&me.body).unwrap()
    }

    /// Returns the status of a request for the user of this client.
    pub(crate) async fn me(&self, agent: &UserAgent) -> u16 {
        agent.open(&self.url("/me")).await.status.as_u16()
    }

    /// Returns the page on which the provider asks whether to end the user's session.
    pub(crate) async fn logout_page(&self, agent: &UserAgent) -> Page {
        agent.open(&format!("{}/session/end", self.provider.issuer())).await
    }

    /// Returns a new client without cookies.
    pub(crate) fn agent(&self) -> UserAgent {
        UserAgent::new(&Http::new())
    }
}
