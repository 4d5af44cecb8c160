//! Files from anybody: whatever is in them, nothing is lost, nothing is believed that nobody signed, and the honest file after
//! it brings everything.

use haversack_core::Engine;
use haversack_wire::bundle;

use crate::fleet::Fleet;
use crate::removal::{log, same};
use crate::team::Team;

/// Makes of an honest file, and of one of another team, what is handed in.
type Make = fn(&[u8], &[u8]) -> Vec<u8>;

/// Whether it is taken at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// All of it.
    Wholly,
    /// As far as it goes, or as far as it is sound.
    Partly,
    /// Not at all, and nothing is changed.
    No,
}

use Taken::{No, Partly, Wholly};

fn frames(file: &[u8]) -> Vec<Vec<u8>> {
    bundle::decode(file).unwrap().frames.iter().map(|frame| frame.to_vec()).collect()
}

fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    bundle::encode(frames.iter().map(Vec::as_slice)).unwrap()
}

const FILES: &[(&str, Make, Taken)] = &[
    ("the honest one", |good, _| good.to_vec(), Wholly),
    ("one that is empty", |_, _| Vec::new(), No),
    ("a text", |_, _| b"Dear all, the records are attached.".to_vec(), No),
    ("another magic", |good, _| [b"HSX", &good[3..]].concat(), No),
    ("a newer version", |good, _| [&good[..3], &[9], &good[4..]].concat(), No),
    ("wrapped in what is not known", |good, _| [&good[..4], &[7], &good[5..]].concat(), No),
    ("cut in its middle", |good, _| good[..good.len() / 2].to_vec(), Partly),
    ("cut in its first record", |good, _| good[..40].to_vec(), Partly),
    ("cut in its count", |good, _| good[..good.len() - 2].to_vec(), Wholly),
    (
        "a count that is wrong",
        |good, _| [&good[..good.len() - 4], &9_999_u32.to_le_bytes()].concat(),
        Wholly,
    ),
    ("more behind the end", |good, _| [good, b"more"].concat(), Wholly),
    (
        "a record longer than any frame",
        |good, _| [&good[..5], &[0x81, 0x80, 0x04], &vec![1; 65_537], &good[5..]].concat(),
        No,
    ),
    (
        "a record of four gigabytes",
        |good, _| [&good[..5], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
        No,
    ),
    (
        "a length that is not minimal",
        |good, _| [&good[..5], &[0x80, 0x00], &good[5..]].concat(),
        No,
    ),
    (
        "its frames the other way round",
        |good, _| file(&frames(good).into_iter().rev().collect::<Vec<_>>()),
        Wholly,
    ),
    (
        "each frame a hundred times",
        |good, _| {
            file(&frames(good).into_iter().flat_map(|frame| vec![frame; 100]).collect::<Vec<_>>())
        },
        Wholly,
    ),
    (
        "a bit of each frame turned",
        |good, _| {
            let mut all = frames(good);
            all.iter_mut().for_each(|frame| *frame.last_mut().unwrap() ^= 1);
            file(&all)
        },
        Partly,
    ),
    (
        "each frame a byte short",
        |good, _| {
            let mut all = frames(good);
            all.iter_mut().for_each(|frame| frame.truncate(frame.len() - 1));
            file(&all)
        },
        No,
    ),
    ("the file of another team", |_, other| other.to_vec(), No),
    (
        "both teams' frames in one",
        |good, other| file(&[frames(good), frames(other)].concat()),
        Wholly,
    ),
    (
        "each frame under the nonce of the next one",
        |good, _| {
            let all = frames(good);
            let swapped = all
                .iter()
                .zip(all.iter().cycle().skip(1))
                .map(|(one, next)| [&one[..4], &next[4..40], &one[40..]].concat());
            file(&swapped.collect::<Vec<_>>())
        },
        No,
    ),
    (
        "a thousand frames of what nobody knows",
        |good, _| {
            let strange = (0..1_000_u32).map(|n| [&[0x63, 1], &n.to_le_bytes()[..]].concat());
            file(&frames(good).into_iter().chain(strange).collect::<Vec<_>>())
        },
        Wholly,
    ),
    (
        "names of paths",
        |good, _| {
            let path = b"\x63\x01../../../etc/passwd\0C:\\CON".to_vec();
            file(&[frames(good), vec![path]].concat())
        },
        Wholly,
    ),
];

/// What a device has.
fn content(engine: &mut Engine) -> (Vec<u8>, u64) {
    (engine.canonical().unwrap(), engine.contact_count().unwrap())
}

#[test]
fn each_does_no_harm_and_the_honest_one_brings_everything() {
    let (mut fleet, other) = (Fleet::new(), Team::new(1, 1));
    fleet.settle();
    let mut contacts = 0;
    for (day, (name, make, taken)) in (0..).zip(FILES) {
        log(&mut fleet, 1, day % 5);
        contacts += 1;
        let good = fleet.device(1).export_bundle().unwrap();
        let bad = make(&good, &other.coordinator.export_bundle().unwrap());
        let before = content(fleet.device(2));
        let outcome = fleet.device(2).import_bundle(&bad);
        let after = content(fleet.device(2));
        assert_eq!(outcome.is_err(), *taken == No, "{name}: {outcome:?}");
        match taken {
            No => assert_eq!(after, before, "{name}: nothing is changed"),
            Partly => assert!(after.1 >= before.1, "{name}: nothing is lost"),
            Wholly => assert_eq!(after.1, contacts, "{name}"),
        }
        assert!(fleet.device(2).import_bundle(&good).unwrap().whole);
        assert_eq!(fleet.device(2).contact_count().unwrap(), contacts, "{name}");
        assert_eq!(fleet.device(2).status().unwrap().waiting, 0, "{name}");
    }
    // An old file once more is nothing new, and takes nothing back.
    let old = fleet.device(1).export_bundle().unwrap();
    log(&mut fleet, 1, 1);
    let new = fleet.device(1).export_bundle().unwrap();
    fleet.device(2).import_bundle(&new).unwrap();
    let before = content(fleet.device(2));
    assert_eq!(fleet.device(2).import_bundle(&old).unwrap().received.applied, 0);
    assert_eq!(content(fleet.device(2)), before);
    fleet.settle();
    same(&mut fleet, &[0, 1, 2, 3]);
    assert!(FILES.len() > 15);
}
