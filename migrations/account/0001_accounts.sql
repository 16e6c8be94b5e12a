-- People and what lets them in: accounts with their password hashes, devices with
-- the HMAC of their one access token, unfinished registrations, OpenID tokens, and
-- failed logins by a keyed index of the name that was tried.
-- +goose Up
CREATE TABLE account_users (
    user_id       TEXT   NOT NULL PRIMARY KEY,
    password_hash TEXT   NOT NULL,
    created_ms    BIGINT NOT NULL
);

CREATE TABLE account_devices (
    user_id      TEXT   NOT NULL,
    device_id    TEXT   NOT NULL,
    display_name TEXT   NOT NULL,
    token_mac    BYTEA  NOT NULL UNIQUE,
    created_ms   BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id)
);

CREATE TABLE account_uia (
    session_mac BYTEA  NOT NULL PRIMARY KEY,
    expires_ms  BIGINT NOT NULL
);
CREATE INDEX account_uia_expires ON account_uia (expires_ms);

CREATE TABLE account_openid (
    token_mac  BYTEA  NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    device_id  TEXT   NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX account_openid_device ON account_openid (user_id, device_id);
CREATE INDEX account_openid_expires ON account_openid (expires_ms);

CREATE TABLE account_attempts (
    name_index BYTEA  NOT NULL PRIMARY KEY,
    failures   BIGINT NOT NULL,
    open_ms    BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX account_attempts_changed ON account_attempts (changed_ms);
