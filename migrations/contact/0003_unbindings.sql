-- By which addresses people have wished to be found no more at which identity servers, and
-- when each is told next, and how often that has failed. Addresses are encrypted as in
-- contact_addresses.
-- +goose Up
CREATE TABLE contact_unbindings (
    user_id       TEXT   NOT NULL,
    id_server     TEXT   NOT NULL,
    address_index BYTEA  NOT NULL,
    sealed        BYTEA  NOT NULL,
    tries         BIGINT NOT NULL,
    due_ms        BIGINT NOT NULL,
    PRIMARY KEY (user_id, id_server, address_index)
);
CREATE INDEX contact_unbindings_due ON contact_unbindings (due_ms);
