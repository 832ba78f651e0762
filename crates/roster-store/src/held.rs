//! What a load finds in rows that hardly ever change: organizations, directories, domains, groups and links. A reader holds
//! it for one load; the writer keeps it from one job to the next, because most of the statements of a load would say the same again.
//!
//! Kept is only what this writer alone can have changed since. All of it is read anew after every statement that wrote into one of
//! these tables ([`Held::wrote`]), but for two counters, which [`Held::counted`] follows; after every failure; and whenever
//! another connection wrote ([`Held::look`]).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use roster_core::org::{Directory, Domain, Group, Organization, Relation};
use roster_core::value::{GroupId, Key, OrgNo, Seq};

use crate::conn::{Conn, Param, ints, texts};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::row;

/// With more than this, nothing is kept any more: what is asked for next is more likely something else.
const MOST: usize = 20_000;

/// Where the rows are. Only [`Tally`](crate::apply) writes there without a word to [`Held::wrote`]: it tells what it counted.
const TABLES: [&str; 6] = [
    "organizations",
    "directories",
    "relations",
    "domains",
    "groups",
    "links",
];

/// Rows by what they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Held {
    orgs: HashMap<i64, Organization>,
    directories: HashMap<i64, Vec<(Directory, Relation)>>,
    domains: HashMap<Key, Option<Domain>>,
    groups: HashMap<i64, Group>,
    named: HashMap<(i64, Key), Option<i64>>,
    mirrors: HashMap<i64, Vec<i64>>,
    based: HashMap<i64, Vec<i64>>,
    org_wide: HashMap<i64, Vec<i64>>,
    links: HashMap<i64, Vec<(i64, Seq)>>,
    /// SQLite's number of what other connections wrote, as it was when the rows were read.
    version: Option<i64>,
}

/// Keeping.
impl Held {
    /// Forgets all of it when somebody else wrote since, or when it has become too much: to be asked inside a transaction.
    pub(crate) fn look(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let version = conn.number("PRAGMA data_version", &[])?;
        let many = [&self.mirrors, &self.based]
            .map(HashMap::len)
            .iter()
            .sum::<usize>()
            + self.groups.len()
            + self.named.len()
            + self.domains.len()
            + self.links.len();
        if version.is_none() || version != self.version || many > MOST {
            self.version = version;
            self.forget();
        }
        Ok(())
    }

    /// Forgets all rows.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            version: self.version,
            ..Self::default()
        };
    }

    /// Takes note of a statement that changed so many rows; what is not understood may have changed anything.
    pub(crate) fn wrote(&mut self, sql: &str, rows: u64) {
        let mut words = sql.split_ascii_whitespace();
        let table = match (words.next(), words.next()) {
            (Some("UPDATE"), table) => table,
            (Some("INSERT"), Some("INTO")) | (Some("DELETE"), Some("FROM")) => words.next(),
            _ => None,
        };
        if rows > 0 && table.is_none_or(|table| TABLES.contains(&table)) {
            self.forget();
        }
    }

    /// Follows what was written into the counters of rows: direct members of groups, and the next places.
    pub(crate) fn counted(
        &mut self,
        direct: impl Iterator<Item = (GroupId, i64)>,
        next: &BTreeMap<OrgNo, i64>,
    ) {
        for (group, by) in direct {
            if let Some(group) = self.groups.get_mut(&group.0) {
                group.direct += by;
            }
        }
        for (org, next) in next {
            if let Some(org) = self.orgs.get_mut(&org.0) {
                org.next = org.next.max(Seq(*next));
            }
        }
    }
}

/// Finding, with one statement for all that is not held yet.
impl Held {
    /// Organizations.
    pub(crate) fn orgs(
        &mut self,
        reader: &mut Reader<'_>,
        orgs: &BTreeSet<i64>,
    ) -> Result<Vec<Organization>, StoreError> {
        let missing = missing(&self.orgs, orgs.iter().copied());
        if !missing.is_empty() {
            let sql = format!(
                "SELECT {} FROM organizations WHERE org IN {}",
                row::ORGANIZATION,
                reader.int_list(1)
            );
            reader.query(&sql, &[ints(missing)], &mut |row| {
                let org = row::organization(row)?;
                self.orgs.insert(org.no.0, org);
                Ok(())
            })?;
        }
        Ok(orgs
            .iter()
            .filter_map(|org| self.orgs.get(org))
            .cloned()
            .collect())
    }

    /// The directories in reach of an organization, and how they concern it.
    pub(crate) fn directories(
        &mut self,
        reader: &mut Reader<'_>,
        org: OrgNo,
    ) -> Result<&[(Directory, Relation)], StoreError> {
        if let Entry::Vacant(place) = self.directories.entry(org.0) {
            let mut found = Vec::new();
            let sql = format!(
                "SELECT {}, r.relation FROM relations r JOIN directories d ON d.directory = r.directory WHERE r.org = $1",
                row::DIRECTORY
            );
            reader.query(&sql, &[Param::Int(org.0)], &mut |row| {
                let directory = row::directory(row)?;
                let relation = row::relation(row.text(7)?, directory.id.0)?;
                found.push((directory, relation));
                Ok(())
            })?;
            place.insert(found);
        }
        Ok(self.directories.get(&org.0).map_or(&[], Vec::as_slice))
    }

    /// The claims of domains, whoever made them.
    pub(crate) fn domains(
        &mut self,
        reader: &mut Reader<'_>,
        names: &BTreeSet<Key>,
    ) -> Result<Vec<Domain>, StoreError> {
        let missing: Vec<&Key> = names
            .iter()
            .filter(|name| !self.domains.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            let sql = format!(
                "SELECT {} FROM domains WHERE name IN {}",
                row::DOMAIN,
                reader.text_list(1)
            );
            let params = [texts(missing.iter().map(|name| name.as_str()))];
            self.domains
                .extend(missing.into_iter().map(|name| (name.clone(), None)));
            reader.query(&sql, &params, &mut |row| {
                let domain = row::domain(row)?;
                self.domains.insert(domain.name.clone(), Some(domain));
                Ok(())
            })?;
        }
        let found = names.iter().filter_map(|name| self.domains.get(name)?.clone());
        Ok(found.collect())
    }

    /// The user groups and profiles of an organization with these names.
    pub(crate) fn named(
        &mut self,
        reader: &mut Reader<'_>,
        org: OrgNo,
        names: &BTreeSet<Key>,
    ) -> Result<Vec<i64>, StoreError> {
        let keys = names.iter().map(|name| (org.0, name.clone()));
        let missing: Vec<(i64, Key)> = keys.filter(|key| !self.named.contains_key(key)).collect();
        if !missing.is_empty() {
            let sql = format!(
                "SELECT {} FROM groups WHERE org = $1 AND name_key IN {}",
                row::GROUP,
                reader.text_list(2)
            );
            let params = [
                Param::Int(org.0),
                texts(missing.iter().map(|(_, name)| name.as_str())),
            ];
            self.named.extend(missing.into_iter().map(|key| (key, None)));
            reader.query(&sql, &params, &mut |row| {
                let group = row::group(row)?;
                self.named.insert((org.0, group.key()), Some(group.id.0));
                self.groups.insert(group.id.0, group);
                Ok(())
            })?;
        }
        let found = names
            .iter()
            .filter_map(|name| *self.named.get(&(org.0, name.clone()))?);
        Ok(found.collect())
    }

    /// Groups by their numbers; one that is not there is left out.
    pub(crate) fn groups(
        &mut self,
        reader: &mut Reader<'_>,
        ids: impl Iterator<Item = i64>,
    ) -> Result<(), StoreError> {
        let missing = missing(&self.groups, ids);
        if missing.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT {} FROM groups WHERE grp IN {}",
            row::GROUP,
            reader.int_list(1)
        );
        self.read(reader, &sql, &[ints(missing)], |_| ())
    }

    /// A group that was found.
    pub(crate) fn group(&self, id: i64) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The mirrors of user groups.
    pub(crate) fn mirrors(
        &mut self,
        reader: &mut Reader<'_>,
        sources: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        let missing = missing(&self.mirrors, sources.iter().copied());
        let found = self.around(reader, "source", missing, |group| group.source)?;
        self.mirrors.extend(found);
        Ok(all(&self.mirrors, sources))
    }

    /// The admin and developer groups of user groups and profiles.
    pub(crate) fn based(&mut self, reader: &mut Reader<'_>, bases: &[i64]) -> Result<Vec<i64>, StoreError> {
        let missing = missing(&self.based, bases.iter().copied());
        let found = self.around(reader, "base", missing, |group| group.kind.base())?;
        self.based.extend(found);
        Ok(all(&self.based, bases))
    }

    /// The groups that name others in a column.
    fn around(
        &mut self,
        reader: &mut Reader<'_>,
        column: &str,
        named: Vec<i64>,
        of: impl Fn(&Group) -> Option<GroupId>,
    ) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        let mut found = nothing(&named);
        if !named.is_empty() {
            let sql = format!(
                "SELECT {} FROM groups WHERE {column} IN {}",
                row::GROUP,
                reader.int_list(1)
            );
            self.read(reader, &sql, &[ints(named)], |group| {
                if let Some(named) = of(group) {
                    found.entry(named.0).or_default().push(group.id.0);
                }
            })?;
        }
        Ok(found)
    }

    /// The admin groups of a whole organization.
    pub(crate) fn org_wide(&mut self, reader: &mut Reader<'_>, org: OrgNo) -> Result<Vec<i64>, StoreError> {
        if !self.org_wide.contains_key(&org.0) {
            let sql = format!(
                "SELECT {} FROM groups WHERE org = $1 AND name_key IS NULL AND kind IN ('SYSADMIN_GROUP', 'SUPPORT_ADMIN_GROUP', 'DEPLOYMENT_ADMIN_GROUP')",
                row::GROUP
            );
            let mut found = Vec::new();
            self.read(reader, &sql, &[Param::Int(org.0)], |group| found.push(group.id.0))?;
            self.org_wide.insert(org.0, found);
        }
        Ok(all(&self.org_wide, &[org.0]))
    }

    /// The links of user groups of these organizations: group, profile and place.
    pub(crate) fn links(
        &mut self,
        reader: &mut Reader<'_>,
        orgs: &BTreeSet<i64>,
        groups: &[i64],
    ) -> Result<Vec<(i64, i64, Seq)>, StoreError> {
        let missing = missing(&self.links, groups.iter().copied());
        if !missing.is_empty() {
            let sql = format!(
                "SELECT grp, profile, seq FROM links WHERE org IN {} AND grp IN {}",
                reader.int_list(1),
                reader.int_list(2)
            );
            let mut found: HashMap<i64, Vec<(i64, Seq)>> = nothing(&missing);
            let params = [ints(orgs.iter().copied()), ints(missing)];
            reader.query(&sql, &params, &mut |row| {
                let link = (row.int(1)?, Seq(row.int(2)?));
                found.entry(row.int(0)?).or_default().push(link);
                Ok(())
            })?;
            self.links.extend(found);
        }
        let each = groups
            .iter()
            .filter_map(|group| Some((group, self.links.get(group)?)));
        Ok(each
            .flat_map(|(group, links)| links.iter().map(|(profile, seq)| (*group, *profile, *seq)))
            .collect())
    }

    fn read(
        &mut self,
        reader: &mut Reader<'_>,
        sql: &str,
        params: &[Param<'_>],
        mut each: impl FnMut(&Group),
    ) -> Result<(), StoreError> {
        reader.query(sql, params, &mut |row| {
            let group = row::group(row)?;
            each(&group);
            self.groups.insert(group.id.0, group);
            Ok(())
        })
    }
}

fn missing<V>(held: &HashMap<i64, V>, ids: impl Iterator<Item = i64>) -> Vec<i64> {
    ids.filter(|id| !held.contains_key(id)).collect()
}

/// Nothing found yet for any of them: that is held, too.
fn nothing<V>(ids: &[i64]) -> HashMap<i64, Vec<V>> {
    ids.iter().map(|id| (*id, Vec::new())).collect()
}

fn all(held: &HashMap<i64, Vec<i64>>, ids: &[i64]) -> Vec<i64> {
    ids.iter()
        .filter_map(|id| held.get(id))
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_known_by_their_table() {
        let kept = |sql: &str, rows: u64| {
            let mut held = Held::default();
            held.named.insert((1, Key::new("Design Team")), None);
            held.wrote(sql, rows);
            !held.named.is_empty()
        };
        assert!(kept("INSERT INTO members (org) VALUES ($1)", 1));
        assert!(kept("UPDATE accounts SET email = $1", 1));
        assert!(kept("DELETE FROM memberships WHERE grp = $1", 7));
        for table in TABLES {
            assert!(!kept(&format!("INSERT INTO {table} (org) VALUES ($1)"), 1));
            assert!(!kept(&format!("UPDATE {table} SET x = 1"), 1));
            assert!(!kept(&format!("DELETE FROM {table} WHERE x = 1"), 1));
            assert!(!kept(&format!("DELETE FROM\n  {table}"), 1));
            assert!(
                kept(&format!("UPDATE {table} SET x = 1"), 0),
                "nothing was written"
            );
        }
        assert!(!kept("REPLACE INTO members VALUES ($1)", 1), "not understood");
    }
}
