//! What the tests share: a folder, a passphrase in it, and the command.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::de::IoRead;
use serde_json::{StreamDeserializer, Value};
use tempfile::TempDir;

/// A folder of its own, where the command is run.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// An empty folder, but for a passphrase.
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.write("pass", "six words or more, please\n");
        bench
    }

    /// A folder with the store `a` of a coordinator and two sites in it.
    pub(crate) fn with_team() -> Self {
        let bench = Self::new();
        bench.ok("a", &["init", "--site", "KM-V=mobile_van", "--site", "KM-N=fixed_nsp"]);
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// The command, away from the environment of whoever runs the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haversack"));
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null());
        command.env_remove("HAVERSACK_STORE").env_remove("COLUMNS").env("TZ", "UTC");
        command
    }

    /// The command on a store.
    pub(crate) fn on(&self, store: &str, args: &[&str]) -> Command {
        self.on_with(store, "pass", args)
    }

    /// The same, with a passphrase of another file. Stretching is as cheap as it may be.
    pub(crate) fn on_with(&self, store: &str, pass: &str, args: &[&str]) -> Command {
        let mut command = self.command(&["--store", store, "--passphrase-file", pass]);
        command.args(["--stretch", "floor"]).args(args);
        command
    }

    /// What the command prints on a store, which must succeed.
    pub(crate) fn ok(&self, store: &str, args: &[&str]) -> String {
        let output = self.on(store, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    /// The JSON that the command prints on a store, which must succeed.
    pub(crate) fn json(&self, store: &str, args: &[&str]) -> Value {
        let text = self.ok(store, &[&["--json"], args].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// What the command says on a store, as JSON with at least one hint, where it must fail.
    pub(crate) fn refused(&self, store: &str, args: &[&str]) -> Value {
        let output = self.on(store, &[&["--json"], args].concat()).output().unwrap();
        assert!(!output.status.success() && out(&output).is_empty(), "{args:?}: {}", out(&output));
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(error["error"]["hints"][0].is_string(), "{error}");
        error["error"].clone()
    }

    /// The device of a store.
    pub(crate) fn own(&self, store: &str) -> String {
        let devices = self.json(store, &["device", "list"]);
        let own = devices.as_array().unwrap().iter().find(|device| device["this"] == true).unwrap();
        text(own, "device")
    }

    /// The same, with something on stdin.
    pub(crate) fn json_from(&self, store: &str, args: &[&str], stdin: &str) -> Value {
        let output = with_stdin(self.on(store, &[&["--json"], args].concat()), stdin);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Brings the store `name` into the team of the store `a`; gives both sides' words.
    pub(crate) fn join(&self, name: &str, invite: &[&str]) -> (Value, Value) {
        let request = text(&self.json(name, &["join", "--request"]), "request");
        let invitation = self.json_from("a", &[&["invite"], invite].concat(), &request);
        let joined = self.json_from(name, &["join"], &text(&invitation, "answer"));
        (invitation["words"].clone(), joined["words"].clone())
    }

    /// Everything that a store shows.
    pub(crate) fn contacts(&self, store: &str) -> Value {
        self.json(store, &["contacts"])
    }

    /// The same as it looks from any store of the team.
    pub(crate) fn records(&self, store: &str) -> Value {
        let mut contacts = self.contacts(store);
        for contact in contacts.as_array_mut().unwrap() {
            let contact = contact.as_object_mut().unwrap();
            contact.retain(|name, _| !["own", "author_name", "state"].contains(&name.as_str()));
        }
        contacts
    }
}

/// Runs a command with something on stdin.
pub(crate) fn with_stdin(mut command: Command, stdin: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whether the command reads all of it is its own affair.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A text of a JSON object.
pub(crate) fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("no text {name} in {object}")).to_owned()
}

/// A store that follows its relays, and what it says of each sync.
pub(crate) struct Following {
    child: Child,
    lines: StreamDeserializer<'static, IoRead<BufReader<ChildStdout>>, Value>,
}

impl Following {
    /// Begins to follow.
    pub(crate) fn start(bench: &Bench, store: &str) -> Self {
        let mut command = bench.on(store, &["--json", "sync", "--follow", "--stop-with-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let lines = serde_json::Deserializer::from_reader(stdout).into_iter();
        Self { child, lines }
    }

    /// What it says next.
    pub(crate) fn next(&mut self) -> Value {
        self.lines.next().unwrap().unwrap()
    }

    /// Ends it, which has to go well, and gives what it says of all.
    pub(crate) fn end(mut self) -> Value {
        drop(self.child.stdin.take());
        let end = self.lines.last().unwrap().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        end
    }
}

/// A relay as a process, which stops when this is dropped.
pub(crate) struct RelayProcess {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    pub(crate) listening: Value,
}

impl RelayProcess {
    /// Starts one on a free port and waits until it says that it listens.
    pub(crate) fn start(bench: &Bench, data: &Path) -> Self {
        Self::start_with(bench, data, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(bench: &Bench, data: &Path, more: &[&str]) -> Self {
        let args =
            ["--json", "relay", "serve", "--listen", "127.0.0.1:0", "--stop-with-stdin", "--data"];
        let mut command = bench.command(&args);
        command.arg(data).args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let listening = serde_json::from_str(&line).unwrap();
        Self { child, _stdout: stdout, listening }
    }

    /// Its address with its id.
    pub(crate) fn url(&self) -> String {
        text(&self.listening, "url")
    }

    /// Its address alone.
    pub(crate) fn address(&self) -> String {
        text(&self.listening, "address")
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself, with its stdin still open; says how.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let stdin: Option<ChildStdin> = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        drop(stdin);
        status.code()
    }

    /// Closes its stdin, and waits until it has ended; says how.
    pub(crate) fn stop(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
