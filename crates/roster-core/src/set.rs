//! The part of an organization that a batch is decided on, and how changes move it along.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Change, Configured};
use crate::org::{Account, Directory, Domain, Group, GroupKind, Organization, Product, Relation};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::value::{AccountId, DirectoryId, GroupId, IdentityType, Key, OrgNo, ProductId, Seq};

/// What was loaded for a [`Scope`]. It moves: after each step it absorbs the changes, so the next step sees
/// them. The store fills it with the `add_…` functions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkingSet {
    scope: Scope,
    orgs: BTreeMap<OrgNo, Organization>,
    directories: BTreeMap<DirectoryId, (Directory, Relation)>,
    domains: BTreeMap<Key, Domain>,
    accounts: BTreeMap<AccountId, Account>,
    by_email: BTreeMap<Key, BTreeSet<AccountId>>,
    by_username: BTreeMap<Key, BTreeSet<AccountId>>,
    members: BTreeMap<(AccountId, OrgNo), Seq>,
    joined: BTreeMap<(AccountId, GroupId), Seq>,
    groups: BTreeMap<GroupId, Group>,
    by_name: BTreeMap<(OrgNo, Key), GroupId>,
    by_kind: BTreeMap<(OrgNo, GroupKind), GroupId>,
    products: BTreeMap<ProductId, Product>,
    product_by_name: BTreeMap<Key, ProductId>,
    links: BTreeMap<(GroupId, GroupId), Seq>,
    mirrors: BTreeMap<GroupId, BTreeSet<GroupId>>,
}

/// Filling.
impl WorkingSet {
    /// An empty set for `scope`.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            ..Self::default()
        }
    }

    /// Adds an organization.
    pub fn add_org(&mut self, org: Organization) {
        self.orgs.insert(org.no, org);
    }

    /// Adds a directory and how it concerns the organization that asks.
    pub fn add_directory(&mut self, directory: Directory, relation: Relation) {
        self.directories.insert(directory.id, (directory, relation));
    }

    /// Adds the claim of a domain of the scope.
    pub fn add_domain(&mut self, domain: Domain) {
        self.domains.insert(domain.name.clone(), domain);
    }

    /// Adds an account.
    pub fn add_account(&mut self, account: Account) {
        self.by_email
            .entry(Key::new(&account.person.email))
            .or_default()
            .insert(account.id);
        self.by_username
            .entry(Key::new(&account.person.username))
            .or_default()
            .insert(account.id);
        self.accounts.insert(account.id, account);
    }

    /// Adds a place in an organization's Users list.
    pub fn add_member(&mut self, org: OrgNo, account: AccountId, seq: Seq) {
        self.members.insert((account, org), seq);
    }

    /// Adds a direct membership.
    pub fn add_membership(&mut self, group: GroupId, account: AccountId, seq: Seq) {
        self.joined.insert((account, group), seq);
    }

    /// Adds a group.
    pub fn add_group(&mut self, group: Group) {
        if group.kind.has_own_name() {
            self.by_name.insert((group.org, group.key()), group.id);
        } else {
            self.by_kind.insert((group.org, group.kind), group.id);
        }
        if let Some(source) = group.source {
            self.mirrors.entry(source).or_default().insert(group.id);
        }
        self.groups.insert(group.id, group);
    }

    /// Adds a product.
    pub fn add_product(&mut self, product: Product) {
        self.product_by_name.insert(Key::new(&product.name), product.id);
        self.products.insert(product.id, product);
    }

    /// Adds a link of a user group to a profile.
    pub fn add_link(&mut self, group: GroupId, profile: GroupId, seq: Seq) {
        self.links.insert((group, profile), seq);
    }
}

/// Looking.
impl WorkingSet {
    /// The organization that asks.
    pub fn org_no(&self) -> OrgNo {
        self.scope.org
    }

    /// The scope it was loaded for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// An organization in play.
    pub fn org(&self, no: OrgNo) -> Result<&Organization, Refusal> {
        self.orgs.get(&no).ok_or_else(|| outside("organization", no))
    }

    /// All organizations in play.
    pub fn orgs(&self) -> impl Iterator<Item = &Organization> {
        self.orgs.values()
    }

    /// A directory and how it concerns the organization that asks.
    pub fn directory(&self, id: DirectoryId) -> Result<(&Directory, Relation), Refusal> {
        self.directories
            .get(&id)
            .map(|(d, r)| (d, *r))
            .ok_or_else(|| outside("directory", id))
    }

    /// Whether accounts of the directory may be addressed and brought in.
    pub fn is_related(&self, id: DirectoryId) -> bool {
        matches!(
            self.directories.get(&id),
            Some((_, Relation::Owned | Relation::Trusted))
        )
    }

    /// Whether the organization that asks owns the directory.
    pub fn is_owned(&self, id: DirectoryId) -> bool {
        matches!(self.directories.get(&id), Some((_, Relation::Owned)))
    }

    /// Who claimed a domain, if anybody did.
    pub fn domain(&self, key: &Key) -> Result<Option<&Domain>, Refusal> {
        if !self.scope.domains.contains(key) {
            return Err(outside("domain", key));
        }
        Ok(self.domains.get(key))
    }

    /// An account that was loaded or created.
    pub fn account(&self, id: AccountId) -> Result<&Account, Refusal> {
        self.accounts.get(&id).ok_or_else(|| outside("account", id))
    }

    /// All accounts with an e-mail, in any directory in reach.
    pub fn accounts_by_email<'a>(
        &'a self,
        key: &Key,
    ) -> Result<impl Iterator<Item = &'a Account> + use<'a>, Refusal> {
        self.accounts_by(&self.by_email, key)
    }

    /// All accounts with a username, in any directory in reach.
    pub fn accounts_by_username<'a>(
        &'a self,
        key: &Key,
    ) -> Result<impl Iterator<Item = &'a Account> + use<'a>, Refusal> {
        self.accounts_by(&self.by_username, key)
    }

    fn accounts_by<'a>(
        &'a self,
        index: &'a BTreeMap<Key, BTreeSet<AccountId>>,
        key: &Key,
    ) -> Result<impl Iterator<Item = &'a Account> + use<'a>, Refusal> {
        if !self.scope.identifiers.contains(key) {
            return Err(outside("account", key));
        }
        Ok(index
            .get(key)
            .into_iter()
            .flatten()
            .filter_map(|id| self.accounts.get(id)))
    }

    /// Whether an account is in an organization's Users list.
    pub fn is_member(&self, org: OrgNo, account: AccountId) -> bool {
        self.members.contains_key(&(account, org))
    }

    /// The organizations in play whose Users list an account is in, and its places there.
    pub fn memberships_of(&self, account: AccountId) -> impl Iterator<Item = (OrgNo, Seq)> + '_ {
        self.members
            .range((account, OrgNo(i64::MIN))..=(account, OrgNo(i64::MAX)))
            .map(|(&(_, org), &seq)| (org, seq))
    }

    /// The place an account has as direct member of a group.
    pub fn place_in(&self, group: GroupId, account: AccountId) -> Option<Seq> {
        self.joined.get(&(account, group)).copied()
    }

    /// The groups in an organization that an account is a direct member of, in the order of joining.
    pub fn groups_of(&self, org: OrgNo, account: AccountId) -> Vec<GroupId> {
        let range = (account, GroupId(i64::MIN))..=(account, GroupId(i64::MAX));
        let mut groups: Vec<(Seq, GroupId)> = self
            .joined
            .range(range)
            .filter(|((_, group), _)| self.groups.get(group).is_some_and(|g| g.org == org))
            .map(|(&(_, group), &seq)| (seq, group))
            .collect();
        groups.sort_unstable();
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// A group that was loaded or created.
    pub fn group(&self, id: GroupId) -> Result<&Group, Refusal> {
        self.groups.get(&id).ok_or_else(|| outside("group", id))
    }

    /// All groups that were loaded or created.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The user group or profile with a name, if there is one.
    pub fn group_by_name(&self, org: OrgNo, key: &Key) -> Result<Option<&Group>, Refusal> {
        if !self.scope.names.contains(key) && !self.scope.all_groups {
            return Err(outside("group", key));
        }
        Ok(self
            .by_name
            .get(&(org, key.clone()))
            .and_then(|id| self.groups.get(id)))
    }

    /// The admin or developer group of a kind, once there is one.
    pub fn group_by_kind(&self, org: OrgNo, kind: GroupKind) -> Option<&Group> {
        self.by_kind.get(&(org, kind)).and_then(|id| self.groups.get(id))
    }

    /// The product with a name, if there is one.
    pub fn product_by_name(&self, key: &Key) -> Result<Option<&Product>, Refusal> {
        if !self.scope.products.contains(key) {
            return Err(outside("product", key));
        }
        Ok(self.product_by_name.get(key).and_then(|id| self.products.get(id)))
    }

    /// The profiles that a user group is linked to, with the place of each link.
    pub fn links_of(&self, group: GroupId) -> impl Iterator<Item = (GroupId, Seq)> + '_ {
        self.links
            .range((group, GroupId(i64::MIN))..=(group, GroupId(i64::MAX)))
            .map(|(&(_, profile), &seq)| (profile, seq))
    }

    /// The place of a link, if there is one.
    pub fn link(&self, group: GroupId, profile: GroupId) -> Option<Seq> {
        self.links.get(&(group, profile)).copied()
    }

    /// The groups of other organizations that mirror a group.
    pub fn mirrors_of(&self, group: GroupId) -> Vec<GroupId> {
        self.mirrors.get(&group).into_iter().flatten().copied().collect()
    }

    /// Whether an account belongs to a profile by a route other than the group `but`.
    pub fn reaches(&self, account: AccountId, profile: GroupId, but: Option<GroupId>) -> bool {
        let range = (account, GroupId(i64::MIN))..=(account, GroupId(i64::MAX));
        self.joined.range(range).any(|(&(_, group), _)| {
            Some(group) != but && (group == profile || self.links.contains_key(&(group, profile)))
        })
    }
}

/// Moving along.
impl WorkingSet {
    /// Lets changes happen in memory, as the store lets them happen in its tables.
    pub fn absorb(&mut self, changes: &[Change]) {
        for change in changes {
            self.absorb_one(change);
        }
    }

    /// See [`WorkingSet::absorb`].
    pub fn absorb_one(&mut self, change: &Change) {
        match change {
            Change::AccountCreated(account) => {
                self.take_place(account.id.owner(), Seq(account.id.0 & ((1 << 40) - 1)));
                self.add_account(account.clone());
            }
            Change::AccountUpdated { account, after, .. } => {
                if let Some(mut known) = self.forget_account(*account) {
                    known.person = after.clone();
                    self.add_account(known);
                }
            }
            Change::AccountStatusSet { account, after, .. } => {
                if let Some(known) = self.accounts.get_mut(account) {
                    known.status = *after;
                }
            }
            Change::AccountDeleted(account) => {
                self.forget_account(account.id);
            }
            Change::MemberJoined { org, account, seq } => {
                self.take_place(*org, *seq);
                self.members.insert((*account, *org), *seq);
            }
            Change::MemberLeft { org, account, .. } => {
                self.members.remove(&(*account, *org));
            }
            Change::GroupCreated(group) => {
                self.take_place(group.org, group.seq);
                self.add_group(group.clone());
            }
            Change::GroupUpdated {
                org, group, after, ..
            } => self.rename(*org, *group, after),
            Change::GroupDeleted(group) => self.forget_group(group),
            Change::Joined {
                org,
                group,
                account,
                seq,
                ..
            } => {
                self.take_place(*org, *seq);
                self.joined.insert((*account, *group), *seq);
                self.count(*group, 1);
            }
            Change::Left { group, account, .. } => {
                self.joined.remove(&(*account, *group));
                self.count(*group, -1);
            }
            Change::Linked {
                org,
                group,
                profile,
                seq,
            } => {
                self.take_place(*org, *seq);
                self.links.insert((*group, *profile), *seq);
            }
            Change::Unlinked { group, profile, .. } => {
                self.links.remove(&(*group, *profile));
            }
            Change::Configured(configured) => self.absorb_configured(configured),
        }
    }

    fn absorb_configured(&mut self, configured: &Configured) {
        match configured {
            Configured::OrgCreated(org) => self.add_org(org.clone()),
            Configured::OrgUpdated { org, after, .. } => {
                if let Some(known) = self.orgs.get_mut(org) {
                    known.name.clone_from(&after.name);
                    known.state = after.state;
                    known.identity_types.clone_from(&after.identity_types);
                }
            }
            Configured::DirectoryCreated(directory) | Configured::DirectoryUpdated(_, directory) => {
                self.add_directory(directory.clone(), Relation::Owned);
            }
            Configured::DirectoryDeleted(directory) => {
                self.directories.remove(&directory.id);
            }
            Configured::DomainClaimed(domain) | Configured::DomainUpdated(_, domain) => {
                self.add_domain(domain.clone());
            }
            Configured::DomainReleased(domain) => {
                self.domains.remove(&domain.name);
            }
            Configured::Trusted { .. }
            | Configured::TrustRevoked { .. }
            | Configured::ProfileQuotaSet { .. } => {}
            Configured::ProductCreated(product) => self.add_product(product.clone()),
            Configured::ProductUpdated(before, after) => {
                self.product_by_name.remove(&Key::new(&before.name));
                self.add_product(after.clone());
            }
            Configured::ProductDeleted(product) => {
                self.product_by_name.remove(&Key::new(&product.name));
                self.products.remove(&product.id);
            }
        }
    }

    fn take_place(&mut self, org: OrgNo, seq: Seq) {
        if let Some(org) = self.orgs.get_mut(&org) {
            org.next = org.next.max(Seq(seq.0 + 1));
        }
    }

    fn count(&mut self, group: GroupId, by: i64) {
        if let Some(group) = self.groups.get_mut(&group) {
            group.direct += by;
        }
    }

    fn rename(&mut self, org: OrgNo, id: GroupId, after: &(String, Option<String>)) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let old = group.key();
        group.name.clone_from(&after.0);
        group.description.clone_from(&after.1);
        let new = group.key();
        self.by_name.remove(&(org, old));
        self.by_name.insert((org, new), id);
    }

    fn forget_account(&mut self, id: AccountId) -> Option<Account> {
        let account = self.accounts.remove(&id)?;
        for (index, text) in [
            (&mut self.by_email, &account.person.email),
            (&mut self.by_username, &account.person.username),
        ] {
            let key = Key::new(text);
            if let Some(ids) = index.get_mut(&key) {
                ids.remove(&id);
                if ids.is_empty() {
                    index.remove(&key);
                }
            }
        }
        Some(account)
    }

    fn forget_group(&mut self, group: &Group) {
        self.groups.remove(&group.id);
        if group.kind.has_own_name() {
            self.by_name.remove(&(group.org, group.key()));
        } else {
            self.by_kind.remove(&(group.org, group.kind));
        }
        if let Some(source) = group.source {
            let alone = self.mirrors.get_mut(&source).is_none_or(|ids| {
                ids.remove(&group.id);
                ids.is_empty()
            });
            if alone {
                self.mirrors.remove(&source);
            }
        }
        self.joined.retain(|(_, g), _| *g != group.id);
        self.links.retain(|(g, p), _| *g != group.id && *p != group.id);
    }
}

/// The directory that stands for all Adobe IDs, as every set holds it.
pub fn adobe_id_directory() -> Directory {
    Directory {
        id: DirectoryId::ADOBE_ID,
        public_id: String::new(),
        org: OrgNo::ADOBE_ID,
        name: "Adobe ID".to_owned(),
        kind: IdentityType::AdobeId,
        login: crate::value::Login::Email,
        synced: false,
    }
}

fn outside(what: &str, which: impl std::fmt::Display) -> Refusal {
    Refusal::OutsideScope {
        what: format!("{what} {which}"),
    }
}
