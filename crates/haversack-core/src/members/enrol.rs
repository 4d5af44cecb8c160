//! Enrolment by two codes, in person and without a network (PROTOCOL § 9).

use haversack_wire::Reader;
use haversack_wire::hash::{Label, derive, derive_cut};
use rand_core::CryptoRng;

use super::epoch::{put_epochs, put_statements, read_epochs, read_statements};
use super::grant::{GrantEntry, put_entries, read_entries};
use super::identity::Identity;
use super::parts::{ANSWER_MARK, REQUEST_MARK, from_text, to_text};
use crate::Error;
use crate::crypto::{
    AadLabel, OneTimeKey, Sealed, SignKey, WORD_LIST, message, open_with_psk, seal_with_psk, verify,
};

const VERSION: u8 = 1;
const REQUEST: &str = "request";
const ANSWER: &str = "answer";
/// Epoch statements in an answer.
const EPOCHS_MAX: usize = 64;

/// Six words that both sides compare aloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words([&'static str; 6]);

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// The words of a request and its answer: 66 bits of `derive("words", request ‖ answer)`, 11 a word, in
/// the English list of BIP-39.
pub(crate) fn words(request: &[u8], answer: &[u8]) -> Words {
    let list: Vec<&'static str> = WORD_LIST.lines().collect();
    let hash = derive(Label::WORDS, &[request, answer]);
    let bit = |n: usize| hash.get(n / 8).is_some_and(|byte| byte >> (7 - n % 8) & 1 == 1);
    Words(std::array::from_fn(|word| {
        let index = (0..11).fold(0, |index, n| index << 1 | usize::from(bit(word * 11 + n)));
        list.get(index).copied().unwrap_or_default()
    }))
}

/// A request that was shown and waits for its answer.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) one_time: OneTimeKey,
    pub(crate) request: Vec<u8>,
}

impl Pending {
    /// Makes this device's request.
    pub(crate) fn make(identity: &Identity, random: &mut dyn CryptoRng) -> Self {
        let one_time = OneTimeKey::make(random);
        let mut request = vec![VERSION];
        request.extend(identity.sign.public());
        request.extend(identity.kem.public());
        request.extend_from_slice(one_time.expose());
        let check: [u8; 4] = derive_cut(Label::REQUEST_CHECK, &[&request]);
        request.extend(check);
        Self { one_time, request }
    }

    pub(crate) fn text(&self) -> String {
        to_text(REQUEST_MARK, &self.request)
    }

    /// Opens the answer to this request.
    pub(crate) fn open(&self, identity: &Identity, text: &str) -> Result<(Answer, Words), Error> {
        let bytes = from_text(ANSWER_MARK, ANSWER, text)?;
        let refused = |why| Error::Enrolment { what: ANSWER, why };
        let mut r = Reader::new(ANSWER, &bytes);
        check_version(ANSWER, r.u8()?)?;
        let encapsulated = r.array()?;
        let id: [u8; 16] = psk_id(&self.request);
        let psk = (&self.one_time, &id);
        let plain =
            open_with_psk(&identity.kem, psk, &encapsulated, &info(&self.request), r.rest())
                .ok_or(refused("is for another request, or was changed on the way"))?;
        let answer = Answer::decode(&self.request, &plain)?;
        Ok((answer, words(&self.request, &bytes)))
    }
}

/// What a request asks with.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) device_key: [u8; 32],
    pub(crate) kem_key: [u8; 32],
    one_time: OneTimeKey,
    bytes: Vec<u8>,
}

impl Request {
    /// Reads a request. Length and check come first: a slip is said to be one, whatever it hit.
    pub(crate) fn from_text(text: &str) -> Result<Self, Error> {
        let bytes = from_text(REQUEST_MARK, REQUEST, text)?;
        let slip = Error::Enrolment { what: REQUEST, why: "has a slip in it: copy it again" };
        let Some((body, check)) = bytes.split_last_chunk::<4>() else { return Err(slip) };
        if *check != derive_cut(Label::REQUEST_CHECK, &[body]) {
            return Err(slip);
        }
        let mut r = Reader::new(REQUEST, body);
        check_version(REQUEST, r.u8()?)?;
        let (device_key, kem_key) = (r.array()?, r.array()?);
        let one_time = OneTimeKey::new(r.array()?);
        r.end()?;
        Ok(Self { device_key, kem_key, one_time, bytes })
    }

    /// Seals the answer to this request.
    pub(crate) fn answer(
        &self,
        answer: &Answer,
        inviter: &SignKey,
        random: &mut dyn CryptoRng,
    ) -> Result<(String, Words), Error> {
        let plain = answer.encode(&self.bytes, inviter);
        let id: [u8; 16] = psk_id(&self.bytes);
        let psk = (&self.one_time, &id);
        let Sealed { encapsulated, ciphertext } =
            seal_with_psk(&self.kem_key, psk, &info(&self.bytes), &plain, random)
                .ok_or(Error::Enrolment { what: REQUEST, why: "holds a key that is not one" })?;
        let bytes = [&[VERSION][..], &encapsulated, &ciphertext].concat();
        Ok((to_text(ANSWER_MARK, &bytes), words(&self.bytes, &bytes)))
    }
}

/// What an answer gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) root: [u8; 32],
    /// The inviter's whole roster, ascending by hash.
    pub(crate) statements: Vec<Vec<u8>>,
    pub(crate) grant: Vec<GrantEntry>,
    /// Epoch statements, ascending by hash.
    pub(crate) epochs: Vec<Vec<u8>>,
    pub(crate) inviter: [u8; 32],
}

impl Answer {
    fn encode(&self, request: &[u8], inviter: &SignKey) -> Vec<u8> {
        let mut out = self.root.to_vec();
        put_statements(&mut out, &self.statements);
        put_entries(&mut out, &self.grant);
        put_epochs(&mut out, &self.epochs);
        out.extend(self.inviter);
        let signature = inviter.sign(&signed(request, &out));
        out.extend(signature);
        out
    }

    fn decode(request: &[u8], bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(ANSWER, bytes);
        let answer = Self {
            root: r.array()?,
            statements: read_statements(&mut r)?,
            grant: read_entries(&mut r)?,
            epochs: read_epochs(&mut r, EPOCHS_MAX)?,
            inviter: r.array()?,
        };
        let body = bytes.get(..bytes.len() - r.rest().len()).unwrap_or_default();
        let signature = r.array()?;
        r.end()?;
        match verify(&answer.inviter, &signed(request, body), &signature) {
            true => Ok(answer),
            false => Err(Error::Enrolment { what: ANSWER, why: "is not signed by who sent it" }),
        }
    }
}

fn signed(request: &[u8], body: &[u8]) -> Vec<u8> {
    message(AadLabel::INVITATION, &[&derive(Label::REQUEST, &[request]), body])
}

fn info(request: &[u8]) -> Vec<u8> {
    AadLabel::INVITATION.with(&[&derive(Label::REQUEST, &[request])])
}

fn psk_id(request: &[u8]) -> [u8; 16] {
    derive_cut(Label::PSK_ID, &[request])
}

const fn check_version(what: &'static str, found: u8) -> Result<(), Error> {
    match found {
        VERSION => Ok(()),
        _ => Err(Error::Newer { what, found: found as u64 }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::statement::{Content, Role};
    use super::super::{Group, Held};
    use super::*;
    use crate::crypto::{EpochSecret, Real, SignKey};
    use crate::members::code_parts;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn answer(inviter: &SignKey) -> Answer {
        Answer {
            root: [1; 32],
            statements: vec![],
            grant: vec![GrantEntry::Epoch(EpochSecret::new([3; 32]))],
            epochs: vec![vec![4; 114]],
            inviter: inviter.public(),
        }
    }

    #[test]
    fn both_sides_see_the_same_words() {
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let (phone, admin) = (Identity::make(random), Identity::make(random));
        let pending = Pending::make(&phone, random);
        let request = Request::from_text(&pending.text()).unwrap();
        let (text, admins_words) =
            request.answer(&answer(&admin.sign), &admin.sign, random).unwrap();
        let pasted = text.to_lowercase().replace('-', " \n");
        let (got, phones_words) = pending.open(&phone, &pasted).unwrap();
        assert_eq!((got, phones_words), (answer(&admin.sign), admins_words));
    }

    #[test]
    fn refuses_other_phones_other_requests_slips_and_forgeries() {
        let random = &mut ChaCha20Rng::seed_from_u64(2);
        let (phone, admin) = (Identity::make(random), Identity::make(random));
        let pending = Pending::make(&phone, random);
        let request = Request::from_text(&pending.text()).unwrap();
        let (text, _) = request.answer(&answer(&admin.sign), &admin.sign, random).unwrap();
        let other = Pending::make(&phone, random);
        insta::assert_snapshot!(other.open(&phone, &text).unwrap_err(),
            @"this answer is for another request, or was changed on the way");
        let (forged, _) = request.answer(&answer(&admin.sign), &phone.sign, random).unwrap();
        insta::assert_snapshot!(pending.open(&phone, &forged).unwrap_err(),
            @"this answer is not signed by who sent it");
        let mut slip = pending.text();
        let wrong = if slip.remove(60) == 'A' { 'B' } else { 'A' };
        slip.insert(60, wrong);
        insta::assert_snapshot!(Request::from_text(&slip).unwrap_err(),
            @"this request has a slip in it: copy it again");
        insta::assert_snapshot!(Request::from_text("hello").unwrap_err(),
            @"this request is not one: it should begin with its mark");
    }

    /// Statements, bytes, characters, and how many codes of a picture (1,451 characters) and of a terminal (619).
    #[test]
    fn how_many_codes_an_answer_takes() {
        let random = &mut ChaCha20Rng::seed_from_u64(3);
        let (phone, admin) = (Identity::make(random), Identity::make(random));
        let pending = Pending::make(&phone, random);
        let request = Request::from_text(&pending.text()).unwrap();
        let mut sizes = vec![("request".to_owned(), pending.text())];
        for count in [2_u8, 10, 50] {
            let root = SignKey::from_seed(&[9; 32]);
            let first = (admin.sign.public(), admin.kem.public());
            let mut group = Group::found::<Real>(&root, first, vec![]).unwrap();
            for n in 2..count {
                let (device_key, kem_key) = ([n; 32], [n; 32]);
                let role = Some(Role::Educator);
                let add = Content::AddDevice { device_key, kem_key, role, may_rotate: false };
                group.say::<Real>(&admin.sign, add, None).unwrap();
            }
            let held = [group.mint::<Real>(&admin.sign, &Held::new(), random)].into();
            let table = group.table();
            let live = group.live(&table, &held).unwrap();
            let filled = Answer {
                statements: group.roster.statements().map(<[u8]>::to_vec).collect(),
                grant: group.entries(&live, &table, &held),
                epochs: table.lineage(&live.hash, EPOCHS_MAX),
                ..answer(&admin.sign)
            };
            let (text, _) = request.answer(&filled, &admin.sign, random).unwrap();
            sizes.push((format!("answer with {count} statements"), text));
        }
        let mut table = String::new();
        for (what, text) in sizes {
            let codes = |chars| code_parts(&text, chars).unwrap().len();
            let bytes = from_text(&text[..4], ANSWER, &text).unwrap().len();
            let (pictures, terminals) = (codes(1_451), codes(619));
            table += &format!("{what}: {bytes}, {}, {pictures}, {terminals}\n", text.len());
        }
        insta::assert_snapshot!(table, @"
        request: 101, 199, 1, 1
        answer with 2 statements: 682, 1315, 1, 2
        answer with 10 statements: 2146, 4125, 3, 6
        answer with 50 statements: 9466, 18180, 11, 26
        ");
    }

    #[test]
    fn the_word_list_is_whole() {
        let list: Vec<_> = WORD_LIST.lines().collect();
        assert_eq!((list.len(), list[0], list[2_047]), (2_048, "abandon", "zoo"));
    }
}
