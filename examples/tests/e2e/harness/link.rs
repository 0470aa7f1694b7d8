//! A way to a server that can be cut without anybody being told.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to a server on this machine, until it is cut: then they stay open, new ones
/// are accepted, and nothing comes through in either direction.
pub(crate) struct Link {
    port: u16,
    open: watch::Sender<bool>,
}

impl Link {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_open = is_open.clone();
                tokio::spawn(forward(client, server, is_open));
            }
        });
        Self { port, open }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    /// What was sent meanwhile arrives now.
    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }
}

async fn forward(client: TcpStream, server: u16, mut is_open: watch::Receiver<bool>) {
    if is_open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::join!(
        copy(from_client, to_server, is_open.clone()),
        copy(from_server, to_client, is_open),
    );
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_open: watch::Receiver<bool>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let still = is_open.wait_for(|open| *open).await.is_ok();
        if !still || to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
