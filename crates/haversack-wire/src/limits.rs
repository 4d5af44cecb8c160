//! Every maximum of the protocol (§ 12). Bytes unless the name says otherwise.

/// A sealed frame, whole.
pub const FRAME_MAX: usize = 32_768;
/// The smallest sealed frame: the floor of the padding.
pub const FRAME_MIN: usize = 256;
/// A body, a roster segment's content, any raw envelope.
pub const RAW_MAX: usize = 262_144;
/// Items in a body.
pub const ITEMS_MAX: usize = 32;
/// Documents in a changes item.
pub const DOCUMENTS_MAX: usize = 4_096;
/// Operations of one document in one body.
pub const OPERATIONS_MAX: usize = 10_000;
/// Decoded bytes of one document's operations in one body.
pub const OPERATION_BYTES_MAX: usize = 65_536;
/// Levels of nesting in a document.
pub const DEPTH_MAX: usize = 6;
/// A string, a byte value or a map key.
pub const VALUE_MAX: usize = 8_192;
/// Predecessors of one operation.
pub const PREDECESSORS_MAX: usize = 1_024;
/// Dependencies of one change.
pub const DEPENDENCIES_MAX: usize = 1_024;
/// Entries of a body's vector, and lanes in a mailbox.
pub const LANES_MAX: usize = 4_096;
/// Statements in a roster.
pub const STATEMENTS_MAX: usize = 4_096;
/// Parents of a statement.
pub const STATEMENT_PARENTS_MAX: usize = 64;
/// Roster heads in a body or an epoch statement.
pub const HEADS_MAX: usize = 1_024;
/// Lanes in a cut.
pub const CUT_MAX: usize = 200;
/// A statement's payload.
pub const STATEMENT_MAX: usize = 4_096;
/// Segments of a roster.
pub const ROSTER_SEGMENTS_MAX: usize = 64;
/// Devices in a space.
pub const DEVICES_MAX: usize = 1_024;
/// Relays named by one statement.
pub const RELAYS_MAX: usize = 8;
/// Addresses of one relay, and pins.
pub const ADDRESSES_MAX: usize = 4;
/// Entries of a grant.
pub const GRANT_ENTRIES_MAX: usize = 64;
/// Parents of an epoch.
pub const PARENTS_MAX: usize = 16;
/// Epoch statements that a device remembers.
pub const EPOCHS_MAX: usize = 1_024;
/// Epoch statements in one roster segment.
pub const LINEAGE_MAX: usize = 128;
/// Depth of an epoch.
pub const EPOCH_DEPTH_MAX: u64 = 1 << 32;
/// Mailboxes in one request.
pub const SECTIONS_MAX: usize = 16;
/// Frames pushed in one request.
pub const PUSH_FRAMES_MAX: usize = 4_096;
/// A request's body.
pub const REQUEST_MAX: usize = 16 << 20;
/// An admission token.
pub const ADMISSION_MAX: usize = 64;
/// One part of an answer.
pub const PART_MAX: usize = 65_536;
/// Frames in a bundle.
pub const BUNDLE_FRAMES_MAX: usize = 1 << 20;
/// Drops in one body, on their way or carried.
pub const DROPS_MAX: usize = 256;
/// Changes of a note, sealed in a drop: what is carried must fit a body beside what else every body has.
pub const NOTE_MAX: usize = 8_192;
/// The ciphertext of a drop.
pub const DROP_MAX: usize = 8_704;
/// Statements that say who the author of a drop is.
pub const PROOF_MAX: usize = 64;
/// Bytes of these statements.
pub const PROOF_BYTES_MAX: usize = 8_192;
/// Different chunks that a relay keeps for one lane position.
pub const CANDIDATES_MAX: usize = 4;
/// Chunks of one lane that may wait for what is missing before them.
pub const WAITING_MAX: usize = 256;
/// Segments of a pack: as many as a manifest of one frame names.
pub const PACK_SEGMENTS_MAX: usize = 1_536;
/// Frames of older packs that one retire names.
pub const RETIRED_FRAMES_MAX: usize = 1_920;
/// Authors of a pack segment.
pub const PACK_AUTHORS_MAX: usize = 1_024;
