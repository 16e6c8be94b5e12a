-- What other servers are to be sent, until they have it: events of rooms, at their positions
-- in the stream, and other messages (EDUs) in the order in which they were queued. Of EDUs
-- on one topic the last one counts. Invitations are brought by a request of their own. A
-- destination that could not be reached is not tried before retry_ms.
-- +goose Up
CREATE TABLE outbound_events (
    destination TEXT    NOT NULL,
    pos         BIGINT  NOT NULL,
    event_id    TEXT    NOT NULL,
    room_id     TEXT    NOT NULL,
    invites     BOOLEAN NOT NULL,
    queued_ms   BIGINT  NOT NULL,
    PRIMARY KEY (destination, pos)
);

CREATE TABLE outbound_edus (
    destination TEXT   NOT NULL,
    topic       TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    type        TEXT   NOT NULL,
    content     TEXT   NOT NULL,
    queued_ms   BIGINT NOT NULL,
    PRIMARY KEY (destination, topic)
);
CREATE INDEX outbound_edus_seq ON outbound_edus (destination, seq);

CREATE TABLE outbound_destinations (
    destination TEXT   NOT NULL PRIMARY KEY,
    failures    BIGINT NOT NULL,
    retry_ms    BIGINT NOT NULL
);
