use std::collections::BTreeSet;

use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::*;

fn shares(seed: [u8; 32], needed: u8, all: u8, random: u64) -> Vec<RootShare> {
    let random = &mut ChaCha20Rng::seed_from_u64(random);
    split(&SignKey::from_seed(&seed), needed, all, random).unwrap()
}

/// Long multiplication and long division, as on paper.
fn on_paper(a: u8, b: u8) -> u8 {
    let products = (0..8).filter(|bit| b >> bit & 1 == 1).map(|bit| u16::from(a) << bit);
    let mut left = products.fold(0, |sum, product| sum ^ product);
    for bit in (8..16).rev() {
        left ^= if left >> bit & 1 == 1 { 0x11b << (bit - 8) } else { 0 };
    }
    left as u8
}

#[test]
fn is_the_field_of_aes() {
    for a in 0..=255 {
        (0..=255).for_each(|b| assert_eq!(multiply(a, b), on_paper(a, b), "{a} {b}"));
        assert_eq!(multiply(a, inverse(a)), u8::from(a > 0));
    }
    // FIPS 197, § 4.2.
    assert_eq!(multiply(0x57, 0x83), 0xc1);
}

/// With fewer shares than are needed, whatever they say, every key is as likely as every other: for each secret byte
/// there is exactly one choice of the random coefficients that gives these shares.
#[test]
fn too_few_shares_say_nothing() {
    for (one, other) in [(1, 2), (2, 3), (1, 16), (7, 12)] {
        let mut seen = BTreeSet::new();
        let value = |index: u8, [first, second]: [u8; 2]| {
            on_paper(index, first) ^ on_paper(on_paper(index, index), second)
        };
        for coefficients in 0..=u16::MAX {
            let coefficients = coefficients.to_le_bytes();
            seen.insert([value(one, coefficients), value(other, coefficients)]);
        }
        // Less the secret, which is added to both: so for each secret, each pair of values comes from one pair of coefficients.
        assert_eq!(seen.len(), 1 << 16, "shares {one} and {other} of three that are needed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_that_are_enough_give_the_key_back(
        seed in any::<[u8; 32]>(),
        (needed, all) in (2_u8..=16).prop_flat_map(|all| (2..=all, Just(all))),
        random in any::<u64>(),
        order in any::<prop::sample::Index>(),
    ) {
        let mut made = shares(seed, needed, all, random);
        prop_assert_eq!(made.len(), usize::from(all));
        let first = order.index(made.len());
        made.rotate_left(first);
        for count in 2..=made.len() {
            let joined = join(&made[..count]);
            match count >= needed.into() {
                true => prop_assert_eq!(*joined.unwrap().expose(), seed),
                false => {
                    let missing = matches!(joined, Err(Error::SharesMissing { .. }));
                    prop_assert!(missing);
                }
            }
        }
    }

    #[test]
    fn texts_are_read_back_and_slips_are_seen(
        seed in any::<[u8; 32]>(),
        at in any::<prop::sample::Index>(),
        to in "[A-Z2-7]",
        lower in any::<bool>(),
    ) {
        for share in shares(seed, 2, 3, 1) {
            let text = String::from_utf8(share.text().to_vec()).unwrap();
            let typed = if lower { text.to_lowercase().replace('-', "\r\n ") } else { text.clone() };
            prop_assert_eq!(&RootShare::parse(typed.as_bytes()).unwrap(), &share);
            let mut slip = text.clone();
            let at = at.index(text.len());
            slip.replace_range(at..=at, &to);
            let read = RootShare::parse(slip.as_bytes());
            let refused = matches!(read, Err(Error::Share { .. }));
            prop_assert!(slip == text || refused);
        }
    }

    #[test]
    fn never_panics(text in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = RootShare::parse(&text);
        let _ = RootShare::parse(&[b"HSS1-".as_slice(), &text].concat());
    }
}

#[test]
fn what_does_not_belong_together_is_said() {
    let fails = |shares: &[&RootShare]| {
        let shares: Vec<RootShare> = shares.iter().map(|share| (*share).clone()).collect();
        join(&shares).unwrap_err().to_string()
    };
    let [a, b] = [shares([1; 32], 2, 3, 1), shares([1; 32], 2, 3, 2)];
    let other = shares([2; 32], 2, 3, 1);
    let three = shares([1; 32], 3, 3, 1);
    insta::assert_snapshot!(fails(&[]), @"of the 2 shares that it takes, 0 are there");
    insta::assert_snapshot!(fails(&[&three[0], &three[2]]), @"of the 3 shares that it takes, 2 are there");
    insta::assert_snapshot!(fails(&[&a[0], &a[0]]), @"these shares have one among them twice");
    let mixed = "these shares do not belong together: they are of different splits";
    for pair in [[&a[0], &b[1]], [&a[0], &other[1]], [&a[0], &three[1]]] {
        assert_eq!(fails(&pair), mixed);
    }
    let mut changed = a[2].clone();
    changed.value[31] ^= 1;
    assert_eq!(fails(&[&a[0], &a[1], &changed]), mixed);
    let key = SignKey::from_seed(&[1; 32]);
    for (needed, all) in [(1, 3), (0, 0), (4, 3), (2, 17)] {
        let refused = split(&key, needed, all, &mut ChaCha20Rng::seed_from_u64(1)).unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"shares must be at most 16, and at least 2 of them, and no more than all, needed");
        }
    }
    let refused = |text: &str| RootShare::parse(text.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!(refused("HSA1-AAAAA"), @"this share is not one: it should begin with HSS1");
    insta::assert_snapshot!(refused("HSS1-AAAAA"), @"this share has a slip in it: compare it with the paper");
    insta::assert_snapshot!(refused(&"A".repeat(2_000)), @"this share is too long to be one");
}

/// § 9a by itself: a decoder that was written from the page.
#[test]
fn bytes_are_those_of_the_page() {
    let made = shares([0x42; 32], 2, 2, 7);
    insta::assert_debug_snapshot!(made[0], @"RootShare(1 of 2 needed, …)");
    let texts: Vec<String> =
        made.iter().map(|share| String::from_utf8(share.text().to_vec()).unwrap()).collect();
    insta::assert_snapshot!(texts.join("\n"), @"
    HSS1-AEK5Q-HDAAI-AVWBY-IMX2R-BO2H2-LLULF-CUJ6P-MVTDP-XL2TC-S6MWG-275EL-D4WEO-KCX6W-E22I
    HSS1-AEK5Q-HDAAI-BHBSG-WBQ36-NK2IP-FZUZ5-LOLDQ-USRIY-VE32I-UCFX6-3SD7Y-AC7GR-PUVJO-HTTG
    ");
    let raw: Vec<Vec<u8>> = texts
        .iter()
        .map(|text| BASE32_NOPAD.decode(text[5..].replace('-', "").as_bytes()).unwrap())
        .collect();
    for (raw, index) in raw.iter().zip([1, 2]) {
        assert_eq!((raw.len(), raw[0], raw[5], raw[6]), (43, 1, 2, index));
        let check = haversack_wire::hash::derive(Label::ROOT_SHARE_CHECK, &[&raw[..39]]);
        assert_eq!(raw[39..], check[..4]);
        let public = SignKey::from_seed(&[0x42; 32]).public();
        assert_eq!(raw[1..5], haversack_wire::hash::derive(Label::ROOT_SHARE_SET, &[&public])[..4]);
    }
    // Through (1, y₁) and (2, y₂): y₀ = y₁·2/3 + y₂·1/3, and 1/3 = 0xf6.
    for (one, two) in raw[0][7..39].iter().zip(&raw[1][7..39]) {
        assert_eq!(on_paper(*one, on_paper(2, 0xf6)) ^ on_paper(*two, 0xf6), 0x42);
    }
}
