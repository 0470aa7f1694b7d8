//! Listens, serves, and shuts down.
//!
//! What a production server needs around its router: both loopback addresses, the client's address
//! for handlers, and a shutdown that completes the requests in flight but does not wait for streams
//! that never end.

use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::serve::{Listener, ListenerExt};
use axum::{Extension, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long requests in flight may take after the shutdown has begun.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How many free ports to try if the same port is in use on `::1`.
const PORT_ATTEMPTS: usize = 16;

/// The sockets that a server listens on: one address, or both addresses of `localhost`.
#[derive(Debug)]
pub struct Listeners {
    primary: TcpListener,
    /// The same port on `::1`.
    ipv6_loopback: Option<TcpListener>,
}

impl Listeners {
    /// Listens on `address`. Port 0 selects any free port.
    ///
    /// With `127.0.0.1`, it also listens on the same port of `::1`, if the system has that address.
    /// A browser may try `::1` first for `localhost`, and must not reach another program there.
    ///
    /// # Errors
    ///
    /// Returns an error if an address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        for _ in 0..PORT_ATTEMPTS {
            let primary = TcpListener::bind(address).await?;
            if address.ip() != Ipv4Addr::LOCALHOST {
                return Ok(Self { primary, ipv6_loopback: None });
            }
            let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, primary.local_addr()?.port()));
            match TcpListener::bind(ipv6).await {
                Ok(listener) => return Ok(Self { primary, ipv6_loopback: Some(listener) }),
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    tracing::debug!(%error, "no IPv6 loopback address");
                    return Ok(Self { primary, ipv6_loopback: None });
                }
                Err(error) if address.port() != 0 => return Err(error),
                Err(_) => {} // another program has this port on ::1: try the next free port
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Returns the URL for a browser on this machine.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does not report the port.
    pub fn url(&self) -> io::Result<String> {
        let address = self.primary.local_addr()?;
        Ok(if address.ip() == Ipv4Addr::LOCALHOST {
            format!("http://localhost:{}", address.port())
        } else {
            format!("http://{address}")
        })
    }
}

impl Listener for Listeners {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let Some(ipv6_loopback) = &mut self.ipv6_loopback else {
            return Listener::accept(&mut self.primary).await;
        };
        tokio::select! {
            accepted = Listener::accept(&mut self.primary) => accepted,
            accepted = Listener::accept(ipv6_loopback) => accepted,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.primary.local_addr()
    }
}

/// Returns the address in the first command-line argument. Defaults to `127.0.0.1:3000`.
///
/// # Errors
///
/// Returns an error if the argument is not an address with a port.
pub fn address() -> io::Result<SocketAddr> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    address.parse().map_err(|_| {
        let message = "the argument must be an address and port such as 127.0.0.1:3000";
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// A future that resolves when the server shuts down. Handlers of endless responses extract it as an
/// `Extension` and end the response, so that the shutdown does not wait for them.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Waits until the server shuts down. Never returns if the server ends in another way.
    pub async fn requested(mut self) {
        if self.0.wait_for(|requested| *requested).await.is_err() {
            pending::<()>().await;
        }
    }
}

/// Serves `app` until `stop` resolves, then completes the requests in flight within ten seconds.
///
/// Handlers can extract the client's address as `ConnectInfo<SocketAddr>`, and [`Shutdown`] as an
/// `Extension`.
///
/// # Errors
///
/// Returns no error at present; the signature is axum's.
pub async fn serve(
    listeners: Listeners,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listeners = listeners.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY not set");
        }
    });
    let (sender, receiver) = watch::channel(false);
    let shutdown = Shutdown(receiver);
    let service =
        app.layer(Extension(shutdown.clone())).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listeners, service).with_graceful_shutdown(async move {
        stop.await;
        tracing::info!("shutting down");
        sender.send_replace(true);
    });
    let out_of_time = async {
        shutdown.requested().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = out_of_time => {
            tracing::warn!("requests still in flight at the end of the shutdown");
            Ok(())
        }
    }
}

/// Gives handlers the address of the client in [`ConnectInfo`], and not that of the proxy: the last one in
/// `X-Forwarded-For`, which the proxy has added. If the proxy adds none, there is no address. A function for
/// `map_request`, in front of which there must be a proxy, because any client can send the header.
pub async fn forwarded(mut request: Request) -> Request {
    let last = request.headers().get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    let address = last.and_then(|text| text.trim().parse::<IpAddr>().ok());
    match address.map(|address| ConnectInfo(SocketAddr::from((address, 0)))) {
        Some(client) => drop(request.extensions_mut().insert(client)),
        None => drop(request.extensions_mut().remove::<ConnectInfo<SocketAddr>>()),
    }
    request
}

/// Returns a future that resolves at the next Ctrl-C or SIGTERM.
///
/// # Errors
///
/// Returns an error if the process cannot install a signal handler.
#[cfg(unix)]
pub fn signals() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns a future that resolves at the next Ctrl-C.
///
/// # Errors
///
/// Returns no error on this system.
#[cfg(not(unix))]
pub fn signals() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending().await
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn both_loopback_addresses_get_the_same_free_port() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let port = listeners.local_addr().unwrap().port();
        assert_eq!(listeners.url().unwrap(), format!("http://localhost:{port}"));
        if let Some(ipv6_loopback) = &listeners.ipv6_loopback {
            assert_eq!(ipv6_loopback.local_addr().unwrap().port(), port);
        }
    }

    #[tokio::test]
    async fn only_the_address_that_the_proxy_has_added_counts() {
        for (headers, expected) in [
            (&[][..], None),
            (&["192.0.2.1"], Some("192.0.2.1:0")),
            (&["203.0.113.9, 2001:db8::1"], Some("[2001:db8::1]:0")),
            (&["203.0.113.9", "192.0.2.1"], Some("192.0.2.1:0")),
            (&["203.0.113.9, unknown"], None),
        ] {
            let mut request = Request::builder();
            for value in headers {
                request = request.header("x-forwarded-for", *value);
            }
            let proxy: SocketAddr = "[::1]:7".parse().unwrap();
            let request = request.extension(ConnectInfo(proxy)).body(axum::body::Body::empty());
            let request = forwarded(request.unwrap()).await;
            let client = request.extensions().get().map(|ConnectInfo(client)| *client);
            let expected: Option<SocketAddr> = expected.map(|text| text.parse().unwrap());
            assert_eq!(client, expected, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn requests_in_flight_are_completed_during_the_shutdown() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listeners.local_addr().unwrap();
        let (started, mut has_started) = tokio::sync::mpsc::channel(1);
        let (release, released) = oneshot::channel::<()>();
        let released = std::sync::Arc::new(tokio::sync::Mutex::new(Some(released)));
        let slow = axum::routing::get(async move || {
            started.send(()).await.unwrap();
            released.lock().await.take().unwrap().await.unwrap();
            "done"
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new().route("/", slow);
        let stopped = async move { stopped.await.unwrap() };
        let server = tokio::spawn(serve(listeners, app, stopped));
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        has_started.recv().await.unwrap();
        stop.send(()).unwrap();
        release.send(()).unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        assert!(response.ends_with("done"), "{response}");
        server.await.unwrap().unwrap();
    }
}
