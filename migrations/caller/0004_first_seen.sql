-- Since when a caller is known: homeservers by their names without a port, accounts
-- by the blind index of their ids, which tells nobody who was here after the last
-- token has ended. registered_ms is when the account last got a token.
-- +goose Up
CREATE TABLE caller_homeservers (
    server        TEXT   NOT NULL PRIMARY KEY,
    first_seen_ms BIGINT NOT NULL
);
CREATE TABLE caller_accounts (
    account_tag   BYTEA  NOT NULL PRIMARY KEY,
    first_seen_ms BIGINT NOT NULL,
    registered_ms BIGINT NOT NULL
);
CREATE INDEX caller_accounts_registered ON caller_accounts (registered_ms);
