//! Test vectors for a second implementation: `fixtures/vectors/`, self-describing, pinned here.
//!
//! Each file says what it is, what a reader must make of it (`expect: ok`, or the reason of a refusal), and
//! the bytes. `HAVERSACK_WRITE_VECTORS=1 cargo test -p haversack-core --lib vectors` writes them anew; without it they
//! are compared, so a changed byte is a decision. Every one, good or broken, is also given to the readers of this crate,
//! which must come to what it states.

mod bodies;
mod cast;
mod changes;
mod chunks;
mod derivations;
mod drops;
mod enrolment;
mod epochs;
mod exchange;
mod grants;
mod headers;
mod meetings;
mod packs;
mod read;
mod rosters;
mod segments;
mod statements;
mod vector;
mod wrapped;

use std::collections::BTreeSet;
use std::path::PathBuf;

use vector::Vector;

fn all() -> Vec<Vector> {
    let cast = cast::cast();
    let families = [
        derivations::vectors(&cast),
        headers::vectors(),
        statements::vectors(&cast),
        rosters::vectors(),
        epochs::vectors(&cast),
        grants::vectors(&cast),
        segments::vectors(&cast),
        chunks::vectors(&cast),
        bodies::vectors(&cast),
        drops::vectors(&cast),
        changes::vectors(&cast),
        enrolment::vectors(&cast),
        packs::vectors(&cast),
        exchange::vectors(),
        meetings::vectors(&cast),
        wrapped::vectors(),
    ];
    families.into_iter().flatten().collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors")
}

#[test]
fn the_vectors_are_those_in_the_fixtures() {
    let write = std::env::var_os("HAVERSACK_WRITE_VECTORS").is_some();
    let vectors = all();
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), vectors.len(), "two vectors have one name");
    for vector in &vectors {
        let file = folder().join(format!("{}.txt", vector.name));
        if write {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&file, vector.text()).unwrap();
        }
        let pinned = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(pinned, vector.text(), "{}", vector.name);
    }
    assert_eq!(std::fs::read_dir(folder()).unwrap().count(), vectors.len());
}

#[test]
fn every_vector_does_here_what_it_states() {
    let mut wrong = Vec::new();
    for vector in all() {
        let found = read::read(&vector).err().unwrap_or_else(|| "ok".to_owned());
        if found != vector.expect() {
            wrong.push(format!("{}: {found}, not {}", vector.name, vector.expect()));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
