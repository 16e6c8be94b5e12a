-- A device has pairs of an access and a refresh token: of those that it was given last,
-- the former pair stays good until the new one is used. One process has this database at
-- a time, and none has been released, so the table of devices is made anew.
-- +goose Up
CREATE TABLE account_tokens (
    token_mac   BYTEA  NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL,
    device_id   TEXT   NOT NULL,
    refresh_mac BYTEA  UNIQUE,
    parent_mac  BYTEA,
    expires_ms  BIGINT NOT NULL
);
CREATE INDEX account_tokens_device ON account_tokens (user_id, device_id);
CREATE INDEX account_tokens_parent ON account_tokens (parent_mac);
INSERT INTO account_tokens (token_mac, user_id, device_id, expires_ms)
    SELECT token_mac, user_id, device_id, 0 FROM account_devices;

CREATE TABLE account_devices_2 (
    user_id      TEXT   NOT NULL,
    device_id    TEXT   NOT NULL,
    display_name TEXT   NOT NULL,
    created_ms   BIGINT NOT NULL,
    seen_ms      BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id)
);
INSERT INTO account_devices_2 (user_id, device_id, display_name, created_ms, seen_ms)
    SELECT user_id, device_id, display_name, created_ms, created_ms FROM account_devices;
DROP TABLE account_devices;
ALTER TABLE account_devices_2 RENAME TO account_devices;
