//! A whole installation in memory: the model that the store is compared with, and the ground on which rules
//! are tested without a database.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::change::{Change, Configured};
use roster_core::command::Command;
use roster_core::decide::{Env, Outcome, decide_batch};
use roster_core::org::{Account, Directory, Domain, Group, GroupKind, Organization, Product, Relation};
use roster_core::scope::Scope;
use roster_core::set::{WorkingSet, adobe_id_directory};
use roster_core::value::{AccountId, DirectoryId, GroupId, Key, OrgNo, OrgState, ProductId, Seq};

/// Every row of every organization. Counters are not kept: they follow from the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Organizations by number; 0 is the owner of Adobe IDs.
    pub orgs: BTreeMap<OrgNo, Organization>,
    /// Directories.
    pub directories: BTreeMap<DirectoryId, Directory>,
    /// Who may use which directory.
    pub relations: BTreeMap<(OrgNo, DirectoryId), Relation>,
    /// Claimed domains.
    pub domains: BTreeMap<Key, Domain>,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Users lists.
    pub members: BTreeMap<(OrgNo, AccountId), Seq>,
    /// Groups of every kind.
    pub groups: BTreeMap<GroupId, Group>,
    /// Direct memberships.
    pub joined: BTreeMap<(GroupId, AccountId), Seq>,
    /// Products.
    pub products: BTreeMap<ProductId, Product>,
    /// User groups linked to profiles.
    pub links: BTreeMap<(GroupId, GroupId), Seq>,
}

impl Default for World {
    fn default() -> Self {
        let adobe = Organization {
            no: OrgNo::ADOBE_ID,
            id: "0@AdobeOrg".to_owned(),
            name: "Adobe IDs".to_owned(),
            state: OrgState::Active,
            identity_types: vec![roster_core::value::IdentityType::AdobeId],
            next: Seq(1),
        };
        Self {
            orgs: BTreeMap::from([(OrgNo::ADOBE_ID, adobe)]),
            directories: BTreeMap::from([(DirectoryId::ADOBE_ID, adobe_id_directory())]),
            relations: BTreeMap::new(),
            domains: BTreeMap::new(),
            accounts: BTreeMap::new(),
            members: BTreeMap::new(),
            groups: BTreeMap::new(),
            joined: BTreeMap::new(),
            products: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }
}

impl World {
    /// The world after `changes`, from nothing.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut world = Self::default();
        for change in changes {
            world.apply(change);
        }
        world
    }

    /// Decides a batch of `org` on the part that its scope names, and lets it happen.
    pub fn run(&mut self, org: OrgNo, batch: &[Command], env: &Env) -> Vec<Outcome> {
        let outcomes = decide_batch(self.load(&Scope::of(org, batch)), batch, env);
        for change in outcomes.iter().flat_map(|outcome| &outcome.changes) {
            self.apply(change);
        }
        outcomes
    }

    /// The working set for a scope, as [`Scope`] describes it.
    pub fn load(&self, scope: &Scope) -> WorkingSet {
        let named = |group: &&Group| {
            group.kind.has_own_name()
                && (scope.names.contains(&group.key()) || (scope.all_groups && group.org == scope.org))
        };
        let mut groups: BTreeSet<GroupId> = self
            .groups
            .values()
            .filter(named)
            .filter(|g| g.org == scope.org)
            .map(|g| g.id)
            .collect();
        let accounts: Vec<&Account> = self
            .accounts
            .values()
            .filter(|account| self.is_wanted(scope, account))
            .collect();
        let mut orgs = BTreeSet::from([scope.org, OrgNo::ADOBE_ID]);
        if scope.everywhere {
            for account in &accounts {
                orgs.extend(
                    self.members
                        .keys()
                        .filter(|(_, a)| *a == account.id)
                        .map(|(org, _)| *org),
                );
            }
        }
        // Groups lead to mirrors, mirrors to organizations, organizations to memberships, memberships to groups.
        loop {
            let before = (groups.len(), orgs.len());
            for account in &accounts {
                let of = self
                    .joined
                    .keys()
                    .filter(|(_, a)| *a == account.id)
                    .map(|(g, _)| *g);
                groups.extend(of.filter(|g| self.groups.get(g).is_some_and(|g| orgs.contains(&g.org))));
            }
            let mirrors: Vec<&Group> = self
                .groups
                .values()
                .filter(|g| g.source.is_some_and(|s| groups.contains(&s)))
                .collect();
            orgs.extend(mirrors.iter().map(|g| g.org));
            groups.extend(mirrors.iter().map(|g| g.id));
            if (groups.len(), orgs.len()) == before {
                break;
            }
        }
        let own = |org: OrgNo| orgs.contains(&org);
        groups.extend(
            self.groups
                .values()
                .filter(|g| own(g.org) && scope.names.contains(&g.key()))
                .map(|g| g.id),
        );
        self.fill(scope, &groups, &accounts, &orgs)
    }

    fn is_wanted(&self, scope: &Scope, account: &Account) -> bool {
        let named = scope.identifiers.contains(&Key::new(&account.person.email))
            || scope.identifiers.contains(&Key::new(&account.person.username));
        let reachable = account.directory == DirectoryId::ADOBE_ID
            || match self.relations.get(&(scope.org, account.directory)) {
                Some(Relation::Owned | Relation::Trusted) => true,
                Some(Relation::Former) => self.members.contains_key(&(scope.org, account.id)),
                _ => false,
            };
        named && reachable
    }

    fn fill(
        &self,
        scope: &Scope,
        groups: &BTreeSet<GroupId>,
        accounts: &[&Account],
        orgs: &BTreeSet<OrgNo>,
    ) -> WorkingSet {
        let mut set = WorkingSet::new(scope.clone());
        for org in self.orgs.values().filter(|org| orgs.contains(&org.no)) {
            set.add_org(org.clone());
        }
        set.add_directory(adobe_id_directory(), Relation::Foreign);
        for ((org, directory), relation) in &self.relations {
            if *org == scope.org
                && let Some(directory) = self.directories.get(directory)
            {
                set.add_directory(directory.clone(), *relation);
            }
        }
        for domain in self
            .domains
            .values()
            .filter(|domain| scope.domains.contains(&domain.name))
        {
            set.add_domain(domain.clone());
        }
        for product in self.products.values().filter(|product| product.org == scope.org) {
            if scope.products.contains(&Key::new(&product.name)) {
                set.add_product(product.clone());
            }
        }
        let mut all = groups.clone();
        all.extend(
            self.links
                .keys()
                .filter(|(group, _)| groups.contains(group))
                .map(|(_, profile)| *profile),
        );
        let wanted = |group: &&Group| {
            let by_role = match group.kind {
                GroupKind::SystemAdmin | GroupKind::SupportAdmin | GroupKind::DeploymentAdmin => {
                    group.org == scope.org
                }
                GroupKind::ProductAdmin(product) => self
                    .products
                    .get(&product)
                    .is_some_and(|p| p.org == scope.org && scope.products.contains(&Key::new(&p.name))),
                kind => kind.base().is_some_and(|base| groups.contains(&base)),
            };
            by_role || all.contains(&group.id)
        };
        for group in self.groups.values().filter(wanted) {
            let mut group = group.clone();
            group.direct =
                i64::try_from(self.joined.keys().filter(|(g, _)| *g == group.id).count()).unwrap_or(i64::MAX);
            set.add_group(group);
        }
        for ((group, profile), seq) in &self.links {
            if groups.contains(group) {
                set.add_link(*group, *profile, *seq);
            }
        }
        for account in accounts {
            set.add_account((*account).clone());
            for ((org, member), seq) in &self.members {
                if *member == account.id && orgs.contains(org) {
                    set.add_member(*org, *member, *seq);
                }
            }
            for ((group, member), seq) in &self.joined {
                if *member == account.id && self.groups.get(group).is_some_and(|g| orgs.contains(&g.org)) {
                    set.add_membership(*group, *member, *seq);
                }
            }
        }
        set
    }

    /// Lets one change happen.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::AccountCreated(account) => {
                self.take(account.id.owner(), Seq(account.id.0 & ((1 << 40) - 1)));
                self.accounts.insert(account.id, account.clone());
            }
            Change::AccountUpdated { account, after, .. } => {
                if let Some(known) = self.accounts.get_mut(account) {
                    known.person = after.clone();
                }
            }
            Change::AccountStatusSet { account, after, .. } => {
                if let Some(known) = self.accounts.get_mut(account) {
                    known.status = *after;
                }
            }
            Change::AccountDeleted(account) => {
                self.accounts.remove(&account.id);
            }
            Change::MemberJoined { org, account, seq } => {
                self.take(*org, *seq);
                self.members.insert((*org, *account), *seq);
                self.keep_in_reach(*org, *account);
            }
            Change::MemberLeft { org, account, .. } => {
                self.members.remove(&(*org, *account));
            }
            Change::GroupCreated(group) => self.create_group(group),
            Change::GroupUpdated { group, after, .. } => {
                if let Some(known) = self.groups.get_mut(group) {
                    known.name.clone_from(&after.0);
                    known.description.clone_from(&after.1);
                }
            }
            Change::GroupDeleted(group) => {
                self.groups.remove(&group.id);
                self.joined.retain(|(g, _), _| *g != group.id);
                self.links.retain(|(g, p), _| *g != group.id && *p != group.id);
            }
            Change::Joined {
                org,
                group,
                account,
                seq,
                ..
            } => {
                self.take(*org, *seq);
                self.joined.insert((*group, *account), *seq);
            }
            Change::Left { group, account, .. } => {
                self.joined.remove(&(*group, *account));
            }
            Change::Linked {
                org,
                group,
                profile,
                seq,
            } => {
                self.take(*org, *seq);
                self.links.insert((*group, *profile), *seq);
            }
            Change::Unlinked { group, profile, .. } => {
                self.links.remove(&(*group, *profile));
            }
            Change::Configured(configured) => self.configure(configured),
        }
    }

    /// A mirror takes over its source's members: first those missing enter the Users list, then all join, each
    /// at the next place, in the order in which they joined the source.
    fn create_group(&mut self, group: &Group) {
        self.take(group.org, group.seq);
        self.groups.insert(group.id, group.clone());
        let Some(source) = group.source else { return };
        let mut members: Vec<(Seq, AccountId)> = self
            .joined
            .iter()
            .filter(|((g, _), _)| *g == source)
            .map(|((_, a), seq)| (*seq, *a))
            .collect();
        members.sort_unstable();
        for (_, account) in &members {
            if !self.members.contains_key(&(group.org, *account)) {
                let seq = self.next(group.org);
                self.members.insert((group.org, *account), seq);
                self.keep_in_reach(group.org, *account);
            }
        }
        for (_, account) in members {
            let seq = self.next(group.org);
            self.joined.insert((group.id, account), seq);
        }
    }

    /// A member can be addressed by its organization, whoever owns its directory.
    fn keep_in_reach(&mut self, org: OrgNo, account: AccountId) {
        let directory = self.accounts.get(&account).map(|account| account.directory);
        if let Some(directory) = directory.filter(|id| *id != DirectoryId::ADOBE_ID) {
            self.relations.entry((org, directory)).or_insert(Relation::Former);
        }
    }

    fn configure(&mut self, configured: &Configured) {
        match configured {
            Configured::OrgCreated(org) => {
                self.orgs.insert(org.no, org.clone());
            }
            Configured::OrgUpdated { org, after, .. } => {
                if let Some(known) = self.orgs.get_mut(org) {
                    known.name.clone_from(&after.name);
                    known.state = after.state;
                    known.identity_types.clone_from(&after.identity_types);
                }
            }
            Configured::DirectoryCreated(directory) => {
                self.relations
                    .insert((directory.org, directory.id), Relation::Owned);
                self.directories.insert(directory.id, directory.clone());
            }
            Configured::DirectoryUpdated(_, directory) => {
                self.directories.insert(directory.id, directory.clone());
            }
            Configured::DirectoryDeleted(directory) => {
                self.relations.retain(|(_, d), _| *d != directory.id);
                self.directories.remove(&directory.id);
            }
            Configured::DomainClaimed(domain) | Configured::DomainUpdated(_, domain) => {
                self.take(domain.org, domain.seq);
                self.domains.insert(domain.name.clone(), domain.clone());
            }
            Configured::DomainReleased(domain) => {
                self.domains.remove(&domain.name);
            }
            Configured::Trusted {
                directory, trustee, ..
            } => {
                self.relations.insert((*trustee, *directory), Relation::Trusted);
            }
            Configured::TrustRevoked {
                directory, trustee, ..
            } => {
                self.relations.insert((*trustee, *directory), Relation::Former);
            }
            Configured::ProductCreated(product) | Configured::ProductUpdated(_, product) => {
                self.take(product.org, product.seq);
                self.products.insert(product.id, product.clone());
            }
            Configured::ProductDeleted(product) => {
                self.products.remove(&product.id);
            }
            Configured::ProfileQuotaSet { profile, after, .. } => {
                if let Some(data) = self
                    .groups
                    .get_mut(profile)
                    .and_then(|group| group.profile.as_mut())
                {
                    data.quota = *after;
                }
            }
        }
    }

    fn take(&mut self, org: OrgNo, seq: Seq) {
        if let Some(org) = self.orgs.get_mut(&org) {
            org.next = org.next.max(Seq(seq.0 + 1));
        }
    }

    fn next(&mut self, org: OrgNo) -> Seq {
        match self.orgs.get_mut(&org) {
            Some(org) => {
                let seq = org.next;
                org.next = Seq(seq.0 + 1);
                seq
            }
            None => Seq(0),
        }
    }
}
