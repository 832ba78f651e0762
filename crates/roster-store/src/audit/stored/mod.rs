//! The stored form of changes: JSON with short, fixed names.
//!
//! Every version that was ever released stays readable; a test keeps a sample of each. Version 2 looks like version 1,
//! and promises that rows which come or go without being named in a change stand in sets beside the entry.

mod values;

use std::borrow::Cow;
use std::collections::BTreeSet;

use roster_core::change::{Change, Configured};
use roster_core::org::Organization;
use roster_core::value::{AccountId, DirectoryId, GroupId, OrgNo, ProductId, Seq, Status};
use serde::{Deserialize, Serialize};

use super::{Happened, Rows};
use values::{
    StoredAccount, StoredDirectory, StoredDomain, StoredGroup, StoredPerson, StoredProduct, StoredSettings,
};

type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    v: u8,
    #[serde(borrow)]
    c: Vec<Stored<'a>>,
    /// Seats granted and lost, in order: (profile, account, 1 or 0).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    s: Vec<(i64, i64, u8)>,
    /// Accounts whose personal values were taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    e: Vec<i64>,
}

/// The version that is written.
const VERSION: u8 = 2;

/// What an entry's changes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// In order.
    pub changes: Vec<Change>,
    /// Seats granted and lost.
    pub seats: Vec<Happened>,
    /// See [`super::Recorded::names_all`].
    pub names_all: bool,
    /// See [`super::Recorded::erased`].
    pub erased: Vec<AccountId>,
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
        Happened::MembersRemoved { .. } | Happened::Rows { .. } => None,
    });
    let envelope = Envelope {
        v: VERSION,
        c: changes.iter().map(|change| Stored::of(change)).collect(),
        s: seats.collect(),
        e: Vec::new(),
    };
    serde_json::to_string(&envelope).expect("texts and numbers are always JSON")
}

/// The text of an entry without the personal values of some accounts, in the version that it was written in; `None`
/// when it holds none of them, or no values any more.
pub(crate) fn erase(text: &str, accounts: &BTreeSet<AccountId>) -> Option<String> {
    let mut envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    let mut erased = BTreeSet::new();
    for stored in &mut envelope.c {
        let (account, persons): (i64, Vec<&mut StoredPerson<'_>>) = match stored {
            Stored::AccountCreated { is: values } | Stored::AccountDeleted { was: values } => {
                let account = values.number();
                if accounts.contains(&AccountId(account)) {
                    values.erase_country();
                }
                (account, vec![values.person()])
            }
            Stored::AccountUpdated { account, was, is } => (*account, vec![was, is]),
            _ => continue,
        };
        if accounts.contains(&AccountId(account)) && !envelope.e.contains(&account) {
            persons.into_iter().for_each(StoredPerson::erase);
            erased.insert(account);
        }
    }
    if erased.is_empty() {
        return None;
    }
    envelope.e.extend(erased);
    Some(serde_json::to_string(&envelope).expect("texts and numbers are always JSON"))
}

/// The text of a chunk of a set; members removed with their group have no word in front.
pub(super) fn encode_set(rows: Option<Rows>, of: i64, keys: &[(i64, i64)]) -> String {
    match rows {
        None => serde_json::to_string(&(of, keys)),
        Some(rows) => serde_json::to_string(&(rows.word(), of, keys)),
    }
    .expect("texts and numbers are always JSON")
}

/// A chunk of a set: which rows (`None`: members removed with their group), of what, and their keys.
pub(crate) type StoredSet = (Option<Rows>, i64, Vec<(i64, i64)>);

/// Reads a chunk of a set.
pub(crate) fn decode_set(text: &str) -> Option<StoredSet> {
    if text.starts_with("[\"") {
        let (word, of, keys): (Text<'_>, i64, Vec<(i64, i64)>) = serde_json::from_str(text).ok()?;
        return Some((Some(Rows::of(&word)?), of, keys));
    }
    let (of, keys) = serde_json::from_str(text).ok()?;
    Some((None, of, keys))
}

impl Rows {
    const ALL: [Self; 5] = [
        Self::TakenOver,
        Self::Listed,
        Self::UnlinkedProfiles,
        Self::UnlinkedGroups,
        Self::Untrusted,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::TakenOver => "taken_over",
            Self::Listed => "listed",
            Self::UnlinkedProfiles => "unlinked_profiles",
            Self::UnlinkedGroups => "unlinked_groups",
            Self::Untrusted => "untrusted",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rows| rows.word() == word)
    }
}

/// Reads what any version wrote; `None` when it is none of them.
pub fn decode(text: &str) -> Option<Decoded> {
    let envelope: Envelope<'_> = serde_json::from_str(text)
        .ok()
        .filter(|envelope: &Envelope<'_>| (1..=VERSION).contains(&envelope.v))?;
    let names_all = envelope.v >= 2;
    let erased = envelope.e.iter().copied().map(AccountId).collect();
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
    Some(Decoded {
        changes,
        seats: envelope.s.into_iter().map(seat).collect(),
        names_all,
        erased,
    })
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
