//! Changes that decode, and are not as their author's Automerge would have made them.

use super::columns::{
    CHANGES, DOCUMENTS, KEYS, NUMBERS, OBJECTS, PREDECESSORS, SHAPES, WORD_T, one,
};
use super::{Cast, Vector, opened, vector};

const REPLACES: &str = "an operation replaces other values than its author saw";
const NEWER: &str = "waits for something that is not here";

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, expect: &str, columns: super::columns::Columns| {
        vector(cast, name, expect, &columns.item())
    };
    let two = |changes: &[u8]| {
        one(0).with(DOCUMENTS, [&[1][..], &[10; 16], &[2]].concat()).with(CHANGES, changes)
    };
    let start = "a start op does not follow from what the change builds on";
    // Twice the same key: null, then null over it.
    let over = one(2).with(SHAPES, [1, 1, 1, 1 | 1 << 4]).with(KEYS, [4, 4]);
    let delete = one(2).with(SHAPES, [1, 1, 3, 1 << 4]).with(KEYS, [4, 4]);
    // A map in a map, and so on.
    let nest = |depth: u64| {
        let shapes = [&[0, 0][..], &[2 << 4, 0].repeat(depth as usize - 1)].concat();
        one(depth).with(SHAPES, shapes).with(KEYS, WORD_T.repeat(depth as usize))
    };
    vec![
        opened(cast, "changes_value_replaced", &over.clone().with(PREDECESSORS, [1, 0]).item()),
        opened(cast, "changes_value_deleted", &delete.clone().with(PREDECESSORS, [1, 0]).item()),
        opened(cast, "changes_deepest", &nest(6).item()),
        make("changes_too_deep", "objects are nested too deep", nest(7)),
        make("changes_start_ahead", start, {
            one(1).with(CHANGES, [1, 2, 0, 1]).with(SHAPES, [1, 1]).with(KEYS, WORD_T)
        }),
        make("changes_gap_between_two", start, two(&[1, 1, 0, 0, 2, 1, 0, 0])),
        make(
            "changes_second_depends_on_nothing",
            "a change does not build on its author's one before",
            two(&[1, 1, 0, 0, 0, 0, 0]),
        ),
        make("changes_value_not_replaced", REPLACES, {
            one(2).with(SHAPES, [1, 1, 1, 1]).with(KEYS, [4, 4])
        }),
        make("changes_value_of_another_key", REPLACES, {
            over.with(KEYS, [4, 5]).with(PREDECESSORS, [1, 0])
        }),
        make("changes_delete_of_nothing", REPLACES, one(1).with(SHAPES, [3, 0]).with(KEYS, WORD_T)),
        make("changes_object_not_here", "an operation is about an object that does not exist", {
            one(1).with(SHAPES, [1 | 3 << 4, 1]).with(OBJECTS, [9, 0]).with(KEYS, WORD_T)
        }),
        make("changes_object_is_a_value", "an operation is about an object that does not exist", {
            one(2).with(SHAPES, [1, 1, 1 | 3 << 4, 1]).with(OBJECTS, [1, 0]).with(KEYS, [4, 4])
        }),
        make("changes_of_a_list", NEWER, one(1).with(SHAPES, [2, 0]).with(KEYS, WORD_T)),
        make("changes_of_a_text", NEWER, one(1).with(SHAPES, [4, 0]).with(KEYS, WORD_T)),
        make("changes_with_an_increment", NEWER, {
            let shapes = [1, 11, 5, 4 | 1 << 4];
            let columns = one(2).with(SHAPES, shapes).with(KEYS, [4, 4]).with(NUMBERS, [2, 2]);
            columns.with(PREDECESSORS, [1, 0])
        }),
        make("changes_without_those_before", NEWER, one(0).with(CHANGES, [2, 1, 0, 0])),
    ]
}
