-- At which identity servers people may be found by their addresses, which are encrypted as
-- in contact_addresses. Of accounts that have ended: at which identity servers nobody may be
-- found any more, whether that was told once, and when it is told next.
-- +goose Up
CREATE TABLE contact_bindings (
    user_id       TEXT  NOT NULL,
    id_server     TEXT  NOT NULL,
    address_index BYTEA NOT NULL,
    sealed        BYTEA NOT NULL,
    PRIMARY KEY (user_id, id_server, address_index)
);

CREATE TABLE contact_wishes (
    user_id   TEXT    NOT NULL,
    id_server TEXT    NOT NULL,
    told      BOOLEAN NOT NULL,
    tries     BIGINT  NOT NULL,
    due_ms    BIGINT  NOT NULL,
    PRIMARY KEY (user_id, id_server)
);
CREATE INDEX contact_wishes_due ON contact_wishes (due_ms);
