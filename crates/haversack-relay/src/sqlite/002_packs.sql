-- Parts of packs go only to whoever asks for them. Of what was dropped two zeros are left, its hash and its digest.
ALTER TABLE frame ADD COLUMN pack INTEGER NOT NULL DEFAULT 0 CHECK (pack IN (0, 1));
ALTER TABLE frame ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0 CHECK (dropped IN (0, 1));

-- What the last retire of a mailbox named: dropped at the next one.
CREATE TABLE retired (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    tag     BLOB    NOT NULL CHECK (length(tag) = 8),
    next    INTEGER NOT NULL CHECK (next BETWEEN 0 AND 4294967295),
    PRIMARY KEY (mailbox, tag)
) STRICT, WITHOUT ROWID;
