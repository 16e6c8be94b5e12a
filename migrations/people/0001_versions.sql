-- The log of people's keys, by label and version. A label is an address, a user id, or who
-- is behind an address; its tag is a keyed index, and what it says is sealed, empty once it
-- was erased. A version of position 0 waits to be logged (0 is the log's CONFIG); those of a
-- label are logged in the order of queued_ms and version. Without its opening nothing tells
-- what a version's commitment in the log is to: an erasure empties opening and value, and
-- what it puts in their place is prepared, as it stands in the log, while the label is known.
-- A recovery is a version that waits until its owner may not object any more.
-- +goose Up
CREATE TABLE people_state (
    id            BIGINT NOT NULL PRIMARY KEY,
    feed_position BIGINT NOT NULL,
    skipped       BIGINT NOT NULL,
    erasures      BIGINT NOT NULL
);
INSERT INTO people_state (id, feed_position, skipped, erasures) VALUES (1, 0, 0, 0);
CREATE TABLE people_labels (
    label_tag    BYTEA  NOT NULL PRIMARY KEY,
    label_sealed BYTEA  NOT NULL,
    next_version BIGINT NOT NULL,
    queued_ms    BIGINT NOT NULL
);
CREATE TABLE people_versions (
    label_tag      BYTEA  NOT NULL,
    version        BIGINT NOT NULL,
    position       BIGINT NOT NULL,
    queued_ms      BIGINT NOT NULL,
    user_tag       BYTEA  NOT NULL,
    session_id     TEXT   NOT NULL,
    prepared       BYTEA  NOT NULL,
    opening_sealed BYTEA  NOT NULL,
    value_sealed   BYTEA  NOT NULL,
    PRIMARY KEY (label_tag, version)
);
CREATE INDEX people_versions_pending ON people_versions (queued_ms, version, label_tag) WHERE position = 0;
CREATE INDEX people_versions_user ON people_versions (user_tag);
CREATE TABLE people_recoveries (
    label_tag    BYTEA  NOT NULL PRIMARY KEY,
    label_sealed BYTEA  NOT NULL,
    version      BIGINT NOT NULL,
    due_ms       BIGINT NOT NULL,
    user_tag     BYTEA  NOT NULL,
    session_id   TEXT   NOT NULL,
    value_sealed BYTEA  NOT NULL
);
CREATE INDEX people_recoveries_due ON people_recoveries (due_ms);
CREATE INDEX people_recoveries_user ON people_recoveries (user_tag);
