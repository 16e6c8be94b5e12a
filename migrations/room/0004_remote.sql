-- Events that came from other servers. place is where an event stands in the timeline, 0
-- for where pos says, which is so of all that was sent in one line: history that was
-- fetched later counts down from below 0, and an event beside that line has the place that
-- it came at; the state it was sent in is that of its state_group. A gap is an event that
-- another cites and that is not here. An event of room_redactions_ahead was redacted
-- before it came. room_invited is what a user is shown of a room into which this server was
-- not let yet: a JSON array of stripped state.
-- +goose Up
ALTER TABLE room_events ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
CREATE INDEX room_events_place ON room_events (room, place) WHERE place <> 0;

CREATE TABLE room_gaps (
    room     BIGINT NOT NULL,
    event_id TEXT   NOT NULL,
    place    BIGINT NOT NULL,
    PRIMARY KEY (room, event_id)
);
CREATE TABLE room_redactions_ahead (
    room      BIGINT NOT NULL,
    event_id  TEXT   NOT NULL,
    redaction TEXT   NOT NULL,
    PRIMARY KEY (room, event_id)
);
CREATE TABLE room_invited (
    room    BIGINT NOT NULL,
    user_id TEXT   NOT NULL,
    state   BYTEA  NOT NULL,
    PRIMARY KEY (room, user_id)
);
