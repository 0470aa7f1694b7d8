//! What the README and the guide show besides programs: commands, configurations of proxies, and a script.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use auth_core::{Auth, AuthError, Identity, Principal, Require, SignedIn};
use auth_servers::{Nginx, Site, until};
use auth_session::SessionAuth;
use auth_store::MemoryStore;
use axum::Router;
use axum::routing::{any, get, post};
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::harness::{Curl, find_program};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let start = format!("```{language}\n");
    let blocks = text.split(&start).skip(1);
    let blocks: Vec<_> = blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect();
    assert!(!blocks.is_empty(), "{page} has no block of {language}");
    blocks
}

/// An application that is served until the value is dropped.
struct Served {
    port: u16,
    _runtime: Runtime,
}

impl Served {
    fn start(app: Router) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async { axum::serve(listener, app).await });
        Self { port, _runtime: runtime }
    }
}

/// The servers behind the proxies of the page: the application, and a service that knows no credentials.
struct Behind {
    app: Served,
    wiki: Served,
}

impl Behind {
    fn start() -> Self {
        async fn login(auth: Auth, role: String) -> Result<SignedIn, AuthError> {
            auth.sign_in(Principal::new("alice").role(role)).await
        }
        async fn ask(user: Identity) -> [(&'static str, String); 1] {
            [("x-user", user.subject().to_owned())]
        }
        async fn header(headers: HeaderMap, name: &str) -> String {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or("none").to_owned()
        }
        let app = Router::new()
            .route("/login", post(login))
            .route("/ask", any(ask).layer(Require::role("staff")))
            .route("/host", get(|headers: HeaderMap| header(headers, "host")))
            .layer(SessionAuth::new(MemoryStore::new()).insecure_http().optional());
        let wiki = Router::new()
            .route("/wiki/{page}", any(|headers: HeaderMap| header(headers, "x-user")));
        Self { app: Served::start(app), wiki: Served::start(wiki) }
    }

    /// Puts the ports of the servers into a configuration of the page.
    fn with_ports(&self, configuration: &str) -> String {
        configuration
            .replace("127.0.0.1:3000", &format!("127.0.0.1:{}", self.app.port))
            .replace("127.0.0.1:4000", &format!("127.0.0.1:{}", self.wiki.port))
    }
}

/// Checks a proxy that forwards requests and asks about those for the wiki. Returns a client of staff.
fn check(port: u16) -> Curl {
    let url = format!("http://localhost:{port}");
    let (visitor, buyer, staff) = (Curl::new(&url), Curl::with_jar(&url), Curl::with_jar(&url));
    assert_eq!(visitor.get("/host").send().body, format!("localhost:{port}"));
    for (client, role) in [(&buyer, "buyer"), (&staff, "staff")] {
        assert_eq!(client.post("/login").body(role).send().status, 204);
    }
    let forged = "x-user: mallory";
    assert_eq!(visitor.get("/wiki/page").header(forged).send().status, 401);
    assert_eq!(buyer.get("/wiki/page").header(forged).send().status, 403);
    let response = staff.get("/wiki/page").header(forged).send();
    assert_eq!((response.status, &*response.body), (200, "alice"));
    assert_eq!(staff.post("/wiki/page").header("sec-fetch-site: same-origin").send().status, 200);
    staff
}

const FROM_ANOTHER_SITE: &str = "sec-fetch-site: cross-site";

#[test]
fn nginx_forwards_and_asks() {
    let behind = Behind::start();
    let locations = blocks("docs/guide/proxies.md", "nginx").concat();
    let nginx = Nginx::serving(&behind.with_ports(&locations));
    let staff = check(nginx.port());
    let forged = staff.post("/wiki/page").header(FROM_ANOTHER_SITE).send();
    assert_eq!(forged.status, 403, "it asks with the client's method");
}

#[test]
fn caddy_forwards_and_asks() {
    let behind = Behind::start();
    let [forwarding, asking] = &blocks("docs/guide/proxies.md", "caddyfile")[..] else {
        panic!("two configurations");
    };
    let caddy = Site::by_caddy(&behind.with_ports(forwarding));
    let url = format!("http://localhost:{}", caddy.port());
    assert_eq!(url, format!("http://{}", Curl::new(&url).get("/host").send().body));

    let caddy = Site::by_caddy(&behind.with_ports(asking));
    let staff = check(caddy.port());
    let forged = staff.post("/wiki/page").header(FROM_ANOTHER_SITE).send();
    assert_eq!(forged.status, 200, "it asks with a GET, as the page says");
}

#[test]
fn traefik_forwards_and_asks() {
    let behind = Behind::start();
    let [forwarding, asking] = &blocks("docs/guide/proxies.md", "yaml")[..] else {
        panic!("two configurations");
    };
    let start = |settings: &str| {
        let settings = settings.replace("shop.example", "localhost");
        let traefik = Site::by_traefik(&behind.with_ports(&settings));
        let url = format!("http://localhost:{}", traefik.port());
        until("the routes are known", || {
            (url == format!("http://{}", Curl::new(&url).get("/host").send().body)).then_some(())
        });
        traefik
    };
    drop(start(forwarding));
    let traefik = start(asking);
    let staff = check(traefik.port());
    let forged = staff.post("/wiki/page").header(FROM_ANOTHER_SITE).send();
    assert_eq!(forged.status, 403, "it asks with the client's method");
}

#[test]
fn the_script_of_the_guide_handles_the_statuses() {
    let [script] = &blocks("docs/guide/spa-and-api.md", "js")[..] else { panic!("one script") };
    let answer = |status: u16| {
        let before = format!(
            "const order = {{}}, say = text => () => console.log(text);
            const showLogin = say('login'), showForbidden = say('forbidden'), retryLater = say('retry');
            globalThis.fetch = async () => ({{ status: {status} }});\n"
        );
        let mut node = Command::new(find_program("node", "nodejs"));
        let output = node.args(["--input-type=module", "--eval", &(before + script)]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!([200, 401, 403, 503].map(answer), ["", "login\n", "forbidden\n", "retry\n"]);
}

/// Stands for Cargo: calls the server with its options and `--help`, which fails if there is no such option. A
/// server that only takes an address is not called.
const CARGO: &str = r#"
cargo() {
    [ "$1 $2 $3 $4" = "run -p examples --bin" ] && [ -x "$SERVERS/$5" ] || return 1
    server=$5; shift 5
    [ "$1" != -- ] || { shift; "$SERVERS/$server" "$@" --help >/dev/null; }
}
"#;

/// Returns whether a line of a block is a command that works: a server of the examples with options that it has,
/// a fuzz target, or a program of the repository.
fn works(line: &str) -> bool {
    let command = line.trim_end().trim_end_matches('&');
    if command.contains("cargo run") {
        let servers = Path::new(env!("CARGO_BIN_EXE_shop")).parent().unwrap();
        let script = format!("{CARGO}{command}");
        let mut shell = Command::new("sh");
        let run = shell.args(["-c", &script]).env("SERVERS", servers).output().unwrap();
        return run.status.success();
    }
    let mut words = command.split_whitespace();
    let program = words.next().unwrap();
    if program == "tests/fuzz/run" {
        let target = words.next().unwrap();
        return root().join(format!("tests/fuzz/targets/{target}.rs")).exists();
    }
    let file = fs::metadata(root().join(program));
    file.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[test]
fn every_command_of_the_documents_works() {
    let documents = [
        "README.md",
        "CONTRIBUTING.md",
        "examples/README.md",
        "docs/faults.md",
        "docs/login-with-a-provider.md",
        "docs/guide/grpc.md",
        "docs/guide/mcp.md",
        "tests/fuzz/README.md",
    ];
    for document in documents {
        for line in blocks(document, "sh").iter().flat_map(|block| block.lines()) {
            assert!(works(line), "{document}: {line}");
        }
    }
    for unknown in ["cargo run -p examples --bin shopp", "cargo run -p examples --bin shop -- --no"]
    {
        assert!(!works(unknown), "{unknown}");
    }
    assert!(!works("tests/none") && !works("docs/README.md") && !works("tests/fuzz/run none"));
}
