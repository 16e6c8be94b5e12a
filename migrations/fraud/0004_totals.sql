-- Running totals of what text messages cost, so that a cap is held against one row: of a
-- period (a UTC day or a calendar month) from its first millisecond, of all countries
-- ('') and, by day, of each. They take the place of fraud_spend, which nobody writes any
-- more and a later release drops.
-- +goose Up
CREATE TABLE fraud_totals (
    period   TEXT   NOT NULL,
    start_ms BIGINT NOT NULL,
    country  TEXT   NOT NULL,
    messages BIGINT NOT NULL,
    segments BIGINT NOT NULL,
    micros   BIGINT NOT NULL,
    PRIMARY KEY (period, start_ms, country)
);
INSERT INTO fraud_totals (period, start_ms, country, messages, segments, micros)
    SELECT 'day', day_ms, country, messages, segments, micros FROM fraud_spend;
INSERT INTO fraud_totals (period, start_ms, country, messages, segments, micros)
    SELECT 'day', day_ms, '', CAST(SUM(messages) AS BIGINT), CAST(SUM(segments) AS BIGINT), CAST(SUM(micros) AS BIGINT)
    FROM fraud_spend GROUP BY day_ms;
-- The month of a day, without a calendar that both engines have: days are counted from
-- the 1st of March of a year 0, so that a leap day comes last (era: 400 years; doy, mp:
-- the day and month of such a year).
INSERT INTO fraud_totals (period, start_ms, country, messages, segments, micros)
    SELECT 'month', day_ms - 86400000 * (doy - (153 * mp + 2) / 5), '',
        CAST(SUM(messages) AS BIGINT), CAST(SUM(segments) AS BIGINT), CAST(SUM(micros) AS BIGINT)
    FROM (SELECT day_ms, doy, (5 * doy + 2) / 153 AS mp, messages, segments, micros
        FROM (SELECT day_ms, doe - (365 * yoe + yoe / 4 - yoe / 100) AS doy, messages, segments, micros
            FROM (SELECT day_ms, doe, (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365 AS yoe, messages, segments, micros
                FROM (SELECT day_ms, (day_ms / 86400000 + 719468) % 146097 AS doe, messages, segments, micros
                    FROM fraud_spend) a) b) c) d
    GROUP BY day_ms - 86400000 * (doy - (153 * mp + 2) / 5);
