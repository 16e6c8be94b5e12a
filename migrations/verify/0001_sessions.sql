-- Verification sessions. The address is encrypted and found by a keyed index;
-- client secret, code and link token are kept as HMACs.
-- +goose Up
CREATE TABLE verify_sessions (
    sid             TEXT   NOT NULL PRIMARY KEY,
    medium          TEXT   NOT NULL,
    address_index   BYTEA  NOT NULL,
    address_sealed  BYTEA  NOT NULL,
    secret_mac      BYTEA  NOT NULL,
    caller          TEXT   NOT NULL,
    next_link       TEXT   NOT NULL,
    send_attempt    BIGINT NOT NULL,
    messages        BIGINT NOT NULL,
    sent_ms         BIGINT NOT NULL,
    code_mac        BYTEA  NOT NULL,
    code_expires_ms BIGINT NOT NULL,
    wrong_codes     BIGINT NOT NULL DEFAULT 0,
    link_mac        BYTEA  NOT NULL,
    link_expires_ms BIGINT NOT NULL,
    created_ms      BIGINT NOT NULL,
    changed_ms      BIGINT NOT NULL,
    validated_ms    BIGINT NOT NULL DEFAULT 0,
    spent_ms        BIGINT NOT NULL DEFAULT 0,
    UNIQUE (address_index, secret_mac, caller)
);
CREATE UNIQUE INDEX verify_link ON verify_sessions (link_mac);
CREATE INDEX verify_changed ON verify_sessions (changed_ms);
