-- Since when a caller is known: homeservers by their names without a port, accounts
-- by the blind index of their ids, which tells nobody who was here after the last
-- token has ended. registered_ms is when the account last got a token, seen_ms when a
-- homeserver last vouched for a user or signed a call, within a day, so that those which
-- stay away are forgotten.
-- +goose Up
CREATE TABLE caller_homeservers (
    server        TEXT   NOT NULL PRIMARY KEY,
    first_seen_ms BIGINT NOT NULL,
    seen_ms       BIGINT NOT NULL
);
CREATE INDEX caller_homeservers_seen ON caller_homeservers (seen_ms);
CREATE TABLE caller_accounts (
    account_tag   BYTEA  NOT NULL PRIMARY KEY,
    first_seen_ms BIGINT NOT NULL,
    registered_ms BIGINT NOT NULL
);
CREATE INDEX caller_accounts_registered ON caller_accounts (registered_ms);
