//! A proxy in front of a server, which loses answers or holds them back.
//!
//! Tests use it for networks that fail: the server runs, and the client does not hear from it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards everything to a local server, until the test makes it close connections or hold them open without
/// forwarding anything.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    server: Arc<AtomicU16>,
    losses: Arc<Losses>,
    held: watch::Sender<Held>,
    cuts: watch::Sender<usize>,
    opened: Arc<AtomicUsize>,
}

/// Selects an answer by what the client has sent last, and by the answer.
type Which = fn(&[u8], &[u8]) -> bool;

/// The answers to lose.
#[derive(Debug)]
struct Losses {
    left: AtomicUsize,
    which: Mutex<Which>,
}

impl Losses {
    fn set(&self, answers: usize, which: Which) {
        *self.which.lock().expect("no panic") = which;
        self.left.store(answers, Ordering::SeqCst);
    }

    fn takes(&self, asked: &[u8], answer: &[u8]) -> bool {
        let which = *self.which.lock().expect("no panic");
        let less = |left: usize| left.checked_sub(1);
        which(asked, answer)
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
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
        Self::start(server, false).await
    }

    /// Starts a proxy that also replaces the server's address by its own in answers, for clients that connect to
    /// the addresses that a server reports.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port, or if its number is not as long as that of the server.
    pub async fn in_place_of(server: u16) -> Self {
        let proxy = Self::start(server, true).await;
        assert_eq!(address(server).len(), address(proxy.port).len(), "the same length");
        proxy
    }

    async fn start(server: u16, poses: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (held, holding) = watch::channel(Held::default());
        let (cuts, _) = watch::channel(0);
        let losses = Losses { left: AtomicUsize::new(0), which: Mutex::new(|_, _| true) };
        let (server, losses, opened) =
            (Arc::new(AtomicU16::new(server)), Arc::new(losses), Arc::default());
        let proxy = Self { port, server, losses, held, cuts, opened };
        let (losses, opened) = (Arc::clone(&proxy.losses), Arc::clone(&proxy.opened));
        let server = Arc::clone(&proxy.server);
        let cutting = proxy.cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst);
                let server = server.load(Ordering::SeqCst);
                let (holding, mut cut) = (holding.clone(), cutting.subscribe());
                let losses = Arc::clone(&losses);
                let change = poses.then(|| (address(server), address(port)));
                tokio::spawn(async move {
                    tokio::select! {
                        _ = cut.changed() => {}
                        () = pass(client, server, losses, change, holding, number) => {}
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
        self.lose_if(answers, |_, _| true);
    }

    /// Loses this many of the next answers for which `which` returns true, and closes their connections. It gets what
    /// the client has sent since the previous answer, and what the server has sent.
    ///
    /// # Panics
    ///
    /// Panics if `which` has panicked.
    pub fn lose_if(&self, answers: usize, which: Which) {
        self.losses.set(answers, which);
    }

    /// Returns how many answers are still to be lost.
    #[must_use]
    pub fn left(&self) -> usize {
        self.losses.left.load(Ordering::SeqCst)
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

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Replaces each text of the first kind by the second one, which is as long.
fn replace(bytes: &mut [u8], (old, new): &(String, String)) {
    for at in 0..(bytes.len() + 1).saturating_sub(old.len()) {
        if bytes[at..].starts_with(old.as_bytes()) {
            bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
        }
    }
}

async fn pass(
    mut client: TcpStream,
    server: u16,
    losses: Arc<Losses>,
    change: Option<(String, String)>,
    mut holding: watch::Receiver<Held>,
    number: usize,
) {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await;
    let Ok(mut server) = server else { return }; // which closes the client's connection, too
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    let (mut request, mut is_answered) = (Vec::new(), false);
    loop {
        let held = *holding.borrow_and_update();
        let stuck = number < held.first;
        tokio::select! {
            biased; // so that everything that arrives after `hold` is held
            changed = holding.changed() => if changed.is_err() { return },
            read = client.read(&mut asked), if !held.asked && !stuck => match read {
                Ok(count @ 1..) => {
                    if std::mem::take(&mut is_answered) {
                        request.clear();
                    }
                    request.extend_from_slice(&asked[..count]);
                    server.write_all(&asked[..count]).await.unwrap_or(());
                }
                _ => return,
            },
            read = server.read(&mut answered), if !held.answered && !stuck => match read {
                Ok(count @ 1..) => {
                    is_answered = true;
                    if losses.takes(&request, &answered[..count]) {
                        return;
                    }
                    if let Some(change) = &change {
                        replace(&mut answered[..count], change);
                    }
                    client.write_all(&answered[..count]).await.unwrap_or(());
                }
                _ => return,
            },
        }
    }
}
