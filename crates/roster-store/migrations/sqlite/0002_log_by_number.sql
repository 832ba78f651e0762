-- The log in the order of its numbers, in a table whose long rows need no page of their own.

ALTER TABLE audit RENAME TO audit_before;
-- number: organization * 2^40 + the entry's number in the log of that organization.
CREATE TABLE audit (
    number     INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    client     TEXT,
    request_id TEXT NOT NULL,
    command    TEXT NOT NULL,
    changes    TEXT NOT NULL
) STRICT;
INSERT INTO audit (number, at, actor, client, request_id, command, changes)
SELECT (org << 40) + entry, at, actor, client, request_id, command, changes FROM audit_before ORDER BY org, entry;
DROP TABLE audit_before;

-- Where the log of an organization begins, when entries were taken out: the last of these, when it was made, and
-- what the rows then came to, for checking what follows.
CREATE TABLE audit_checkpoints (
    org   INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    sums  TEXT NOT NULL
) STRICT;
