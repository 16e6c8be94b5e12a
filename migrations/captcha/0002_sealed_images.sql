-- Pictures are sealed from here on, since who can read one has the answer. What stands
-- in clear lives for minutes and is asked for anew.
-- +goose Up
DELETE FROM captcha_challenges;
