-- Invitations for addresses whose owners are not there yet. Who is invited, by whom and
-- where to stands sealed in content_sealed; address, sender, token and keys are found by
-- keyed tags. key_sealed is the private half of the ephemeral key, which the message of a
-- re-send carries again, since the public half stands in the room already; it is emptied
-- as soon as the invitation ends. batch is the notice to a homeserver that the row is
-- part of.
-- +goose Up
CREATE TABLE invite_invitations (
    id             TEXT   NOT NULL PRIMARY KEY,
    token_mac      BYTEA  NOT NULL,
    link_mac       BYTEA  NOT NULL,
    key_index      BYTEA  NOT NULL,
    address_index  BYTEA  NOT NULL,
    sender_index   BYTEA  NOT NULL,
    content_sealed BYTEA  NOT NULL,
    key_sealed     BYTEA  NOT NULL,
    state          TEXT   NOT NULL,
    claimed_by     BYTEA  NOT NULL DEFAULT '',
    messages       BIGINT NOT NULL,
    sent_ms        BIGINT NOT NULL,
    tried          TEXT   NOT NULL DEFAULT '',
    batch          TEXT   NOT NULL DEFAULT '',
    created_ms     BIGINT NOT NULL,
    expires_ms     BIGINT NOT NULL,
    ended_ms       BIGINT NOT NULL DEFAULT 0,
    told_ms        BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX invite_token ON invite_invitations (token_mac);
CREATE UNIQUE INDEX invite_key ON invite_invitations (key_index);
CREATE INDEX invite_address ON invite_invitations (address_index);
CREATE INDEX invite_sender ON invite_invitations (sender_index);
CREATE INDEX invite_batch ON invite_invitations (batch);
CREATE INDEX invite_expires ON invite_invitations (expires_ms);

-- Inboxes whose owner wants no invitations, by keyed tag.
CREATE TABLE invite_refusals (
    inbox_index BYTEA  NOT NULL PRIMARY KEY,
    since_ms    BIGINT NOT NULL
);

-- Homeservers that listen for 3pid/onbind in another way than the specification says.
CREATE TABLE invite_servers (
    server     TEXT   NOT NULL PRIMARY KEY,
    method     TEXT   NOT NULL,
    changed_ms BIGINT NOT NULL
);
