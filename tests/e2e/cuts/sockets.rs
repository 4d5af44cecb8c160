//! The same over real sockets: a relay that is a process of its own, the client library, and a line between them that breaks one byte
//! further each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use haversack::{Error, Notebook, Padding, RelayUrl};
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::request::SectionHead;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{AROUND, BEFORE_REST, BODIES, step};
use crate::bad_relays::World;
use crate::packs::Process;
use crate::team::{Team, day};

/// What HTTP puts around a request or an answer, at most.
const HEADS: usize = 700;
/// Where a line breaks next: further on than the last time; and once something new got through, at its first byte again.
#[derive(Debug, Clone)]
enum Breaking {
    Nowhere,
    /// On the way up, after so many bytes of a request as long as this. What is shorter once something got through is another one; so is what
    /// a device asks about how far it came, which breaks at each byte once and gets through then.
    Up(BTreeMap<usize, usize>),
    /// On the way down. What is just enough for another byte of a frame is so until the frame is whole.
    Down {
        cursor: u64,
        offset: u32,
        after: usize,
    },
}

const UP: Breaking = Breaking::Up(BTreeMap::new());
const DOWN: Breaking = Breaking::Down { cursor: u64::MAX, offset: 0, after: 0 };

impl Breaking {
    /// How much of a request of so many bytes gets through, and how much of its answer.
    fn next(&mut self, length: usize, head: impl FnOnce() -> SectionHead) -> (usize, usize) {
        let more = step(997, 1);
        match self {
            Self::Nowhere => (usize::MAX, usize::MAX),
            Self::Up(after) => {
                let next = after.entry(length).and_modify(|after| *after += more).or_default();
                (if *next < length { *next } else { usize::MAX }, usize::MAX)
            }
            Self::Down { cursor, offset, after } => {
                let head = head();
                let now = (head.cursor, head.resume.map_or(0, |resume| resume.offset));
                let is_inside = *offset > 0 && now.1 > 0;
                if (*cursor, *offset) == now {
                    *after += more;
                } else if !is_inside {
                    *after = 0;
                }
                (*cursor, *offset) = now;
                (usize::MAX, *after)
            }
        }
    }
}

/// What a line does, and how often it broke.
#[derive(Debug)]
struct Plan {
    breaking: Breaking,
    broke: usize,
    /// The most bytes after which it broke.
    most: usize,
}

impl Plan {
    fn next(&mut self, length: usize, head: impl FnOnce() -> SectionHead) -> (usize, usize) {
        let (up, down) = self.breaking.next(length, head);
        let after = up.min(down);
        if after < usize::MAX {
            self.broke += 1;
            self.most = self.most.max(after);
        }
        (up, down)
    }
}

/// A loopback port that leads to a relay.
async fn line(relay: &RelayUrl) -> (RelayUrl, Arc<Mutex<Plan>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plan = Arc::new(Mutex::new(Plan { breaking: Breaking::Nowhere, broke: 0, most: 0 }));
    let (to, shared) = (relay.authority(), plan.clone());
    tokio::spawn(async move {
        while let Ok((phone, _)) = listener.accept().await {
            let relay = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(carry(phone, relay, shared.clone()));
        }
    });
    (RelayUrl::new("127.0.0.1".into(), port, relay.relay()), plan)
}

/// One request and its answer, as far as the plan lets them through.
async fn carry(mut phone: TcpStream, mut relay: TcpStream, plan: Arc<Mutex<Plan>>) {
    let request = request(&mut phone).await;
    let body = memchr::memmem::find(&request, b"\r\n\r\n").map_or(0, |head| head + 4);
    let head = || World::asked(&request[body..]).remove(0).0;
    let (up, down) = plan.lock().unwrap().next(request.len(), head);
    let _ = relay.write_all(&request[..up.min(request.len())]).await;
    if up < request.len() {
        // The relay sees the end, and is done with what came, before the phone asks again.
        let _ = relay.shutdown().await;
        let _ = relay.read_to_end(&mut Vec::new()).await;
        return;
    }
    let mut answer = relay.take(down.try_into().unwrap_or(u64::MAX));
    let ((mut from_phone, mut to_phone), mut rest) = (phone.split(), [0]);
    // A relay keeps its end open for a next request. There is none once the phone is gone.
    tokio::select! {
        _ = tokio::io::copy(&mut answer, &mut to_phone) => {}
        _ = from_phone.read(&mut rest) => {}
    }
}

/// All of a request.
async fn request(phone: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    loop {
        let head = memchr::memmem::find(&request, b"\r\n\r\n");
        if head.is_some_and(|head| request.len() - head - 4 >= length(&request[..head])) {
            return request;
        }
        if phone.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return request;
        }
    }
}

/// What the head says of the body's length.
fn length(head: &[u8]) -> usize {
    let head = String::from_utf8(head.to_vec()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.parse().unwrap())
}

/// Two phones and a relay behind a line, one phone with 200 KB that nobody else has.
struct Scene {
    team: Team,
    _relay: Process,
    url: RelayUrl,
    plan: Arc<Mutex<Plan>>,
}

impl Scene {
    async fn new() -> Self {
        let team = Team::new(2, 1);
        team.start_by_file();
        let relay = Process::start(team.folder.path().join("relay"));
        let (url, plan) = line(&relay.url).await;
        let scene = Self { team, _relay: relay, url, plan };
        for _ in 0..2 {
            for who in [&scene.team.coordinator, scene.writer(), scene.reader()] {
                who.sync(&scene.url).await.unwrap();
            }
        }
        scene.writer().set_padding(Padding::HighRisk).unwrap();
        for n in 0..BODIES {
            let date = day(&format!("2008-02-{:02}", n % 5 + 1));
            scene.writer().log(date, &[scene.team.contact(0, 5)]).unwrap();
            // Closes what is unsent into a body of its own.
            scene.writer().export_bundle().unwrap();
        }
        scene
    }

    fn writer(&self) -> &Notebook {
        &self.team.phones[0]
    }

    fn reader(&self) -> &Notebook {
        &self.team.phones[1]
    }

    /// Syncs until the line held. Says how often it broke, and after how many bytes at most.
    async fn over(&self, who: &Notebook, breaking: Breaking) -> (usize, usize) {
        *self.plan.lock().unwrap() = Plan { breaking, broke: 0, most: 0 };
        loop {
            match who.sync(&self.url).await {
                Ok(_) => break,
                Err(Error::Interrupted { .. }) => {}
                Err(error) => panic!("{error}: {:?}", self.plan),
            }
            let plan = self.plan.lock().unwrap();
            assert!(plan.most < 2 * FRAME_MAX, "nothing gets through: {plan:?}");
        }
        let plan = self.plan.lock().unwrap();
        (plan.broke, plan.most)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_a_byte_further_each_time() {
    let scene = Scene::new().await;
    let (broke, most) = scene.over(scene.writer(), UP).await;
    println!("up, over TCP: broke {broke} times, after {most} bytes at most");
    assert_eq!(scene.writer().status().unwrap().own.relayed, BODIES as u64);
    assert!(broke > BODIES, "{broke}");
    // Of what is shorter than a frame may be, a device does not ask how far it came.
    assert!(most <= HEADS + AROUND + FRAME_MAX, "a frame more gets through: {most}");
    let (broke, most) = scene.over(scene.reader(), DOWN).await;
    println!("down, over TCP: broke {broke} times, after {most} bytes at most");
    assert!(broke > BODIES, "{broke}");
    assert!(most <= HEADS + BEFORE_REST + step(997, 1), "a byte more gets through: {most}");
    assert_eq!(scene.reader().status().unwrap().contacts, BODIES as u64);
    assert_eq!(scene.reader().canonical().unwrap(), scene.writer().canonical().unwrap());
}
