-- Who signs up may wish to be found by the address: that stands with the session (bind) and,
-- once they have the account, in a row of its own until the session's end. sealed is the session
-- and the address. state is waiting for the identity server, done, or withdrawn.
-- +goose Up
ALTER TABLE contact_sessions ADD COLUMN bind BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE contact_found (
    session_tag   BYTEA  NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL,
    id_server     TEXT   NOT NULL,
    address_index BYTEA  NOT NULL,
    sealed        BYTEA  NOT NULL,
    state         TEXT   NOT NULL,
    tries         BIGINT NOT NULL,
    due_ms        BIGINT NOT NULL,
    expires_ms    BIGINT NOT NULL
);
CREATE INDEX contact_found_due ON contact_found (state, due_ms);
CREATE INDEX contact_found_user ON contact_found (user_id);
