-- The log in the order of its numbers, in a table whose long rows need no page of their own.

ALTER TABLE audit RENAME TO audit_before;
ALTER INDEX audit_pkey RENAME TO audit_before_pkey;
-- number: organization * 2^40 + the entry's number in the log of that organization.
CREATE TABLE audit (
    number     BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    client     TEXT,
    request_id TEXT NOT NULL,
    command    TEXT NOT NULL,
    changes    TEXT NOT NULL
);
INSERT INTO audit (number, at, actor, client, request_id, command, changes)
SELECT (org << 40) + entry, at, actor, client, request_id, command, changes FROM audit_before ORDER BY org, entry;
DROP TABLE audit_before;

-- Where the log of an organization begins, when entries were taken out: the last of these, when it was made, and
-- what the rows then came to, for checking what follows.
CREATE TABLE audit_checkpoints (
    org   BIGINT PRIMARY KEY,
    entry BIGINT NOT NULL,
    at    BIGINT NOT NULL,
    sums  TEXT NOT NULL
);
