-- To what kinds of addresses identity servers send codes, as they have said last: the media,
-- with a space in between. It holds while they cannot be asked, after a restart too.
-- +goose Up
CREATE TABLE contact_media (
    id_server TEXT NOT NULL PRIMARY KEY,
    media     TEXT NOT NULL
);
