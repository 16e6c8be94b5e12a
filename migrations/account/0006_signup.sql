-- A session of interactive authentication shows one CAPTCHA of an identity server at a time,
-- and keeps, sealed, what its stages have brought for what it is opened for. With an account
-- stands which version of which document its owner has accepted, and when.
-- +goose Up
ALTER TABLE account_uia ADD COLUMN captcha TEXT NOT NULL DEFAULT '';
ALTER TABLE account_uia ADD COLUMN kept    BYTEA;

CREATE TABLE account_terms (
    user_id     TEXT   NOT NULL,
    document    TEXT   NOT NULL,
    version     TEXT   NOT NULL,
    accepted_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, document, version)
);
