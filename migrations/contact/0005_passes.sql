-- CAPTCHAs that were solved to sign up, by a tag of the network where that was: each covers a
-- message that is asked for from there.
-- +goose Up
CREATE TABLE contact_passes (
    network_tag BYTEA  NOT NULL,
    challenge   TEXT   NOT NULL,
    expires_ms  BIGINT NOT NULL,
    PRIMARY KEY (network_tag, challenge)
);
CREATE INDEX contact_passes_expires ON contact_passes (expires_ms);
