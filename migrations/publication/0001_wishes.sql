-- Who wants their cross-signing keys to stand in the key directory of an identity server, or
-- wanted it: the number of their last wish, and of the one that was fulfilled last; what was
-- sent last; what the directory has promised (version -1: nothing); what was found there,
-- and since when somebody else's keys were; why the last attempt failed; when to look next. And
-- all keys that were sent, by which what is found there is known for the user's own.
-- +goose Up
CREATE TABLE publication_wishes (
    user_id       TEXT    NOT NULL,
    id_server     TEXT    NOT NULL,
    agreed        BOOLEAN NOT NULL,
    wish          BIGINT  NOT NULL,
    fulfilled     BIGINT  NOT NULL,
    sent          TEXT    NOT NULL,
    version       BIGINT  NOT NULL,
    promised_ms   BIGINT  NOT NULL,
    held_until_ms BIGINT  NOT NULL,
    found         TEXT    NOT NULL,
    found_version BIGINT  NOT NULL,
    checked_ms    BIGINT  NOT NULL,
    alarm_ms      BIGINT  NOT NULL,
    problem       TEXT    NOT NULL,
    tries         BIGINT  NOT NULL,
    due_ms        BIGINT  NOT NULL,
    PRIMARY KEY (user_id, id_server)
);
CREATE INDEX publication_wishes_due ON publication_wishes (due_ms);

CREATE TABLE publication_keys (
    user_id TEXT NOT NULL,
    key     TEXT NOT NULL,
    PRIMARY KEY (user_id, key)
);
