//! Finding what is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, Configuration, Contradiction, Description, Difference, Mark, Place, prune};
use crate::change::{Change, Configured, OrgSettings};
use crate::org::{Group, GroupKind, Organization, ProfileData};
use crate::value::{Key, OrgNo, Seed, Seq, parse_org_id};

/// Compares descriptions with what is there. See the module.
pub fn compare(
    descriptions: &[Description],
    present: Configuration,
    ask: Ask,
) -> Result<Difference, Vec<Contradiction>> {
    let mut run = Compare {
        now: present,
        seed: ask.seed,
        out: Difference::default(),
        wrong: Vec::new(),
        here: Vec::new(),
        names: BTreeMap::new(),
        met: BTreeSet::new(),
    };
    run.index_groups();
    for (n, description) in descriptions.iter().enumerate() {
        run.here = vec![Place::Index(n)];
        let org = run.organization(description);
        if run.out.orgs.contains(&org) {
            run.wrong(
                &[],
                format!("the organization `{}` is described twice", description.name),
            );
        }
        run.out.orgs.push(org);
    }
    // Trust and sharing may refer to organizations further down, links to profiles further down.
    for (n, description) in descriptions.iter().enumerate() {
        let Some(org) = run.out.orgs.get(n).copied() else {
            continue;
        };
        run.here = vec![Place::Index(n)];
        run.inside(org, description);
    }
    if ask.prune {
        prune::prune(&mut run, descriptions);
    }
    if run.wrong.is_empty() {
        Ok(run.out)
    } else {
        Err(run.wrong)
    }
}

pub(super) struct Compare {
    /// What is there, moving along.
    pub(super) now: Configuration,
    pub(super) seed: Seed,
    pub(super) out: Difference,
    wrong: Vec<Contradiction>,
    here: Vec<Place>,
    /// Where in `now.groups` the group with a name is, so that large files are compared in one pass.
    names: BTreeMap<(OrgNo, Key), usize>,
    /// The marks by number of everything that the descriptions name.
    pub(super) met: BTreeSet<(OrgNo, Mark)>,
}

impl Compare {
    /// Finds anew where named groups are.
    pub(super) fn index_groups(&mut self) {
        let named = self
            .now
            .groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.kind.has_own_name());
        self.names = named.map(|(n, group)| ((group.org, group.key()), n)).collect();
    }

    pub(super) fn add_group(&mut self, group: Group) {
        if group.kind.has_own_name() {
            self.names.insert((group.org, group.key()), self.now.groups.len());
        }
        self.now.groups.push(group);
    }

    pub(super) fn group_by_name(&self, org: OrgNo, name: &str) -> Option<&Group> {
        self.names
            .get(&(org, Key::new(name)))
            .and_then(|n| self.now.groups.get(*n))
    }

    pub(super) fn wrong(&mut self, place: &[Place], message: String) {
        let place = self.here.iter().chain(place).copied().collect();
        self.wrong.push(Contradiction { place, message });
    }

    pub(super) fn emit(&mut self, org: OrgNo, change: Change, line: &str) {
        self.say(org, line);
        self.out.changes.push(change);
    }

    pub(super) fn say(&mut self, org: OrgNo, line: &str) {
        let name = self
            .now
            .orgs
            .iter()
            .find(|known| known.no == org)
            .map(|org| org.name.clone())
            .unwrap_or_default();
        self.out.lines.push(format!("{name}: {line}"));
    }

    pub(super) fn mark(&mut self, org: OrgNo, kind: &str, names: &[&str]) {
        self.out.marks.push((org, Mark::new(kind, names)));
    }

    /// The descriptions name a thing that has these numbers; `made` says that they have just brought it in. A mark by
    /// name, as version 0.1.0 made them, becomes one by number.
    pub(super) fn meet(&mut self, org: OrgNo, kind: &str, numbers: &[i64], names: &[&str], made: bool) {
        let mark = Mark::of(kind, numbers);
        let old = (org, Mark::new(kind, names));
        let known = self.now.described.contains(&old);
        if made || known {
            self.out.marks.push((org, mark.clone()));
        }
        if known {
            self.out.unmarks.push(old);
        }
        self.met.insert((org, mark));
    }

    pub(super) fn place(&mut self, org: OrgNo) -> Seq {
        match self.now.orgs.iter_mut().find(|known| known.no == org) {
            Some(org) => {
                let seq = org.next;
                org.next = Seq(seq.0 + 1);
                seq
            }
            None => Seq(1),
        }
    }

    fn organization(&mut self, wanted: &Description) -> OrgNo {
        let known = match &wanted.id {
            Some(id) => self.now.orgs.iter().find(|org| Key::new(&org.id) == Key::new(id)),
            None => self
                .now
                .orgs
                .iter()
                .find(|org| org.no != OrgNo::ADOBE_ID && Key::new(&org.name) == Key::new(&wanted.name)),
        };
        match known.cloned() {
            Some(org) => self.update_organization(&org, wanted),
            None => self.create_organization(wanted),
        }
    }

    fn update_organization(&mut self, org: &Organization, wanted: &Description) -> OrgNo {
        let no = org.no;
        let before = OrgSettings {
            name: org.name.clone(),
            state: org.state,
            identity_types: org.identity_types.clone(),
        };
        let after = OrgSettings {
            name: wanted.name.clone(),
            state: wanted.state,
            identity_types: wanted.identity_types.clone(),
        };
        if before != after {
            if let Some(known) = self.now.orgs.iter_mut().find(|known| known.no == no) {
                known.name.clone_from(&after.name);
                known.state = after.state;
                known.identity_types.clone_from(&after.identity_types);
            }
            let line = format!("settings changed (state {})", after.state.as_str());
            self.emit(
                no,
                Change::Configured(Configured::OrgUpdated {
                    org: no,
                    before,
                    after,
                }),
                &line,
            );
        }
        no
    }

    fn create_organization(&mut self, wanted: &Description) -> OrgNo {
        let id = match &wanted.id {
            Some(id) if parse_org_id(id).is_some() => id.clone(),
            Some(id) => {
                let message = format!(
                    "`{id}` is no organization id: it is up to 64 letters and digits followed by @AdobeOrg"
                );
                self.wrong(&[Place::Key("id")], message);
                return OrgNo(-1);
            }
            None => format!("{}@AdobeOrg", self.seed.hex(24)),
        };
        let no = self.now.next_org;
        self.now.next_org = OrgNo(no.0 + 1);
        let org = Organization {
            no,
            id: id.clone(),
            name: wanted.name.clone(),
            state: wanted.state,
            identity_types: wanted.identity_types.clone(),
            next: Seq(1),
        };
        self.now.orgs.push(org.clone());
        self.emit(
            no,
            Change::Configured(Configured::OrgCreated(org)),
            &format!("organization created with id {id}"),
        );
        for kind in [
            GroupKind::SystemAdmin,
            GroupKind::SupportAdmin,
            GroupKind::DeploymentAdmin,
        ] {
            let group = self.new_group(no, kind, "", None, None);
            self.add_group(group.clone());
            self.out.changes.push(Change::GroupCreated(group));
        }
        no
    }

    pub(super) fn new_group(
        &mut self,
        org: OrgNo,
        kind: GroupKind,
        name: &str,
        description: Option<String>,
        profile: Option<ProfileData>,
    ) -> Group {
        let seq = self.place(org);
        let name = name.to_owned();
        Group {
            id: self.seed.group_id(),
            org,
            kind,
            name,
            description,
            source: None,
            profile,
            seq,
            direct: 0,
        }
    }

    fn inside(&mut self, org: OrgNo, wanted: &Description) {
        self.check_repeated(wanted);
        for (n, directory) in wanted.directories.iter().enumerate() {
            self.within(&[Place::Key("directories"), Place::Index(n)], |run| {
                run.directory(org, directory);
            });
        }
        for (n, product) in wanted.products.iter().enumerate() {
            self.within(&[Place::Key("products"), Place::Index(n)], |run| {
                run.product(org, product);
            });
        }
        for (n, name) in wanted.contract_admins.iter().enumerate() {
            self.within(&[Place::Key("contract_admins"), Place::Index(n)], |run| {
                run.contract_admin(org, name);
            });
        }
        for (n, group) in wanted.user_groups.iter().enumerate() {
            self.within(&[Place::Key("user_groups"), Place::Index(n)], |run| {
                run.user_group(org, group);
            });
        }
    }

    pub(super) fn within(&mut self, place: &[Place], f: impl FnOnce(&mut Self)) {
        let depth = self.here.len();
        self.here.extend_from_slice(place);
        f(self);
        self.here.truncate(depth);
    }

    /// A name twice in one file would make the second a surprise.
    fn check_repeated(&mut self, wanted: &Description) {
        let directories = wanted.directories.iter().map(|directory| directory.name.as_str());
        self.repeated("directories", directories.collect());
        let products = wanted.products.iter().map(|product| product.name.as_str());
        self.repeated("products", products.collect());
        let groups = wanted.user_groups.iter().map(|group| group.name.as_str());
        self.repeated("user_groups", groups.collect());
        let mut seen = BTreeSet::new();
        for (n, product) in wanted.products.iter().enumerate() {
            for (k, profile) in product.profiles.iter().enumerate() {
                if !seen.insert(Key::new(&profile.name)) {
                    let place = [
                        Place::Key("products"),
                        Place::Index(n),
                        Place::Key("profiles"),
                        Place::Index(k),
                    ];
                    let message = format!(
                        "`{}` is described twice; letter case makes no difference",
                        profile.name
                    );
                    self.wrong(&place, message);
                }
            }
        }
        let mut seen = BTreeSet::new();
        for (n, directory) in wanted.directories.iter().enumerate() {
            for (k, domain) in directory.domains.iter().enumerate() {
                if !seen.insert(domain.name.clone()) {
                    let place = [
                        Place::Key("directories"),
                        Place::Index(n),
                        Place::Key("domains"),
                        Place::Index(k),
                    ];
                    self.wrong(&place, format!("the domain {} is described twice", domain.name));
                }
            }
        }
    }

    fn repeated(&mut self, key: &'static str, names: Vec<&str>) {
        let mut seen = BTreeSet::new();
        for (n, name) in names.into_iter().enumerate() {
            if !seen.insert(Key::new(name)) {
                let message = format!("`{name}` is described twice; letter case makes no difference");
                self.wrong(&[Place::Key(key), Place::Index(n)], message);
            }
        }
    }
}

/// Sorted lookups for pruning.
pub(super) type Wanted = BTreeMap<OrgNo, BTreeSet<Mark>>;
