//! What to do about an error: the one place that says so.

use haversack::{EngineError, Error as NotebookError, ProxyError, TlsRefusal};
use haversack_relay::Error as RelayError;

use crate::demo;
use crate::error::Error;

const DISK_FULL: &str = "make room on the disk, then run the same command again";
const COPY_CODE: &str = "hand in the whole text, from its mark (HSR1 or HSA1) to its end; line breaks and spaces do no harm";

/// The hints for an error, the most useful first.
pub(crate) fn of(error: &Error) -> Vec<String> {
    match error {
        Error::Notebook(error) => of_notebook(error),
        Error::NotOpened { why, .. } => of_notebook(why),
        Error::NoSecret { asked } => vec![format!(
            "put it into a file that only you can read, and name that with {} FILE",
            asked.option()
        )],
        Error::Relay(error) => vec![of_relay(error).to_owned()],
        Error::Demo(error) => of_demo(error),
        Error::Cell { why, .. } => of(why),
        Error::Cells { first, .. } => of_several(first),
        Error::Partly { from, .. } => vec![format!(
            "make room on the disk, or mend what is wrong; then hand in only the rows of {from} and later days"
        )],
        Error::SeveralDevices { ids } => {
            let lines = ids.iter().map(|id| format!("type more of its id: {id}"));
            lines.chain(["haversack device list shows the devices".to_owned()]).collect()
        }
        Error::SeveralContacts { ids } => {
            ids.iter().map(|id| format!("type more of its id: {id}")).collect()
        }
        Error::Ambiguous { ids } => {
            let lines = ids.iter().map(|id| format!("say which one: --client {}", beginning(id)));
            lines.chain(["haversack client list shows what is known of each".to_owned()]).collect()
        }
        other => of_command(other).iter().map(|hint| (*hint).to_owned()).collect(),
    }
}

/// As much of an id as tells it apart: the chance of another one that begins so is nothing.
fn beginning(id: &impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

fn of_demo(error: &demo::Error) -> Vec<String> {
    let hint = match error {
        demo::Error::Notebook(error) => return of_notebook(error),
        demo::Error::Data { .. } => "the shape of a data set is that of fixtures/kunming.json",
        demo::Error::Io { source, .. } => {
            return of_io(source).iter().map(|hint| (*hint).to_owned()).collect();
        }
        demo::Error::Different { .. } => {
            "this is a bug: please report it with the seed and the data set"
        }
    };
    vec![hint.to_owned()]
}

/// Each hint once, in the order of the errors.
fn of_several(errors: &[Error]) -> Vec<String> {
    let mut hints = Vec::new();
    for hint in errors.iter().flat_map(of) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}

fn of_command(error: &Error) -> &'static [&'static str] {
    match error {
        Error::StoreNotNamed => {
            &["name its folder with --store DIR, or in the variable HAVERSACK_STORE"]
        }
        Error::WholeStore => &[
            "leave --space out to do it to the whole store",
            "haversack space drop NAME destroys one further space alone",
        ],
        Error::NotAKeyFile { .. } => &[
            "a store that was made without --key-file needs none: leave it out",
            "otherwise name the file that it was made with; the store is as it was",
        ],
        Error::NoKeyFile { .. } => of_opening(&EngineError::Hardware),
        Error::RemovedBefore => &[
            "haversack exposure DEVICE shows what it could have read",
            "make void what it decided before: --undo",
        ],
        Error::PassphraseFile { .. } => {
            &["check the path and the permissions; the passphrase is the file's first line"]
        }
        Error::PassphrasesDiffer => &["run the command again"],
        Error::EmptyContact => &[
            "say what changed hands, or whom it was with: --out ITEM=N, --service SERVICE, --people 1",
        ],
        Error::KeyInStore => &["name a file elsewhere, best on a card that is kept apart"],
        Error::NotConfirmed => &["run haversack wipe again and type the word, or give --yes"],
        Error::OwedByRemoved { .. } => &[
            "to read it out before it goes: haversack contacts --json",
            "then give it up: haversack device hand-over --lose-unsent",
        ],
        Error::WrittenOtherwise { .. } => &["write it elsewhere: the card may be broken or full"],
        Error::NotTyped => &["run it again and type it, or give --yes"],
        Error::Unasked => &["to do it without being asked: --yes"],
        Error::Missing { what: "--yes" } => &["give it: the store is gone for good then"],
        Error::Missing { .. } => &["give it as an option; haversack help log shows how"],
        Error::File { source, .. } | Error::Output { source } => of_io(source),
        Error::FileExists { .. } => &["choose another name, or replace the file with --force"],
        Error::TooLarge { .. } => &["check that it is the right file"],
        Error::NotText { .. } => &["check that it is the right file; save it as UTF-8"],
        Error::UnknownFormat => {
            &["name the file FILE.csv or FILE.json, or pipe a CSV table in with --file -"]
        }
        Error::Rule(_) | Error::NoRows => {
            &["haversack help log shows how a file of contacts looks"]
        }
        Error::Unclear { .. } => &["write it in full"],
        Error::RelayWithoutId => {
            &["write https://HOST:PORT#ID: the line that haversack relay serve prints ends in it"]
        }
        Error::UnknownPicture => &["name the file FILE.png or FILE.svg"],
        Error::NothingToDraw => &["haversack join --request --qr shows this device's request"],
        Error::Drawing => &["this is a bug; please report it. The text itself is good"],
        Error::NoRelay => &[
            "a coordinator names one to the team: haversack relay add https://HOST:PORT#ID",
            "go to one once: haversack sync --relay https://HOST:PORT#ID",
            "without a relay, hand over a file: haversack bundle export FILE",
        ],
        Error::CutBundle { .. } => {
            &["copy the file again and import it again; what is here already is not taken twice"]
        }
        Error::RelayInStore => &["name a folder of the store's own with --store"],
        Error::StoreInData => &["name a folder of the relay's own with --data"],
        Error::Listen { .. } => {
            &["choose another address or port with --listen, or stop what listens there"]
        }
        _ => &[],
    }
}

fn of_io(source: &std::io::Error) -> &'static [&'static str] {
    use std::io::ErrorKind::{
        IsADirectory, NotFound, PermissionDenied, QuotaExceeded, StorageFull,
    };
    match source.kind() {
        StorageFull | QuotaExceeded => &[DISK_FULL],
        NotFound => &["check the path"],
        IsADirectory => &["this is a folder: name a file"],
        PermissionDenied => &["check the permissions of the file and its folder"],
        _ => &[],
    }
}

fn of_notebook(error: &NotebookError) -> Vec<String> {
    let hints: &[&str] = match error {
        NotebookError::Engine(error) => of_engine(error),
        NotebookError::Period(_) => &[
            "--to is the day after the last: for February 2008, --from 2008-02-01 --to 2008-03-01",
        ],
        NotebookError::Address { .. } => {
            &["write https://HOST:PORT, or https://HOST:PORT#ID to be sure of the relay"]
        }
        NotebookError::Listen { .. } => &[
            "join a network, or open this phone's hotspot; or name the address by --listen and --host",
        ],
        NotebookError::Proxy(error) => of_proxy(error),
        NotebookError::Tls { source } => of_tls(*source),
        NotebookError::Unreachable { .. } => &[
            "check the address and the network; the records stay on this device until a sync succeeds",
            "without a network, hand over a file: haversack bundle export FILE",
        ],
        NotebookError::NotARelay => {
            &["check the address: host, port, and whether haversack relay serve runs there"]
        }
        NotebookError::OtherRelay => &[
            "nothing was sent; ask whoever runs the relay whether it was replaced, and for its new https://HOST:PORT#ID",
        ],
        NotebookError::Refused { status } => of_refusal(*status),
        NotebookError::Interrupted { .. } => {
            &["run haversack sync again: it goes on where it stopped"]
        }
        _ => &["this is a bug; please report it. What was saved before is safe"],
    };
    hints.iter().map(|hint| (*hint).to_owned()).collect()
}

const fn of_proxy(error: &ProxyError) -> &'static [&'static str] {
    match error {
        ProxyError::Address { .. } => {
            &["write socks5h://HOST:PORT, for Tor socks5h://127.0.0.1:9050, or http://HOST:PORT"]
        }
        ProxyError::Unreachable { .. } | ProxyError::NotAProxy => &[
            "check --proxy and HAVERSACK_PROXY, and whether the proxy runs; nothing goes around it",
        ],
        _ => &["check the relay's address, and what the proxy allows; nothing goes around it"],
    }
}

const fn of_tls(refusal: TlsRefusal) -> &'static [&'static str] {
    match refusal {
        TlsRefusal::OtherKey => &[
            "nothing was sent; ask whoever runs the relay whether its key was replaced: a coordinator then tells the team, with haversack relay add https://HOST:PORT#ID.PIN",
            "somebody on this network may be in between: try another one, or hand over a file",
        ],
        TlsRefusal::NotNow => &[
            "nothing was sent; check the date of this device, or tell whoever runs the relay that its certificate has run out",
        ],
        TlsRefusal::OtherHost => &["nothing was sent; check the address"],
        TlsRefusal::Unknown => &[
            "nothing was sent; with a certificate of its own a relay is known by its pin; the line that haversack relay serve prints ends in https://HOST:PORT#ID.PIN",
        ],
        TlsRefusal::NotTls => &["nothing was sent; is it a relay without TLS, http://HOST:PORT?"],
        _ => &["nothing was sent; try another network, or tell whoever runs the relay"],
    }
}

const fn of_refusal(status: u16) -> &'static [&'static str] {
    match status {
        403 => &[
            "this relay admits only teams that its operator let in: ask them",
            "a phone answers its own team only; after a removal, meet over a relay or a file once",
        ],
        400 | 413 => &["this relay is of another version, perhaps: update haversack on both sides"],
        429 | 500..=599 => {
            &["the relay is busy or full: run haversack sync again later, or tell whoever runs it"]
        }
        _ => &["check the address: something between here and the relay may have answered"],
    }
}

fn of_engine(error: &EngineError) -> &'static [&'static str] {
    match error {
        EngineError::NoStore => &[
            "check --store",
            "found a team with haversack init, or ask to join one with haversack join --request",
        ],
        EngineError::StoreExists => &[
            "use it as it is: haversack status; or name another folder with --store",
            "if making it was interrupted, and nothing was ever in it, remove the folder and begin anew",
        ],
        EngineError::Busy => {
            &["wait until the other haversack is done, or close the app that has this store open"]
        }
        EngineError::Damaged { .. } => &[
            "keep the folder as it is: nothing in it was deleted",
            "check the disk and what was done to the folder, then run the command again",
            "only when it stays so: go on with a new store in another folder, haversack join --request; what others hold comes back with a sync",
        ],
        EngineError::Newer { .. } => &["update haversack on this device"],
        EngineError::Full => &[DISK_FULL],
        EngineError::Io { .. } => &["check the folder and its permissions"],
        EngineError::Database { .. } => {
            &["run the command again; if that does not help, keep the folder and report this"]
        }
        EngineError::Invalid { field, .. } => of_field(field),
        EngineError::Unknown { what } => of_unknown(what),
        EngineError::NoSpace => &[
            "join a team first: haversack join --request here, haversack invite there, haversack join here",
        ],
        EngineError::Inner => &["leave --space out: this is done to the store itself"],
        EngineError::InSpace => &["for a further team in the same store, name it: --space NAME"],
        EngineError::NotAllowed { .. } => &["a coordinator may: ask one"],
        EngineError::Removed => &[
            "what is here stays readable: haversack contacts, haversack report",
            "if it was removed by mistake: make a new store and ask a coordinator for a new invitation",
            "what was not synced before can be read out with haversack contacts --json",
        ],
        EngineError::Foreign { .. } => &[
            "nothing was taken from it; was it written by somebody of this team, after this device had joined?",
        ],
        EngineError::Relay { .. } => {
            &["run haversack sync again; if that does not help, tell whoever runs the relay"]
        }
        EngineError::Wire(_) => &["check that it is the right file, and copy it again"],
        EngineError::Document { .. } => {
            &["this is a bug; please report it. What was saved before is safe"]
        }
        other => of_paper(other),
    }
}

/// What was typed or scanned from paper or from a screen.
fn of_paper(error: &EngineError) -> &'static [&'static str] {
    match error {
        EngineError::Share { .. } => &["a share is one line that begins with HSS1"],
        EngineError::Shares { .. } | EngineError::SharesMissing { .. } => &[
            "each share says itself how many it takes; all must come from one haversack recovery create --root",
        ],
        EngineError::Enrolment { .. } => &[
            COPY_CODE,
            "a text that is too long to paste goes into a file: --file FILE",
            "an answer fits the newest request of its own device only",
        ],
        EngineError::PartsMissing { .. } => {
            &["hand in all parts at once, in any order; line breaks between them do no harm"]
        }
        EngineError::PartSlip { .. } => &[COPY_CODE, "or scan that code again"],
        other => of_leaving(other),
    }
}

/// What keeps a store from being given up.
fn of_leaving(error: &EngineError) -> &'static [&'static str] {
    match error {
        EngineError::Owed { .. } => &[
            "haversack sync here, then twice at a coordinator's, then here again: what they acknowledge is safe",
            "without a relay: haversack device hand-over --bundle FILE, and the coordinator imports that file",
            "to lose it all the same: --lose-unsent",
        ],
        EngineError::RootKept => &[
            "put it on paper first: haversack recovery create --root, haversack recovery rehearse --root",
            "then take it off this device: haversack recovery forget-root",
        ],
        EngineError::SpacesKept => &[
            "haversack space list shows them",
            "give up each: haversack device hand-over --space NAME",
        ],
        other => of_opening(other),
    }
}

/// What keeps a store from being opened, or from being guarded well.
fn of_opening(error: &EngineError) -> &'static [&'static str] {
    match error {
        EngineError::WrongPassphrase => &[
            "type it again, mind the keyboard layout; a store that was made with --key-file needs that file too",
            "with the twelve words of its recovery code: haversack recovery use",
        ],
        EngineError::WrongRecoveryCode => &[
            "check the paper word by word, and that it is the newest one of this very store: only that one counts",
            "whoever still has the passphrase makes a new one: haversack recovery create",
        ],
        EngineError::WeakPassphrase { .. } => &[
            "six random words are best: haversack passphrase --suggest",
            "to take it all the same: --weak-passphrase",
        ],
        EngineError::Hardware => &[
            "put the file that --key-file names back in its place",
            "when it is lost, with the twelve words of the recovery code: haversack recovery use",
        ],
        EngineError::Wiped => &[
            "begin anew: haversack init, or haversack join --request; what others hold comes with a sync",
        ],
        _ => &[],
    }
}

fn of_field(field: &str) -> &'static [&'static str] {
    match field {
        "date" => &[
            "write YYYY-MM-DD, as in 2008-02-29; without --date it is today by this device's clock",
        ],
        "passphrase" => &[
            "of a file it is the first line, which must not be empty",
            "a new one has six words or more, and is not this store's duress passphrase or recovery code",
        ],
        "recovery code" => {
            &["type the twelve words as they are on the paper, with spaces between them"]
        }
        "wipe after" => &["ten is a good number: nobody types ten wrong ones by mistake"],
        "site" => &["haversack site list shows the sites"],
        "shares" => &["five shares, three of them needed, is a good choice"],
        "space name" | "spaces" => &["haversack space list shows those that are there"],
        "name" => &["haversack device list shows the names that are taken"],
        "device" => &["haversack device list shows the devices; this one is marked"],
        "label" => &["no names and no numbers that identify: an invented label, as in LOTUS-27"],
        "birth year" => &["for somebody born in the 1980s: --birth-year 1980 --band 10"],
        "item" | "mode" | "service" | "sex" | "age band" | "duration" => {
            &["haversack help log lists the codes"]
        }
        "quantity" | "people" => &["check the number: it looks like a slip"],
        _ => &[],
    }
}

fn of_unknown(what: &str) -> &'static [&'static str] {
    match what {
        "site" => &[
            "haversack site list shows the sites",
            "add it with haversack site add CODE --kind KIND, or sync if a colleague did",
        ],
        "client" => &[
            "haversack client list shows the clients",
            "open a file with haversack client add --label LABEL, or sync if a colleague did",
        ],
        "device" => &[
            "haversack device list shows the devices",
            "name it by its name here, or by the first digits of its id, four or more",
        ],
        "request" => &["haversack join --request makes one"],
        "contact" => &["haversack contacts shows the ids, in its last column"],
        "drop-box" => &[
            "haversack space list shows the drop-boxes; a coordinator opens one with haversack space link",
        ],
        "space" => &[
            "haversack space list shows the spaces of this store",
            "found one with haversack space create NAME, or join one with haversack join --request --space NAME",
        ],
        "root key" => &[
            "it is where the team was founded, or was made of its shares: haversack space list says whether it is here",
            "with the shares: haversack recovery use --root",
        ],
        _ => &[],
    }
}

const fn of_relay(error: &RelayError) -> &'static str {
    match error {
        RelayError::InUse => "stop the other relay, or name another folder with --data",
        RelayError::Newer => "update haversack on this machine",
        RelayError::Damaged { .. } => {
            "restore a backup of the folder; nothing in it was deleted or made anew"
        }
        RelayError::Certificate { .. } => {
            "check --tls-cert and --tls-key: PEM, and the key that is the certificate's"
        }
        RelayError::NoRoom => DISK_FULL,
        RelayError::Cut { .. } => {
            "what had arrived is stored; the devices send the rest with their next sync"
        }
        _ => "check the folder of --data and its permissions",
    }
}
