//! A line to a server that loses what comes back, or brings nothing any more.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes everything on to a server on this machine, until it is told to hang up, or to bring
/// nothing without hanging up.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    lose: Arc<AtomicUsize>,
    held: watch::Sender<Held>,
    cuts: watch::Sender<usize>,
    opened: Arc<AtomicUsize>,
}

/// What is not passed on. It waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// What clients ask.
    pub asked: bool,
    /// What the server says.
    pub answered: bool,
    /// Everything on the first so many connections.
    pub first: usize,
}

impl Proxy {
    /// A line to the server on this port.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (held, holding) = watch::channel(Held::default());
        let (cuts, _) = watch::channel(0);
        let proxy = Self { port, lose: Arc::default(), held, cuts, opened: Arc::default() };
        let (lose, opened) = (Arc::clone(&proxy.lose), Arc::clone(&proxy.opened));
        let cutting = proxy.cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst);
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

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Hangs up on everybody. Whoever comes again is served.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Loses this many answers from now on, each with its connection.
    pub fn lose(&self, answers: usize) {
        self.lose.store(answers, Ordering::SeqCst);
    }

    /// How many are still to be lost.
    #[must_use]
    pub fn left(&self) -> usize {
        self.lose.load(Ordering::SeqCst)
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Does not pass this on from now on, and hangs up on nobody.
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
    let Ok(mut server) = server else { return }; // the client notices, too
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let held = *holding.borrow_and_update();
        let stuck = number < held.first;
        tokio::select! {
            biased; // what comes after it was told to hold is held
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
