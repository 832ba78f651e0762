CREATE TABLE accounts (
    account      INTEGER PRIMARY KEY,
    public_id    TEXT NOT NULL,
    directory    INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    username     TEXT NOT NULL,
    username_key TEXT NOT NULL,
    email        TEXT NOT NULL,
    email_key    TEXT NOT NULL,
    domain       TEXT NOT NULL,
    firstname    TEXT,
    lastname     TEXT,
    country      TEXT NOT NULL,
    status       TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX accounts_email ON accounts (directory, email_key);

CREATE UNIQUE INDEX accounts_username ON accounts (directory, username_key);

CREATE TABLE audit (
    number     INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    client     TEXT,
    request_id TEXT NOT NULL,
    command    TEXT NOT NULL,
    changes    TEXT NOT NULL
) STRICT;

CREATE TABLE audit_checkpoints (
    org   INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    sums  TEXT NOT NULL
) STRICT;

CREATE TABLE audit_sets (
    org   INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    keys  TEXT NOT NULL,
    PRIMARY KEY (org, entry, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (
    client_id   TEXT NOT NULL REFERENCES integrations,
    fingerprint TEXT NOT NULL,
    der         BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (client_id, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE described (
    org  INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    PRIMARY KEY (org, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE directories (
    directory INTEGER PRIMARY KEY,
    org       INTEGER NOT NULL REFERENCES organizations,
    public_id TEXT NOT NULL UNIQUE,
    name      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    login     TEXT NOT NULL,
    synced    INTEGER NOT NULL
) STRICT;

CREATE INDEX directories_org ON directories (org);

CREATE TABLE domain_counts (
    org    INTEGER NOT NULL,
    domain TEXT NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (org, domain)
) STRICT, WITHOUT ROWID;

CREATE TABLE domains (
    name               TEXT PRIMARY KEY,
    org                INTEGER NOT NULL,
    directory          INTEGER NOT NULL REFERENCES directories,
    restrict_adobe_ids INTEGER NOT NULL,
    seq                INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX domains_directory ON domains (directory);

CREATE TABLE generation (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    value INTEGER NOT NULL
) STRICT;

CREATE TABLE groups (
    grp         INTEGER PRIMARY KEY,
    org         INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    name_key    TEXT,
    description TEXT,
    source      INTEGER,
    base        INTEGER,
    product     INTEGER,
    public_id   TEXT,
    quota       INTEGER,
    queued      INTEGER NOT NULL DEFAULT 0,
    seq         INTEGER NOT NULL,
    direct      INTEGER NOT NULL DEFAULT 0,
    members     INTEGER NOT NULL DEFAULT 0,
    active      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX groups_base ON groups (base) WHERE base IS NOT NULL;

CREATE UNIQUE INDEX groups_name ON groups (org, name_key) WHERE name_key IS NOT NULL;

CREATE INDEX groups_product ON groups (product, kind) WHERE product IS NOT NULL;

CREATE INDEX groups_roles ON groups (org, kind) WHERE name_key IS NULL;

CREATE UNIQUE INDEX groups_seq ON groups (org, seq);

CREATE INDEX groups_source ON groups (source) WHERE source IS NOT NULL;

CREATE TABLE integrations (
    client_id         TEXT PRIMARY KEY,
    org               INTEGER NOT NULL REFERENCES organizations,
    name              TEXT NOT NULL,
    technical_account TEXT NOT NULL UNIQUE,
    enabled           INTEGER NOT NULL,
    oauth             INTEGER NOT NULL,
    jwt               INTEGER NOT NULL,
    scopes            TEXT NOT NULL,
    require_jti       INTEGER NOT NULL,
    not_before        INTEGER NOT NULL,
    created_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX integrations_name ON integrations (org, name);

CREATE TABLE links (
    org     INTEGER NOT NULL,
    grp     INTEGER NOT NULL,
    profile INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (org, grp, profile)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_profile ON links (profile, grp);

CREATE TABLE members (
    org     INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    account INTEGER NOT NULL,
    domain  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    listed  INTEGER NOT NULL,
    PRIMARY KEY (org, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX members_account ON members (account, org);

CREATE INDEX members_domain ON members (org, domain, seq) WHERE listed = 1;

CREATE TABLE memberships (
    org     INTEGER NOT NULL,
    account INTEGER NOT NULL,
    grp     INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (org, account, grp)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX memberships_group ON memberships (grp, seq, account);

CREATE TABLE organizations (
    org            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL,
    id_key         TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    state          TEXT NOT NULL,
    identity_types TEXT NOT NULL,
    next_seq       INTEGER NOT NULL,
    members        INTEGER NOT NULL DEFAULT 0,
    listed         INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE passwords (
    account INTEGER PRIMARY KEY,
    hash    TEXT NOT NULL,
    set_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE products (
    product   INTEGER PRIMARY KEY,
    org       INTEGER NOT NULL,
    public_id TEXT NOT NULL,
    code      TEXT NOT NULL,
    name      TEXT NOT NULL,
    name_key  TEXT NOT NULL,
    quota     INTEGER,
    seq       INTEGER NOT NULL,
    active    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX products_name ON products (org, name_key);

CREATE UNIQUE INDEX products_public_id ON products (org, public_id);

CREATE TABLE relations (
    org       INTEGER NOT NULL,
    directory INTEGER NOT NULL REFERENCES directories,
    relation  TEXT NOT NULL,
    PRIMARY KEY (org, directory)
) STRICT, WITHOUT ROWID;

CREATE INDEX relations_directory ON relations (directory);

CREATE TABLE revoked_tokens (
    id         TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL);

CREATE TABLE seats (
    product INTEGER NOT NULL,
    account INTEGER NOT NULL,
    profile INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    tie     INTEGER NOT NULL,
    active  INTEGER NOT NULL,
    PRIMARY KEY (product, account, profile)
) STRICT, WITHOUT ROWID;

CREATE INDEX seats_queue ON seats (profile, active, place, tie, account);

CREATE TABLE secrets (
    client_id    TEXT NOT NULL REFERENCES integrations,
    uuid         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    hash         BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (client_id, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid         TEXT PRIMARY KEY,
    private_key BLOB NOT NULL,
    public_key  BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE used_jtis (
    client_id  TEXT NOT NULL,
    jti        TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, jti)
) STRICT, WITHOUT ROWID;
