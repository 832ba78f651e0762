//! Directories, their domains, and who is trusted with them.

use std::collections::BTreeMap;

use super::compare::Compare;
use super::{Configuration, Description, DirectoryDescription, Place};
use crate::change::{Change, Configured};
use crate::org::{Directory, Domain};
use crate::value::{DirectoryId, Key, OrgNo};

/// The claims that may go to another directory, or with `prune` be given up: whoever compares has to know who uses them.
pub fn leaving(descriptions: &[Description], present: &Configuration, prune: bool) -> Vec<Domain> {
    let places: BTreeMap<&Key, Key> = descriptions
        .iter()
        .flat_map(|description| &description.directories)
        .flat_map(|directory| {
            let name = Key::new(&directory.name);
            directory
                .domains
                .iter()
                .map(move |domain| (&domain.name, name.clone()))
        })
        .collect();
    let names: BTreeMap<DirectoryId, Key> = present
        .directories
        .iter()
        .map(|directory| (directory.id, Key::new(&directory.name)))
        .collect();
    let leaves = |claim: &&Domain| match places.get(&claim.name) {
        Some(place) => names.get(&claim.directory) != Some(place),
        None => prune,
    };
    present.domains.iter().filter(leaves).cloned().collect()
}

impl Compare {
    pub(super) fn directory(&mut self, org: OrgNo, wanted: &DirectoryDescription) {
        let name_key = Key::new(&wanted.name);
        let known = self
            .now
            .directories
            .iter()
            .find(|d| d.org == org && Key::new(&d.name) == name_key)
            .cloned();
        let id = match known {
            None => self.create_directory(org, wanted),
            Some(known) => {
                if known.kind != wanted.kind {
                    let message = format!(
                        "the directory `{}` exists with type {}, which never changes; describe a new directory under another name",
                        known.name,
                        known.kind.as_str()
                    );
                    self.wrong(&[Place::Key("type")], message);
                    return;
                }
                self.update_directory(&known, wanted);
                known.id
            }
        };
        for (n, domain) in wanted.domains.iter().enumerate() {
            self.within(&[Place::Key("domains"), Place::Index(n)], |run| {
                run.domain(org, id, &domain.name, domain.restrict_adobe_ids);
            });
        }
        for (n, trustee) in wanted.trustees.iter().enumerate() {
            self.within(&[Place::Key("trustees"), Place::Index(n)], |run| {
                run.trustee(org, id, &wanted.name, trustee);
            });
        }
    }

    fn create_directory(&mut self, org: OrgNo, wanted: &DirectoryDescription) -> DirectoryId {
        let id = self.now.next_directory;
        self.now.next_directory = DirectoryId(id.0 + 1);
        let directory = Directory {
            id,
            public_id: self.seed.hex(24).to_lowercase(),
            org,
            name: wanted.name.clone(),
            kind: wanted.kind,
            login: wanted.login,
            synced: wanted.synced,
        };
        self.now.directories.push(directory.clone());
        let line = format!("directory `{}` created ({})", wanted.name, wanted.kind.as_str());
        self.emit(
            org,
            Change::Configured(Configured::DirectoryCreated(directory)),
            &line,
        );
        self.mark(org, "directory", &[&wanted.name]);
        id
    }

    fn update_directory(&mut self, known: &Directory, wanted: &DirectoryDescription) {
        let after = Directory {
            login: wanted.login,
            synced: wanted.synced,
            name: wanted.name.clone(),
            ..known.clone()
        };
        if after == *known {
            return;
        }
        if let Some(now) = self.now.directories.iter_mut().find(|d| d.id == known.id) {
            now.clone_from(&after);
        }
        let line = format!(
            "directory `{}` changed (login {}, synced {})",
            after.name,
            after.login.as_str(),
            after.synced
        );
        self.emit(
            known.org,
            Change::Configured(Configured::DirectoryUpdated(known.clone(), after)),
            &line,
        );
    }

    fn domain(&mut self, org: OrgNo, directory: DirectoryId, name: &Key, restrict_adobe_ids: bool) {
        let known = self
            .now
            .domains
            .iter()
            .find(|domain| domain.name == *name)
            .cloned();
        match known {
            None => {
                let seq = self.place(org);
                let domain = Domain {
                    name: name.clone(),
                    org,
                    directory,
                    restrict_adobe_ids,
                    seq,
                };
                self.now.domains.push(domain.clone());
                self.emit(
                    org,
                    Change::Configured(Configured::DomainClaimed(domain)),
                    &format!("domain {name} claimed"),
                );
                self.mark(org, "domain", &[name.as_str()]);
            }
            Some(known) if known.org != org => {
                let owner = self
                    .now
                    .orgs
                    .iter()
                    .find(|org| org.no == known.org)
                    .map_or("another organization", |org| &org.id);
                let message =
                    format!("the domain {name} is claimed by {owner}; it has to be released there first");
                self.wrong(&[], message);
            }
            Some(known) if known.directory != directory && self.users_of(name) > 0 => {
                let users = self.users_of(name);
                let old = self.now.directories.iter().find(|d| d.id == known.directory);
                let message = format!(
                    "{users} account{} of the directory `{}` use{} the domain {name} and would be left behind there; \
                     leave the domain with it, or delete these accounts or give them usernames and e-mails of another \
                     domain first",
                    if users == 1 { "" } else { "s" },
                    old.map_or("", |directory| &directory.name),
                    if users == 1 { "s" } else { "" },
                );
                self.wrong(&[], message);
            }
            Some(known) if known.directory != directory || known.restrict_adobe_ids != restrict_adobe_ids => {
                let after = Domain {
                    directory,
                    restrict_adobe_ids,
                    ..known.clone()
                };
                if let Some(now) = self.now.domains.iter_mut().find(|domain| domain.name == *name) {
                    now.clone_from(&after);
                }
                self.emit(
                    org,
                    Change::Configured(Configured::DomainUpdated(known, after)),
                    &format!("domain {name} changed"),
                );
            }
            Some(_) => {}
        }
    }

    /// How many accounts of the directory that claims a domain use it.
    pub(super) fn users_of(&self, domain: &Key) -> i64 {
        self.now.in_use.get(domain).copied().unwrap_or_default()
    }

    /// The organization an id names, among those present and those described.
    pub(super) fn org_by_id(&self, id: &str) -> Option<OrgNo> {
        let key = Key::new(id);
        self.now
            .orgs
            .iter()
            .find(|org| org.no != OrgNo::ADOBE_ID && Key::new(&org.id) == key)
            .map(|org| org.no)
    }

    fn trustee(&mut self, org: OrgNo, directory: DirectoryId, directory_name: &str, trustee: &str) {
        let Some(no) = self.org_by_id(trustee) else {
            self.wrong(
                &[],
                format!("there is no organization with id {trustee}, neither here nor in this file"),
            );
            return;
        };
        if no == org {
            self.wrong(&[], "an organization does not need to trust itself".to_owned());
            return;
        }
        if self.now.trusts.insert((directory, no)) {
            let change = Change::Configured(Configured::Trusted {
                org,
                directory,
                trustee: no,
            });
            self.emit(
                org,
                change,
                &format!("directory `{directory_name}` opened to {trustee}"),
            );
            self.mark(org, "trust", &[directory_name, trustee]);
        }
    }
}
