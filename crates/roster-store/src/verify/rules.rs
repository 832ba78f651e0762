//! What has to hold between the rows, as statements that give the rows that break it: key, what stands there, what
//! should. Each reads its tables a fixed number of times, however many rows there are.

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    pub(super) sql: &'static str,
}

macro_rules! rules {
    ($($name:literal, $table:literal: $sql:expr;)*) => {
        &[$(Rule { name: $name, table: $table, sql: $sql }),*]
    };
}

/// 2^40: accounts are numbered owner * 2^40 + place.
macro_rules! serials {
    () => {
        "1099511627776"
    };
}

/// Members of a linked profile by any route.
macro_rules! linked_members {
    () => {
        "(SELECT l.profile AS profile, m.account AS account FROM links l JOIN memberships m ON m.grp = l.grp \
          UNION SELECT m.grp, m.account FROM memberships m WHERE m.grp IN (SELECT profile FROM links))"
    };
}

pub(super) const RULES: &[Rule] = rules! {
    "an organization counts its members", "organizations":
        "SELECT CAST(o.org AS TEXT), CAST(o.members AS TEXT), CAST(COALESCE(c.n, 0) AS TEXT) FROM organizations o \
         LEFT JOIN (SELECT org, COUNT(*) AS n FROM members GROUP BY org) c ON c.org = o.org \
         WHERE o.members <> COALESCE(c.n, 0)";
    "an organization counts those it lists", "organizations":
        "SELECT CAST(o.org AS TEXT), CAST(o.listed AS TEXT), CAST(COALESCE(c.n, 0) AS TEXT) FROM organizations o \
         LEFT JOIN (SELECT org, COUNT(*) AS n FROM members WHERE listed = 1 GROUP BY org) c ON c.org = o.org \
         WHERE o.listed <> COALESCE(c.n, 0)";
    "people of a domain are counted", "domain_counts":
        "SELECT CAST(c.org AS TEXT) || ' ' || c.domain, CAST(COALESCE(d.people, 0) AS TEXT), CAST(c.n AS TEXT) FROM ( \
             SELECT org, domain, COUNT(*) AS n FROM members WHERE listed = 1 GROUP BY org, domain \
             UNION ALL SELECT org, '@AdobeID', COUNT(*) FROM members WHERE listed = 1 AND kind = 'adobeID' GROUP BY org \
         ) c LEFT JOIN domain_counts d ON d.org = c.org AND d.domain = c.domain WHERE COALESCE(d.people, 0) <> c.n";
    "no people are counted in a domain that nobody has", "domain_counts":
        "SELECT CAST(d.org AS TEXT) || ' ' || d.domain, CAST(d.people AS TEXT), '0' FROM domain_counts d \
         WHERE d.people <> 0 \
         AND NOT EXISTS (SELECT 1 FROM members m WHERE m.org = d.org AND m.domain = d.domain AND m.listed = 1) \
         AND (d.domain <> '@AdobeID' \
              OR NOT EXISTS (SELECT 1 FROM members m WHERE m.org = d.org AND m.kind = 'adobeID' AND m.listed = 1))";
    "a group counts its direct members", "groups":
        "SELECT CAST(g.grp AS TEXT), CAST(g.direct AS TEXT), CAST(COALESCE(c.n, 0) AS TEXT) FROM groups g \
         LEFT JOIN (SELECT grp, COUNT(*) AS n FROM memberships GROUP BY grp) c ON c.grp = g.grp \
         WHERE g.direct <> COALESCE(c.n, 0)";
    "a profile without links counts its direct members as members", "groups":
        "SELECT CAST(g.grp AS TEXT), CAST(g.members AS TEXT), CAST(g.direct AS TEXT) FROM groups g \
         WHERE g.kind = 'PRODUCT_PROFILE' AND g.members <> g.direct \
         AND NOT EXISTS (SELECT 1 FROM links l WHERE l.profile = g.grp)";
    "a profile counts its members by any route", "groups":
        concat!("SELECT CAST(g.grp AS TEXT), CAST(g.members AS TEXT), CAST(COALESCE(c.n, 0) AS TEXT) FROM groups g \
         LEFT JOIN (SELECT profile, COUNT(*) AS n FROM ", linked_members!(), " everybody GROUP BY profile) c \
         ON c.profile = g.grp \
         WHERE g.members <> COALESCE(c.n, 0) AND EXISTS (SELECT 1 FROM links l WHERE l.profile = g.grp)");
    "only profiles count members by any route", "groups":
        "SELECT CAST(grp AS TEXT), CAST(members AS TEXT), '0' FROM groups WHERE kind <> 'PRODUCT_PROFILE' AND members <> 0";
    "a profile counts the seats held", "groups":
        "SELECT CAST(g.grp AS TEXT), CAST(g.active AS TEXT), CAST(COALESCE(c.n, 0) AS TEXT) FROM groups g \
         LEFT JOIN (SELECT profile, COUNT(*) AS n FROM seats WHERE active = 1 GROUP BY profile) c ON c.profile = g.grp \
         WHERE g.active <> COALESCE(c.n, 0)";
    "a product counts those who hold a licence", "products":
        "SELECT CAST(p.product AS TEXT), CAST(p.active AS TEXT), CAST(COALESCE(c.n, 0) AS TEXT) FROM products p \
         LEFT JOIN (SELECT product, COUNT(DISTINCT account) AS n FROM seats WHERE active = 1 GROUP BY product) c \
         ON c.product = p.product WHERE p.active <> COALESCE(c.n, 0)";
    "a profile has a queue exactly when its or its product's quota is finite", "groups":
        "SELECT CAST(g.grp AS TEXT), 'queued = ' || CAST(g.queued AS TEXT), 'the opposite' FROM groups g \
         LEFT JOIN products p ON p.product = g.product \
         WHERE g.queued <> CASE WHEN g.kind = 'PRODUCT_PROFILE' AND (g.quota IS NOT NULL OR p.quota IS NOT NULL) \
                                THEN 1 ELSE 0 END";
    "every member of a profile with a queue stands in it", "memberships":
        "SELECT CAST(q.account AS TEXT) || ' of profile ' || CAST(q.profile AS TEXT), 'no seat', 'one' FROM ( \
             SELECT g.product AS product, m.account AS account, g.grp AS profile \
             FROM groups g JOIN memberships m ON m.grp = g.grp WHERE g.queued = 1 \
             UNION ALL SELECT g.product, m.account, g.grp \
             FROM groups g JOIN links l ON l.profile = g.grp JOIN memberships m ON m.grp = l.grp WHERE g.queued = 1 \
         ) q WHERE NOT EXISTS (SELECT 1 FROM seats s \
             WHERE s.product = q.product AND s.account = q.account AND s.profile = q.profile)";
    "only members of a profile stand in its queue", "seats":
        "SELECT CAST(s.account AS TEXT) || ' of profile ' || CAST(s.profile AS TEXT), 'a seat', 'none' FROM seats s \
         LEFT JOIN groups g ON g.grp = s.profile \
         WHERE g.grp IS NULL OR g.queued = 0 OR g.product <> s.product OR ( \
             NOT EXISTS (SELECT 1 FROM memberships d WHERE d.org = g.org AND d.account = s.account AND d.grp = s.profile) \
             AND NOT EXISTS (SELECT 1 FROM links l JOIN memberships m ON m.grp = l.grp \
                             WHERE l.profile = s.profile AND m.org = g.org AND m.account = s.account))";
    "no more seats are held than a profile has", "groups":
        "SELECT CAST(grp AS TEXT), CAST(active AS TEXT), 'at most ' || CAST(quota AS TEXT) FROM groups WHERE active > quota";
    "no more licences are held than a product has", "products":
        "SELECT CAST(product AS TEXT), CAST(active AS TEXT), 'at most ' || CAST(quota AS TEXT) FROM products \
         WHERE active > quota";
    "nobody waits who could hold a licence", "seats":
        "SELECT CAST(s.account AS TEXT) || ' of profile ' || CAST(s.profile AS TEXT), 'waiting', 'active' FROM seats s \
         JOIN groups g ON g.grp = s.profile JOIN products p ON p.product = s.product \
         WHERE s.active = 0 AND (g.quota IS NULL OR g.active < g.quota) \
         AND (p.quota IS NULL OR p.active < p.quota OR EXISTS ( \
             SELECT 1 FROM seats h WHERE h.product = s.product AND h.account = s.account AND h.active = 1))";
    "a member has an account", "members":
        "SELECT CAST(m.org AS TEXT) || ' ' || CAST(m.seq AS TEXT), 'account ' || CAST(m.account AS TEXT), 'one that exists' \
         FROM members m LEFT JOIN accounts a ON a.account = m.account WHERE a.account IS NULL";
    "a member's domain, type and being listed follow from the account", "members":
        "SELECT CAST(m.org AS TEXT) || ' ' || CAST(m.seq AS TEXT), \
                m.domain || ' ' || m.kind || ' listed = ' || CAST(m.listed AS TEXT), \
                a.domain || ' ' || a.kind || ' ' || a.status \
         FROM members m JOIN accounts a ON a.account = m.account \
         WHERE m.domain <> a.domain OR m.kind <> a.kind \
            OR m.listed <> CASE WHEN a.status = 'active' THEN 1 ELSE 0 END";
    "a member's directory is related to the organization", "members":
        "SELECT CAST(m.org AS TEXT) || ' ' || CAST(m.seq AS TEXT), 'directory ' || CAST(a.directory AS TEXT), \
                'a related one' \
         FROM members m JOIN accounts a ON a.account = m.account \
         LEFT JOIN relations r ON r.org = m.org AND r.directory = a.directory \
         WHERE a.directory <> 0 AND r.org IS NULL";
    "an organization has each member once", "members":
        "SELECT CAST(org AS TEXT) || ' ' || CAST(account AS TEXT), CAST(COUNT(*) AS TEXT), '1' FROM members \
         GROUP BY org, account HAVING COUNT(*) > 1";
    "a membership has a group of its organization", "memberships":
        "SELECT CAST(m.account AS TEXT) || ' of group ' || CAST(m.grp AS TEXT), 'organization ' || CAST(m.org AS TEXT), \
                COALESCE('organization ' || CAST(g.org AS TEXT), 'no group') \
         FROM memberships m LEFT JOIN groups g ON g.grp = m.grp WHERE g.grp IS NULL OR g.org <> m.org";
    "who is in a group is in the Users list", "memberships":
        "SELECT CAST(m.account AS TEXT) || ' of group ' || CAST(m.grp AS TEXT), 'no member', 'one of organization ' || \
                CAST(m.org AS TEXT) \
         FROM (SELECT org, account, MIN(grp) AS grp FROM memberships GROUP BY org, account) m \
         LEFT JOIN members u ON u.account = m.account AND u.org = m.org WHERE u.account IS NULL";
    "a link joins a user group and a profile of one organization", "links":
        "SELECT CAST(l.grp AS TEXT) || ' to ' || CAST(l.profile AS TEXT), \
                COALESCE(g.kind, 'nothing') || ' and ' || COALESCE(p.kind, 'nothing'), 'USER_GROUP and PRODUCT_PROFILE' \
         FROM links l LEFT JOIN groups g ON g.grp = l.grp LEFT JOIN groups p ON p.grp = l.profile \
         WHERE COALESCE(g.kind, '') <> 'USER_GROUP' OR COALESCE(p.kind, '') <> 'PRODUCT_PROFILE' \
            OR g.org <> l.org OR p.org <> l.org";
    "a role has a base of its organization and of the right kind", "groups":
        "SELECT CAST(g.grp AS TEXT), g.kind || ' of ' || COALESCE(b.kind, 'nothing'), 'a fitting base' FROM groups g \
         LEFT JOIN groups b ON b.grp = g.base \
         WHERE (g.base IS NOT NULL OR g.kind IN ('USER_ADMIN_GROUP', 'PROFILE_ADMIN_GROUP', 'DEVELOPER_GROUP')) \
         AND (b.grp IS NULL OR b.org <> g.org OR b.kind <> CASE g.kind WHEN 'USER_ADMIN_GROUP' THEN 'USER_GROUP' \
              WHEN 'PROFILE_ADMIN_GROUP' THEN 'PRODUCT_PROFILE' WHEN 'DEVELOPER_GROUP' THEN 'PRODUCT_PROFILE' ELSE '' END)";
    "a profile or product admin group has a product of its organization", "groups":
        "SELECT CAST(g.grp AS TEXT), COALESCE('product ' || CAST(g.product AS TEXT), 'no product'), 'one that exists' \
         FROM groups g LEFT JOIN products p ON p.product = g.product \
         WHERE (g.product IS NOT NULL OR g.kind IN ('PRODUCT_PROFILE', 'PRODUCT_ADMIN_GROUP')) \
         AND (p.product IS NULL OR p.org <> g.org OR g.kind NOT IN ('PRODUCT_PROFILE', 'PRODUCT_ADMIN_GROUP'))";
    "a group has a name of its own unless its name follows from another", "groups":
        "SELECT CAST(grp AS TEXT), kind || ' named ' || COALESCE(name_key, 'nothing'), 'the opposite' FROM groups \
         WHERE (name_key IS NOT NULL) <> (kind IN ('USER_GROUP', 'PRODUCT_PROFILE', 'CONTRACT_ADMIN_GROUP'))";
    "a role has one group", "groups":
        "SELECT CAST(MIN(grp) AS TEXT), CAST(COUNT(*) AS TEXT), '1' FROM groups WHERE name_key IS NULL \
         GROUP BY org, kind, base, product HAVING COUNT(*) > 1";
    "an organization has its three admin groups", "organizations":
        "SELECT CAST(o.org AS TEXT), CAST(COUNT(g.grp) AS TEXT), '3' FROM organizations o \
         LEFT JOIN groups g ON g.org = o.org AND g.name_key IS NULL \
             AND g.kind IN ('SYSADMIN_GROUP', 'SUPPORT_ADMIN_GROUP', 'DEPLOYMENT_ADMIN_GROUP') \
         WHERE o.org <> 0 GROUP BY o.org HAVING COUNT(g.grp) <> 3";
    "a shared group has a source in another organization", "groups":
        "SELECT CAST(g.grp AS TEXT), COALESCE('source ' || CAST(s.grp AS TEXT), 'no source'), 'one elsewhere' \
         FROM groups g LEFT JOIN groups s ON s.grp = g.source \
         WHERE g.source IS NOT NULL AND (s.grp IS NULL OR s.org = g.org OR s.kind <> 'USER_GROUP' OR g.kind <> 'USER_GROUP')";
    "a shared group has nobody whom its source has not", "memberships":
        "SELECT CAST(m.account AS TEXT) || ' of group ' || CAST(m.grp AS TEXT), 'a membership', 'none' \
         FROM groups g JOIN groups s ON s.grp = g.source JOIN memberships m ON m.grp = g.grp \
         LEFT JOIN memberships o ON o.org = s.org AND o.account = m.account AND o.grp = s.grp \
         WHERE g.source IS NOT NULL AND o.grp IS NULL";
    "an account belongs to the owner of its directory and has its type", "accounts":
        concat!("SELECT CAST(a.account AS TEXT), a.kind || ' of directory ' || CAST(a.directory AS TEXT), \
                COALESCE(d.kind || ' of organization ' || CAST(d.org AS TEXT), 'a directory that exists') \
         FROM accounts a LEFT JOIN directories d ON d.directory = a.directory \
         WHERE d.directory IS NULL OR d.kind <> a.kind OR a.account / ", serials!(), " <> d.org");
    "a directory is owned by its organization and by no other", "relations":
        "SELECT CAST(d.directory AS TEXT), COALESCE(r.relation, 'no owner'), 'owned by ' || CAST(d.org AS TEXT) \
         FROM directories d LEFT JOIN relations r ON r.directory = d.directory AND r.org = d.org \
         WHERE d.directory <> 0 AND COALESCE(r.relation, '') <> 'owned' \
         UNION ALL SELECT CAST(r.directory AS TEXT), 'owned by ' || CAST(r.org AS TEXT), 'trusted or former' \
         FROM relations r JOIN directories d ON d.directory = r.directory WHERE r.relation = 'owned' AND r.org <> d.org";
    "a domain is placed in a directory of who claimed it", "domains":
        "SELECT c.name, 'directory ' || CAST(c.directory AS TEXT), 'one of organization ' || CAST(c.org AS TEXT) \
         FROM domains c LEFT JOIN directories d ON d.directory = c.directory WHERE d.directory IS NULL OR d.org <> c.org";
    "a place is taken only once it has been given out", "organizations":
        concat!("SELECT CAST(o.org AS TEXT), CAST(o.next_seq AS TEXT), 'more than ' || CAST(MAX(t.seq) AS TEXT) FROM ( \
             SELECT org, MAX(seq) AS seq FROM members GROUP BY org \
             UNION ALL SELECT org, MAX(seq) FROM memberships GROUP BY org \
             UNION ALL SELECT org, MAX(seq) FROM groups GROUP BY org \
             UNION ALL SELECT org, MAX(seq) FROM products GROUP BY org \
             UNION ALL SELECT org, MAX(seq) FROM domains GROUP BY org \
             UNION ALL SELECT org, MAX(seq) FROM links GROUP BY org \
             UNION ALL SELECT account / ", serials!(), ", MAX(account % ", serials!(), ") FROM accounts \
                       GROUP BY account / ", serials!(), " \
         ) t JOIN organizations o ON o.org = t.org GROUP BY o.org, o.next_seq HAVING MAX(t.seq) >= o.next_seq");
    "a password belongs to an account", "passwords":
        "SELECT CAST(p.account AS TEXT), 'a password', 'none' FROM passwords p \
         LEFT JOIN accounts a ON a.account = p.account WHERE a.account IS NULL";
    "there is one generation", "generation":
        "SELECT '1', CAST(COUNT(*) AS TEXT), '1' FROM generation HAVING COUNT(*) <> 1";
};
