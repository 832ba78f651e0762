//! Finding one thing: an organization, a directory, a group by its name, a person.

use roster_core::org::{GroupKind, Organization};
use roster_core::value::{AdminRole, DirectoryId, GroupId, GroupName, Key, OrgNo, ProductId, ReservedName};

use super::sql::Sql;
use super::users::{UserSink, one};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row::{self, group_kind};

/// What a group name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundGroup {
    /// `None` for an admin or developer group whose base exists but that nobody was ever in.
    pub id: Option<GroupId>,
    /// What it is.
    pub kind: GroupKind,
    /// The full name in stored spelling.
    pub full_name: String,
}

/// An account by e-mail, by username, among the active members: they are looked up directory by directory, of which an
/// organization has few. Members of directories that nobody trusts it with have a relation, too. The first account is asked
/// for as the smallest number: for an order, SQLite would make a table each time.
const RELATED: [&str; 2] = [
    "SELECT MIN(a.account) FROM relations r CROSS JOIN accounts a CROSS JOIN members m \
     WHERE r.org = $1 AND a.directory = r.directory AND a.email_key = $2 \
     AND m.account = a.account AND m.org = $1 AND m.listed = 1",
    "SELECT MIN(a.account) FROM relations r CROSS JOIN accounts a CROSS JOIN members m \
     WHERE r.org = $1 AND a.directory = r.directory AND a.username_key = $2 \
     AND m.account = a.account AND m.org = $1 AND m.listed = 1",
];

/// The same in one directory.
const IN_DIRECTORY: [&str; 2] = [
    "SELECT a.account FROM accounts a CROSS JOIN members m \
     WHERE a.directory = $1 AND a.email_key = $2 AND m.account = a.account AND m.org = $3 AND m.listed = 1",
    "SELECT a.account FROM accounts a CROSS JOIN members m \
     WHERE a.directory = $1 AND a.username_key = $2 AND m.account = a.account AND m.org = $3 AND m.listed = 1",
];

impl Reader<'_> {
    /// The organization with an id on the wire.
    pub fn find_org(&mut self, id: &Key) -> Result<Option<Organization>, StoreError> {
        let sql = format!(
            "SELECT {} FROM organizations WHERE id_key = $1",
            row::ORGANIZATION
        );
        let mut found = None;
        self.query(&sql, &[id.as_str().into()], &mut |row| {
            found = Some(row::organization(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// All organizations, the owner of Adobe IDs left out, in the order of their numbers.
    pub fn organizations(&mut self) -> Result<Vec<Organization>, StoreError> {
        let sql = format!(
            "SELECT {} FROM organizations WHERE org <> 0 ORDER BY org",
            row::ORGANIZATION
        );
        let mut found = Vec::new();
        self.query(&sql, &[], &mut |row| {
            found.push(row::organization(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The directory that holds a domain, if the organization owns it or is trusted with it.
    pub fn related_directory(&mut self, org: OrgNo, domain: &Key) -> Result<Option<DirectoryId>, StoreError> {
        let mut sql =
            Sql::new("SELECT d.directory FROM domains d JOIN relations r ON r.directory = d.directory");
        sql.push(" WHERE d.name = ").bind(domain.as_str());
        sql.push(" AND r.org = ").bind(org.0);
        sql.push(" AND r.relation IN ('owned', 'trusted')");
        Ok(sql.number(self)?.map(DirectoryId))
    }

    /// What a group name means in an organization, in any letter case: a user group, a profile, or an admin or
    /// developer group whose base exists. The global console roles are never found.
    pub fn find_group(&mut self, org: OrgNo, name: &str) -> Result<Option<FoundGroup>, StoreError> {
        match GroupName::parse(name) {
            GroupName::Plain(key) => Ok(self.own_named(org, &key)?.map(|group| FoundGroup {
                id: Some(group.id),
                kind: group.kind,
                full_name: group.name,
            })),
            GroupName::Reserved(reserved) => match reserved {
                ReservedName::Compartment => Ok(None),
                ReservedName::SystemAdmin => self.org_wide(org, GroupKind::SystemAdmin).map(Some),
                ReservedName::SupportAdmin => self.org_wide(org, GroupKind::SupportAdmin).map(Some),
                ReservedName::DeploymentAdmin => self.org_wide(org, GroupKind::DeploymentAdmin).map(Some),
                ReservedName::Role(role, base) => self.role_group(org, role, &base),
            },
        }
    }

    /// Hands out the one active member that a text means (umapi.md 3.5): the account of a directory with this e-mail,
    /// then with this username, then the Adobe ID. `domain` narrows it to Adobe IDs or to one directory. Where several
    /// fit, the account that was created first.
    ///
    /// `direct_only` and `groups` as in [`super::UsersQuery`].
    pub fn find_user(
        &mut self,
        org: OrgNo,
        user: &str,
        domain: Option<&str>,
        direct_only: bool,
        groups: bool,
        sink: UserSink<'_>,
    ) -> Result<bool, StoreError> {
        let key = Key::new(user);
        let found = match domain.map(Key::new) {
            None => self.anywhere(org, &key)?,
            Some(domain) if domain.as_str() == "adobeid" => self.adobe_id(org, &key)?,
            Some(domain) => match self.related_directory(org, &domain)? {
                Some(directory) => self.in_directory(org, directory, &key)?,
                None => None,
            },
        };
        let Some(account) = found else {
            return Ok(false);
        };
        one(self, org, account, (direct_only, groups), sink)?;
        Ok(true)
    }

    fn anywhere(&mut self, org: OrgNo, key: &Key) -> Result<Option<i64>, StoreError> {
        for sql in RELATED {
            if let Some(account) = self.number(sql, &[org.0.into(), key.as_str().into()])? {
                return Ok(Some(account));
            }
        }
        self.adobe_id(org, key)
    }

    fn adobe_id(&mut self, org: OrgNo, key: &Key) -> Result<Option<i64>, StoreError> {
        let [by_email, _] = IN_DIRECTORY;
        let params = [DirectoryId::ADOBE_ID.0.into(), key.as_str().into(), org.0.into()];
        self.number(by_email, &params)
    }

    fn in_directory(
        &mut self,
        org: OrgNo,
        directory: DirectoryId,
        key: &Key,
    ) -> Result<Option<i64>, StoreError> {
        for sql in IN_DIRECTORY {
            let params = [directory.0.into(), key.as_str().into(), org.0.into()];
            if let Some(account) = self.number(sql, &params)? {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    fn own_named(&mut self, org: OrgNo, key: &Key) -> Result<Option<OwnNamed>, StoreError> {
        let mut sql = Sql::new("SELECT grp, kind, base, product, name FROM groups WHERE org = ");
        sql.bind(org.0).push(" AND name_key = ").bind(key.as_str());
        let mut found = None;
        sql.rows(self, |row| {
            let id = row.int(0)?;
            found = Some(OwnNamed {
                id: GroupId(id),
                kind: group_kind(id, row.text(1)?, row.opt_int(2)?, row.opt_int(3)?)?,
                name: row.text(4)?.to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }

    fn org_wide(&mut self, org: OrgNo, kind: GroupKind) -> Result<FoundGroup, StoreError> {
        let mut sql = Sql::new("SELECT grp FROM groups WHERE org = ");
        sql.bind(org.0).push(" AND kind = ").bind(kind.as_str());
        sql.push(" AND name_key IS NULL");
        Ok(FoundGroup {
            id: sql.number(self)?.map(GroupId),
            kind,
            full_name: kind.prefix().to_owned(),
        })
    }

    fn role_group(
        &mut self,
        org: OrgNo,
        role: AdminRole,
        base: &Key,
    ) -> Result<Option<FoundGroup>, StoreError> {
        let found = match role {
            AdminRole::ProductAdmin => self.product_named(org, base)?,
            AdminRole::Admin | AdminRole::Developer => {
                self.own_named(org, base)?
                    .and_then(|group| match (role, group.kind) {
                        (AdminRole::Admin, GroupKind::UserGroup) => {
                            Some((GroupKind::UserGroupAdmin(group.id), group.name))
                        }
                        (AdminRole::Admin, GroupKind::Profile(_)) => {
                            Some((GroupKind::ProfileAdmin(group.id), group.name))
                        }
                        (AdminRole::Developer, GroupKind::Profile(_)) => {
                            Some((GroupKind::Developer(group.id), group.name))
                        }
                        _ => None,
                    })
            }
        };
        let Some((kind, name)) = found else {
            return Ok(None);
        };
        let mut sql = Sql::new("SELECT grp FROM groups WHERE ");
        match (kind.base(), kind.product()) {
            (Some(base), _) => sql.push("base = ").bind(base.0),
            (None, product) => sql.push("product = ").bind(product.map(|product| product.0)),
        };
        sql.push(" AND kind = ").bind(kind.as_str());
        Ok(Some(FoundGroup {
            id: sql.number(self)?.map(GroupId),
            kind,
            full_name: format!("{}{name}", kind.prefix()),
        }))
    }

    fn product_named(&mut self, org: OrgNo, key: &Key) -> Result<Option<(GroupKind, String)>, StoreError> {
        let mut sql = Sql::new("SELECT product, name FROM products WHERE org = ");
        sql.bind(org.0).push(" AND name_key = ").bind(key.as_str());
        let mut found = None;
        sql.rows(self, |row| {
            let kind = GroupKind::ProductAdmin(ProductId(row.int(0)?));
            found = Some((kind, row.text(1)?.to_owned()));
            Ok(())
        })?;
        Ok(found)
    }
}

struct OwnNamed {
    id: GroupId,
    kind: GroupKind,
    name: String,
}
