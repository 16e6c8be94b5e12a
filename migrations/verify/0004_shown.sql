-- To which homeservers control of an address was shown, in order to sign up or to attach it
-- to an account, and until when that counts: they may have its owner told of logins.
-- +goose Up
CREATE TABLE verify_shown (
    address_index BYTEA  NOT NULL,
    homeserver    TEXT   NOT NULL,
    until_ms      BIGINT NOT NULL,
    PRIMARY KEY (address_index, homeserver)
);
CREATE INDEX verify_shown_until ON verify_shown (until_ms);
