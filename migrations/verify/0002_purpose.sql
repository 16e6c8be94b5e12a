-- A session has a purpose and, where it is another than the caller's own account, a user
-- whom it is for; both are part of what makes two requests the same, so the table is made
-- anew: SQLite cannot change a constraint. It is renamed first, which waits for those who
-- write it and lets nobody write it afterwards. asker is the keyed tag of whom its requests
-- are told from others by; stop_mac finds the session of a "this was not me" link. tried is
-- the SMS providers that were asked, one a line. Old sessions are found by a walk.
-- +goose Up
ALTER TABLE verify_sessions RENAME TO verify_sessions_1;
CREATE TABLE verify_sessions (
    sid             TEXT    NOT NULL PRIMARY KEY,
    medium          TEXT    NOT NULL,
    address_index   BYTEA   NOT NULL,
    address_sealed  BYTEA   NOT NULL,
    secret_mac      BYTEA   NOT NULL,
    caller          TEXT    NOT NULL,
    purpose         TEXT    NOT NULL DEFAULT 'verify',
    user_id         TEXT    NOT NULL DEFAULT '',
    asker           BYTEA   NOT NULL DEFAULT '',
    next_link       TEXT    NOT NULL,
    send_attempt    BIGINT  NOT NULL,
    messages        BIGINT  NOT NULL,
    sent_ms         BIGINT  NOT NULL,
    tried           TEXT    NOT NULL DEFAULT '',
    code_mac        BYTEA   NOT NULL,
    code_expires_ms BIGINT  NOT NULL,
    wrong_codes     BIGINT  NOT NULL DEFAULT 0,
    raised          BOOLEAN NOT NULL DEFAULT FALSE,
    link_mac        BYTEA   NOT NULL,
    link_expires_ms BIGINT  NOT NULL,
    stop_mac        BYTEA   NOT NULL DEFAULT '',
    created_ms      BIGINT  NOT NULL,
    changed_ms      BIGINT  NOT NULL,
    validated_ms    BIGINT  NOT NULL DEFAULT 0,
    spent_ms        BIGINT  NOT NULL DEFAULT 0,
    stopped_ms      BIGINT  NOT NULL DEFAULT 0,
    UNIQUE (address_index, secret_mac, caller, purpose, user_id)
);
INSERT INTO verify_sessions (sid, medium, address_index, address_sealed, secret_mac, caller, next_link, send_attempt, messages, sent_ms,
    code_mac, code_expires_ms, wrong_codes, link_mac, link_expires_ms, created_ms, changed_ms, validated_ms, spent_ms)
SELECT sid, medium, address_index, address_sealed, secret_mac, caller, next_link, send_attempt, messages, sent_ms,
    code_mac, code_expires_ms, wrong_codes, link_mac, link_expires_ms, created_ms, changed_ms, validated_ms, spent_ms
FROM verify_sessions_1;
DROP TABLE verify_sessions_1;
CREATE UNIQUE INDEX verify_link ON verify_sessions (link_mac);
CREATE INDEX verify_stop ON verify_sessions (stop_mac);
CREATE INDEX verify_asker ON verify_sessions (asker, sent_ms);

-- Addresses that are sent nothing for a while, each with why: their owner wants it, or
-- their mail server knows no such mailbox.
CREATE TABLE verify_suppressions (
    address_index BYTEA  NOT NULL,
    reason        TEXT   NOT NULL,
    until_ms      BIGINT NOT NULL,
    PRIMARY KEY (address_index, reason)
);
