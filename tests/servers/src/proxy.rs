//! A proxy in front of a server, which loses answers or holds them back.
//!
//! Tests use it for networks that fail: the server runs, and the client does not hear from it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards everything to a local server, until the test makes it close connections or hold them open without
/// forwarding anything.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    server: Arc<AtomicU16>,
    lose: Arc<AtomicUsize>,
    held: watch::Sender<Held>,
    cuts: watch::Sender<usize>,
    opened: Arc<AtomicUsize>,
}

/// What the proxy holds back. It is forwarded later.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// What clients send.
    pub asked: bool,
    /// What the server sends.
    pub answered: bool,
    /// Everything on this many of the first connections.
    pub first: usize,
}

impl Proxy {
    /// Starts a proxy in front of the server on this port.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (held, holding) = watch::channel(Held::default());
        let (cuts, _) = watch::channel(0);
        let (server, lose, opened) =
            (Arc::new(AtomicU16::new(server)), Arc::default(), Arc::default());
        let proxy = Self { port, server, lose, held, cuts, opened };
        let (lose, opened) = (Arc::clone(&proxy.lose), Arc::clone(&proxy.opened));
        let server = Arc::clone(&proxy.server);
        let cutting = proxy.cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst);
                let server = server.load(Ordering::SeqCst);
                let (lose, holding, mut cut) =
                    (Arc::clone(&lose), holding.clone(), cutting.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = cut.changed() => {}
                        () = pass(client, server, lose, holding, number) => {}
                    }
                });
            }
        });
        proxy
    }

    /// Returns the port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Forwards new connections to the server on this port. The connections that are open stay so.
    pub fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::SeqCst);
    }

    /// Closes all connections. New ones are accepted.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Loses this many of the next answers, and closes their connections.
    pub fn lose(&self, answers: usize) {
        self.lose.store(answers, Ordering::SeqCst);
    }

    /// Returns how many answers are still to be lost.
    #[must_use]
    pub fn left(&self) -> usize {
        self.lose.load(Ordering::SeqCst)
    }

    /// Returns how many connections were opened so far.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Holds this back from now on, and keeps all connections open.
    pub fn hold(&self, held: Held) {
        self.held.send_replace(held);
    }
}

async fn pass(
    mut client: TcpStream,
    server: u16,
    lose: Arc<AtomicUsize>,
    mut holding: watch::Receiver<Held>,
    number: usize,
) {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await;
    let Ok(mut server) = server else { return }; // which closes the client's connection, too
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let held = *holding.borrow_and_update();
        let stuck = number < held.first;
        tokio::select! {
            biased; // so that everything that arrives after `hold` is held
            changed = holding.changed() => if changed.is_err() { return },
            read = client.read(&mut asked), if !held.asked && !stuck => match read {
                Ok(count @ 1..) => server.write_all(&asked[..count]).await.unwrap_or(()),
                _ => return,
            },
            read = server.read(&mut answered), if !held.answered && !stuck => match read {
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
