-- Backups of room keys, encrypted by clients: versions, and the keys of each. A version
-- that was deleted stays until its keys are gone, and its number is never given again.
-- +goose Up
CREATE TABLE roomkeys_numbers (
    user_id TEXT   NOT NULL PRIMARY KEY,
    last    BIGINT NOT NULL
);

CREATE TABLE roomkeys_backups (
    user_id   TEXT    NOT NULL,
    version   BIGINT  NOT NULL,
    algorithm TEXT    NOT NULL,
    auth_data TEXT    NOT NULL,
    etag      BIGINT  NOT NULL,
    keys      BIGINT  NOT NULL,
    deleted   BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, version)
);

CREATE TABLE roomkeys_keys (
    user_id             TEXT    NOT NULL,
    version             BIGINT  NOT NULL,
    room_id             TEXT    NOT NULL,
    session_id          TEXT    NOT NULL,
    is_verified         BOOLEAN NOT NULL,
    first_message_index BIGINT  NOT NULL,
    forwarded_count     BIGINT  NOT NULL,
    session_data        TEXT    NOT NULL,
    PRIMARY KEY (user_id, version, room_id, session_id)
);
