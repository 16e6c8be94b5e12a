-- What users keep at the server: their profiles, the filters of their clients, and
-- account data, global (no room) or of one room, each with the position at which it was
-- written, by which /sync finds what is new.
-- +goose Up
CREATE TABLE userdata_profiles (
    user_id TEXT NOT NULL,
    field   TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (user_id, field)
);

CREATE TABLE userdata_filters (
    user_id    TEXT   NOT NULL,
    filter_id  TEXT   NOT NULL,
    filter     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, filter_id)
);

CREATE TABLE userdata_account_data (
    user_id TEXT   NOT NULL,
    room_id TEXT   NOT NULL,
    type    TEXT   NOT NULL,
    content TEXT   NOT NULL,
    pos     BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_id, type)
);
CREATE INDEX userdata_account_data_pos ON userdata_account_data (user_id, pos);
