//! The stored form of changes, version 1: JSON with short, fixed names.
//!
//! Every version that was ever released stays readable; a test keeps a sample of each.

use std::borrow::Cow;

use roster_core::change::{Change, Configured, OrgSettings};
use roster_core::org::{Account, Directory, Domain, Group, Organization, Person, Product, ProfileData};
use roster_core::value::{
    AccountId, Country, DirectoryId, GroupId, IdentityType, Key, Login, OrgNo, OrgState, ProductId, Seq,
    Status,
};
use serde::{Deserialize, Serialize};

use super::Happened;
use crate::row::group_kind;

type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    v: u8,
    #[serde(borrow)]
    c: Vec<Stored<'a>>,
    /// Seats granted and lost, in order: (profile, account, 1 or 0).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    s: Vec<(i64, i64, u8)>,
}

#[derive(Serialize, Deserialize)]
struct StoredPerson<'a> {
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
struct StoredAccount<'a> {
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
struct StoredGroup<'a> {
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
struct StoredSettings<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    types: Text<'a>,
}

#[derive(Serialize, Deserialize)]
struct StoredDirectory<'a> {
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
struct StoredDomain<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    org: i64,
    directory: i64,
    restrict: bool,
    seq: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredProduct<'a> {
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

#[derive(Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Stored<'a> {
    AccountCreated {
        #[serde(borrow)]
        is: StoredAccount<'a>,
    },
    AccountUpdated {
        account: i64,
        #[serde(borrow)]
        was: StoredPerson<'a>,
        #[serde(borrow)]
        is: StoredPerson<'a>,
    },
    AccountStatus {
        account: i64,
        #[serde(borrow)]
        was: Text<'a>,
        #[serde(borrow)]
        is: Text<'a>,
    },
    AccountDeleted {
        #[serde(borrow)]
        was: StoredAccount<'a>,
    },
    MemberJoined {
        org: i64,
        account: i64,
        seq: i64,
    },
    MemberLeft {
        org: i64,
        account: i64,
        seq: i64,
    },
    GroupCreated {
        #[serde(borrow)]
        is: StoredGroup<'a>,
    },
    GroupUpdated {
        org: i64,
        group: i64,
        #[serde(borrow)]
        was: (Text<'a>, Option<Text<'a>>),
        #[serde(borrow)]
        is: (Text<'a>, Option<Text<'a>>),
    },
    GroupDeleted {
        #[serde(borrow)]
        was: StoredGroup<'a>,
    },
    Joined {
        org: i64,
        group: i64,
        account: i64,
        seq: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        entered: Vec<i64>,
    },
    Left {
        org: i64,
        group: i64,
        account: i64,
        seq: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<i64>,
    },
    Linked {
        org: i64,
        group: i64,
        profile: i64,
        seq: i64,
    },
    Unlinked {
        org: i64,
        group: i64,
        profile: i64,
        seq: i64,
    },
    OrgCreated {
        org: i64,
        #[serde(borrow)]
        id: Text<'a>,
        #[serde(borrow)]
        is: StoredSettings<'a>,
        next: i64,
    },
    OrgUpdated {
        org: i64,
        #[serde(borrow)]
        was: StoredSettings<'a>,
        #[serde(borrow)]
        is: StoredSettings<'a>,
    },
    DirectoryCreated {
        #[serde(borrow)]
        is: StoredDirectory<'a>,
    },
    DirectoryUpdated {
        #[serde(borrow)]
        was: StoredDirectory<'a>,
        #[serde(borrow)]
        is: StoredDirectory<'a>,
    },
    DirectoryDeleted {
        #[serde(borrow)]
        was: StoredDirectory<'a>,
    },
    DomainClaimed {
        #[serde(borrow)]
        is: StoredDomain<'a>,
    },
    DomainUpdated {
        #[serde(borrow)]
        was: StoredDomain<'a>,
        #[serde(borrow)]
        is: StoredDomain<'a>,
    },
    DomainReleased {
        #[serde(borrow)]
        was: StoredDomain<'a>,
    },
    Trusted {
        org: i64,
        directory: i64,
        trustee: i64,
    },
    TrustRevoked {
        org: i64,
        directory: i64,
        trustee: i64,
    },
    ProductCreated {
        #[serde(borrow)]
        is: StoredProduct<'a>,
    },
    ProductUpdated {
        #[serde(borrow)]
        was: StoredProduct<'a>,
        #[serde(borrow)]
        is: StoredProduct<'a>,
    },
    ProductDeleted {
        #[serde(borrow)]
        was: StoredProduct<'a>,
    },
    ProfileQuota {
        org: i64,
        profile: i64,
        product: i64,
        was: Option<i64>,
        is: Option<i64>,
    },
}

/// The text of an entry's changes.
pub fn encode(changes: &[&Change], seats: &[Happened]) -> String {
    let seats = seats.iter().filter_map(|seat| match seat {
        Happened::SeatGranted { profile, account } => Some((profile.0, account.0, 1)),
        Happened::SeatLost { profile, account } => Some((profile.0, account.0, 0)),
        Happened::MembersRemoved { .. } => None,
    });
    let envelope = Envelope {
        v: 1,
        c: changes.iter().map(|change| Stored::of(change)).collect(),
        s: seats.collect(),
    };
    serde_json::to_string(&envelope).expect("texts and numbers are always JSON")
}

/// The text of a chunk of removed members.
pub(super) fn encode_set(group: GroupId, members: &[(i64, i64)]) -> String {
    serde_json::to_string(&(group.0, members)).expect("numbers are always JSON")
}

/// Reads what any version wrote; `None` when it is none of them.
pub fn decode(text: &str) -> Option<(Vec<Change>, Vec<Happened>)> {
    let envelope: Envelope<'_> = serde_json::from_str(text)
        .ok()
        .filter(|envelope: &Envelope<'_>| envelope.v == 1)?;
    let changes = envelope
        .c
        .into_iter()
        .map(Stored::change)
        .collect::<Option<Vec<_>>>()?;
    let seat = |(profile, account, granted): (i64, i64, u8)| {
        let (profile, account) = (GroupId(profile), AccountId(account));
        if granted == 1 {
            Happened::SeatGranted { profile, account }
        } else {
            Happened::SeatLost { profile, account }
        }
    };
    Some((changes, envelope.s.into_iter().map(seat).collect()))
}

impl<'a> Stored<'a> {
    fn of(change: &'a Change) -> Self {
        match change {
            Change::AccountCreated(account) => Self::AccountCreated {
                is: StoredAccount::of(account),
            },
            Change::AccountUpdated {
                account,
                before,
                after,
            } => Self::AccountUpdated {
                account: account.0,
                was: StoredPerson::of(before),
                is: StoredPerson::of(after),
            },
            Change::AccountStatusSet {
                account,
                before,
                after,
            } => Self::AccountStatus {
                account: account.0,
                was: before.as_str().into(),
                is: after.as_str().into(),
            },
            Change::AccountDeleted(account) => Self::AccountDeleted {
                was: StoredAccount::of(account),
            },
            Change::MemberJoined { org, account, seq } => Self::MemberJoined {
                org: org.0,
                account: account.0,
                seq: seq.0,
            },
            Change::MemberLeft { org, account, seq } => Self::MemberLeft {
                org: org.0,
                account: account.0,
                seq: seq.0,
            },
            Change::GroupCreated(group) => Self::GroupCreated {
                is: StoredGroup::of(group),
            },
            Change::GroupUpdated {
                org,
                group,
                before,
                after,
            } => Self::GroupUpdated {
                org: org.0,
                group: group.0,
                was: names(before),
                is: names(after),
            },
            Change::GroupDeleted(group) => Self::GroupDeleted {
                was: StoredGroup::of(group),
            },
            Change::Joined {
                org,
                group,
                account,
                seq,
                entered,
            } => Self::Joined {
                org: org.0,
                group: group.0,
                account: account.0,
                seq: seq.0,
                entered: entered.iter().map(|profile| profile.0).collect(),
            },
            Change::Left {
                org,
                group,
                account,
                seq,
                left,
            } => Self::Left {
                org: org.0,
                group: group.0,
                account: account.0,
                seq: seq.0,
                left: left.iter().map(|profile| profile.0).collect(),
            },
            Change::Linked {
                org,
                group,
                profile,
                seq,
            } => Self::Linked {
                org: org.0,
                group: group.0,
                profile: profile.0,
                seq: seq.0,
            },
            Change::Unlinked {
                org,
                group,
                profile,
                seq,
            } => Self::Unlinked {
                org: org.0,
                group: group.0,
                profile: profile.0,
                seq: seq.0,
            },
            Change::Configured(configured) => Self::configured(configured),
        }
    }

    fn configured(configured: &'a Configured) -> Self {
        match configured {
            Configured::OrgCreated(org) => Self::OrgCreated {
                org: org.no.0,
                id: (&*org.id).into(),
                is: StoredSettings::of(&org.name, org.state, &org.identity_types),
                next: org.next.0,
            },
            Configured::OrgUpdated { org, before, after } => Self::OrgUpdated {
                org: org.0,
                was: StoredSettings::of(&before.name, before.state, &before.identity_types),
                is: StoredSettings::of(&after.name, after.state, &after.identity_types),
            },
            Configured::DirectoryCreated(directory) => Self::DirectoryCreated {
                is: StoredDirectory::of(directory),
            },
            Configured::DirectoryUpdated(before, after) => Self::DirectoryUpdated {
                was: StoredDirectory::of(before),
                is: StoredDirectory::of(after),
            },
            Configured::DirectoryDeleted(directory) => Self::DirectoryDeleted {
                was: StoredDirectory::of(directory),
            },
            Configured::DomainClaimed(domain) => Self::DomainClaimed {
                is: StoredDomain::of(domain),
            },
            Configured::DomainUpdated(before, after) => Self::DomainUpdated {
                was: StoredDomain::of(before),
                is: StoredDomain::of(after),
            },
            Configured::DomainReleased(domain) => Self::DomainReleased {
                was: StoredDomain::of(domain),
            },
            Configured::Trusted {
                org,
                directory,
                trustee,
            } => Self::Trusted {
                org: org.0,
                directory: directory.0,
                trustee: trustee.0,
            },
            Configured::TrustRevoked {
                org,
                directory,
                trustee,
            } => Self::TrustRevoked {
                org: org.0,
                directory: directory.0,
                trustee: trustee.0,
            },
            Configured::ProductCreated(product) => Self::ProductCreated {
                is: StoredProduct::of(product),
            },
            Configured::ProductUpdated(before, after) => Self::ProductUpdated {
                was: StoredProduct::of(before),
                is: StoredProduct::of(after),
            },
            Configured::ProductDeleted(product) => Self::ProductDeleted {
                was: StoredProduct::of(product),
            },
            Configured::ProfileQuotaSet {
                org,
                profile,
                product,
                before,
                after,
            } => Self::ProfileQuota {
                org: org.0,
                profile: profile.0,
                product: product.0,
                was: *before,
                is: *after,
            },
        }
    }

    fn change(self) -> Option<Change> {
        Some(match self {
            Self::AccountCreated { is } => Change::AccountCreated(is.value()?),
            Self::AccountUpdated { account, was, is } => Change::AccountUpdated {
                account: AccountId(account),
                before: was.value(),
                after: is.value(),
            },
            Self::AccountStatus { account, was, is } => Change::AccountStatusSet {
                account: AccountId(account),
                before: Status::parse(&was)?,
                after: Status::parse(&is)?,
            },
            Self::AccountDeleted { was } => Change::AccountDeleted(was.value()?),
            Self::MemberJoined { org, account, seq } => Change::MemberJoined {
                org: OrgNo(org),
                account: AccountId(account),
                seq: Seq(seq),
            },
            Self::MemberLeft { org, account, seq } => Change::MemberLeft {
                org: OrgNo(org),
                account: AccountId(account),
                seq: Seq(seq),
            },
            Self::GroupCreated { is } => Change::GroupCreated(is.value()?),
            Self::GroupUpdated { org, group, was, is } => Change::GroupUpdated {
                org: OrgNo(org),
                group: GroupId(group),
                before: owned(was),
                after: owned(is),
            },
            Self::GroupDeleted { was } => Change::GroupDeleted(was.value()?),
            Self::Joined {
                org,
                group,
                account,
                seq,
                entered,
            } => Change::Joined {
                org: OrgNo(org),
                group: GroupId(group),
                account: AccountId(account),
                seq: Seq(seq),
                entered: entered.into_iter().map(GroupId).collect(),
            },
            Self::Left {
                org,
                group,
                account,
                seq,
                left,
            } => Change::Left {
                org: OrgNo(org),
                group: GroupId(group),
                account: AccountId(account),
                seq: Seq(seq),
                left: left.into_iter().map(GroupId).collect(),
            },
            Self::Linked {
                org,
                group,
                profile,
                seq,
            } => Change::Linked {
                org: OrgNo(org),
                group: GroupId(group),
                profile: GroupId(profile),
                seq: Seq(seq),
            },
            Self::Unlinked {
                org,
                group,
                profile,
                seq,
            } => Change::Unlinked {
                org: OrgNo(org),
                group: GroupId(group),
                profile: GroupId(profile),
                seq: Seq(seq),
            },
            configured => Change::Configured(configured.into_configured()?),
        })
    }

    fn into_configured(self) -> Option<Configured> {
        Some(match self {
            Self::OrgCreated { org, id, is, next } => {
                let settings = is.value()?;
                Configured::OrgCreated(Organization {
                    no: OrgNo(org),
                    id: id.into_owned(),
                    name: settings.name,
                    state: settings.state,
                    identity_types: settings.identity_types,
                    next: Seq(next),
                })
            }
            Self::OrgUpdated { org, was, is } => Configured::OrgUpdated {
                org: OrgNo(org),
                before: was.value()?,
                after: is.value()?,
            },
            Self::DirectoryCreated { is } => Configured::DirectoryCreated(is.value()?),
            Self::DirectoryUpdated { was, is } => Configured::DirectoryUpdated(was.value()?, is.value()?),
            Self::DirectoryDeleted { was } => Configured::DirectoryDeleted(was.value()?),
            Self::DomainClaimed { is } => Configured::DomainClaimed(is.value()),
            Self::DomainUpdated { was, is } => Configured::DomainUpdated(was.value(), is.value()),
            Self::DomainReleased { was } => Configured::DomainReleased(was.value()),
            Self::Trusted {
                org,
                directory,
                trustee,
            } => Configured::Trusted {
                org: OrgNo(org),
                directory: DirectoryId(directory),
                trustee: OrgNo(trustee),
            },
            Self::TrustRevoked {
                org,
                directory,
                trustee,
            } => Configured::TrustRevoked {
                org: OrgNo(org),
                directory: DirectoryId(directory),
                trustee: OrgNo(trustee),
            },
            Self::ProductCreated { is } => Configured::ProductCreated(is.value()),
            Self::ProductUpdated { was, is } => Configured::ProductUpdated(was.value(), is.value()),
            Self::ProductDeleted { was } => Configured::ProductDeleted(was.value()),
            Self::ProfileQuota {
                org,
                profile,
                product,
                was,
                is,
            } => Configured::ProfileQuotaSet {
                org: OrgNo(org),
                profile: GroupId(profile),
                product: ProductId(product),
                before: was,
                after: is,
            },
            _ => return None,
        })
    }
}

fn names(names: &(String, Option<String>)) -> (Text<'_>, Option<Text<'_>>) {
    ((&*names.0).into(), names.1.as_deref().map(Into::into))
}

fn owned(names: (Text<'_>, Option<Text<'_>>)) -> (String, Option<String>) {
    (names.0.into_owned(), names.1.map(Cow::into_owned))
}

impl<'a> StoredPerson<'a> {
    fn of(person: &'a Person) -> Self {
        Self {
            username: (&*person.username).into(),
            email: (&*person.email).into(),
            domain: (&*person.domain).into(),
            firstname: person.firstname.as_deref().map(Into::into),
            lastname: person.lastname.as_deref().map(Into::into),
        }
    }

    fn value(self) -> Person {
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
    fn of(account: &'a Account) -> Self {
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

    fn value(self) -> Option<Account> {
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
    fn of(group: &'a Group) -> Self {
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

    fn value(self) -> Option<Group> {
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
    fn of(name: &'a str, state: OrgState, types: &[IdentityType]) -> Self {
        Self {
            name: name.into(),
            state: state.as_str().into(),
            types: crate::row::identity_types(types).into(),
        }
    }

    fn value(self) -> Option<OrgSettings> {
        Some(OrgSettings {
            name: self.name.into_owned(),
            state: OrgState::parse(&self.state)?,
            identity_types: self.types.split(',').filter_map(IdentityType::parse).collect(),
        })
    }
}

impl<'a> StoredDirectory<'a> {
    fn of(directory: &'a Directory) -> Self {
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

    fn value(self) -> Option<Directory> {
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
    fn of(domain: &'a Domain) -> Self {
        Self {
            name: domain.name.as_str().into(),
            org: domain.org.0,
            directory: domain.directory.0,
            restrict: domain.restrict_adobe_ids,
            seq: domain.seq.0,
        }
    }

    fn value(self) -> Domain {
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
    fn of(product: &'a Product) -> Self {
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

    fn value(self) -> Product {
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
