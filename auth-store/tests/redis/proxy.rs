//! A line to a server that loses what comes back.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Passes everything on, until it is told to hang up instead of bringing the next answers.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    lose: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let lose = Arc::new(AtomicUsize::new(0));
        let losing = Arc::clone(&lose);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, Arc::clone(&losing)));
            }
        });
        Self { port, lose }
    }

    /// Loses this many answers from now on, each with its connection.
    pub(crate) fn lose(&self, answers: usize) {
        self.lose.store(answers, Ordering::SeqCst);
    }

    /// How many are still to be lost.
    pub(crate) fn left(&self) -> usize {
        self.lose.load(Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, server: u16, lose: Arc<AtomicUsize>) {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.expect("it runs");
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(1..) => server.write_all(&asked[..read.unwrap_or(0)]).await.unwrap_or(()),
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(count @ 1..) => {
                    let less = |left: usize| left.checked_sub(1);
                    if lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
                        return;
                    }
                    client.write_all(&answered[..count]).await.unwrap_or(());
                }
                _ => return,
            },
        }
    }
}
