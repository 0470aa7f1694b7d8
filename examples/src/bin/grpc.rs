//! Tokens in gRPC, with a tonic server and client: `cargo run -p examples --bin grpc -- --help`.
//!
//! ```text
//! cargo run -p examples --bin grpc -- --demo
//! cargo run -p examples --bin grpc
//! cargo run -p examples --bin grpc -- --client http://127.0.0.1:3000
//! cargo run -p examples --bin grpc -- --client http://127.0.0.1:3000 --token <the token that the server prints>
//! ```
//!
//! The service has one method with plain text messages, so that no code has to be generated. The layer
//! does not depend on the messages: it refuses a call before the body is read, with a gRPC status.

#![allow(clippy::print_stdout)] // prints where it listens, and the responses

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

/// A gRPC server that requires tokens, and its client
#[derive(Parser)]
struct Options {
    /// The address and port to listen on; port 0 selects any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// Start the server, call it without and with a token, and stop it
    #[arg(long)]
    demo: bool,

    /// Call the server at this URL instead of starting one
    #[arg(long, value_name = "URL", conflicts_with_all = ["listen", "demo"])]
    client: Option<String>,

    /// The token to send
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
    let exit_code = call(url, Some(&token)).await;
    server.abort();
    exit_code
}

/// Issues a token for `alice`. Usually another server does this.
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
        Ok(None) => Err(Status::unauthenticated("no token")), // only behind an optional layer
        Err(error) => Err(Status::internal(error.to_string())),
    }
}

/// Calls the server and prints the response.
async fn call(url: String, token: Option<&str>) -> Result<ExitCode, Box<dyn Error>> {
    let mut request = Request::new(String::new());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse()?;
        request.metadata_mut().insert("authorization", value);
    }
    let mut shop = client::Grpc::new(Endpoint::from_shared(url)?.connect().await?);
    shop.ready().await?;
    match shop.unary(request, PathAndQuery::from_static(WHO_AM_I), Text).await {
        Ok(response) => {
            println!("{}", response.get_ref());
            Ok(ExitCode::SUCCESS)
        }
        Err(status) => {
            println!("refused: {:?} ({})", status.code(), status.code() as i32);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The codec for plain text messages.
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

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let text = String::from_utf8(buffer.copy_to_bytes(buffer.remaining()).into());
        text.map(Some).map_err(|_| Status::invalid_argument("the message must be UTF-8"))
    }
}
