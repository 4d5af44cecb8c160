-- A mailbox that something was pushed to.
CREATE TABLE mailbox (
    id     INTEGER PRIMARY KEY,
    name   BLOB    NOT NULL UNIQUE CHECK (length(name) = 16),
    cursor INTEGER NOT NULL CHECK (cursor >= 0),            -- frames stored so far
    digest BLOB    NOT NULL CHECK (length(digest) = 16),    -- the rolling hash there
    lanes  INTEGER NOT NULL CHECK (lanes BETWEEN 0 AND 4096)
) STRICT;

-- A lane, by the tag that a relay sees.
CREATE TABLE lane (
    id      INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    tag     BLOB    NOT NULL CHECK (length(tag) = 8),
    next    INTEGER NOT NULL CHECK (next BETWEEN 0 AND 4294967295), -- first sequence missing
    UNIQUE (mailbox, tag)
) STRICT;

-- A frame. Chunks have a lane and a sequence; others have neither.
CREATE TABLE frame (
    mailbox  INTEGER NOT NULL REFERENCES mailbox,
    cursor   INTEGER NOT NULL CHECK (cursor >= 1),
    hash     BLOB    NOT NULL CHECK (length(hash) = 16),
    digest   BLOB    NOT NULL CHECK (length(digest) = 16),  -- the rolling hash with this frame
    lane     INTEGER REFERENCES lane,
    sequence INTEGER CHECK (sequence BETWEEN 0 AND 4294967295),
    bytes    BLOB    NOT NULL CHECK (length(bytes) BETWEEN 2 AND 32768),
    UNIQUE (mailbox, cursor),
    CHECK ((lane IS NULL) = (sequence IS NULL))
) STRICT;

-- Each kind of frame is found again by one index: fewer pages are written for a push.
CREATE UNIQUE INDEX frame_on_lane ON frame (lane, sequence, hash) WHERE lane IS NOT NULL;
CREATE UNIQUE INDEX frame_loose ON frame (mailbox, hash) WHERE lane IS NULL;
