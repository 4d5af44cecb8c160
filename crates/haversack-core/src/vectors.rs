//! Test vectors for a second implementation: `fixtures/vectors/`, self-describing, pinned here.
//!
//! Each file says what it is, what a reader must make of it (`expect: ok`, or the reason of a refusal), and
//! the bytes. `HAVERSACK_WRITE_VECTORS=1 cargo test -p haversack-core vectors` writes them anew; without it they
//! are compared, so a changed byte is a decision.

use std::fmt::Write;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use haversack_wire::request::{Basis, Section, SectionHead};
use haversack_wire::{
    CursorDigest, Document, Frame, FrameHash, Incarnation, LaneTag, Mailbox, Relay, RetireHash,
    Space, answer, bundle, request,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::crypto::{ClientKey, Cost, EpochSecret, KemSecret, Passphrase, Real, SignKey, stretch};
use crate::docs::rebuild::{self, Tip};
use crate::docs::{Author, DocumentChanges, RawChange, ops};
use crate::members::{
    Answer, Content, EpochStatement, GrantEntry, Group, Identity, NewEpoch, Pending, Request, Role,
    Roster, actor, code_parts, device, lane, seal_grant, statement_hash,
};
use crate::store::{HeaderFiles, Secret, Vault};
use crate::sync::body::{Body, Opening};
use crate::sync::{chunk, tree};

/// One vector: its name and its lines.
struct Vector {
    name: String,
    text: String,
}

impl Vector {
    fn new(name: &str, what: &str, expect: &str) -> Self {
        Self { name: name.to_owned(), text: format!("what: {what}\nexpect: {expect}\n") }
    }

    fn hex(mut self, key: &str, bytes: impl AsRef<[u8]>) -> Self {
        writeln!(self.text, "{key}: {}", HEXLOWER.encode(bytes.as_ref())).unwrap();
        self
    }

    fn line(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        writeln!(self.text, "{key}: {value}").unwrap();
        self
    }
}

fn random() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(20_261_121)
}

/// The people and keys that all vectors share.
struct Cast {
    root: SignKey,
    admin: Identity,
    space: Space,
    epoch: EpochSecret,
}

fn cast() -> Cast {
    let root = SignKey::from_seed(&[1; 32]);
    let admin = Identity {
        sign: SignKey::from_seed(&[2; 32]),
        kem: KemSecret::new([3; 32]),
        incarnation: Incarnation::new([4; 8]),
    };
    let space = *Roster::new(root.public()).space();
    Cast { root, admin, space, epoch: EpochSecret::new([5; 32]) }
}

fn derivations(cast: &Cast) -> Vector {
    let key = cast.admin.sign.public();
    let incarnation = cast.admin.incarnation;
    let own = lane(&cast.space, &key, incarnation);
    let generation = cast.epoch.generation();
    let relay = Relay::of(&[6; 32]);
    let retire = RetireHash::new([7; 32]);
    let token = generation.token(&relay);
    let frame = FrameHash::of(b"a frame");
    Vector::new("derivations", "derivations", "ok")
        .hex("root key", cast.root.public())
        .hex("space", cast.space.as_bytes())
        .hex("device key", key)
        .hex("device", device(&key).as_bytes())
        .hex("incarnation", incarnation.as_bytes())
        .hex("lane", own.as_bytes())
        .hex("actor", actor(&cast.space, &key, incarnation).as_bytes())
        .hex("epoch secret", cast.epoch.expose())
        .hex("epoch id", cast.epoch.id(&cast.space).as_bytes())
        .hex("chunk key", cast.epoch.chunk_key().expose())
        .hex("roster key", cast.epoch.roster_key().expose())
        .hex("nonce", [8; 24])
        .hex("key hint", cast.epoch.hint_key().hint(&[8; 24]).as_bytes())
        .hex("generation secret", generation.expose())
        .hex("lane tag", generation.lane_tag(&own).as_bytes())
        .hex("relay key", [6; 32])
        .hex("relay", relay.as_bytes())
        .hex("token", token.as_bytes())
        .hex("retire hash", retire.as_bytes())
        .hex("mailbox", Mailbox::of(&token, &retire).as_bytes())
        .hex("frame", b"a frame")
        .hex("frame hash", frame.as_bytes())
        .hex("cursor digest 1", CursorDigest::default().next(frame).as_bytes())
        .hex("client key", [9; 32])
        .line("month", "2008-02")
        .hex("client tag", ClientKey::new([9; 32]).tag(2008, 2))
}

fn header() -> Vec<Vector> {
    let random = &mut random();
    let passphrase = || Passphrase::new(b"correct horse".to_vec()).unwrap();
    let (files, secret) = (tempfile::tempdir().unwrap(), passphrase());
    let secret = Secret { passphrase: &secret, hardware: None };
    let copies = HeaderFiles::in_folder(files.path());
    let mut vault = Vault::make(copies, secret, (Cost::FLOOR, 0), random).unwrap();
    vault.write_new(random).unwrap();
    let bytes = std::fs::read(files.path().join("key.a")).unwrap();
    let salt: [u8; 32] = bytes[24..56].try_into().unwrap();
    let slot = stretch(&passphrase(), &salt, Cost::FLOOR).unwrap().plain();
    let vector = |name: &str, expect: &str, bytes: &[u8]| {
        Vector::new(name, "header", expect).line("passphrase", "correct horse").hex("header", bytes)
    };
    let mut flipped = bytes.clone();
    flipped[700] ^= 1;
    vec![
        vector("header", "ok", &bytes)
            .hex("slot key", slot.key)
            .hex("slot commitment", slot.commitment)
            .hex("keyring key", vault.keyring_key().expose()),
        Vector::new("header_wrong_passphrase", "header", "the passphrase opens no slot")
            .line("passphrase", "wrong horse")
            .hex("header", &bytes),
        vector("header_flipped", "checksum is wrong", &flipped),
        vector("header_cut", "it is cut", &bytes[..1_279]),
    ]
}

fn statements(cast: &Cast) -> (Vec<Vector>, Roster) {
    let (key, kem) = (cast.admin.sign.public(), cast.admin.kem.public());
    let group = group(cast);
    let bytes: Vec<&[u8]> = group.roster.statements().collect();
    let find = |kind: u8| bytes.iter().find(|bytes| bytes[0] == kind).unwrap().to_vec();
    let (add, retire) = (find(1), find(6));
    let mut forged = add.clone();
    let role = forged.len() - 66;
    forged[role] = Role::Archive as u8;
    let vector = |name: &str, expect: &str, bytes: &[u8]| {
        Vector::new(name, "statement", expect)
            .hex("space", cast.space.as_bytes())
            .hex("statement", bytes)
    };
    let vectors = vec![
        vector("statement_add_device", "ok", &add)
            .hex("device key", key)
            .hex("kem key", kem)
            .line("role", Role::Coordinator as u8)
            .hex("statement hash", statement_hash(&add).as_bytes()),
        vector("statement_retire_hashes", "ok", &retire)
            .hex("parent", statement_hash(&add).as_bytes()),
        vector("statement_forged_role", "signature does not verify", &forged),
        vector("statement_trailing", "1 bytes too many", &[&add[..], &[0]].concat()),
    ];
    (vectors, group.roster)
}

fn group(cast: &Cast) -> Group {
    let first = (cast.admin.sign.public(), cast.admin.kem.public());
    Group::found::<Real>(&cast.root, first, vec![RetireHash::new([7; 32])]).unwrap()
}

/// The first epoch's statement.
fn first_epoch(cast: &Cast, roster: &Roster) -> EpochStatement {
    let epoch = cast.epoch.id(&cast.space);
    let (generation, heads) = (cast.epoch.generation().id(&cast.space), roster.heads());
    let new = NewEpoch { epoch, generation, depth: 0, heads, parents: vec![] };
    EpochStatement::sign::<Real>(&cast.space, new, &cast.admin.sign)
}

fn body(cast: &Cast, roster: &Roster) -> (Vec<u8>, [u8; 32]) {
    let key = cast.admin.sign.public();
    let own = lane(&cast.space, &key, cast.admin.incarnation);
    let body = Body {
        lane: own,
        heads: Some(roster.heads()),
        statements: roster.statements().map(<[u8]>::to_vec).collect(),
        opening: Some(Opening { device_key: key, incarnation: cast.admin.incarnation }),
        client_keys: vec![(Document::new([10; 16]), ClientKey::new([9; 32]))],
        ..Body::default()
    };
    let encoded = body.encode().unwrap();
    let root = tree::Tree::new(&cast.space).leaves(&encoded.rest, &[]).root();
    let signature = cast.admin.sign.sign(&tree::signed(&cast.space, &own, 0, &root));
    ([&encoded.bytes[..], &signature].concat(), root)
}

fn chunks(cast: &Cast, roster: &Roster) -> Vec<Vector> {
    let own = lane(&cast.space, &cast.admin.sign.public(), cast.admin.incarnation);
    let tag = cast.epoch.generation().lane_tag(&own);
    let epoch = cast.epoch.id(&cast.space);
    let (raw, root) = body(cast, roster);
    let seal = |tag: LaneTag| {
        chunk::seal((&cast.epoch, &epoch), &cast.space, (tag, 0), &raw, &mut random()).unwrap()
    };
    let frame = seal(tag);
    let vector = |name: &str, expect: &str, frame: &[u8]| {
        Vector::new(name, "chunk", expect)
            .hex("space", cast.space.as_bytes())
            .hex("epoch secret", cast.epoch.expose())
            .hex("frame", frame)
    };
    let flip = |at: usize| {
        let mut frame = frame.clone();
        frame[at] ^= 1;
        frame
    };
    let position = tree::Tree::new(&cast.space).position(&own, 0, &root);
    let other = EpochSecret::new([99; 32]);
    vec![
        vector("chunk", "ok", &frame)
            .hex("body", &raw)
            .hex("root", root)
            .hex("position", position.as_bytes())
            .hex("device key", cast.admin.sign.public()),
        vector("chunk_flipped_tag", "does not open", &flip(3)),
        vector("chunk_flipped_sequence", "does not open", &flip(10)),
        vector("chunk_flipped_length", "length is wrong", &flip(14)),
        vector("chunk_flipped_nonce", "the hint names another key", &flip(20)),
        vector("chunk_flipped_hint", "the hint names another key", &flip(41)),
        vector("chunk_flipped_content", "does not open", &flip(100)),
        vector("chunk_cut", "length is wrong", &frame[..frame.len() - 1]),
        vector("chunk_newer_version", "kept and passed on", &{
            let mut frame = frame.clone();
            frame[1] = 2;
            frame
        }),
        Vector::new("chunk_other_epoch", "chunk", "the hint names another key")
            .hex("space", cast.space.as_bytes())
            .hex("epoch secret", other.expose())
            .hex("frame", &frame),
        Vector::new("chunk_other_space", "chunk", "does not open")
            .hex("space", [99; 16])
            .hex("epoch secret", cast.epoch.expose())
            .hex("frame", &frame),
    ]
}

fn epoch_and_grant(cast: &Cast, roster: &Roster) -> Vec<Vector> {
    let epoch = cast.epoch.id(&cast.space);
    let statement = first_epoch(cast, roster);
    let entries =
        [GrantEntry::Epoch(cast.epoch.clone()), GrantEntry::Generation(cast.epoch.generation())];
    let kem = &cast.admin.kem;
    let grant =
        seal_grant::<Real>(&cast.space, &kem.public(), epoch, &entries, &mut random()).unwrap();
    let mut flipped = grant.clone();
    flipped[20] ^= 1;
    let vector = |name: &str, expect: &str, secret: &[u8; 32], grant: &[u8]| {
        Vector::new(name, "grant", expect)
            .hex("space", cast.space.as_bytes())
            .hex("kem secret", secret)
            .hex("frame", grant)
    };
    vec![
        Vector::new("epoch_statement", "epoch statement", "ok")
            .hex("space", cast.space.as_bytes())
            .hex("statement", &statement.bytes)
            .hex("epoch statement hash", statement.hash().as_bytes())
            .hex("minter", cast.admin.sign.public()),
        vector("grant", "ok", kem.expose(), &grant)
            .hex("epoch secret", cast.epoch.expose())
            .hex("generation secret", cast.epoch.generation().expose()),
        vector("grant_for_another", "the tag is another device's", &[98; 32], &grant),
        vector("grant_moved_to_another_epoch", "does not open", kem.expose(), &flipped),
    ]
}

/// Two contacts of an outing as changes, and what breaks in them.
fn changes(cast: &Cast) -> Vec<Vector> {
    use automerge::transaction::Transactable;
    let author =
        Author::new(&actor(&cast.space, &cast.admin.sign.public(), cast.admin.incarnation));
    let mut outing = automerge::Automerge::new().with_actor(author.id().clone());
    let (mut tip, mut made) = (Tip::default(), Vec::new());
    for key in ["1", "2"] {
        let mut tx = outing.transaction();
        let contact = tx.put_object(automerge::ROOT, key, automerge::ObjType::Map).unwrap();
        tx.put(&contact, "m", "street").unwrap();
        tx.put(&contact, "c", vec![9_u8; 8]).unwrap();
        tx.put(&contact, "o.syringe_fixed_1ml", 10_u64).unwrap();
        tx.put(&contact, "newer field", "newer value").unwrap();
        tx.commit();
        let change = outing.get_last_local_change().unwrap();
        made.push(rebuild::raw(&change, tip));
        tip = Tip { sequence: change.seq(), hash: Some(change.hash()) };
    }
    let document = Document::new([10; 16]);
    let item = ops::encode(&author, &[DocumentChanges { document, changes: made }]).unwrap();
    let vector = |name: &str, expect: &str, item: &[u8]| {
        Vector::new(name, "changes", expect).hex("actor", author.id().to_bytes()).hex("item", item)
    };
    vec![
        vector("changes", "ok", &item)
            .hex("document", document.as_bytes())
            .hex("last change", tip.hash.unwrap().0),
        vector("changes_cut", "ends too early", &item[..item.len() - 1]),
        vector("changes_trailing", "1 bytes too many", &[&item[..], &[0]].concat()),
        vector("changes_fewer_documents", "a column is not used up", &{
            let mut fewer = item.clone();
            fewer[1] = 0;
            fewer
        }),
    ]
}

/// A second body on the lane: changes of two documents, so that the tree has an odd node.
fn chunk_with_changes(cast: &Cast, roster: &Roster) -> Vec<Vector> {
    let key = cast.admin.sign.public();
    let own = lane(&cast.space, &key, cast.admin.incarnation);
    let tree = tree::Tree::new(&cast.space);
    let author = Author::new(&actor(&cast.space, &key, cast.admin.incarnation));
    let (_, first_root) = body(cast, roster);
    let raw = RawChange { sequence: 1, start_op: 1, dependencies: vec![], operations: vec![] };
    let documents = [10, 11]
        .map(|n| DocumentChanges { document: Document::new([n; 16]), changes: vec![raw.clone()] });
    let made = rebuild::changes(&author, vec![raw], Tip::default()).unwrap();
    let tips = [10, 11].map(|n| (Document::new([n; 16]), made[0].hash()));
    let second = Body {
        lane: own,
        previous: tree.position(&own, 0, &first_root),
        changes: Some(ops::encode(&author, &documents).unwrap()),
        other: vec![(77, b"newer".to_vec())],
        ..Body::default()
    };
    let encoded = second.encode().unwrap();
    let root = tree.leaves(&encoded.rest, &tips).root();
    let sign = |message: &[u8]| cast.admin.sign.sign(message);
    let epoch = cast.epoch.id(&cast.space);
    let tag = cast.epoch.generation().lane_tag(&own);
    let vector = |name: &str, expect: &str, signature: [u8; 64]| {
        let raw = [&encoded.bytes[..], &signature].concat();
        let place = (tag, 1);
        let frame =
            chunk::seal((&cast.epoch, &epoch), &cast.space, place, &raw, &mut random()).unwrap();
        Vector::new(name, "chunk", expect)
            .hex("space", cast.space.as_bytes())
            .hex("epoch secret", cast.epoch.expose())
            .hex("device key", key)
            .hex("frame", frame)
            .hex("body", raw)
    };
    let good = sign(&tree::signed(&cast.space, &own, 1, &root));
    let elsewhere = sign(&tree::signed(&cast.space, &own, 2, &root));
    vec![
        vector("chunk_with_changes", "ok", good)
            .hex("leaf 0 covers", &encoded.rest)
            .hex("automerge change", made[0].raw_bytes())
            .hex("change hash", made[0].hash().0)
            .hex("root", root)
            .hex("position", tree.position(&own, 1, &root).as_bytes()),
        vector("chunk_signed_for_another_place", "the body's signature does not verify", elsewhere),
    ]
}

fn enrolment(cast: &Cast, roster: &Roster) -> Vec<Vector> {
    let random = &mut random();
    let phone = Identity::make(random);
    let pending = Pending::make(&phone, random);
    let asked = Request::from_text(&pending.text()).unwrap();
    let (device_key, kem_key) = (phone.sign.public(), phone.kem.public());
    let mut group = group(cast);
    let role = Some(Role::Educator);
    let add = Content::AddDevice { device_key, kem_key, role, may_rotate: false };
    group.say::<Real>(&cast.admin.sign, add, None).unwrap();
    let answer = Answer {
        root: cast.root.public(),
        statements: group.roster.statements().map(<[u8]>::to_vec).collect(),
        grant: vec![
            GrantEntry::Epoch(cast.epoch.clone()),
            GrantEntry::Generation(cast.epoch.generation()),
        ],
        epochs: vec![first_epoch(cast, roster).bytes],
        inviter: cast.admin.sign.public(),
    };
    let (text, words) = asked.answer(&answer, &cast.admin.sign, random).unwrap();
    let parts = code_parts(&text, 619).unwrap();
    let in_parts = |name: &str, expect: &str, parts: &[String]| {
        let vector = Vector::new(name, "answer in parts", expect).line("answer", &text);
        parts.iter().fold(vector, |vector, part| vector.line("part", part))
    };
    let mut slip_in_two = parts.clone();
    slip_in_two[1] = slip_in_two[1].replacen("HSA1.2.3.", "HSA1.2.3.A", 1);
    let backwards: Vec<String> = parts.iter().rev().cloned().collect();
    let mut slip = pending.text();
    let wrong = if slip.remove(90) == 'A' { 'B' } else { 'A' };
    slip.insert(90, wrong);
    vec![
        Vector::new("enrolment", "enrolment", "ok")
            .line("request", pending.text())
            .hex("kem secret", phone.kem.expose())
            .line("answer", &text)
            .line("words", words),
        Vector::new("enrolment_slip", "request", "has a slip in it").line("request", slip),
        in_parts("enrolment_parts", "ok", &backwards),
        in_parts(
            "enrolment_parts_missing",
            "these are missing: 2",
            &[parts[0].clone(), parts[2].clone()],
        ),
        in_parts("enrolment_parts_slip", "part 2 has a slip in it", &slip_in_two),
    ]
}

fn exchange() -> Vec<Vector> {
    let head = SectionHead {
        token: haversack_wire::Token::new([1; 32]),
        retire: RetireHash::new([2; 32]),
        admission: Vec::new(),
        cursor: 300,
        basis: Basis::Digest(CursorDigest::new([3; 16])),
        resume: None,
        frames: 0,
    };
    let asked = request::encode(&[Section { head, frames: vec![vec![9; 256]] }]).unwrap();
    let mut answered = answer::START.to_vec();
    let parts = [
        answer::Part::Section(0),
        answer::Part::Ack { index: 0, stored: answer::Stored::New, cursor: 301 },
        answer::Part::End { cursor: 301, digest: CursorDigest::new([4; 16]) },
        answer::Part::Done,
    ];
    parts.iter().for_each(|part| part.encode(&mut answered).unwrap());
    let packed = bundle::encode([[9; 256].as_slice()]).unwrap();
    let mut foreign = asked.clone();
    foreign[4] ^= 1;
    vec![
        Vector::new("request", "request", "ok").hex("bytes", &asked),
        Vector::new("request_foreign_mailbox", "request", "mailbox is not that of its token")
            .hex("bytes", foreign),
        Vector::new("answer", "answer", "ok").hex("bytes", &answered),
        Vector::new("answer_cut", "answer", "cut: whole parts count")
            .hex("bytes", &answered[..answered.len() - 1]),
        Vector::new("bundle", "bundle", "ok").hex("bytes", &packed),
        Vector::new("bundle_cut", "bundle", "cut: 1 whole frame")
            .hex("bytes", &packed[..packed.len() - 2]),
        Vector::new("bundle_wrong_count", "bundle", "count of frames is wrong").hex("bytes", {
            let mut packed = packed.clone();
            let at = packed.len() - 4;
            packed[at] = 2;
            packed
        }),
    ]
}

fn all() -> Vec<Vector> {
    let cast = cast();
    let (mut vectors, roster) = statements(&cast);
    vectors.push(derivations(&cast));
    vectors.extend(header());
    vectors.extend(chunks(&cast, &roster));
    vectors.extend(epoch_and_grant(&cast, &roster));
    vectors.extend(changes(&cast));
    vectors.extend(chunk_with_changes(&cast, &roster));
    vectors.extend(enrolment(&cast, &roster));
    vectors.extend(exchange());
    vectors
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors")
}

#[test]
fn the_vectors_are_those_in_the_fixtures() {
    let write = std::env::var_os("HAVERSACK_WRITE_VECTORS").is_some();
    let vectors = all();
    for vector in &vectors {
        let file = folder().join(format!("{}.txt", vector.name));
        if write {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&file, &vector.text).unwrap();
        }
        let pinned = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(pinned, vector.text, "{}", vector.name);
    }
    assert_eq!(std::fs::read_dir(folder()).unwrap().count(), vectors.len());
}

#[test]
fn the_negative_chunks_are_refused_here_too() {
    let cast = cast();
    let (_, roster) = statements(&cast);
    let open = |vector: &Vector| {
        let value = |key: &str| {
            let line = vector.text.lines().find_map(|line| line.strip_prefix(key));
            HEXLOWER.decode(line.unwrap().as_bytes()).unwrap()
        };
        let space = Space::new(value("space: ").try_into().unwrap());
        let secret = EpochSecret::new(value("epoch secret: ").try_into().unwrap());
        let frame = value("frame: ");
        let Ok(Frame::Chunk(header, sealed)) = Frame::parse(&frame) else {
            return false;
        };
        chunk::open((&secret, &secret.id(&space)), &space, &header, sealed)
            .is_some_and(|raw| raw.is_ok())
    };
    for vector in chunks(&cast, &roster) {
        assert_eq!(open(&vector), vector.name == "chunk", "{}", vector.name);
    }
}
