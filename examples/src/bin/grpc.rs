//! Tokens in gRPC, a tonic server and a client of it: `cargo run -p examples --bin grpc -- --help`.
//!
//! ```text
//! cargo run -p examples --bin grpc -- --demo
//! cargo run -p examples --bin grpc
//! cargo run -p examples --bin grpc -- --client http://127.0.0.1:3000
//! cargo run -p examples --bin grpc -- --client http://127.0.0.1:3000 --token <what the server says>
//! ```
//!
//! There is one method, and its messages are plain text, so that no code has to be generated for
//! them. The layer looks at none: it refuses a call before it is read, with a gRPC status.

#![allow(clippy::print_stdout)] // where it listens, and what was answered, for whoever started it

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use auth_core::{Claims, Clock, Identity};
use auth_jwt::{Algorithm, JwtAuth, SigningKey, SigningKeys};
use bytes::{Buf as _, BufMut as _};
use clap::Parser;
use examples::serve;
use http::uri::PathAndQuery;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, client, server};
use tower::service_fn;

const WHO_AM_I: &str = "/shop.Shop/WhoAmI";
const NAME: &str = "example";

/// A gRPC server behind tokens, and a client of it
#[derive(Parser)]
struct Options {
    /// The address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// Calls the server from here, without a token and with one, and stops it
    #[arg(long)]
    demo: bool,

    /// Calls the server at this URL instead of being one
    #[arg(long, value_name = "URL", conflicts_with_all = ["listen", "demo"])]
    client: Option<String>,

    /// The token to call with
    #[arg(long, requires = "client")]
    token: Option<String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    if let Some(url) = options.client {
        return call(url, options.token.as_deref()).await;
    }
    let keys = SigningKeys::new(SigningKey::generate(Algorithm::EdDsa)?);
    let token = token(&keys)?;
    let listener = TcpListener::bind(options.listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("alice's token: {token}");
    println!("gRPC at {url}");
    if !options.demo {
        serve(keys, listener, serve::signals()?).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let server = tokio::spawn(serve(keys, listener, std::future::pending()));
    call(url.clone(), None).await?;
    let answered = call(url, Some(&token)).await;
    server.abort();
    answered
}

/// What an issuer would do, which is another server mostly.
fn token(keys: &SigningKeys) -> Result<String, Box<dyn Error>> {
    let ends_at = Clock::system().now() + Duration::from_secs(3600);
    let claims = json!({ "iss": NAME, "sub": "alice", "aud": NAME, "exp": ends_at.as_secs() });
    Ok(keys.sign("JWT", &claims)?)
}

async fn serve(
    keys: SigningKeys,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let auth = JwtAuth::new(keys).issuer(NAME).audience(NAME);
    let shop = service_fn(async |request: http::Request<axum::body::Body>| {
        Ok::<_, Infallible>(server::Grpc::new(Text).unary(service_fn(who_am_i), request).await)
    });
    let routes = Routes::default().into_axum_router().route_service(WHO_AM_I, shop);
    Server::builder()
        .layer(auth)
        .add_routes(routes.into())
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop)
        .await
}

async fn who_am_i(request: Request<String>) -> Result<Response<String>, Status> {
    match Identity::<Claims>::of(request.extensions()) {
        Ok(Some(me)) => Ok(Response::new(format!("hello {}", me.subject()))),
        Ok(None) => Err(Status::unauthenticated("nobody")), // not behind a layer that is required
        Err(error) => Err(Status::internal(error.to_string())),
    }
}

/// Calls the server, and prints what it says.
async fn call(url: String, token: Option<&str>) -> Result<ExitCode, Box<dyn Error>> {
    let mut request = Request::new(String::new());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse()?;
        request.metadata_mut().insert("authorization", value);
    }
    let mut shop = client::Grpc::new(Endpoint::from_shared(url)?.connect().await?);
    shop.ready().await?;
    match shop.unary(request, PathAndQuery::from_static(WHO_AM_I), Text).await {
        Ok(answer) => {
            println!("{}", answer.get_ref());
            Ok(ExitCode::SUCCESS)
        }
        Err(status) => {
            println!("refused: {:?} ({})", status.code(), status.code() as i32);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Messages of plain text.
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let text = String::from_utf8(from.copy_to_bytes(from.remaining()).into());
        text.map(Some).map_err(|_| Status::invalid_argument("a message is UTF-8"))
    }
}
