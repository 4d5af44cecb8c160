//! The root key in shares, any k of n of which give it back, and fewer say nothing of it: Shamir's scheme over GF(2⁸)
//! (PROTOCOL § 9a).
//!
//! The arithmetic takes the same steps whatever the bytes are: no tables, no branches on them.

use data_encoding::BASE32_NOPAD;
use haversack_wire::hash::{Label, derive_cut};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{SignKey, bytes};
use crate::Error;

/// How a share begins.
const MARK: &[u8] = b"HSS1";
const VERSION: u8 = 1;
const CHECK: usize = 4;
/// version ‖ set ‖ needed ‖ index ‖ value ‖ check
const LEN: usize = 1 + 4 + 1 + 1 + 32 + CHECK;
/// LEN bytes in base32.
const CHARS: usize = (LEN * 8).div_ceil(5);
const GROUP: usize = 5;
/// A text with all that a reader ignores.
const TEXT_MAX: usize = 1_024;
/// The most shares that a key is split into.
const SHARES_MAX: u8 = 16;
const FIELD: &str = "shares";

/// One share of the root key. Gone from memory when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RootShare {
    set: [u8; 4],
    needed: u8,
    index: u8,
    value: [u8; 32],
}

impl RootShare {
    /// Which of the shares it is, from 1 on.
    #[must_use]
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// How many shares give the key back.
    #[must_use]
    pub const fn needed(&self) -> u8 {
        self.needed
    }

    /// Whether it is of the key with this public key.
    pub(crate) fn is_of(&self, public: &[u8; 32]) -> bool {
        self.set == set_of(public)
    }

    /// The share, to be printed: `HSS1-` and groups of five.
    #[must_use]
    pub fn text(&self) -> Zeroizing<Vec<u8>> {
        let mut raw = Zeroizing::new(Vec::with_capacity(LEN));
        raw.push(VERSION);
        raw.extend_from_slice(&self.set);
        raw.extend_from_slice(&[self.needed, self.index]);
        raw.extend_from_slice(&self.value);
        let check = check_of(&raw);
        raw.extend_from_slice(&check);
        let mut encoded = Zeroizing::new([0; CHARS]);
        BASE32_NOPAD.encode_mut(&raw, &mut *encoded);
        // Of a fixed length, so that no copy stays behind where a buffer grew.
        let mut text = Zeroizing::new(Vec::with_capacity(MARK.len() + 2 * CHARS));
        text.extend_from_slice(MARK);
        for group in encoded.chunks(GROUP) {
            text.push(b'-');
            text.extend_from_slice(group);
        }
        text
    }

    /// Reads a share, in any case, with any white space and hyphens in it.
    ///
    /// # Errors
    /// [`Error::Share`] for what is none, and for a slip.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let refused = |why| Error::Share { why };
        if text.len() > TEXT_MAX {
            return Err(refused("is too long to be one"));
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
        let counts = text.iter().filter(|c| !c.is_ascii_whitespace() && **c != b'-');
        plain.extend(counts.map(u8::to_ascii_uppercase));
        let encoded = plain.strip_prefix(MARK);
        let encoded = encoded.ok_or(refused("is not one: it should begin with HSS1"))?;
        let slip = || refused("has a slip in it: compare it with the paper");
        let mut raw = Zeroizing::new([0; LEN]);
        if encoded.len() != CHARS || BASE32_NOPAD.decode_mut(encoded, &mut *raw).is_err() {
            return Err(slip());
        }
        let (head, found) = raw.split_last_chunk::<CHECK>().ok_or_else(slip)?;
        match (*found == check_of(head), head.first()) {
            (true, Some(&VERSION)) => Self::read(head).ok_or_else(slip),
            (true, _) => Err(refused("is of a newer version of this program")),
            (false, _) => Err(slip()),
        }
    }

    /// What lies between the version and the check.
    fn read(head: &[u8]) -> Option<Self> {
        let (set, rest) = head.get(1..)?.split_first_chunk::<4>()?;
        let ([needed, index], value) = rest.split_first_chunk::<2>()?;
        let mut share = Self { set: *set, needed: *needed, index: *index, value: [0; 32] };
        let fits = (2..=SHARES_MAX).contains(needed) && (1..=SHARES_MAX).contains(index);
        share.value.copy_from_slice(value.first_chunk::<32>()?);
        fits.then_some(share)
    }
}

impl std::fmt::Debug for RootShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootShare({} of {} needed, …)", self.index, self.needed)
    }
}

/// `derive("root share set", root public key)[..4]`
fn set_of(public: &[u8; 32]) -> [u8; 4] {
    derive_cut(Label::ROOT_SHARE_SET, &[public])
}

/// `derive("root share check", all before it)[..4]`
fn check_of(head: &[u8]) -> [u8; CHECK] {
    derive_cut(Label::ROOT_SHARE_CHECK, &[head])
}

/// Splits a key into shares, `needed` of which give it back.
///
/// # Errors
/// [`Error::Invalid`] unless 2 ≤ needed ≤ shares ≤ 16.
pub(crate) fn split(
    key: &SignKey,
    needed: u8,
    shares: u8,
    random: &mut dyn CryptoRng,
) -> Result<Vec<RootShare>, Error> {
    if !(2 <= needed && needed <= shares && shares <= SHARES_MAX) {
        let rule = "must be at most 16, and at least 2 of them, and no more than all, needed";
        return Err(Error::invalid(FIELD, rule));
    }
    // The polynomials of the 32 bytes, side by side, from the highest power down; the constant is the key.
    let mut powers = Zeroizing::new(Vec::with_capacity(needed.into()));
    (1..needed).for_each(|_| powers.push(bytes::<32>(random)));
    powers.push(*key.expose());
    let set = set_of(&key.public());
    let share = |index| {
        let mut share = RootShare { set, needed, index, value: [0; 32] };
        for power in powers.iter() {
            for (value, coefficient) in share.value.iter_mut().zip(power) {
                *value = multiply(*value, index) ^ coefficient;
            }
        }
        share
    };
    Ok((1..=shares).map(share).collect())
}

/// The key that shares were made of.
///
/// # Errors
/// [`Error::Shares`] for shares that do not belong together or come twice, [`Error::SharesMissing`] for too few.
pub(crate) fn join(shares: &[RootShare]) -> Result<SignKey, Error> {
    const MIXED: Error =
        Error::Shares { why: "do not belong together: they are of different splits" };
    let Some(first) = shares.first() else {
        return Err(Error::SharesMissing { have: 0, needed: 2 });
    };
    if shares.iter().any(|share| (share.set, share.needed) != (first.set, first.needed)) {
        return Err(MIXED);
    }
    for (n, share) in shares.iter().enumerate() {
        if shares.iter().take(n).any(|before| before.index == share.index) {
            return Err(Error::Shares { why: "have one among them twice" });
        }
    }
    if shares.len() < first.needed.into() {
        return Err(Error::SharesMissing { have: shares.len() as u8, needed: first.needed });
    }
    let mut seed = Zeroizing::new([0; 32]);
    for share in shares {
        let weight = weight(share.index, shares);
        for (byte, value) in seed.iter_mut().zip(&share.value) {
            *byte ^= multiply(*value, weight);
        }
    }
    let key = SignKey::from_seed(&seed);
    match first.is_of(&key.public()) {
        true => Ok(key),
        false => Err(MIXED),
    }
}

/// What a share's value counts where the polynomial crosses zero (Lagrange).
fn weight(index: u8, shares: &[RootShare]) -> u8 {
    let others = shares.iter().map(|share| share.index).filter(|other| *other != index);
    others.fold(1, |weight, other| multiply(weight, multiply(other, inverse(other ^ index))))
}

/// The product in GF(2⁸) with x⁸ + x⁴ + x³ + x + 1.
fn multiply(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= a & 0_u8.wrapping_sub(b >> bit & 1);
        a = (a << 1) ^ (0x1b & 0_u8.wrapping_sub(a >> 7));
    }
    product
}

/// a²⁵⁴: what a has to be multiplied with to give 1; 0 for 0.
fn inverse(a: u8) -> u8 {
    let mut power = a;
    for _ in 0..6 {
        power = multiply(multiply(power, power), a);
    }
    multiply(power, power)
}

#[cfg(test)]
mod tests;
