//! An app's own HTTP client in place of the library's: one that works, and what one can do wrong. Whatever it does, what came stays,
//! and with the next sync all is well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use haversack::{
    Error, HttpAnswer, HttpClient, HttpFault, HttpRequest, HttpSending, Notebook, Pin, Proxy,
    ProxyError, RelayUrl, SyncReport, WhoDraft,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::team::{Team, day, given, relay};
use crate::wake::following;

/// What the client makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// Hands it over as it comes.
    Well,
    /// The same from a thread of its own, a byte at a time.
    FromAThread,
    /// So many bytes of it, and then it says that the connection broke.
    CutAt(usize),
    /// So many bytes of it, and then it ends as if that were all.
    EndAt(usize),
    /// Half of it, and then it fails in a way of its own.
    Throw,
    Status(u16),
    SecondStatus,
    NoStatus,
    /// Half of it, and then 4 MiB and a byte more at once.
    TooLong,
    /// All of it, and then more, when it has said that this was all.
    AfterTheEnd,
    /// All of it, with the notebook used in between.
    LogsMeanwhile,
    /// It syncs first, in order to sync.
    SyncsFirst,
    /// The notebook is locked before anything is handed over.
    LocksFirst,
}

/// An HTTP client that goes to one relay, whatever the address says.
struct App {
    to: String,
    way: Mutex<Way>,
    notebook: Mutex<Option<(Notebook, RelayUrl)>>,
    seen: Mutex<Vec<HttpRequest>>,
    running: AtomicUsize,
}

impl App {
    fn new(to: &RelayUrl) -> Arc<Self> {
        Arc::new(Self {
            to: to.authority(),
            way: Mutex::new(Way::Well),
            notebook: Mutex::default(),
            seen: Mutex::default(),
            running: AtomicUsize::new(0),
        })
    }

    async fn carry(&self, request: HttpRequest, answer: HttpAnswer) -> Result<(), Error> {
        let way = *self.way.lock().unwrap();
        // A first meeting is not what is looked at.
        let way = if request.path == "/v1/sync" { way } else { Way::Well };
        if way == Way::SyncsFirst {
            let (notebook, url) = self.notebook.lock().unwrap().clone().unwrap();
            Box::pin(notebook.sync(&url)).await?;
        }
        let mut stream = TcpStream::connect(&self.to).await.unwrap();
        stream.write_all(&said(&request)).await.unwrap();
        if way == Way::Well {
            let status = head(&mut stream).await;
            answer.begin(status).unwrap();
            let mut buffer = vec![0; 1_000];
            while let read @ 1.. = stream.read(&mut buffer).await.unwrap() {
                let Ok(()) = answer.chunk(buffer[..read].to_vec()).await else { break };
            }
            return Ok(());
        }
        let status = head(&mut stream).await;
        let mut body = Vec::new();
        stream.read_to_end(&mut body).await.unwrap();
        self.hand_over(way, status, &body, answer).await
    }

    async fn hand_over(
        &self,
        way: Way,
        status: u16,
        body: &[u8],
        answer: HttpAnswer,
    ) -> Result<(), Error> {
        let half = body.len() / 2;
        match way {
            Way::NoStatus => return Ok(()),
            Way::Status(other) => _ = answer.begin(other),
            _ => answer.begin(status).unwrap(),
        }
        match way {
            Way::CutAt(at) | Way::EndAt(at) => {
                answer.chunk(body[..at.min(body.len())].to_vec()).await.unwrap();
            }
            Way::FromAThread => from_a_thread(body.to_vec(), answer.clone()),
            Way::Throw | Way::TooLong | Way::SecondStatus => {
                answer.chunk(body[..half].to_vec()).await.unwrap();
            }
            Way::LogsMeanwhile => {
                answer.chunk(body[..half].to_vec()).await.unwrap();
                let (notebook, _) = self.notebook.lock().unwrap().clone().unwrap();
                notebook.log(day("2008-02-05"), &[given(WhoDraft::default(), 1)]).unwrap();
                answer.chunk(body[half..].to_vec()).await.unwrap();
            }
            Way::LocksFirst => {
                self.notebook.lock().unwrap().take().unwrap().0.close().unwrap();
                _ = answer.chunk(body.to_vec()).await;
            }
            _ => _ = answer.chunk(body.to_vec()).await,
        }
        match way {
            Way::CutAt(_) => return Err(Error::Interrupted { so_far: Box::default() }),
            Way::Throw => return Err(Error::HttpClient(HttpFault::Failed)),
            Way::TooLong => _ = answer.chunk(vec![0; (4 << 20) + 1]).await,
            Way::SecondStatus => _ = answer.begin(status),
            Way::AfterTheEnd => {
                tokio::spawn(async move { while answer.chunk(vec![1]).await.is_ok() {} });
            }
            _ => {}
        }
        Ok(())
    }
}

fn from_a_thread(body: Vec<u8>, answer: HttpAnswer) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let hand_over = move || {
        for byte in body {
            runtime.block_on(answer.chunk(vec![byte])).unwrap();
        }
    };
    tokio::task::block_in_place(|| std::thread::spawn(hand_over).join().unwrap());
}

/// In HTTP/1.0, whose answers end with the connection.
fn said(request: &HttpRequest) -> Vec<u8> {
    let (method, path, len) = (request.method.name(), &request.path, request.body.len());
    let headers = request.headers().iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    let head = format!("{method} {path} HTTP/1.0\r\nContent-Length: {len}\r\n{headers}\r\n");
    [head.as_bytes(), &request.body].concat()
}

async fn head(stream: &mut TcpStream) -> u16 {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()[9..12].parse().unwrap()
}

impl HttpClient for App {
    fn send(&self, request: HttpRequest, answer: HttpAnswer) -> HttpSending<'_> {
        struct Running<'a>(&'a AtomicUsize);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        Box::pin(async move {
            self.running.fetch_add(1, Ordering::SeqCst);
            let _running = Running(&self.running);
            self.seen.lock().unwrap().push(request.clone());
            self.carry(request, answer).await
        })
    }
}

fn text(synced: Result<SyncReport, Error>) -> Result<(), String> {
    match synced {
        Ok(_) => Ok(()),
        Err(Error::HttpClient(fault)) => Err(fault.to_string()),
        Err(Error::Interrupted { .. }) => Err("interrupted".into()),
        Err(other) => Err(other.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_it_does_nothing_is_lost() {
    let team = Team::new(1, 1);
    team.start_by_file();
    let relay = relay(&team.folder.path().join("relay")).await;
    let (phone, app) = (&team.phones[0], App::new(&relay.url));
    phone.set_http_client(Some(app.clone()));
    *app.notebook.lock().unwrap() = Some((phone.clone(), relay.url.clone()));
    let ways: [(Way, Result<(), &str>); 17] = [
        (Way::Well, Ok(())),
        (Way::FromAThread, Ok(())),
        (Way::LogsMeanwhile, Ok(())),
        (Way::AfterTheEnd, Ok(())),
        (Way::CutAt(0), Err("interrupted")),
        (Way::CutAt(1), Err("interrupted")),
        (Way::CutAt(200), Err("interrupted")),
        (Way::EndAt(0), Err("interrupted")),
        (Way::EndAt(200), Err("interrupted")),
        (Way::Throw, Err("it failed")),
        (Way::NoStatus, Err("it handed over no status")),
        (Way::Status(99), Err("it handed over 99 as a status: those are 100 to 599")),
        (Way::Status(503), Err("the relay refused the request (status 503)")),
        (Way::Status(404), Err("what answers at this address is not a relay")),
        (Way::SecondStatus, Err("it handed over a second status")),
        (Way::TooLong, Err("it handed over 4194305 bytes at once: at most 4194304 are taken")),
        (Way::SyncsFirst, Err("too many of its requests run at once")),
    ];
    let mut all = 0;
    for (n, (way, expect)) in ways.into_iter().enumerate() {
        for notebook in [phone, &team.coordinator] {
            notebook.log(day("2008-02-04"), &[team.contact(0, n as i64 + 1)]).unwrap();
        }
        team.coordinator.sync(&relay.url).await.unwrap();
        *app.way.lock().unwrap() = way;
        let synced = text(phone.sync(&relay.url).await);
        assert_eq!(synced, expect.map_err(str::to_owned), "{way:?}");
        *app.way.lock().unwrap() = Way::Well;
        phone.sync(&relay.url).await.unwrap();
        team.coordinator.sync(&relay.url).await.unwrap();
        all += if way == Way::LogsMeanwhile { 3 } else { 2 };
        assert_eq!(team.coordinator.status().unwrap().contacts, all, "{way:?}");
        assert!(phone.canonical().unwrap() == team.coordinator.canonical().unwrap(), "{way:?}");
    }
    assert_eq!(app.running.load(Ordering::SeqCst), 0);
    *app.way.lock().unwrap() = Way::LocksFirst;
    assert_eq!(text(phone.sync(&relay.url).await), Err("this notebook is closed".into()));
}

/// A break at any place of an answer keeps the frames that came whole.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_cut_is_there() {
    let team = Team::new(1, 1);
    team.start_by_file();
    let relay = relay(&team.folder.path().join("relay")).await;
    let (phone, app) = (&team.phones[0], App::new(&relay.url));
    phone.set_http_client(Some(app.clone()));
    let mut before = 0;
    for (n, at) in [300, 600, 900, 1_200, usize::MAX].into_iter().enumerate() {
        team.coordinator.log(day("2008-02-04"), &[team.contact(0, n as i64 + 1)]).unwrap();
        team.coordinator.sync(&relay.url).await.unwrap();
        *app.way.lock().unwrap() = Way::CutAt(at);
        let synced = phone.sync(&relay.url).await;
        let came = match &synced {
            Ok(report) => report.contacts,
            Err(Error::Interrupted { so_far }) => so_far.contacts,
            Err(other) => panic!("{other}"),
        };
        before += came;
        assert_eq!(phone.status().unwrap().contacts, before, "{at}");
    }
    assert_eq!(before, 5);
}

/// However often it breaks, the next sync goes on where the one before stopped.
#[tokio::test(flavor = "multi_thread")]
async fn cut_after_so_many_bytes_it_arrives_at_last() {
    let team = Team::new(1, 1);
    team.start_by_file();
    let relay = relay(&team.folder.path().join("relay")).await;
    let (phone, app) = (&team.phones[0], App::new(&relay.url));
    phone.set_http_client(Some(app.clone()));
    team.coordinator.sync(&relay.url).await.unwrap();
    phone.sync(&relay.url).await.unwrap();
    for n in 1..=5 {
        let contacts = [0; 10].map(|_| team.contact(0, n));
        team.coordinator.log(day(&format!("2008-02-0{n}")), &contacts).unwrap();
        team.coordinator.sync(&relay.url).await.unwrap();
    }
    *app.way.lock().unwrap() = Way::CutAt(900);
    let mut came = Vec::new();
    while let Err(error) = phone.sync(&relay.url).await {
        assert!(matches!(error, Error::Interrupted { .. }), "{error}");
        came.push(phone.status().unwrap().contacts);
        assert!(came.len() < 50, "{came:?}");
    }
    assert!(came.is_sorted() && came.iter().any(|came| (1..50).contains(came)), "{came:?}");
    assert_eq!(phone.status().unwrap().contacts, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_and_lets_go() {
    let mut team = Team::new(2, 1);
    team.start_by_file();
    let relay = relay(&team.folder.path().join("relay")).await;
    let app = App::new(&relay.url);
    let [a, b] = [team.phones.remove(0), team.phones.remove(0)];
    a.set_http_client(Some(app.clone()));
    let mut reports = following(&a, &relay.url);
    assert_eq!(reports.recv().await.unwrap().contacts, 0);
    b.log(day("2008-02-04"), &[team.contact(0, 4)]).unwrap();
    b.sync(&relay.url).await.unwrap();
    while reports.recv().await.unwrap().contacts == 0 {}
    let paths: Vec<_> = app.seen.lock().unwrap().iter().map(|one| one.path.clone()).collect();
    assert!(paths.contains(&"/v1/wake".to_owned()), "{paths:?}");
    a.set_http_client(None);
    // What waits at the relay ends with who waits for it; it waits only when nothing is there that was not read.
    a.sync(&relay.url).await.unwrap();
    let waiting = App::new(&relay.url);
    a.set_http_client(Some(waiting.clone()));
    let task = tokio::spawn({
        let (a, url) = (a.clone(), relay.url.clone());
        async move { a.wait_for_news(&url).await }
    });
    while waiting.running.load(Ordering::SeqCst) == 0 {
        assert!(!task.is_finished(), "there was news");
        tokio::task::yield_now().await;
    }
    task.abort();
    while waiting.running.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
}

/// Who checks pins is the client; which relay it is, is proved here, whatever the client thinks.
#[tokio::test(flavor = "multi_thread")]
async fn the_relay_is_proved_over_a_nonce() {
    let team = Team::new(0, 1);
    let relay = relay(&team.folder.path().join("relay")).await;
    let app = App::new(&relay.url);
    team.coordinator.set_http_client(Some(app.clone()));
    let pin = Pin::new([7; 32]);
    let at = |host: &str, id| RelayUrl::new(host.into(), 443, id).secured(vec![pin]);
    let other = haversack::Relay::new([9; 16]);
    let refused = team.coordinator.sync(&at("other.example", Some(other))).await;
    assert!(matches!(refused, Err(Error::OtherRelay)), "{refused:?}");
    let url = at("relay.example", relay.url.relay());
    let synced = team.coordinator.sync(&url).await.unwrap();
    assert_eq!(synced.requests, 2);
    assert!(synced.bytes_up > 0 && synced.bytes_down > 0, "{synced:?}");
    let seen = app.seen.lock().unwrap();
    let urls: Vec<_> = seen.iter().map(HttpRequest::url).collect();
    assert!(urls[0].starts_with("https://other.example:443/v1/relay/"), "{urls:?}");
    assert_eq!((urls.len(), urls[2].as_str()), (3, "https://relay.example:443/v1/sync"));
    assert!(seen.iter().all(|request| request.pins == [pin]));
}

/// A proxy that is set is a promise: nothing goes around it unsaid.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_around_no_proxy() {
    let team = Team::new(0, 1);
    let relay = relay(&team.folder.path().join("relay")).await;
    let app = App::new(&relay.url);
    team.coordinator.set_http_client(Some(app.clone()));
    let proxy: Proxy = "socks5h://127.0.0.1:9050".parse().unwrap();
    team.coordinator.set_proxy(Some(proxy));
    let refused = team.coordinator.sync(&relay.url).await;
    assert!(matches!(refused, Err(Error::Proxy(ProxyError::NotUsed))), "{refused:?}");
    assert_eq!(app.seen.lock().unwrap().len(), 0);
    team.coordinator.set_proxy(None);
    team.coordinator.sync(&relay.url).await.unwrap();
    assert_eq!(app.seen.lock().unwrap().len(), 2);
}
