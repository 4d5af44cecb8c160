//! The one thread that writes: pushes that arrive together share a transaction and its sync.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use haversack_wire::{Mailbox, Retire};
use rusqlite::{Connection, TransactionBehavior};

use super::{fault, push::Pushes, retire};
use crate::Error;
use crate::storage::{Incoming, Receipt};

/// Pushes that may wait; further ones block their callers.
const QUEUE_MAX: usize = 256;
/// Pushes that share a transaction.
const GROUP_MAX: usize = 256;

type Answer = Result<Vec<Receipt>, Error>;

struct Job {
    mailbox: Mailbox,
    frames: Vec<Incoming>,
    /// What to drop, once the frames are stored.
    retire: Option<Retire>,
    reply: SyncSender<Answer>,
}

/// The writing thread's handle; dropping it finishes what was queued.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(mut connection: Connection) -> Result<Self, Error> {
        let (jobs, queue) = sync_channel(QUEUE_MAX);
        let thread = Builder::new()
            .name("writer".into())
            .spawn(move || serve(&mut connection, &queue))
            .map_err(Error::io("start the writing thread"))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Returns when the frames are durable.
    pub(super) fn push(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Answer {
        self.ask(mailbox, frames, None)
    }

    /// Returns when what is to be dropped is gone.
    pub(super) fn retire(&self, mailbox: Mailbox, retire: &Retire) -> Result<(), Error> {
        self.ask(mailbox, Vec::new(), Some(retire.clone())).map(drop)
    }

    fn ask(&self, mailbox: Mailbox, frames: Vec<Incoming>, retire: Option<Retire>) -> Answer {
        let (reply, answer) = sync_channel(1);
        let job = Job { mailbox, frames, retire, reply };
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).map_err(|_| stopped())?;
        answer.recv().map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writing thread had stopped");
        }
    }
}

fn stopped() -> Error {
    Error::io("reach the writing thread")(io::ErrorKind::BrokenPipe.into())
}

fn serve(connection: &mut Connection, queue: &Receiver<Job>) {
    let mut last = Last { jobs: 1, took: Duration::ZERO };
    while let Ok(first) = queue.recv() {
        let group = last.gather(first, queue);
        let begun = Instant::now();
        let done = commit(connection, &group);
        last = Last { jobs: group.len(), took: begun.elapsed() };
        match done {
            Ok(answers) => group.into_iter().zip(answers).for_each(|(job, a)| reply(&job, Ok(a))),
            Err(_) => group.iter().for_each(|job| alone(connection, job)),
        }
    }
}

/// The last group: whoever it answered may be about to come again.
struct Last {
    jobs: usize,
    took: Duration,
}

impl Last {
    /// What is committed together: as many jobs as the last time if they come within half of what that took, and all that are there
    /// by then. A sync to the disk costs more than such a wait; whoever is alone is not kept waiting.
    fn gather(&self, first: Job, queue: &Receiver<Job>) -> Vec<Job> {
        let deadline = Instant::now() + self.took / 2;
        let mut group = vec![first];
        while group.len() < self.jobs {
            let patience = deadline.saturating_duration_since(Instant::now());
            match queue.recv_timeout(patience) {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        let more = GROUP_MAX.saturating_sub(group.len());
        group.extend(queue.try_iter().take(more));
        group
    }
}

/// A group that failed is tried again one by one, so that one mailbox's damage stays its own.
fn alone(connection: &mut Connection, job: &Job) {
    let answer = commit(connection, std::slice::from_ref(job));
    reply(job, answer.map(|answers| answers.into_iter().flatten().collect()));
}

/// Whoever asked may be gone; the frames are stored all the same.
fn reply(job: &Job, answer: Answer) {
    let _gone = job.reply.send(answer);
}

fn commit(connection: &mut Connection, group: &[Job]) -> Result<Vec<Vec<Receipt>>, Error> {
    let run = |connection: &mut Connection| {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut pushes = Pushes::new(&tx);
        let answers = group.iter().map(|job| pushes.push(job.mailbox, &job.frames));
        let answers = answers.collect::<rusqlite::Result<_>>()?;
        pushes.close()?;
        for job in group {
            job.retire.iter().try_for_each(|named| retire::retire(&tx, job.mailbox, named))?;
        }
        tx.commit().map(|()| answers)
    };
    run(connection).map_err(fault("store frames"))
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::configure(&connection).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    /// Queues one push for each mailbox before the writer begins, so that they make one group.
    fn push_together(connection: &mut Connection, mailboxes: &[u8]) -> Vec<Answer> {
        let (jobs, queue) = sync_channel(QUEUE_MAX);
        let mut answers = Vec::new();
        for name in mailboxes {
            let (reply, answer) = sync_channel(1);
            let frames = vec![Incoming::parse(vec![99; 20_000]).unwrap()];
            let mailbox = Mailbox::new([*name; 16]);
            let job = Job { mailbox, frames, retire: None, reply };
            jobs.send(job).unwrap();
            answers.push(answer);
        }
        drop(jobs);
        serve(connection, &queue);
        answers.iter().map(|answer| answer.recv().unwrap()).collect()
    }

    #[test]
    fn one_mailboxs_damage_is_not_its_neighbours() {
        let mut connection = database();
        connection
            .execute_batch(
                "CREATE TRIGGER broken BEFORE INSERT ON frame
                 WHEN (SELECT name FROM mailbox WHERE id = NEW.mailbox) = zeroblob(16)
                 BEGIN SELECT raise(ABORT, 'broken'); END",
            )
            .unwrap();
        let answers = push_together(&mut connection, &[1, 0, 2]);
        let told = answers.iter().map(|answer| answer.as_deref().ok());
        let stored: &[Receipt] = &[Receipt::New(1)];
        assert!(told.eq([Some(stored), None, Some(stored)]));
        assert!(matches!(answers.get(1), Some(Err(Error::Damaged { .. }))));
    }

    /// As many as the last time are waited for, not one more; all that are there are taken.
    #[test]
    fn those_who_were_just_answered_share_the_next_sync() {
        let (jobs, queue) = sync_channel(QUEUE_MAX);
        let (reply, _answer) = sync_channel(1);
        let job = || Job {
            mailbox: Mailbox::new([1; 16]),
            frames: Vec::new(),
            retire: None,
            reply: reply.clone(),
        };
        let for_ever = Duration::from_secs(3_600);
        for (last, queued, taken) in [(1, 0, 1), (3, 2, 3), (3, 4, 5)] {
            (0..queued).for_each(|_| jobs.send(job()).unwrap());
            let last = Last { jobs: last, took: for_ever };
            assert_eq!(last.gather(job(), &queue).len(), taken);
        }
        let (late, later) = (jobs.clone(), job());
        let thread = std::thread::spawn(move || late.send(later).unwrap());
        assert_eq!(Last { jobs: 2, took: for_ever }.gather(job(), &queue).len(), 2);
        thread.join().unwrap();
        assert_eq!(Last { jobs: 2, took: Duration::ZERO }.gather(job(), &queue).len(), 1);
    }

    #[test]
    fn a_full_disk_is_told_and_passes() {
        let mut connection = database();
        let pages: i64 =
            connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
        let answers = push_together(&mut connection, &[1, 2]);
        assert!(answers.iter().all(|answer| matches!(answer, Err(Error::NoRoom))));
        connection.pragma_update(None, "max_page_count", pages + 100).unwrap();
        assert!(push_together(&mut connection, &[1, 2]).iter().all(Result::is_ok));
    }
}
