-- Every table's key starts with the organization that owns the row, alone or inside an account's number
-- (owner * 2^40 + counter). Columns named *_key hold folded text (roster-core's Key).

CREATE TABLE organizations (
    org            BIGINT PRIMARY KEY,
    id             TEXT NOT NULL,
    id_key         TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    state          TEXT NOT NULL,
    identity_types TEXT NOT NULL,
    next_seq       BIGINT NOT NULL,
    members        BIGINT NOT NULL DEFAULT 0,
    listed         BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE directories (
    directory BIGINT PRIMARY KEY,
    org       BIGINT NOT NULL REFERENCES organizations,
    public_id TEXT NOT NULL UNIQUE,
    name      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    login     TEXT NOT NULL,
    synced    BIGINT NOT NULL
);
CREATE INDEX directories_org ON directories (org);

CREATE TABLE domains (
    name               TEXT PRIMARY KEY,
    org                BIGINT NOT NULL,
    directory          BIGINT NOT NULL REFERENCES directories,
    restrict_adobe_ids BIGINT NOT NULL,
    seq                BIGINT NOT NULL
);
CREATE INDEX domains_directory ON domains (directory);

-- Which directories an organization may see: relation is owned, trusted or former.
CREATE TABLE relations (
    org       BIGINT NOT NULL,
    directory BIGINT NOT NULL REFERENCES directories,
    relation  TEXT NOT NULL,
    PRIMARY KEY (org, directory)
);
CREATE INDEX relations_directory ON relations (directory);

CREATE TABLE accounts (
    account      BIGINT PRIMARY KEY,
    public_id    TEXT NOT NULL,
    directory    BIGINT NOT NULL,
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
);
CREATE UNIQUE INDEX accounts_email ON accounts (directory, email_key);
CREATE UNIQUE INDEX accounts_username ON accounts (directory, username_key);

-- The Users lists. domain and listed (status is active) follow from the account.
CREATE TABLE members (
    org     BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    account BIGINT NOT NULL,
    domain  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    listed  BIGINT NOT NULL,
    PRIMARY KEY (org, seq)
);
CREATE UNIQUE INDEX members_account ON members (account, org);
CREATE INDEX members_domain ON members (org, domain, seq) WHERE listed = 1;

-- How many listed members have a domain (and, under the name '@AdobeID', how many are Adobe IDs).
CREATE TABLE domain_counts (
    org    BIGINT NOT NULL,
    domain TEXT NOT NULL,
    people BIGINT NOT NULL,
    PRIMARY KEY (org, domain)
);

CREATE TABLE products (
    product   BIGINT PRIMARY KEY,
    org       BIGINT NOT NULL,
    public_id TEXT NOT NULL,
    code      TEXT NOT NULL,
    name      TEXT NOT NULL,
    name_key  TEXT NOT NULL,
    quota     BIGINT,
    seq       BIGINT NOT NULL,
    active    BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX products_name ON products (org, name_key);
CREATE UNIQUE INDEX products_public_id ON products (org, public_id);

-- kind is the type word of the API; base is the user group or profile that an admin or developer group
-- belongs to; product is that of a profile or product admin group. name_key is null where the name follows
-- from the base. direct and members (distinct, by any route) and active (seats held) are counters.
CREATE TABLE groups (
    grp         BIGINT PRIMARY KEY,
    org         BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    name_key    TEXT,
    description TEXT,
    source      BIGINT,
    base        BIGINT,
    product     BIGINT,
    public_id   TEXT,
    quota       BIGINT,
    queued      BIGINT NOT NULL DEFAULT 0,
    seq         BIGINT NOT NULL,
    direct      BIGINT NOT NULL DEFAULT 0,
    members     BIGINT NOT NULL DEFAULT 0,
    active      BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX groups_name ON groups (org, name_key) WHERE name_key IS NOT NULL;
CREATE UNIQUE INDEX groups_seq ON groups (org, seq);
CREATE INDEX groups_base ON groups (base) WHERE base IS NOT NULL;
CREATE INDEX groups_source ON groups (source) WHERE source IS NOT NULL;
CREATE INDEX groups_product ON groups (product, kind) WHERE product IS NOT NULL;
CREATE INDEX groups_roles ON groups (org, kind) WHERE name_key IS NULL;

-- Direct memberships.
CREATE TABLE memberships (
    org     BIGINT NOT NULL,
    account BIGINT NOT NULL,
    grp     BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    PRIMARY KEY (org, account, grp)
);
CREATE UNIQUE INDEX memberships_group ON memberships (grp, seq, account);

-- User groups linked to profiles.
CREATE TABLE links (
    org     BIGINT NOT NULL,
    grp     BIGINT NOT NULL,
    profile BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    PRIMARY KEY (org, grp, profile)
);
CREATE INDEX links_profile ON links (profile, grp);

-- The licence queues: a row for each member of a profile whose seats are limited by its quota or its product's.
CREATE TABLE seats (
    product BIGINT NOT NULL,
    account BIGINT NOT NULL,
    profile BIGINT NOT NULL,
    place   BIGINT NOT NULL,
    tie     BIGINT NOT NULL,
    active  BIGINT NOT NULL,
    PRIMARY KEY (product, account, profile)
);
CREATE INDEX seats_queue ON seats (profile, active, place, tie, account);

CREATE TABLE audit (
    org        BIGINT NOT NULL,
    entry      BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    client     TEXT,
    request_id TEXT NOT NULL,
    command    TEXT NOT NULL,
    changes    TEXT NOT NULL,
    PRIMARY KEY (org, entry)
);

-- The keys that a change of a set touched, in chunks.
CREATE TABLE audit_sets (
    org   BIGINT NOT NULL,
    entry BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    keys  TEXT NOT NULL,
    PRIMARY KEY (org, entry, chunk)
);

CREATE TABLE integrations (
    client_id         TEXT PRIMARY KEY,
    org               BIGINT NOT NULL REFERENCES organizations,
    name              TEXT NOT NULL,
    technical_account TEXT NOT NULL UNIQUE,
    enabled           BIGINT NOT NULL,
    oauth             BIGINT NOT NULL,
    jwt               BIGINT NOT NULL,
    scopes            TEXT NOT NULL,
    require_jti       BIGINT NOT NULL,
    not_before        BIGINT NOT NULL,
    created_at        BIGINT NOT NULL
);
CREATE UNIQUE INDEX integrations_name ON integrations (org, name);

-- kind: oauth or jwt. Only hashes of secrets are kept.
CREATE TABLE secrets (
    client_id    TEXT NOT NULL REFERENCES integrations,
    uuid         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    hash         BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (client_id, uuid)
);

CREATE TABLE certificates (
    client_id   TEXT NOT NULL REFERENCES integrations,
    fingerprint TEXT NOT NULL,
    der         BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (client_id, fingerprint)
);

-- Keys that sign access tokens; the private half is encrypted with the master key.
CREATE TABLE signing_keys (
    kid         TEXT PRIMARY KEY,
    private_key BYTEA NOT NULL,
    public_key  BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    retired_at  BIGINT
);

CREATE TABLE revoked_tokens (
    id         TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

CREATE TABLE used_jtis (
    client_id  TEXT NOT NULL,
    jti        TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti)
);

-- Console passwords of administrators (argon2).
CREATE TABLE passwords (
    account BIGINT PRIMARY KEY,
    hash    TEXT NOT NULL,
    set_at  BIGINT NOT NULL
);

-- What org apply created, so that --prune removes nothing else: kind and key of each thing.
CREATE TABLE described (
    org  BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    PRIMARY KEY (org, kind, key)
);

-- One row: raised by every change of organizations, directories, domains, integrations, keys or revocations,
-- so that servers know when what they hold in memory is old.
CREATE TABLE generation (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    value BIGINT NOT NULL
);
INSERT INTO generation VALUES (1, 1);

INSERT INTO organizations (org, id, id_key, name, state, identity_types, next_seq)
VALUES (0, '0@AdobeOrg', '0@adobeorg', 'Adobe IDs', 'active', 'adobeID', 1);
INSERT INTO directories (directory, org, public_id, name, kind, login, synced)
VALUES (0, 0, '', 'Adobe ID', 'adobeID', 'email', 0);
