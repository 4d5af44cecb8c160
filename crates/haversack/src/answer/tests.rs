use std::sync::Mutex;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::*;
use crate::{HttpMethod, HttpSending, RelayUrl};

/// What a client does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Status(u16),
    Chunk(usize),
    /// Two chunks at once, of which the second finds the first one waiting.
    TwoChunks,
    /// A chunk from a thread that is none of the runtime's.
    Thread(usize),
    /// A chunk that is let go of while it waits.
    HalfChunk,
    Silence,
    Fail,
    /// A byte every 100 seconds, for ever.
    Drip,
}

/// A client that does as it is told, whatever is said to it.
struct App {
    steps: Vec<Step>,
    kept: Mutex<Option<HttpAnswer>>,
}

impl HttpClient for App {
    fn send(&self, _: HttpRequest, answer: HttpAnswer) -> HttpSending<'_> {
        *self.kept.lock().unwrap() = Some(answer.clone());
        Box::pin(async move {
            for step in &self.steps {
                match *step {
                    Step::Status(status) => _ = answer.begin(status),
                    Step::Chunk(len) => _ = answer.chunk(vec![7; len]).await,
                    Step::TwoChunks => {
                        // The first one does not fit, and waits.
                        let (first, second) =
                            (answer.chunk(vec![7; 4 << 20]), answer.chunk(vec![8]));
                        let _told = futures_util::future::join(first, second).await;
                    }
                    Step::Thread(len) => {
                        let answer = answer.clone();
                        let hand = async move { answer.chunk(vec![7; len]).await.unwrap() };
                        let thread = std::thread::spawn(|| block_on(hand));
                        thread.join().unwrap();
                    }
                    Step::HalfChunk => {
                        assert_eq!(answer.chunk(vec![7; 4 << 20]).now_or_never(), None);
                    }
                    Step::Silence => std::future::pending().await,
                    Step::Drip => loop {
                        if answer.chunk(vec![7]).await.is_err() {
                            return Ok(());
                        }
                        let _pause =
                            timeout(Duration::from_secs(100), std::future::pending::<()>()).await;
                    },
                    Step::Fail => return Err(Error::HttpClient(HttpFault::Failed)),
                }
            }
            Ok(())
        })
    }
}

fn block_on(run: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run);
}

fn request(body: usize) -> HttpRequest {
    let relay: RelayUrl = "http://relay.example".parse().unwrap();
    let body = vec![0; body].into();
    HttpRequest { method: HttpMethod::Post, relay, path: "/".into(), body, pins: Vec::new() }
}

/// How many bytes come, and how it ends.
async fn outcome(app: Arc<App>) -> (usize, Result<(), Error>) {
    let mut answer = match Answer::of(app, request(0)).await {
        Ok(answer) => answer,
        Err(error) => return (0, Err(error)),
    };
    let mut came = 0;
    loop {
        match answer.next_piece().await {
            Ok(Some(piece)) => came += piece.len(),
            Ok(None) => return (came, Ok(())),
            Err(error) => return (came, Err(error)),
        }
    }
}

async fn check(steps: &[Step], came: usize, expect: Result<(), &str>) {
    let app = Arc::new(App { steps: steps.to_vec(), kept: Mutex::default() });
    let (len, end) = outcome(app.clone()).await;
    let end = end.map_err(|error| match error {
        Error::HttpClient(fault) => fault.to_string(),
        other => other.to_string(),
    });
    assert_eq!((len, end), (came, expect.map_err(str::to_owned)), "{steps:?}");
    // Whatever it does now is after the end.
    let kept = app.kept.lock().unwrap().take().unwrap();
    assert_eq!(kept.begin(200), Err(HttpFault::Over), "{steps:?}");
    assert_eq!(kept.chunk(vec![1]).await, Err(HttpFault::Over), "{steps:?}");
}

/// What came before stays in every case, and each is said by its name.
#[tokio::test(start_paused = true)]
async fn what_an_apps_client_does() {
    use Step::{Chunk, Fail, HalfChunk, Silence, Status, Thread, TwoChunks};
    const MIB: usize = 1 << 20;
    let broke =
        "the connection to the relay broke; 0 new contacts arrived before that and are kept";
    check(&[Status(200)], 0, Ok(())).await;
    check(&[Status(200), Chunk(1), Chunk(0), Chunk(4 * MIB), Chunk(3)], 4 * MIB + 4, Ok(())).await;
    check(&[Status(200), Chunk(5), Thread(6)], 11, Ok(())).await;
    check(&[], 0, Err("it handed over no status")).await;
    check(&[Chunk(5), Status(200)], 0, Err("it handed over no status")).await;
    for status in [0, 99, 600, u16::MAX] {
        let why = format!("it handed over {status} as a status: those are 100 to 599");
        check(&[Status(status), Chunk(5)], 0, Err(&why)).await;
    }
    check(&[Status(200), Chunk(5), Status(200)], 5, Err("it handed over a second status")).await;
    let long = "it handed over 4194305 bytes at once: at most 4194304 are taken";
    check(&[Status(200), Chunk(5), Chunk(4 * MIB + 1), Chunk(5)], 5, Err(long)).await;
    check(&[Status(200), Chunk(5), Fail], 5, Err("it failed")).await;
    check(&[Fail], 0, Err("it failed")).await;
    check(&[Silence], 0, Err(broke)).await;
    check(&[Status(200), Chunk(5), Silence], 5, Err(broke)).await;
    // Who lets go of a chunk half-way has lost the rest of it: what comes next is not taken for what follows.
    for (step, fault) in [(TwoChunks, HttpFault::TwoChunks), (HalfChunk, HttpFault::HalfChunk)] {
        let steps = vec![Status(200), Chunk(5), step, Chunk(7)];
        let (came, end) = outcome(Arc::new(App { steps, kept: Mutex::default() })).await;
        assert!((5..4 * MIB + 5).contains(&came), "{came}");
        assert!(matches!(end, Err(Error::HttpClient(it)) if it == fault), "{end:?}");
    }
}

/// Bytes to send take time on 2G, and that time is not silence.
#[tokio::test(start_paused = true)]
async fn a_long_request_may_take_longer() {
    for (body, seconds) in [(0, 240), (1 << 20, 240 + 1_024)] {
        let app = App { steps: vec![Step::Silence], kept: Mutex::default() };
        let began = Instant::now();
        let waited = Answer::of(Arc::new(app), request(body)).await;
        assert!(matches!(waited, Err(Error::Interrupted { .. })), "{waited:?}");
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
}

/// A relay that says little for ever is left for the next one; a slow line is not, nor is one that waits for news.
#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_is_given_up() {
    let app = |steps: &[Step]| Arc::new(App { steps: steps.to_vec(), kept: Mutex::default() });
    let drips = [Step::Status(200), Step::Drip];
    let began = Instant::now();
    let (came, end) = outcome(app(&drips)).await;
    assert!(matches!(end, Err(Error::Interrupted { .. })) && came == 7, "{came}");
    assert_eq!(began.elapsed().as_secs(), 600);
    // What came buys time.
    let began = Instant::now();
    let (came, _) = outcome(app(&[Step::Status(200), Step::Chunk(512 * 1_000), Step::Drip])).await;
    assert_eq!((came, began.elapsed().as_secs()), (512_017, 1_600));
    let mut waits = Answer::of(app(&drips), request(0)).await.unwrap().for_news();
    for _ in 0..50 {
        assert_eq!(waits.next_chunk().await.unwrap().unwrap().len(), 1);
    }
}

/// Whoever wants no more ends the request, so that an app can let its connection go.
#[tokio::test]
async fn a_request_ends_when_nobody_listens() {
    let steps = vec![Step::Status(200), Step::Silence];
    let app = Arc::new(App { steps, kept: Mutex::default() });
    let answer = Answer::of(app.clone(), request(0)).await.unwrap();
    assert!(Arc::strong_count(&app) > 1);
    drop(answer);
    while Arc::strong_count(&app) > 1 {
        tokio::task::yield_now().await;
    }
}
