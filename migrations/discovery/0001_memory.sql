-- What an account, or a homeserver for itself, has looked up in an epoch of the pepper, as a
-- keyed filter: it tells whether a hash was asked for before and cannot be read as a list.
-- units is how many were, ahead how many further ones are paid for, granted how many of
-- those to pay for are free for the account itself, since a new pepper makes it ask anew.
-- +goose Up
CREATE TABLE discovery_memory (
    asker_tag BYTEA  NOT NULL,
    epoch     BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    asked     BYTEA  NOT NULL,
    units     BIGINT NOT NULL,
    ahead     BIGINT NOT NULL,
    granted   BIGINT NOT NULL,
    PRIMARY KEY (asker_tag, epoch)
);
