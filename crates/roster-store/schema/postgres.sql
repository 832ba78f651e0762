-- accounts.account bigint NOT NULL
-- accounts.public_id text NOT NULL
-- accounts.directory bigint NOT NULL
-- accounts.kind text NOT NULL
-- accounts.username text NOT NULL
-- accounts.username_key text NOT NULL
-- accounts.email text NOT NULL
-- accounts.email_key text NOT NULL
-- accounts.domain text NOT NULL
-- accounts.firstname text
-- accounts.lastname text
-- accounts.country text NOT NULL
-- accounts.status text NOT NULL
-- audit.number bigint NOT NULL
-- audit.at bigint NOT NULL
-- audit.actor text NOT NULL
-- audit.client text
-- audit.request_id text NOT NULL
-- audit.command text NOT NULL
-- audit.changes text NOT NULL
-- audit_checkpoints.org bigint NOT NULL
-- audit_checkpoints.entry bigint NOT NULL
-- audit_checkpoints.at bigint NOT NULL
-- audit_checkpoints.sums text NOT NULL
-- audit_sets.org bigint NOT NULL
-- audit_sets.entry bigint NOT NULL
-- audit_sets.chunk bigint NOT NULL
-- audit_sets.keys text NOT NULL
-- certificates.client_id text NOT NULL
-- certificates.fingerprint text NOT NULL
-- certificates.der bytea NOT NULL
-- certificates.created_at bigint NOT NULL
-- described.org bigint NOT NULL
-- described.kind text NOT NULL
-- described.key text NOT NULL
-- directories.directory bigint NOT NULL
-- directories.org bigint NOT NULL
-- directories.public_id text NOT NULL
-- directories.name text NOT NULL
-- directories.kind text NOT NULL
-- directories.login text NOT NULL
-- directories.synced bigint NOT NULL
-- domain_counts.org bigint NOT NULL
-- domain_counts.domain text NOT NULL
-- domain_counts.people bigint NOT NULL
-- domains.name text NOT NULL
-- domains.org bigint NOT NULL
-- domains.directory bigint NOT NULL
-- domains.restrict_adobe_ids bigint NOT NULL
-- domains.seq bigint NOT NULL
-- generation.one bigint NOT NULL
-- generation.value bigint NOT NULL
-- groups.grp bigint NOT NULL
-- groups.org bigint NOT NULL
-- groups.kind text NOT NULL
-- groups.name text NOT NULL
-- groups.name_key text
-- groups.description text
-- groups.source bigint
-- groups.base bigint
-- groups.product bigint
-- groups.public_id text
-- groups.quota bigint
-- groups.queued bigint NOT NULL DEFAULT 0
-- groups.seq bigint NOT NULL
-- groups.direct bigint NOT NULL DEFAULT 0
-- groups.members bigint NOT NULL DEFAULT 0
-- groups.active bigint NOT NULL DEFAULT 0
-- integrations.client_id text NOT NULL
-- integrations.org bigint NOT NULL
-- integrations.name text NOT NULL
-- integrations.technical_account text NOT NULL
-- integrations.enabled bigint NOT NULL
-- integrations.oauth bigint NOT NULL
-- integrations.jwt bigint NOT NULL
-- integrations.scopes text NOT NULL
-- integrations.require_jti bigint NOT NULL
-- integrations.not_before bigint NOT NULL
-- integrations.created_at bigint NOT NULL
-- links.org bigint NOT NULL
-- links.grp bigint NOT NULL
-- links.profile bigint NOT NULL
-- links.seq bigint NOT NULL
-- members.org bigint NOT NULL
-- members.seq bigint NOT NULL
-- members.account bigint NOT NULL
-- members.domain text NOT NULL
-- members.kind text NOT NULL
-- members.listed bigint NOT NULL
-- memberships.org bigint NOT NULL
-- memberships.account bigint NOT NULL
-- memberships.grp bigint NOT NULL
-- memberships.seq bigint NOT NULL
-- organizations.org bigint NOT NULL
-- organizations.id text NOT NULL
-- organizations.id_key text NOT NULL
-- organizations.name text NOT NULL
-- organizations.state text NOT NULL
-- organizations.identity_types text NOT NULL
-- organizations.next_seq bigint NOT NULL
-- organizations.members bigint NOT NULL DEFAULT 0
-- organizations.listed bigint NOT NULL DEFAULT 0
-- passwords.account bigint NOT NULL
-- passwords.hash text NOT NULL
-- passwords.set_at bigint NOT NULL
-- products.product bigint NOT NULL
-- products.org bigint NOT NULL
-- products.public_id text NOT NULL
-- products.code text NOT NULL
-- products.name text NOT NULL
-- products.name_key text NOT NULL
-- products.quota bigint
-- products.seq bigint NOT NULL
-- products.active bigint NOT NULL DEFAULT 0
-- relations.org bigint NOT NULL
-- relations.directory bigint NOT NULL
-- relations.relation text NOT NULL
-- revoked_tokens.id text NOT NULL
-- revoked_tokens.expires_at bigint NOT NULL
-- schema_version.version bigint NOT NULL
-- schema_version.name text NOT NULL
-- schema_version.checksum text NOT NULL
-- seats.product bigint NOT NULL
-- seats.account bigint NOT NULL
-- seats.profile bigint NOT NULL
-- seats.place bigint NOT NULL
-- seats.tie bigint NOT NULL
-- seats.active bigint NOT NULL
-- secrets.client_id text NOT NULL
-- secrets.uuid text NOT NULL
-- secrets.kind text NOT NULL
-- secrets.hash bytea NOT NULL
-- secrets.created_at bigint NOT NULL
-- secrets.last_used_at bigint
-- signing_keys.kid text NOT NULL
-- signing_keys.private_key bytea NOT NULL
-- signing_keys.public_key bytea NOT NULL
-- signing_keys.created_at bigint NOT NULL
-- signing_keys.retired_at bigint
-- used_jtis.client_id text NOT NULL
-- used_jtis.jti text NOT NULL
-- used_jtis.expires_at bigint NOT NULL
CREATE UNIQUE INDEX accounts_email ON public.accounts USING btree (directory, email_key);
CREATE UNIQUE INDEX accounts_pkey ON public.accounts USING btree (account);
CREATE UNIQUE INDEX accounts_username ON public.accounts USING btree (directory, username_key);
CREATE UNIQUE INDEX audit_pkey ON public.audit USING btree (number);
CREATE UNIQUE INDEX audit_checkpoints_pkey ON public.audit_checkpoints USING btree (org);
CREATE UNIQUE INDEX audit_sets_pkey ON public.audit_sets USING btree (org, entry, chunk);
CREATE UNIQUE INDEX certificates_pkey ON public.certificates USING btree (client_id, fingerprint);
CREATE UNIQUE INDEX described_pkey ON public.described USING btree (org, kind, key);
CREATE INDEX directories_org ON public.directories USING btree (org);
CREATE UNIQUE INDEX directories_pkey ON public.directories USING btree (directory);
CREATE UNIQUE INDEX directories_public_id_key ON public.directories USING btree (public_id);
CREATE UNIQUE INDEX domain_counts_pkey ON public.domain_counts USING btree (org, domain);
CREATE INDEX domains_directory ON public.domains USING btree (directory);
CREATE UNIQUE INDEX domains_pkey ON public.domains USING btree (name);
CREATE UNIQUE INDEX generation_pkey ON public.generation USING btree (one);
CREATE INDEX groups_base ON public.groups USING btree (base) WHERE (base IS NOT NULL);
CREATE UNIQUE INDEX groups_name ON public.groups USING btree (org, name_key) WHERE (name_key IS NOT NULL);
CREATE UNIQUE INDEX groups_pkey ON public.groups USING btree (grp);
CREATE INDEX groups_product ON public.groups USING btree (product, kind) WHERE (product IS NOT NULL);
CREATE INDEX groups_roles ON public.groups USING btree (org, kind) WHERE (name_key IS NULL);
CREATE UNIQUE INDEX groups_seq ON public.groups USING btree (org, seq);
CREATE INDEX groups_source ON public.groups USING btree (source) WHERE (source IS NOT NULL);
CREATE UNIQUE INDEX integrations_name ON public.integrations USING btree (org, name);
CREATE UNIQUE INDEX integrations_pkey ON public.integrations USING btree (client_id);
CREATE UNIQUE INDEX integrations_technical_account_key ON public.integrations USING btree (technical_account);
CREATE UNIQUE INDEX links_pkey ON public.links USING btree (org, grp, profile);
CREATE INDEX links_profile ON public.links USING btree (profile, grp);
CREATE UNIQUE INDEX members_account ON public.members USING btree (account, org);
CREATE INDEX members_domain ON public.members USING btree (org, domain, seq) WHERE (listed = 1);
CREATE UNIQUE INDEX members_pkey ON public.members USING btree (org, seq);
CREATE UNIQUE INDEX memberships_group ON public.memberships USING btree (grp, seq, account);
CREATE UNIQUE INDEX memberships_pkey ON public.memberships USING btree (org, account, grp);
CREATE UNIQUE INDEX organizations_id_key_key ON public.organizations USING btree (id_key);
CREATE UNIQUE INDEX organizations_pkey ON public.organizations USING btree (org);
CREATE UNIQUE INDEX passwords_pkey ON public.passwords USING btree (account);
CREATE UNIQUE INDEX products_name ON public.products USING btree (org, name_key);
CREATE UNIQUE INDEX products_pkey ON public.products USING btree (product);
CREATE UNIQUE INDEX products_public_id ON public.products USING btree (org, public_id);
CREATE INDEX relations_directory ON public.relations USING btree (directory);
CREATE UNIQUE INDEX relations_pkey ON public.relations USING btree (org, directory);
CREATE INDEX revoked_tokens_expiry ON public.revoked_tokens USING btree (expires_at);
CREATE UNIQUE INDEX revoked_tokens_pkey ON public.revoked_tokens USING btree (id);
CREATE UNIQUE INDEX schema_version_pkey ON public.schema_version USING btree (version);
CREATE UNIQUE INDEX seats_pkey ON public.seats USING btree (product, account, profile);
CREATE INDEX seats_queue ON public.seats USING btree (profile, active, place, tie, account);
CREATE UNIQUE INDEX secrets_pkey ON public.secrets USING btree (client_id, uuid);
CREATE UNIQUE INDEX signing_keys_pkey ON public.signing_keys USING btree (kid);
CREATE UNIQUE INDEX used_jtis_pkey ON public.used_jtis USING btree (client_id, jti);
