//! Listening, serving and stopping.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::serve::{Listener, ListenerExt};
use axum::{Extension, Router};
use tokio::net::{TcpListener, TcpStream};

use crate::stopping::Stopping;

/// How long requests in flight may take after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How often another free port is tried if it is taken at `::1`.
const TRIES: usize = 16;

/// What a server listens on: one address, or both that `localhost` may mean.
#[derive(Debug)]
pub struct Listeners {
    first: TcpListener,
    second: Option<TcpListener>,
}

impl Listeners {
    /// Listens on this address; port 0 takes any free one. With `127.0.0.1` it also listens on
    /// `::1` at the same port, if there is such an address: a browser may try it first when asked
    /// for `localhost`, and must not find somebody else there.
    ///
    /// # Errors
    /// If an address cannot be had.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        for _ in 0..TRIES {
            let first = TcpListener::bind(address).await?;
            if address.ip() != Ipv4Addr::LOCALHOST {
                return Ok(Self { first, second: None });
            }
            let twin = SocketAddr::from((Ipv6Addr::LOCALHOST, first.local_addr()?.port()));
            match TcpListener::bind(twin).await {
                Ok(second) => return Ok(Self { first, second: Some(second) }),
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    tracing::debug!(%error, "no IPv6 loopback");
                    return Ok(Self { first, second: None });
                }
                Err(error) if address.port() != 0 => return Err(error),
                Err(_) => {} // somebody has this port at ::1: take another one
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Where a browser on this machine finds the server.
    ///
    /// # Errors
    /// If the system does not say which port it is.
    pub fn url(&self) -> io::Result<String> {
        let address = self.first.local_addr()?;
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
        let Some(second) = &mut self.second else { return Listener::accept(&mut self.first).await };
        tokio::select! {
            accepted = Listener::accept(&mut self.first) => accepted,
            accepted = Listener::accept(second) => accepted,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.first.local_addr()
    }
}

/// The address that the command line names first, otherwise `127.0.0.1:3000`.
///
/// # Errors
/// If it is no address.
pub fn address() -> io::Result<SocketAddr> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    address.parse().map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "say an address such as 127.0.0.1:3000")
    })
}

/// Serves until `stop`, then answers what is in flight, for ten seconds at most. Handlers find the
/// client's address as `ConnectInfo<SocketAddr>`, and those whose answers would never end find
/// [`Stopping`] as an `Extension`.
///
/// # Errors
/// None at present; the signature is axum's.
pub async fn serve(
    listeners: Listeners,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listeners = listeners.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets may be late");
        }
    });
    let (tell, stopping) = Stopping::channel();
    let service =
        app.layer(Extension(stopping.clone())).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listeners, service).with_graceful_shutdown(async move {
        stop.await;
        tracing::info!("stopping");
        tell.send_replace(true);
    });
    let out_of_time = async {
        stopping.told().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = out_of_time => {
            tracing::warn!("some requests were still in flight");
            Ok(())
        }
    }
}

/// Ends at Ctrl-C or SIGTERM, from now on.
///
/// # Errors
/// If the system lets nobody listen for signals.
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

/// Ends at Ctrl-C.
///
/// # Errors
/// None on this system.
#[cfg(not(unix))]
pub fn signals() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn any_port_is_the_same_for_both_meanings_of_localhost() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let port = listeners.local_addr().unwrap().port();
        assert_eq!(listeners.url().unwrap(), format!("http://localhost:{port}"));
        if let Some(second) = &listeners.second {
            assert_eq!(second.local_addr().unwrap().port(), port);
        }
    }

    #[tokio::test]
    async fn requests_in_flight_are_answered_after_the_stop() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listeners.local_addr().unwrap();
        let (reached, mut arrived) = tokio::sync::mpsc::channel(1);
        let (release, go_on) = oneshot::channel::<()>();
        let go_on = std::sync::Arc::new(tokio::sync::Mutex::new(Some(go_on)));
        let slow = axum::routing::get(async move || {
            reached.send(()).await.unwrap();
            go_on.lock().await.take().unwrap().await.unwrap();
            "done"
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new().route("/", slow);
        let stopped = async move { stopped.await.unwrap() };
        let server = tokio::spawn(serve(listeners, app, stopped));
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        arrived.recv().await.unwrap();
        stop.send(()).unwrap();
        release.send(()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("done"), "{answer}");
        server.await.unwrap().unwrap();
    }
}
