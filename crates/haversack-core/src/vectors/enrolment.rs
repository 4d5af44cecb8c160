//! Enrolment: requests and answers as text, in parts, and what an answer must bring.

use data_encoding::BASE32_NOPAD;
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::{EpochHash, Generation};

use super::cast::{Cast, flip, random};
use super::vector::Vector;
use crate::crypto::{Real, SignKey};
use crate::members::{
    Answer, Content, EpochStatement, GrantEntry, Identity, NewEpoch, Pending, Request, Role,
    code_parts,
};

const SLIP: &str = "has a slip in it";

/// A phone that asks, and all that answers it.
struct Asked {
    phone: Identity,
    pending: Pending,
    answer: Answer,
    inviter: SignKey,
}

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let asked = Asked::new(cast);
    let families = [
        asked.requests(),
        asked.answers(cast),
        asked.admissions(cast),
        asked.parts(),
        asked.bad_parts(),
    ];
    families.into_iter().flatten().collect()
}

/// The text of a request or an answer of any bytes.
fn text(mark: &str, bytes: &[u8]) -> String {
    let encoded = BASE32_NOPAD.encode(bytes);
    let groups = encoded.as_bytes().chunks(5).map(|group| std::str::from_utf8(group).unwrap());
    groups.fold(mark.to_owned(), |text, group| text + "-" + group)
}

fn untext(text: &str) -> Vec<u8> {
    BASE32_NOPAD.decode(text[4..].replace('-', "").as_bytes()).unwrap()
}

/// A request of any bytes, with the check that goes with them.
fn checked(mut bytes: Vec<u8>) -> String {
    let check: [u8; 4] = derive_cut(Label::REQUEST_CHECK, &[&bytes]);
    bytes.extend(check);
    text("HSR1", &bytes)
}

/// A statement about the epoch that all vectors share.
fn epoch(cast: &Cast, (depth, parents): (u64, Vec<EpochHash>), minter: &SignKey) -> EpochStatement {
    let epoch = cast.epoch.id(&cast.space);
    let (generation, heads) = (Generation::new(epoch.to_bytes()), cast.roster.heads());
    let new = NewEpoch { epoch, generation, depth, heads, parents };
    EpochStatement::sign::<Real>(&cast.space, new, minter)
}

impl Asked {
    fn new(cast: &Cast) -> Self {
        let random = &mut random();
        let phone = Identity::make(random);
        let pending = Pending::make(&phone, random);
        let (device_key, kem_key) = (phone.sign.public(), phone.kem.public());
        let mut group = cast.group();
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
            epochs: vec![cast.first_epoch().bytes],
            inviter: cast.admin.sign.public(),
        };
        Self { phone, pending, answer, inviter: cast.admin.sign.clone() }
    }

    fn request(&self) -> Request {
        Request::from_text(&self.pending.text()).unwrap()
    }

    fn seal(&self, answer: &Answer, inviter: &SignKey) -> (String, String) {
        let (text, words) = self.request().answer(answer, inviter, &mut random()).unwrap();
        (text, words.to_string())
    }

    fn vector(&self, name: &str, expect: &str, answer: &str) -> Vector {
        Vector::new(name, "enrolment", expect)
            .line("request", self.pending.text())
            .hex("kem secret", self.phone.kem.expose())
            .line("answer", answer)
    }

    fn requests(&self) -> Vec<Vector> {
        let good = self.pending.text();
        let bytes = untext(&good);
        let make = |name: &str, expect: &str, text: &str| {
            Vector::new(name, "request", expect).line("request", text)
        };
        let mut slip = good.clone();
        let wrong = if slip.remove(90) == 'A' { 'B' } else { 'A' };
        slip.insert(90, wrong);
        let version = |n: u8| [&[n][..], &bytes[1..97]].concat();
        vec![
            make("enrolment_request", "ok", &good),
            make("enrolment_request_pasted", "ok", &good.to_lowercase().replace('-', " ")),
            make("enrolment_slip", SLIP, &slip),
            make("enrolment_request_cut", SLIP, &good[..good.len() - 3]),
            make("enrolment_request_unused_bits", SLIP, &{
                let last = good.chars().last().unwrap();
                let at = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(last).unwrap();
                assert_eq!(at % 4, 0, "two bits of the last character are unused");
                let next = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".chars().nth(at + 1).unwrap();
                format!("{}{next}", &good[..good.len() - 1])
            }),
            make("enrolment_request_with_a_digit", SLIP, &good.replacen("-A", "-1", 1)),
            make(
                "enrolment_request_as_an_answer",
                "the mark is another's",
                &good.replacen("HSR1", "HSA1", 1),
            ),
            make("enrolment_request_expired_form", "version is unknown", &checked(version(0))),
            make("enrolment_request_newer_form", "version is unknown", &checked(version(2))),
            make("enrolment_request_short", "ends too early", &checked(bytes[..96].to_vec())),
            make("enrolment_request_long", "1 bytes too many", &{
                checked([&bytes[..97], &[0]].concat())
            }),
        ]
    }

    fn answers(&self, cast: &Cast) -> Vec<Vector> {
        let (good, words) = self.seal(&self.answer, &self.inviter);
        let bytes = untext(&good);
        let make = |name: &str, expect: &str, text: &str| self.vector(name, expect, text);
        let opens = "does not open";
        let backwards = Answer {
            statements: self.answer.statements.iter().rev().cloned().collect(),
            ..self.answer.clone()
        };
        let other = Pending::make(&self.phone, &mut {
            use rand_chacha::rand_core::SeedableRng;
            rand_chacha::ChaCha20Rng::seed_from_u64(7)
        });
        let for_other = Request::from_text(&other.text()).unwrap();
        let (for_other, _) = for_other.answer(&self.answer, &self.inviter, &mut random()).unwrap();
        vec![
            make("enrolment", "ok", &good).line("words", words),
            make("enrolment_answer_to_another_request", opens, &for_other),
            make("enrolment_answer_flipped", opens, &text("HSA1", &flip(&bytes, 60))),
            make("enrolment_answer_small_order", opens, &{
                text("HSA1", &[&[1][..], &[0; 32], &bytes[33..]].concat())
            }),
            make("enrolment_answer_newer_form", "version is unknown", &{
                text("HSA1", &[&[2][..], &bytes[1..]].concat())
            }),
            make("enrolment_answer_slip", SLIP, &good.replacen("-A", "-1", 1)),
            make(
                "enrolment_forged_inviter",
                "is not signed by who sent it",
                &self.seal(&self.answer, &SignKey::from_seed(&[77; 32])).0,
            ),
            make(
                "enrolment_statements_unsorted",
                "is not strictly ascending",
                &self.seal(&backwards, &cast.admin.sign).0,
            ),
        ]
    }

    /// Answers that are properly sealed and signed, and do not let the phone in.
    fn admissions(&self, cast: &Cast) -> Vec<Vector> {
        let good = || self.answer.clone();
        let make = |name: &str, expect: &str, answer: Answer, inviter: &SignKey| {
            self.vector(name, expect, &self.seal(&answer, inviter).0)
        };
        let (admin, own) = (&cast.admin.sign, &self.phone.sign);
        let no_key = "no epoch that stands comes with its keys";
        let without = cast.roster.statements().map(<[u8]>::to_vec).collect();
        let forged = epoch(cast, (0, vec![]), &SignKey::from_seed(&[78; 32]));
        let anchor = epoch(cast, (40, vec![EpochHash::new([66; 16])]), admin);
        let generation = GrantEntry::Generation(cast.epoch.generation());
        vec![
            make("enrolment_anchor", "ok", Answer { epochs: vec![anchor.bytes], ..good() }, admin),
            make(
                "enrolment_of_a_stranger",
                "the device is not a member",
                Answer { statements: without, ..good() },
                admin,
            ),
            make(
                "enrolment_by_the_phone_itself",
                "the inviter is not an admin",
                Answer { inviter: own.public(), ..good() },
                own,
            ),
            make("enrolment_without_epochs", no_key, Answer { epochs: vec![], ..good() }, admin),
            make(
                "enrolment_without_the_secret",
                no_key,
                Answer { grant: vec![generation], ..good() },
                admin,
            ),
            make(
                "enrolment_without_the_generation",
                no_key,
                Answer { grant: vec![GrantEntry::Epoch(cast.epoch.clone())], ..good() },
                admin,
            ),
            make(
                "enrolment_epoch_of_a_stranger",
                no_key,
                Answer { epochs: vec![forged.bytes], ..good() },
                admin,
            ),
            make(
                "enrolment_of_another_root",
                "signature does not verify",
                Answer { root: [78; 32], ..good() },
                admin,
            ),
        ]
    }

    fn in_parts(&self, name: &str, expect: &str, parts: &[String]) -> Vector {
        let (text, _) = self.seal(&self.answer, &self.inviter);
        let vector = Vector::new(name, "answer in parts", expect).line("answer", text);
        parts.iter().fold(vector, |vector, part| vector.line("part", part))
    }

    fn split(&self) -> Vec<String> {
        code_parts(&self.seal(&self.answer, &self.inviter).0, 619).unwrap()
    }

    fn parts(&self) -> Vec<Vector> {
        let parts = self.split();
        let backwards: Vec<String> = parts.iter().rev().cloned().collect();
        let run_together = vec![parts.concat().to_lowercase()];
        let twice = [&parts[..], &parts[1..2]].concat();
        vec![
            self.in_parts("enrolment_parts", "ok", &backwards),
            self.in_parts("enrolment_parts_run_together", "ok", &run_together),
            self.in_parts("enrolment_parts_twice", "ok", &twice),
            self.in_parts(
                "enrolment_parts_missing",
                "these are missing: 2",
                &[parts[0].clone(), parts[2].clone()],
            ),
            self.in_parts("enrolment_parts_only_one", "these are missing: 1, 3", &parts[1..2]),
        ]
    }

    fn bad_parts(&self) -> Vec<Vector> {
        let parts = self.split();
        let other = code_parts(&text("HSA1", &[7; 1_000]), 619).unwrap();
        let with = |n: usize, part: String| {
            let mut all = parts.clone();
            all[n] = part;
            all
        };
        let unclear = "has a part whose number is not clear";
        let renumber = |head: &str| with(1, parts[1].replacen("HSA1.2.3.", head, 1));
        let make =
            |name: &str, expect: &str, parts: Vec<String>| self.in_parts(name, expect, &parts);
        vec![
            make("enrolment_parts_slip", "part 2 has a slip in it", renumber("HSA1.2.3.A")),
            make("enrolment_parts_renumbered", "part 3 has a slip in it", renumber("HSA1.3.3.")),
            make("enrolment_parts_of_more", "part 2 has a slip in it", renumber("HSA1.2.4.")),
            make(
                "enrolment_parts_mixed",
                "has parts of different texts among its own",
                with(1, other[1].clone()),
            ),
            make("enrolment_parts_leading_zero", unclear, renumber("HSA1.02.3.")),
            make("enrolment_parts_number_0", unclear, renumber("HSA1.0.3.")),
            make("enrolment_parts_beyond", unclear, renumber("HSA1.4.3.")),
            make("enrolment_parts_of_one", unclear, vec![parts[0].replacen(".1.3.", ".1.1.", 1)]),
            make("enrolment_parts_of_256", unclear, renumber("HSA1.2.256.")),
        ]
    }
}
