//! Gives a vector to the readers of this crate, and says in the vectors' words why it was refused.

mod bodies;
mod drops;
mod meetings;
mod packs;
mod teams;
mod words;

use std::path::Path;
use std::time::Duration;

use automerge::Automerge;
use data_encoding::BASE32_NOPAD;
use haversack_wire::answer::AnswerReader;
use haversack_wire::bundle::{self, Ending};
use haversack_wire::request::RequestReader;
use haversack_wire::{Actor, Frame, Incarnation, Reader, Space};

use super::cast::random;
use super::vector::Vector;
use crate::crypto::{EpochSecret, FileKey, KemSecret, OneTimeKey, Passphrase, Real, SignKey};
use crate::crypto::{is_wrapped, unwrap_bundle};
use crate::docs::rebuild::{self, Tip};
use crate::docs::{Author, ops};
use crate::members::{
    Answer, Identity, Pending, Request, RosterSegment, Statement, code_parts, statement_hash,
};
use crate::store::{HeaderFiles, Live, Secret, Vault};
use words::{of, refusal, wire};

type Read = Result<(), String>;

pub(super) fn read(vector: &Vector) -> Read {
    match vector.get("what").unwrap() {
        "derivations" => Ok(()),
        "statement" => statement(vector),
        "epoch statement" => teams::epoch_statement(vector),
        "roster" => teams::roster(vector),
        "epochs" => teams::epochs(vector),
        "grant" => teams::grant(vector),
        "roster segment" => segment(vector),
        "chunk" => bodies::chunk(vector),
        "changes" => changes(vector),
        "drop" => drops::drop(vector),
        "carried drop" => drops::carried(vector),
        "pack segment" => packs::segment(vector),
        "pack manifest" => packs::manifest(vector),
        "retire" => packs::retire(vector),
        "header" => header(vector),
        "request" if vector.get("request").is_some() => request_text(vector).map(drop),
        "request" => request(&vector.bytes("bytes")),
        "answer" => answer(&vector.bytes("bytes")),
        "meeting" => meetings::request(vector),
        "meeting answer" => meetings::answer(vector),
        "bundle" => packed(vector),
        "enrolment" => enrolment(vector),
        "answer in parts" => parts(vector),
        other => panic!("{other}"),
    }
}

fn space(vector: &Vector) -> Space {
    Space::new(vector.array("space"))
}

fn statement(vector: &Vector) -> Read {
    let bytes = vector.bytes("statement");
    Statement::decode::<Real>(&space(vector), &bytes).map_err(|error| wire(&error))?;
    if vector.get("statement hash").is_some() {
        assert_eq!(statement_hash(&bytes).to_bytes(), vector.array("statement hash"));
    }
    Ok(())
}

/// A frame of one of the kinds that are in use.
fn frame(bytes: &[u8]) -> Result<Frame<'_>, String> {
    // A header that is there whole, before a body that is not of its length.
    let head = match bytes.first() {
        Some(1) => 44,
        Some(2 | 4 | 5) => 32,
        _ => 68,
    };
    match Frame::parse(bytes) {
        Ok(Frame::Other) => Err("kept and passed on".to_owned()),
        Err(_) if bytes.len() >= head => Err("length is wrong".to_owned()),
        other => other.map_err(|error| wire(&error)),
    }
}

fn segment(vector: &Vector) -> Read {
    let bytes = vector.bytes("frame");
    let Frame::Roster(header, sealed) = frame(&bytes)? else { return Err("no segment".into()) };
    let secret = EpochSecret::new(vector.array("epoch secret"));
    if secret.hint_key().hint(&header.nonce) != header.hint {
        return Err("the hint names another key".to_owned());
    }
    let space = space(vector);
    let epoch = (&secret, &secret.id(&space));
    let opened = crate::sync::chunk::open_roster(epoch, &space, &header, sealed);
    let content = opened.ok_or("does not open")?.map_err(|error| wire(&error))?;
    let segment = RosterSegment::decode(&content).map_err(|error| wire(&error))?;
    if vector.get("statement").is_some() {
        assert_eq!(segment.statements, vector.all("statement"));
        assert_eq!(segment.epochs, vector.all("epoch statement"));
    }
    Ok(())
}

fn changes(vector: &Vector) -> Read {
    let author = Author::new(&Actor::new(vector.array("actor")));
    let item = vector.bytes("item");
    let mut found = Vec::new();
    for part in decode(&author, &item)? {
        let raw = part.changes.clone();
        let made = rebuild::changes(&author, raw, Tip::default()).map_err(refusal)?;
        found.push((part, made));
    }
    let hashes: Vec<_> = vector.all("last change");
    let lasts = found.iter().map(|(_, made)| made.last().unwrap().hash().0.to_vec());
    assert!(vector.expect() != "ok" || lasts.collect::<Vec<_>>() == hashes);
    // What depends on others' changes is not here whole: that is for the decoder alone.
    let whole = found.iter().filter(|(part, _)| {
        let all = part.changes.iter().flat_map(|change| &change.dependencies);
        all.clone().count() == 0 || all.clone().all(|on| *on == crate::docs::Dependency::Own)
    });
    let mut whole = whole.filter(|(part, _)| part.changes[0].start_op < 100);
    whole.try_for_each(|(part, made)| {
        let applied = rebuild::apply(&Automerge::new(), &part.changes, made, Tip::default());
        applied.map(drop).map_err(refusal)
    })
}

/// Decodes an item; what is left over in a column is told from what is left over behind them all.
fn decode(author: &Author, item: &[u8]) -> Result<Vec<crate::docs::DocumentChanges>, String> {
    let mut r = Reader::new("changes", item);
    for _ in 0..12 {
        r.blob(262_144).map_err(|error| wire(&error))?;
    }
    r.end().map_err(|error| wire(&error))?;
    ops::decode(author, item).map_err(|error| match error {
        haversack_wire::Error::Trailing { .. } => "a column is not used up".to_owned(),
        error => wire(&error),
    })
}

fn header(vector: &Vector) -> Read {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for (name, copy) in ["key.a", "key.b"].iter().zip(vector.all("header")) {
        std::fs::write(place(name), copy).unwrap();
    }
    let key_file = vector.get("key file").map(|_| key_file(vector, &place("card")));
    let text = vector.get("passphrase").unwrap().as_bytes().to_vec();
    let passphrase = Passphrase::new(text).unwrap();
    let hardware = key_file.as_ref().map(|file| file as &dyn crate::Bind);
    let secret = Secret { passphrase: &passphrase, hardware };
    let files = HeaderFiles::in_folder(folder.path());
    let vault =
        Vault::unlock(files, secret, Duration::MAX, &mut random()).map_err(|error| of(&error))?;
    if let Some(kind) = vector.get("kind") {
        let duress = vault.live() == Live::Renew;
        let found = if duress { 3 } else { vault.opened_by() as u8 };
        assert_eq!(found.to_string(), kind, "{}", vector.name);
    }
    if vector.get("keyring key").is_some() {
        assert_eq!(vault.keyring_key().expose(), &vector.array("keyring key"));
    }
    if let Some(generation) = vector.get("generation") {
        let written = std::fs::read(place("key.a")).unwrap();
        let written = u64::from_le_bytes(written[4..12].try_into().unwrap());
        assert_eq!((written - 2).to_string(), generation, "an attempt is two writings");
    }
    Ok(())
}

fn key_file(vector: &Vector, path: &Path) -> FileKey {
    std::fs::write(path, vector.bytes("key file")).unwrap();
    FileKey::open(path).unwrap()
}

fn request(bytes: &[u8]) -> Read {
    let mut reader = RequestReader::new();
    reader.feed(bytes);
    while reader.next_event().map_err(|error| wire(&error))?.is_some() {}
    reader.finish().map_err(|error| wire(&error))
}

fn answer(bytes: &[u8]) -> Read {
    let mut reader = AnswerReader::new();
    reader.feed(bytes);
    while reader.next_part().map_err(|error| wire(&error))?.is_some() {}
    match reader.is_done() {
        true => Ok(()),
        false => Err("cut: whole parts count".to_owned()),
    }
}

fn packed(vector: &Vector) -> Read {
    let file = vector.bytes("bytes");
    let plain = match vector.get("passphrase").map(|text| Passphrase::new(text.into()).unwrap()) {
        Some(passphrase) if is_wrapped(&file) => {
            unwrap_bundle(&file, &passphrase).map_err(|error| of(&error))?.to_vec()
        }
        _ => file,
    };
    let bundle = bundle::decode(&plain).map_err(|error| wire(&error))?;
    if vector.get("frame").is_some() {
        assert_eq!(bundle.frames, vector.all("frame"));
    }
    match (bundle.ending, bundle.frames.len()) {
        (Ending::Whole, _) => Ok(()),
        (Ending::Cut, 1) => Err("cut: 1 whole frame".to_owned()),
        (Ending::Cut, count) => Err(format!("cut: {count} whole frames")),
    }
}

fn request_text(vector: &Vector) -> Result<Request, String> {
    Request::from_text(vector.get("request").unwrap()).map_err(|error| of(&error))
}

fn enrolment(vector: &Vector) -> Read {
    let asked = request_text(vector)?;
    let plain = vector.get("request").unwrap()[4..].replace('-', "");
    let request = BASE32_NOPAD.decode(plain.as_bytes()).unwrap();
    let one_time = OneTimeKey::new(request[65..97].try_into().unwrap());
    let pending = Pending { one_time, request };
    let identity = Identity {
        sign: SignKey::from_seed(&[0; 32]),
        kem: KemSecret::new(vector.array("kem secret")),
        incarnation: Incarnation::new([0; 8]),
    };
    let opened = pending.open(&identity, vector.get("answer").unwrap());
    let (answer, words): (Answer, _) = opened.map_err(|error| of(&error))?;
    if let Some(stated) = vector.get("words") {
        assert_eq!(words.to_string(), stated);
    }
    teams::admission(&asked.device_key, answer)
}

fn parts(vector: &Vector) -> Read {
    let texts: Vec<&str> = vector.lines("part").collect();
    let whole = code_parts(&texts.concat(), 1 << 20).map_err(|error| of(&error))?;
    let stated = vector.get("answer").unwrap().replace('-', "");
    assert_eq!(whole[0].replace('-', ""), stated);
    Ok(())
}
