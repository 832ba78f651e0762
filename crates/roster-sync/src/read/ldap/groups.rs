//! The people of a directory group, found by a filter or member by member.

use std::collections::{BTreeSet, HashSet};

use roster_core::plan::text::SetId;

use crate::log::Log;
use crate::read::ldap::dn::{Dn, key};
use crate::read::ldap::error::{Failure, failed};
use crate::read::ldap::filter;
use crate::read::ldap::message::{Entry, Scope, Search};
use crate::read::ldap::people::Keeper;
use crate::read::ldap::schema::Schema;
use crate::read::ldap::session::{Found, Listed, Seen, Session};
use crate::read::ldap::settings::{Members, Settings, everything};
use crate::read::ldap::value;
use crate::read::{ReadError, Within};

/// What looking for groups needs.
pub(crate) struct Lookup<'r> {
    pub(crate) settings: &'r Settings,
    /// The filter for people, as it is sent.
    pub(crate) all_users: &'r [u8],
    /// The attributes of people.
    pub(crate) attributes: &'r [String],
    pub(crate) schema: &'r Schema,
    pub(crate) log: &'r Log,
}

/// A group of the directory.
struct Group {
    dn: String,
    /// The number that people have whose primary group it is.
    relative_id: Option<u32>,
}

impl Lookup<'_> {
    /// Adds the people of a group. What was met in it, where groups in it are looked into.
    pub(crate) async fn people_of(
        &self,
        name: &str,
        session: &mut Session<'_>,
        keeper: &mut Keeper<'_, '_>,
    ) -> Result<Option<Within>, Failure> {
        let Some(group) = self.find(name, session).await? else {
            self.log.warning(
                "ldap",
                "directory-group-not-found",
                format_args!("No group found for: {name}"),
            );
            return Ok(None);
        };
        let set = keeper.group(name);
        match &self.settings.members {
            Members::Filter(template) => {
                let dn = filter::escape(&group.dn);
                let filled = template.fill(|_| Some(dn.clone())).unwrap_or_default();
                let mut members = filter::wrapped(&filled);
                if let Some(id) = group.relative_id {
                    members = format!("(|{members}(primaryGroupID={id}))");
                }
                self.by_filter(&members, set, session, keeper).await?;
                Ok(None)
            }
            Members::TwoSteps { attribute, nested } => {
                let (members, within) = self.members(&group.dn, attribute, *nested, session).await?;
                self.by_name(name, &members, set, session, keeper).await?;
                if let Some(id) = group.relative_id {
                    self.by_filter(&format!("(primaryGroupID={id})"), set, session, keeper)
                        .await?;
                }
                Ok(nested.then_some(within))
            }
        }
    }

    async fn find(&self, name: &str, session: &mut Session<'_>) -> Result<Option<Group>, Failure> {
        let escaped = filter::escape(name);
        let text = self
            .settings
            .group_filter
            .fill(|_| Some(escaped.clone()))
            .unwrap_or_default();
        let text = filter::wrapped(&text);
        let filter = parsed(&text, &session.host)?;
        let attributes: &[String] = if self.settings.primary_group {
            &["objectSid".to_owned()]
        } else {
            &[]
        };
        let mut found: Vec<Group> = Vec::new();
        let mut keys = BTreeSet::new();
        let host = session.host.clone();
        for base in &self.settings.group_bases {
            let tried = format!("the search `{text}` for the group `{name}` below `{base}`");
            self.log.debug("ldap", &tried);
            let search = Search {
                base,
                scope: Scope::Subtree,
                filter: &filter,
                attributes,
            };
            session
                .search(&search, &tried, |seen| {
                    let Seen::Entry(entry) = seen else { return Ok(()) };
                    let relative_id = if self.settings.primary_group {
                        let sid = entry
                            .values("objectSid")
                            .map_err(|error| failed(&host, &format!("the entry `{}`: {error}", entry.dn)))?;
                        let id = sid.list.first().and_then(|sid| value::relative_id(sid));
                        // Without it, the people whose primary group it is would silently be left out.
                        Some(id.ok_or_else(|| {
                            failed(
                                &host,
                                &format!(
                                    "the group `{}` has no `objectSid` that can be read, and `primary_group: true` needs it; hint: let \
                                     `username` read it, or set `primary_group: false` where the directory is no Active Directory",
                                    entry.dn
                                ),
                            )
                        })?)
                    } else {
                        None
                    };
                    // Bases may lie within each other.
                    if keys.insert(key(entry.dn)) {
                        found.push(Group {
                            dn: entry.dn.to_owned(),
                            relative_id,
                        });
                    }
                    Ok(())
                })
                .await?;
        }
        if found.len() > 1 {
            let names: Vec<&str> = found.iter().take(5).map(|group| group.dn.as_str()).collect();
            return Err(Failure::Told(ReadError {
                key: "directory-group-not-unique",
                message: format!(
                    "Multiple LDAP groups found for: {name}: `{}`; make `group_filter_format` or `group_base_dn` narrower",
                    names.join("`, `")
                ),
            }));
        }
        Ok(found.pop())
    }

    /// People who fit a filter.
    async fn by_filter(
        &self,
        members: &str,
        group: SetId,
        session: &mut Session<'_>,
        keeper: &mut Keeper<'_, '_>,
    ) -> Result<(), Failure> {
        let text = format!("(&{members}{})", self.settings.all_users);
        let filter = parsed(&text, &session.host)?;
        let host = session.host.clone();
        for base in &self.settings.user_bases {
            let tried = format!("the search `{text}` below `{base}`");
            self.log.debug("ldap", &tried);
            let search = Search {
                base,
                scope: Scope::Subtree,
                filter: &filter,
                attributes: self.attributes,
            };
            session
                .search(&search, &tried, |seen| {
                    match seen {
                        Seen::Entry(entry) => {
                            if let Some(position) = keeper.take(entry, &host)? {
                                keeper.join(position, group);
                            }
                        }
                        Seen::PageEnd => keeper.page_end(),
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    /// The names of a group's members; with `nested`, of those of the groups in it as well, and which groups these are.
    async fn members(
        &self,
        group: &str,
        attribute: &str,
        nested: bool,
        session: &mut Session<'_>,
    ) -> Result<(Vec<String>, Within), Failure> {
        let filter = everything();
        let attributes = [attribute.to_owned(), "objectClass".to_owned()];
        let search = Search {
            base: "",
            scope: Scope::Base,
            filter: &filter,
            attributes: &attributes,
        };
        let host = session.host.clone();
        let mut seen = HashSet::from([key(group)]);
        let mut found = Vec::new();
        let mut within = Within::default();
        let mut level = vec![group.to_owned()];
        self.log
            .debug("ldap", format_args!("reading `{attribute}` of `{group}`"));
        while !level.is_empty() {
            let mut next = Vec::new();
            let mut unfinished = Vec::new();
            let mut shown = vec![false; level.len()];
            let (mut there, mut absent) = (Vec::new(), Vec::new());
            let mut add = |holder: &str, bytes: &[u8]| {
                let member = member(bytes, holder, attribute, &host)?;
                if seen.insert(key(&member)) {
                    next.push(member);
                }
                Ok(())
            };
            session
                .search_each(
                    &level,
                    &search,
                    |at, entry| {
                        let holder = level.get(at).map_or("", String::as_str);
                        let values = entry
                            .values(attribute)
                            .map_err(|error| failed(&host, &format!("the entry `{holder}`: {error}")))?;
                        if let Some(shown) = shown.get_mut(at) {
                            *shown = true;
                        }
                        let classes = classes(entry, &host)?;
                        let is_bare = values.list.is_empty() && values.more_from.is_none();
                        if is_bare {
                            self.may_lack(entry.dn, &classes, attribute, &host)?;
                        }
                        // People have no members, either; which of these were groups earlier runs know. What an entry says of
                        // itself is no help: one that is hidden may not even show its classes.
                        if holder != group {
                            let kind = if is_bare {
                                &mut within.mute
                            } else {
                                &mut within.groups
                            };
                            kind.insert(holder.to_lowercase());
                        }
                        unfinished.extend(values.more_from.map(|from| (at, from)));
                        values.list.into_iter().try_for_each(|bytes| add(holder, bytes))
                    },
                    // A member that is not there is told when people are asked for.
                    |at, found| {
                        if found == Found::Yes {
                            there.push(at);
                        } else {
                            absent.push(at);
                        }
                        Ok(())
                    },
                )
                .await?;
            // The filter fits every entry: one that is there and does not come may not be read.
            if let Some(at) = there.into_iter().find(|&at| shown.get(at) == Some(&false)) {
                let holder = level.get(at).map_or("", String::as_str);
                return Err(failed(
                    &host,
                    &format!(
                        "the entry `{holder}` is there and is not shown, so nobody knows who is in it; hint: let `username` read it"
                    ),
                ));
            }
            let names = absent.into_iter().filter_map(|at| level.get(at));
            within.mute.extend(names.map(|name| name.to_lowercase()));
            for (at, from) in unfinished {
                let holder = level.get(at).map_or("", String::as_str);
                session
                    .values(holder, attribute, from, |listed| match listed {
                        // Whoever has come stays; nobody comes twice.
                        Listed::FromTheFirst => Ok(()),
                        Listed::Value(bytes) => add(holder, bytes),
                    })
                    .await?;
            }
            found.extend(next.iter().cloned());
            level = if nested { next } else { Vec::new() };
        }
        Ok((found, within))
    }

    /// An error where an entry without members is of a class that has some: then they are hidden.
    fn may_lack(
        &self,
        dn: &str,
        classes: &BTreeSet<String>,
        attribute: &str,
        host: &str,
    ) -> Result<(), Failure> {
        match classes
            .iter()
            .find(|class| self.schema.requires(class, attribute))
        {
            None => Ok(()),
            Some(class) => Err(failed(
                host,
                &format!(
                    "the group `{dn}` does not show its `{attribute}`, which every `{class}` has; hint: let `username` read it"
                ),
            )),
        }
    }

    /// The people that members are.
    async fn by_name(
        &self,
        name: &str,
        members: &[String],
        group: SetId,
        session: &mut Session<'_>,
        keeper: &mut Keeper<'_, '_>,
    ) -> Result<(), Failure> {
        let mut bases = Vec::new();
        for base in &self.settings.user_bases {
            bases
                .push(Dn::parse(base).map_err(|error| failed(&session.host, &format!("`{base}`: {error}")))?);
        }
        let inside =
            |member: &&String| Dn::parse(member).is_ok_and(|dn| bases.iter().any(|base| dn.is_inside(base)));
        let all = members.len();
        let members: Vec<String> = members.iter().filter(inside).cloned().collect();
        if members.is_empty() && all > 0 {
            self.log.warning(
                "ldap",
                "directory-members-outside",
                format_args!(
                    "`{name}` has {all} member(s), and none of them is below `{}`: nobody is in it for this run. If people are \
                     elsewhere, set `user_base_dn`",
                    self.settings.user_bases.join("`, `")
                ),
            );
        }
        let search = Search {
            base: "",
            scope: Scope::Subtree,
            filter: self.all_users,
            attributes: self.attributes,
        };
        let host = session.host.clone();
        let mut people = vec![0_u8; members.len()];
        session
            .search_each(
                &members,
                &search,
                |at, entry| {
                    let member = members.get(at).map_or("", String::as_str);
                    if let Some(count) = people.get_mut(at) {
                        *count = count.saturating_add(1);
                        if *count > 1 {
                            return Err(failed(
                                &host,
                                &format!(
                                    "Unexpected multiple LDAP objects: below the member `{member}` there is more than one person \
                                     that fits `all_users_filter` [ldap-several-entries]"
                                ),
                            ));
                        }
                    }
                    if let Some(position) = keeper.take(entry, &host)? {
                        keeper.join(position, group);
                    }
                    Ok(())
                },
                |at, found| {
                    if found == Found::No {
                        let member = members.get(at).map_or("", String::as_str);
                        self.log.warning(
                            "ldap",
                            "ldap-member-missing",
                            format_args!("The member `{member}` of a group is not in the directory and is passed over"),
                        );
                    }
                    Ok(())
                },
            )
            .await
    }
}

/// The object classes of an entry, but for the one that all entries have.
fn classes(entry: &Entry<'_>, host: &str) -> Result<BTreeSet<String>, Failure> {
    let classes = entry
        .values("objectClass")
        .map_err(|error| failed(host, &format!("the entry `{}`: {error}", entry.dn)))?;
    // Servers return the spelling in which they were written.
    let classes = classes
        .list
        .iter()
        .map(|class| String::from_utf8_lossy(class).to_ascii_lowercase());
    Ok(classes.filter(|class| class != "top").collect())
}

/// A filter made of parts that have been checked.
fn parsed(text: &str, host: &str) -> Result<Vec<u8>, Failure> {
    filter::parse(text)
        .map(|filter| filter.bytes)
        .map_err(|error| failed(host, &format!("`{text}` is no filter: {error}")))
}

/// The name of a member out of a value.
fn member(bytes: &[u8], holder: &str, attribute: &str, host: &str) -> Result<String, Failure> {
    let text = String::from_utf8_lossy(bytes);
    // `uniqueMember` may have a number behind the name: `cn=a,dc=b#'01'B`.
    let text = match text.rsplit_once("#'") {
        Some((name, number)) if number.ends_with("'B") => name,
        _ => &text,
    };
    if text.is_empty() || Dn::parse(text).is_err() {
        return Err(failed(
            host,
            &format!(
                "`{attribute}` of `{holder}` has `{text}`, which is not the name of an entry; hint: \
                 `two_steps_lookup.group_member_attribute_name` is an attribute such as `member` or `uniqueMember`"
            ),
        ));
    }
    Ok(text.to_owned())
}
