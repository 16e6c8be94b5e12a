-- Who may call: access tokens by the HMAC of their text, and the documents that
-- each user has accepted.
-- +goose Up
CREATE TABLE caller_tokens (
    token_mac  BYTEA  NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    seen_ms    BIGINT NOT NULL
);
CREATE INDEX caller_tokens_user ON caller_tokens (user_id);
CREATE INDEX caller_tokens_seen ON caller_tokens (seen_ms);
CREATE TABLE caller_accepted (
    user_id     TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    accepted_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, url)
);
