-- Invitations by third-party identifiers that identity servers say are of users here, until
-- each has become an invitation of the user. id is a hash of the rest. Of one that has ended
-- (ended_ms, 0 before) nothing more comes; it stays for a while, so that it is not taken
-- again when somebody says the same again. destination is the server of the sender.
-- +goose Up
CREATE TABLE third_party_claims (
    id          TEXT   NOT NULL PRIMARY KEY,
    room_id     TEXT   NOT NULL,
    sender      TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    destination TEXT   NOT NULL,
    signed      BYTEA  NOT NULL,
    attempts    BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    created_ms  BIGINT NOT NULL,
    ended_ms    BIGINT NOT NULL
);
CREATE INDEX third_party_claims_due ON third_party_claims (due_ms) WHERE ended_ms = 0;
CREATE INDEX third_party_claims_user ON third_party_claims (user_id);
CREATE INDEX third_party_claims_ended ON third_party_claims (ended_ms) WHERE ended_ms > 0;
