//! The stored forms of accounts, groups, directories, domains, products and settings, and the way back.

use std::borrow::Cow;

use roster_core::change::OrgSettings;
use roster_core::org::{Account, Directory, Domain, Group, Person, Product, ProfileData};
use roster_core::value::{
    AccountId, Country, DirectoryId, GroupId, IdentityType, Key, Login, OrgNo, OrgState, ProductId, Seq,
    Status, UNDEFINED_COUNTRY,
};
use serde::{Deserialize, Serialize};

use super::Text;
use crate::audit::scrub::ERASED;
use crate::row::group_kind;

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPerson<'a> {
    #[serde(borrow)]
    username: Text<'a>,
    #[serde(borrow)]
    email: Text<'a>,
    #[serde(borrow)]
    domain: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    firstname: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    lastname: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredAccount<'a> {
    account: i64,
    #[serde(borrow)]
    id: Text<'a>,
    directory: i64,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    person: StoredPerson<'a>,
    #[serde(borrow)]
    country: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredGroup<'a> {
    group: i64,
    org: i64,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<i64>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    description: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<i64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    id: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<i64>,
    seq: i64,
    #[serde(default)]
    direct: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredSettings<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    types: Text<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredDirectory<'a> {
    directory: i64,
    org: i64,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    login: Text<'a>,
    synced: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredDomain<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    org: i64,
    directory: i64,
    restrict: bool,
    seq: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredProduct<'a> {
    product: i64,
    #[serde(borrow)]
    id: Text<'a>,
    org: i64,
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<i64>,
    seq: i64,
}

impl<'a> StoredPerson<'a> {
    pub(super) fn of(person: &'a Person) -> Self {
        Self {
            username: (&*person.username).into(),
            email: (&*person.email).into(),
            domain: (&*person.domain).into(),
            firstname: person.firstname.as_deref().map(Into::into),
            lastname: person.lastname.as_deref().map(Into::into),
        }
    }

    /// Puts a mark in the place of every value.
    pub(super) fn erase(&mut self) {
        for value in [&mut self.username, &mut self.email, &mut self.domain] {
            *value = ERASED.into();
        }
        for value in [&mut self.firstname, &mut self.lastname] {
            *value = None;
        }
    }

    pub(super) fn value(self) -> Person {
        Person {
            username: self.username.into_owned(),
            email: self.email.into_owned(),
            domain: self.domain.into_owned(),
            firstname: self.firstname.map(Cow::into_owned),
            lastname: self.lastname.map(Cow::into_owned),
        }
    }
}

impl<'a> StoredAccount<'a> {
    pub(super) fn of(account: &'a Account) -> Self {
        Self {
            account: account.id.0,
            id: (&*account.public_id).into(),
            directory: account.directory.0,
            kind: account.kind.as_str().into(),
            person: StoredPerson::of(&account.person),
            country: account.country.as_str().into(),
            status: account.status.as_str().into(),
        }
    }

    pub(super) fn number(&self) -> i64 {
        self.account
    }

    pub(super) fn person(&mut self) -> &mut StoredPerson<'a> {
        &mut self.person
    }

    pub(super) fn erase_country(&mut self) {
        self.country = UNDEFINED_COUNTRY.as_str().to_owned().into();
    }

    pub(super) fn value(self) -> Option<Account> {
        Some(Account {
            id: AccountId(self.account),
            public_id: self.id.into_owned(),
            directory: DirectoryId(self.directory),
            kind: IdentityType::parse(&self.kind)?,
            person: self.person.value(),
            country: Country::parse(&self.country).ok()?,
            status: Status::parse(&self.status)?,
        })
    }
}

impl<'a> StoredGroup<'a> {
    pub(super) fn of(group: &'a Group) -> Self {
        Self {
            group: group.id.0,
            org: group.org.0,
            kind: group.kind.as_str().into(),
            base: group.kind.base().map(|base| base.0),
            product: group.kind.product().map(|product| product.0),
            name: (&*group.name).into(),
            description: group.description.as_deref().map(Into::into),
            source: group.source.map(|source| source.0),
            id: group.profile.as_ref().map(|profile| (&*profile.public_id).into()),
            quota: group.profile.as_ref().and_then(|profile| profile.quota),
            seq: group.seq.0,
            direct: group.direct,
        }
    }

    pub(super) fn value(self) -> Option<Group> {
        let quota = self.quota;
        Some(Group {
            id: GroupId(self.group),
            org: OrgNo(self.org),
            kind: group_kind(self.group, &self.kind, self.base, self.product).ok()?,
            name: self.name.into_owned(),
            description: self.description.map(Cow::into_owned),
            source: self.source.map(GroupId),
            profile: self.id.map(|id| ProfileData {
                public_id: id.into_owned(),
                quota,
            }),
            seq: Seq(self.seq),
            direct: self.direct,
        })
    }
}

impl<'a> StoredSettings<'a> {
    pub(super) fn of(name: &'a str, state: OrgState, types: &[IdentityType]) -> Self {
        Self {
            name: name.into(),
            state: state.as_str().into(),
            types: crate::row::identity_types(types).into(),
        }
    }

    pub(super) fn value(self) -> Option<OrgSettings> {
        Some(OrgSettings {
            name: self.name.into_owned(),
            state: OrgState::parse(&self.state)?,
            identity_types: self.types.split(',').filter_map(IdentityType::parse).collect(),
        })
    }
}

impl<'a> StoredDirectory<'a> {
    pub(super) fn of(directory: &'a Directory) -> Self {
        Self {
            directory: directory.id.0,
            org: directory.org.0,
            id: (&*directory.public_id).into(),
            name: (&*directory.name).into(),
            kind: directory.kind.as_str().into(),
            login: directory.login.as_str().into(),
            synced: directory.synced,
        }
    }

    pub(super) fn value(self) -> Option<Directory> {
        Some(Directory {
            id: DirectoryId(self.directory),
            org: OrgNo(self.org),
            public_id: self.id.into_owned(),
            name: self.name.into_owned(),
            kind: IdentityType::parse(&self.kind)?,
            login: Login::parse(&self.login)?,
            synced: self.synced,
        })
    }
}

impl<'a> StoredDomain<'a> {
    pub(super) fn of(domain: &'a Domain) -> Self {
        Self {
            name: domain.name.as_str().into(),
            org: domain.org.0,
            directory: domain.directory.0,
            restrict: domain.restrict_adobe_ids,
            seq: domain.seq.0,
        }
    }

    pub(super) fn value(self) -> Domain {
        Domain {
            name: Key::from_folded(self.name.into_owned()),
            org: OrgNo(self.org),
            directory: DirectoryId(self.directory),
            restrict_adobe_ids: self.restrict,
            seq: Seq(self.seq),
        }
    }
}

impl<'a> StoredProduct<'a> {
    pub(super) fn of(product: &'a Product) -> Self {
        Self {
            product: product.id.0,
            id: (&*product.public_id).into(),
            org: product.org.0,
            code: (&*product.code).into(),
            name: (&*product.name).into(),
            quota: product.quota,
            seq: product.seq.0,
        }
    }

    pub(super) fn value(self) -> Product {
        Product {
            id: ProductId(self.product),
            public_id: self.id.into_owned(),
            org: OrgNo(self.org),
            code: self.code.into_owned(),
            name: self.name.into_owned(),
            quota: self.quota,
            seq: Seq(self.seq),
        }
    }
}
