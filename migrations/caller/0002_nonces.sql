-- What homeservers have signed once: the nonce of each call that may not be
-- repeated, until its time alone refuses it.
-- +goose Up
CREATE TABLE caller_nonces (
    server     TEXT   NOT NULL,
    nonce      TEXT   NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (server, nonce)
);
CREATE INDEX caller_nonces_expires ON caller_nonces (expires_ms);
