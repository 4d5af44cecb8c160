//! Items by hand, column by column.

use haversack_wire::Reader;

use super::{Cast, Vector, opened, vector};
use crate::docs::ops::Shapes;
use crate::docs::words;
use crate::vectors::cast::{blob, list, varint};

pub(super) const DOCUMENTS: usize = 0;
pub(super) const CHANGES: usize = 1;
const HASHES: usize = 2;
const ACTORS: usize = 3;
pub(super) const SHAPES: usize = 4;
pub(super) const OBJECTS: usize = 5;
pub(super) const KEYS: usize = 6;
pub(super) const NUMBERS: usize = 7;
const BYTES: usize = 8;
pub(super) const TEXTS: usize = 9;
pub(super) const PREDECESSORS: usize = 10;

const COUNTS: usize = 11;

/// Twelve columns; of shapes, all, of which those are written that are not the usual.
#[derive(Clone, Default)]
pub(super) struct Columns([Vec<u8>; 12]);

impl Columns {
    pub(super) fn with(mut self, column: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.0[column] = bytes.as_ref().to_vec();
        self
    }

    pub(super) fn item(&self) -> Vec<u8> {
        let shapes = self.unusual();
        let column = |n: usize| if n == SHAPES { blob(&shapes) } else { blob(&self.0[n]) };
        (0..self.0.len()).flat_map(column).collect()
    }

    /// The item with this as its column 4.
    fn item_with_shapes(&self, bytes: &[u8]) -> Vec<u8> {
        let column = |n: usize| if n == SHAPES { blob(bytes) } else { blob(&self.0[n]) };
        (0..self.0.len()).flat_map(column).collect()
    }

    fn unusual(&self) -> Vec<u8> {
        let (mut out, mut shapes) = (Vec::new(), Shapes::default());
        let mut keys = Reader::new("keys", &self.0[KEYS]);
        for shape in self.0[SHAPES].chunks(2) {
            let key = keys.varint().unwrap_or(4);
            (0..[0, 1, 0, 2].get(key as usize).copied().unwrap_or(0))
                .for_each(|_| drop(keys.varint()));
            match shape.try_into() {
                Ok(shape) => shapes.write(&mut out, key, shape),
                Err(_) => out.extend([&[0], shape].concat()),
            }
        }
        out
    }
}

/// One document with one change, the author's first, of so many operations.
pub(super) fn one(operations: u64) -> Columns {
    let change = [&[1, 1, 0][..], &varint(operations)].concat();
    Columns::default().with(DOCUMENTS, document(1)).with(CHANGES, change)
}

fn document(changes: u8) -> Vec<u8> {
    list(&[[&[10; 16][..], &[changes]].concat()])
}

/// A put of `null` under a word of the list.
pub(super) const PUT_NULL: [u8; 2] = [1, 1];
/// The key `t`.
pub(super) const WORD_T: [u8; 1] = [4];

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let families = [whole(cast), shapes(cast), tables(cast), columns(cast), limits(cast)];
    families.into_iter().flatten().collect()
}

/// Every column and most forms: values of all kinds, foreign hashes, actors and objects, lists, predecessors short and long.
fn everything() -> Columns {
    let shapes: [[u8; 2]; 16] = [
        [0, 0],                    // root: make a map under a decimal key
        [1 | 2 << 4, 1],           // the object made last: null
        [1 | 1 << 4, 2],           // the same object: false
        [1 | 1 << 4, 3],           // true
        [1 | 1 << 4, 4],           // int
        [1 | 1 << 4, 5],           // uint
        [1 | 1 << 4, 6],           // f64
        [1 | 1 << 4, 7],           // inline text under an inline key
        [1 | 1 << 4, 8],           // word
        [1 | 1 << 4, 9],           // bytes
        [1 | 1 << 4, 10],          // timestamp
        [1 | 3 << 4, 11 | 2 << 4], // counter, in a foreign object, over two others
        [1 | 3 << 4 | 8, 12],      // something newer, at the head of a list
        [3 | 3 << 4, 1 << 4],      // delete an element
        [5 | 1 << 4, 4 | 15 << 4], // increment over fifteen others
        [2, 0],                    // a list
    ];
    let keys: [&[u8]; 16] = [
        &[1, 14],
        &[4],
        &[5],
        &[6],
        &[1, 1],
        &[1, 4],
        &[7],
        &[0],
        &[8],
        &[9],
        &[10],
        &[11],
        &[2],
        &[3, 40, 2],
        &[12],
        &[1, 0],
    ];
    let objects = [[30, 1], [31, 0], [31, 0]];
    let mut long = Vec::new();
    (0..15).for_each(|n: u8| long.extend([15 - n + 16, 1]));
    let numbers: [&[u8]; 10] =
        [&[13], &[0xac, 2], &[1], &[3], &[0xd0, 0x0f], &[9], &[12, 2], &[15], &[5], &[]];
    Columns::default()
        .with(DOCUMENTS, document(2))
        .with(CHANGES, [&[1, 100, 2, 1, 2, 16][..], &[4, 2, 0, 3, 0]].concat())
        .with(HASHES, [[1; 32], [2; 32], [3; 32]].concat())
        .with(ACTORS, [[1; 16], [2; 16]].concat())
        .with(SHAPES, shapes.concat())
        .with(OBJECTS, objects.concat())
        .with(KEYS, keys.concat())
        .with(NUMBERS, numbers.concat())
        .with(BYTES, [&1.5_f64.to_le_bytes()[..], b"abc", b"xy"].concat())
        .with(TEXTS, [blob(b"a key"), blob("τεξτ".as_bytes())].concat())
        .with(PREDECESSORS, [&[9, 1, 8, 2, 90, 0][..], &long].concat())
}

fn whole(cast: &Cast) -> Vec<Vector> {
    let empty = Columns::default().with(DOCUMENTS, [0]);
    vec![
        opened(cast, "changes_every_column", &everything().item()),
        opened(cast, "changes_of_nothing", &empty.item()),
        opened(cast, "changes_without_operations", &one(0).item()),
        vector(
            cast,
            "changes_eleven_columns",
            "ends too early",
            &one(0).item()[..one(0).item().len() - 1],
        ),
    ]
}

/// A shape that no writer makes; key and value as they would be.
fn shapes(cast: &Cast) -> Vec<Vector> {
    let put = |shape: [u8; 2]| one(1).with(SHAPES, shape).with(KEYS, WORD_T);
    let make =
        |name: &str, expect: &str, columns: Columns| vector(cast, name, expect, &columns.item());
    let lowest = "an object is not in its lowest form";
    let none = "a value stands where none belongs";
    let shape = "a shape is not given, or needlessly";
    let [line, service] =
        ["o.needle", "v.nsp"].map(|word| varint(words::number(word).unwrap() + 4));
    vec![
        make("changes_action_7", "an action is not known", put([7, 0])),
        make("changes_shape_of_unknown_bits", "a shape has bits that are not known", {
            put([1 | 1 << 6, 1])
        }),
        vector(cast, "changes_shape_missing", shape, &put([1, 1]).item_with_shapes(&[])),
        vector(cast, "changes_shape_needless", shape, &{
            one(2).with(KEYS, [4, 4]).item_with_shapes(&[0, 1, 1, 0, 1, 1])
        }),
        opened(cast, "changes_usual_shapes", &{
            let columns = one(4).with(SHAPES, [0, 0, 0x21, 1, 0x11, 5, 0x11, 3]);
            columns.with(KEYS, [&[1, 2, 4][..], &line, &service].concat()).with(COUNTS, [9]).item()
        }),
        make("changes_same_object_of_none", lowest, put([1 | 1 << 4, 1])),
        make("changes_same_object_of_the_root", lowest, {
            one(2).with(SHAPES, [1, 1, 1 | 1 << 4, 1]).with(KEYS, [4, 5])
        }),
        make("changes_made_object_of_none", "no object was made before", put([1 | 2 << 4, 1])),
        make("changes_value_kind_13", "a value kind is not known", put([1, 13])),
        make("changes_put_of_no_value", "a value kind is not known", put([1, 0])),
        make("changes_make_with_a_value", none, put([0, 1])),
        make("changes_increment_by_a_uint", "an increment is not an int", {
            put([5, 5]).with(NUMBERS, [1])
        }),
        make("changes_known_type_code", "a type code is one of Automerge's own", {
            put([1, 12]).with(NUMBERS, [9, 0])
        }),
        make(
            "changes_predecessors_not_short",
            "a count of predecessors is not in its short form",
            put([1, 1 | 15 << 4]).with(NUMBERS, [14]).with(PREDECESSORS, [1, 0].repeat(14)),
        ),
    ]
}

/// Hashes and actors, whose first uses come in order.
fn tables(cast: &Cast) -> Vec<Vector> {
    let make =
        |name: &str, expect: &str, columns: Columns| vector(cast, name, expect, &columns.item());
    let depends = |on: &[u8], hashes: &[[u8; 32]]| {
        let change = [&[1, 1][..], &list(&on.iter().map(|n| [*n]).collect::<Vec<_>>()), &[0]];
        one(0).with(CHANGES, change.concat()).with(HASHES, hashes.concat())
    };
    let by = |actors: &[[u8; 16]], objects: &[u8]| {
        let count = objects.len() / 2;
        one(count as u64)
            .with(ACTORS, actors.concat())
            .with(SHAPES, [1 | 3 << 4, 1].repeat(count))
            .with(OBJECTS, objects)
            .with(KEYS, WORD_T.repeat(count))
    };
    let order = "a table is not in order of first use";
    let twice = "a table has an entry twice";
    let unused = "a table has an entry that nothing uses";
    let own = super::author(cast).id().to_bytes().try_into().unwrap();
    vec![
        make("changes_hashes_out_of_order", order, depends(&[2, 1], &[[1; 32], [2; 32]])),
        make("changes_hash_beyond", "a place is not in its table", depends(&[1], &[])),
        make("changes_hash_unused", unused, depends(&[1], &[[1; 32], [2; 32]])),
        make("changes_hash_repeated", twice, depends(&[1, 2], &[[1; 32], [1; 32]])),
        make("changes_dependency_twice", "a dependency stands twice", depends(&[1, 1], &[[1; 32]])),
        make("changes_hash_cut", "ends too early", depends(&[], &[]).with(HASHES, [1; 31])),
        make("changes_actors_out_of_order", order, by(&[[1; 16], [2; 16]], &[9, 2, 9, 1])),
        make("changes_actor_beyond", "a place is not in its table", by(&[], &[9, 1])),
        make("changes_actor_unused", unused, by(&[[1; 16]], &[9, 0])),
        make("changes_actor_repeated", twice, by(&[[1; 16], [1; 16]], &[9, 1, 9, 2])),
        make("changes_author_among_actors", twice, by(&[own], &[9, 1])),
        make("changes_own_before_the_first", "a first change names one before it", {
            depends(&[0], &[])
        }),
    ]
}

/// Each column with something left, or something missing, or not in its form.
fn columns(cast: &Cast) -> Vec<Vector> {
    let put = || one(1).with(SHAPES, PUT_NULL).with(KEYS, WORD_T);
    let make =
        |name: &str, expect: &str, columns: Columns| vector(cast, name, expect, &columns.item());
    let left = "a column is not used up";
    let text =
        |bytes: &[u8]| one(1).with(SHAPES, [1, 7]).with(KEYS, WORD_T).with(TEXTS, blob(bytes));
    vec![
        make("changes_column_1_left", left, put().with(CHANGES, [1, 1, 0, 1, 0])),
        vector(cast, "changes_column_4_left", left, &put().item_with_shapes(&[0, 1, 1, 0, 1, 2])),
        vector(cast, "changes_shapes_run_past_the_end", left, &{
            put().item_with_shapes(&[0, 1, 1, 5, 1, 2])
        }),
        make("changes_column_5_left", left, put().with(OBJECTS, [1, 0])),
        make("changes_column_6_left", left, put().with(KEYS, [4, 5])),
        make("changes_column_7_left", left, put().with(NUMBERS, [1])),
        make("changes_column_8_left", left, put().with(BYTES, [1])),
        make("changes_column_9_left", left, put().with(TEXTS, [0])),
        make("changes_column_10_left", left, put().with(PREDECESSORS, [1, 0])),
        make("changes_column_11_left", left, put().with(COUNTS, [1])),
        make("changes_shapes_cut", "ends too early", put().with(SHAPES, [1])),
        make("changes_keys_cut", "ends too early", put().with(KEYS, [])),
        make("changes_not_minimal", "varint is not minimal", put().with(KEYS, [0x84, 0])),
        make("changes_number_of_65_bits", "varint is over 64 bits", {
            let number = [&[0xff; 9][..], &[2]].concat();
            one(1).with(SHAPES, [1, 5]).with(KEYS, WORD_T).with(NUMBERS, number)
        }),
        make("changes_text_not_utf8", "text is not UTF-8", text(b"\xff")),
        make("changes_unknown_word_as_key", "waits for a word", put().with(KEYS, varint(5_000))),
        make("changes_unknown_word_as_value", "waits for a word", {
            one(1).with(SHAPES, [1, 8]).with(KEYS, WORD_T).with(NUMBERS, varint(5_000))
        }),
        make("changes_decimal_key_below_0", "a decimal key is out of range", {
            put().with(KEYS, [1, 1])
        }),
        make("changes_decimal_key_too_large", "a decimal key is out of range", {
            put().with(KEYS, [&[1][..], &varint(1 << 33)].concat())
        }),
        make("changes_documents_unsorted", "is not strictly ascending", {
            let two = [[&[11; 16][..], &[1]].concat(), [&[10; 16][..], &[1]].concat()];
            one(0).with(DOCUMENTS, list(&two)).with(CHANGES, [1, 1, 0, 0, 1, 1, 0, 0])
        }),
        make("changes_document_of_none", "a document has no change", {
            Columns::default().with(DOCUMENTS, document(0))
        }),
        make("changes_predecessor_after", "a predecessor does not come before", {
            put().with(SHAPES, [1, 1 | 1 << 4]).with(PREDECESSORS, [1, 0])
        }),
        make("changes_predecessor_of_itself", "a predecessor does not come before", {
            put().with(SHAPES, [1, 1 | 1 << 4]).with(PREDECESSORS, [0, 0])
        }),
        make("changes_predecessors_unsorted", "predecessors are not strictly ascending", {
            let change = [1, 9, 0, 1];
            put()
                .with(CHANGES, change)
                .with(SHAPES, [1, 1 | 2 << 4])
                .with(PREDECESSORS, [1, 0, 2, 0])
        }),
        make("changes_object_0", "an op id is 0", {
            one(1).with(SHAPES, [1 | 3 << 4, 1]).with(OBJECTS, [0, 0]).with(KEYS, WORD_T)
        }),
    ]
}

fn limits(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, columns: Columns| vector(cast, name, "over a maximum", &columns.item());
    let first = |sequence: u64, start: u64, count: u64| {
        one(0).with(CHANGES, [varint(sequence), varint(start), varint(0), varint(count)].concat())
    };
    let put = |kind: u8| one(1).with(SHAPES, [1, kind]).with(KEYS, WORD_T);
    let long = vec![b'a'; 8_193];
    let nine = blob(&long[..8_192]).repeat(9);
    let zero = "a sequence or start op is 0";
    vec![
        make("changes_too_many_documents", Columns::default().with(DOCUMENTS, varint(4_097))),
        make("changes_too_many_operations", one(10_001)),
        make("changes_too_many_dependencies", {
            one(0).with(CHANGES, [varint(1), varint(1), varint(1_025)].concat())
        }),
        make("changes_too_many_predecessors", put(1 | 15 << 4).with(NUMBERS, varint(1_025))),
        make("changes_text_too_long", put(7).with(TEXTS, blob(&long))),
        make(
            "changes_key_too_long",
            one(1).with(SHAPES, [1, 1]).with(KEYS, [0]).with(TEXTS, blob(&long)),
        ),
        make("changes_bytes_too_long", put(9).with(NUMBERS, varint(8_193)).with(BYTES, &long)),
        make("changes_too_many_bytes", {
            one(9).with(SHAPES, [1, 7].repeat(9)).with(KEYS, WORD_T.repeat(9)).with(TEXTS, nine)
        }),
        make("changes_sequence_too_large", first(1 << 30, 1, 0)),
        make("changes_start_too_large", first(1, 1 << 30, 0)),
        make("changes_counter_too_large", {
            first(1, (1 << 30) - 1, 2).with(SHAPES, PUT_NULL.repeat(2)).with(KEYS, [4, 5])
        }),
        vector(cast, "changes_sequence_0", zero, &first(0, 1, 0).item()),
        vector(cast, "changes_start_0", zero, &first(1, 0, 0).item()),
    ]
}
