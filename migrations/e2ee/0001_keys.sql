-- Public keys of devices and of users, apart from their signatures: a key as its
-- signatures cover it, each signature a row by the names of both keys. One-time keys
-- wait to be given out once; the names of the latest ones that were are remembered, so
-- that an upload that is repeated brings none of them back.
-- +goose Up
CREATE TABLE e2ee_devices (
    user_id   TEXT  NOT NULL,
    device_id TEXT  NOT NULL,
    signed    TEXT  NOT NULL,
    ed25519   BYTEA NOT NULL,
    PRIMARY KEY (user_id, device_id)
);

CREATE TABLE e2ee_cross_signing (
    user_id TEXT  NOT NULL,
    usage   TEXT  NOT NULL,
    name    TEXT  NOT NULL,
    signed  TEXT  NOT NULL,
    ed25519 BYTEA NOT NULL,
    PRIMARY KEY (user_id, usage)
);

CREATE TABLE e2ee_signatures (
    target_user TEXT NOT NULL,
    target_key  TEXT NOT NULL,
    signer_user TEXT NOT NULL,
    signer_key  TEXT NOT NULL,
    signature   TEXT NOT NULL,
    PRIMARY KEY (target_user, signer_user, target_key, signer_key)
);
CREATE INDEX e2ee_signatures_signer ON e2ee_signatures (signer_user, signer_key);

CREATE TABLE e2ee_one_time_keys (
    user_id   TEXT   NOT NULL,
    device_id TEXT   NOT NULL,
    algorithm TEXT   NOT NULL,
    key_id    TEXT   NOT NULL,
    pos       BIGINT NOT NULL,
    json      TEXT   NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm, key_id)
);
CREATE INDEX e2ee_one_time_keys_order ON e2ee_one_time_keys (user_id, device_id, algorithm, pos, key_id);

CREATE TABLE e2ee_given_keys (
    user_id   TEXT   NOT NULL,
    device_id TEXT   NOT NULL,
    algorithm TEXT   NOT NULL,
    key_id    TEXT   NOT NULL,
    pos       BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm, key_id)
);

CREATE TABLE e2ee_fallback_keys (
    user_id   TEXT    NOT NULL,
    device_id TEXT    NOT NULL,
    algorithm TEXT    NOT NULL,
    key_id    TEXT    NOT NULL,
    json      TEXT    NOT NULL,
    used      BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm)
);

-- Where in the stream a user's list of devices and keys changed last, for everybody where
-- viewer is empty, or for that one user who alone sees what changed.
CREATE TABLE e2ee_lists (
    viewer  TEXT   NOT NULL,
    user_id TEXT   NOT NULL,
    pos     BIGINT NOT NULL,
    PRIMARY KEY (viewer, user_id)
);
CREATE INDEX e2ee_lists_pos ON e2ee_lists (viewer, pos);
