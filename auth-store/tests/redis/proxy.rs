//! A line to a server that loses what comes back, or brings nothing any more.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes everything on, until it is told to hang up instead of bringing the next answers, or to
/// bring nothing without hanging up.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    lose: Arc<AtomicUsize>,
    held: watch::Sender<Held>,
    opened: Arc<AtomicUsize>,
}

/// What is not passed on. It waits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    /// What clients ask.
    pub(crate) asked: bool,
    /// What the server says.
    pub(crate) answered: bool,
    /// Everything on the first so many connections.
    pub(crate) first: usize,
}

impl Proxy {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (lose, (held, holding)) =
            (Arc::new(AtomicUsize::new(0)), watch::channel(Held::default()));
        let (losing, opened) = (Arc::clone(&lose), Arc::new(AtomicUsize::new(0)));
        let opening = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = opening.fetch_add(1, Ordering::SeqCst);
                let holding = holding.clone();
                tokio::spawn(pass(client, server, Arc::clone(&losing), holding, number));
            }
        });
        Self { port, lose, held, opened }
    }

    /// Loses this many answers from now on, each with its connection.
    pub(crate) fn lose(&self, answers: usize) {
        self.lose.store(answers, Ordering::SeqCst);
    }

    /// How many are still to be lost.
    pub(crate) fn left(&self) -> usize {
        self.lose.load(Ordering::SeqCst)
    }

    /// How many connections there were so far.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Does not pass this on from now on, and hangs up on nobody.
    pub(crate) fn hold(&self, held: Held) {
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
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let held = *holding.borrow_and_update();
        let stuck = number < held.first;
        tokio::select! {
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
