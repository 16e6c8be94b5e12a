-- Which labels were erased last, by the number of the erasure (people_state.erasures), so that
-- every replica forgets what it has in memory of them. The newest thousand erasures are kept.
-- +goose Up
CREATE TABLE people_erasures (
    n         BIGINT NOT NULL,
    label_tag BYTEA  NOT NULL,
    PRIMARY KEY (n, label_tag)
);
