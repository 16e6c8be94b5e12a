-- Rooms and their events. A room's number is the position of its m.room.create, an event's
-- position its place in the stream: negative, counting down, for what was fetched later
-- from other servers, which /sync never tells. extremities are the ids of the events that
-- nothing follows yet, separated by spaces. state_group is the state after the event, 0
-- where it is not known; replaces the position of the state event whose place it took;
-- redacted_by that of the m.room.redaction that json already obeys; txn the device id and
-- the transaction id, separated by a space, of what a client of ours sent.
-- +goose Up
CREATE TABLE room_rooms (
    nid         BIGINT  NOT NULL PRIMARY KEY,
    room_id     TEXT    NOT NULL UNIQUE,
    version     BIGINT  NOT NULL,
    extremities TEXT    NOT NULL,
    last        BIGINT  NOT NULL,
    listed      BOOLEAN NOT NULL
);
CREATE TABLE room_events (
    pos         BIGINT NOT NULL,
    room        BIGINT NOT NULL,
    event_id    TEXT   NOT NULL UNIQUE,
    type        TEXT   NOT NULL,
    state_key   TEXT,
    ts          BIGINT NOT NULL,
    state_group BIGINT NOT NULL,
    flags       BIGINT NOT NULL,
    replaces    BIGINT NOT NULL,
    redacted_by BIGINT NOT NULL,
    txn         TEXT   NOT NULL,
    json        BYTEA  NOT NULL,
    PRIMARY KEY (room, pos)
);
CREATE INDEX room_events_ts ON room_events (room, ts);

CREATE TABLE room_transactions (
    txn_hash   BYTEA  NOT NULL PRIMARY KEY,
    event_id   TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX room_transactions_created ON room_transactions (created_ms);
