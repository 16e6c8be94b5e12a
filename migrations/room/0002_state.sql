-- The states of rooms. A state event makes a group: the state after it, as what it changes
-- of the group before; every hundredth group in a chain holds the whole state (chain 0).
-- room_state is the current state; room_state_changes is what became of it, at the position
-- of the event that changed it, with event_pos 0 for a place that was left empty. A user's
-- stay is their membership now.
-- +goose Up
CREATE TABLE room_state_groups (
    id    BIGINT NOT NULL PRIMARY KEY,
    prev  BIGINT NOT NULL,
    chain BIGINT NOT NULL
);
CREATE TABLE room_group_state (
    state_group BIGINT NOT NULL,
    type        TEXT   NOT NULL,
    state_key   TEXT   NOT NULL,
    event_pos   BIGINT NOT NULL,
    PRIMARY KEY (state_group, type, state_key)
);
CREATE TABLE room_state (
    room      BIGINT NOT NULL,
    type      TEXT   NOT NULL,
    state_key TEXT   NOT NULL,
    event_pos BIGINT NOT NULL,
    PRIMARY KEY (room, type, state_key)
);
CREATE TABLE room_state_changes (
    room      BIGINT NOT NULL,
    type      TEXT   NOT NULL,
    state_key TEXT   NOT NULL,
    pos       BIGINT NOT NULL,
    event_pos BIGINT NOT NULL,
    PRIMARY KEY (room, type, state_key, pos)
);
CREATE INDEX room_state_changes_pos ON room_state_changes (room, pos);

CREATE TABLE room_stays (
    user_id    TEXT    NOT NULL,
    room       BIGINT  NOT NULL,
    membership TEXT    NOT NULL,
    event_pos  BIGINT  NOT NULL,
    local      BOOLEAN NOT NULL,
    forgotten  BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, room)
);
CREATE INDEX room_stays_room ON room_stays (room);
