//! Another process, whose memory is read as a core dump would have it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Where the other process finds what it is to do.
pub(crate) const FOLDER: &str = "HAVERSACK_TEST_SUBJECT";

/// A test of this binary as a process of its own, which does a step whenever it is told to.
pub(crate) struct Subject {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Subject {
    pub(crate) fn start(test: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Waits until it says that it has come to a step.
    pub(crate) fn reached(&mut self, step: &str) {
        let mut lines = (&mut self.output).lines().map(Result::unwrap);
        assert!(lines.any(|line| line == step), "the process ended before {step}");
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// What can be written to in its memory, and so could hold what it worked with.
    pub(crate) fn memory(&self) -> Vec<(String, Vec<u8>)> {
        let process = format!("/proc/{}", self.child.id());
        let memory = File::open(format!("{process}/mem")).unwrap();
        let maps = std::fs::read_to_string(format!("{process}/maps")).unwrap();
        maps.lines().filter_map(|line| region(&memory, line)).collect()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One region: `from-to permissions offset device inode name`.
fn region(memory: &File, line: &str) -> Option<(String, Vec<u8>)> {
    let mut parts = line.split_whitespace();
    let (from, to) = parts.next()?.split_once('-')?;
    let is_writable = parts.next()?.starts_with("rw");
    let number = |text| u64::from_str_radix(text, 16).unwrap();
    let (from, to) = (number(from), number(to));
    let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
    let read = is_writable && memory.read_exact_at(&mut bytes, from).is_ok();
    read.then(|| (parts.nth(3).unwrap_or("anonymous").to_owned(), bytes))
}

/// The other side: says that a step is reached, and waits.
pub(crate) fn wait_at(step: &str) {
    println!("\n{step}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
