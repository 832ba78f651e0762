//! Stored forms that stay readable forever: a sample of every change in the log, by version. `golden/audit-1.json` is
//! never made anew: a form that differs is a new version, with a sample of its own.

use std::path::Path;

use roster_core::change::{Change, Configured, OrgSettings};
use roster_core::org::{
    Account, Directory, Domain, Group, GroupKind, Organization, Person, Product, ProfileData,
};
use roster_core::value::{
    AccountId, Country, DirectoryId, GroupId, IdentityType, Key, Login, OrgNo, OrgState, ProductId, Seq,
    Status,
};
use roster_store::{Happened, audit};

const ORG: OrgNo = OrgNo(4);
const GROUP: GroupId = GroupId(9_007_199_254_740_991);
const PROFILE: GroupId = GroupId(41);
const ACCOUNT: AccountId = AccountId((4 << 40) + 17);

fn person(email: &str) -> Person {
    Person {
        username: "Ada \"L\"\n\\".to_owned(),
        email: email.to_owned(),
        domain: "exämple.com".to_owned(),
        firstname: Some("Ada".to_owned()),
        lastname: None,
    }
}

fn account() -> Account {
    Account {
        id: ACCOUNT,
        public_id: "0123456789ABCDEF01234567@0123456789abcdef01234567.e".to_owned(),
        directory: DirectoryId(11),
        kind: IdentityType::Federated,
        person: person("Ada@exämple.com"),
        country: Country::parse("DE").unwrap(),
        status: Status::Active,
    }
}

fn group() -> Group {
    Group {
        id: GROUP,
        org: ORG,
        kind: GroupKind::UserGroup,
        name: "日本 / R&D".to_owned(),
        description: Some(String::new()),
        source: Some(GroupId(5)),
        profile: None,
        seq: Seq(12),
        direct: 3,
    }
}

fn profile() -> Group {
    Group {
        id: PROFILE,
        kind: GroupKind::Profile(ProductId(15)),
        description: None,
        source: None,
        profile: Some(ProfileData {
            public_id: "0123456789ABCDEF0123".to_owned(),
            quota: Some(50),
        }),
        ..group()
    }
}

fn developers() -> Group {
    Group {
        kind: GroupKind::Developer(PROFILE),
        name: String::new(),
        ..profile_without_data()
    }
}

fn profile_without_data() -> Group {
    Group {
        profile: None,
        ..profile()
    }
}

fn directory() -> Directory {
    Directory {
        id: DirectoryId(11),
        public_id: "0123456789abcdef01234567".to_owned(),
        org: ORG,
        name: "SSO".to_owned(),
        kind: IdentityType::Federated,
        login: Login::Any,
        synced: true,
    }
}

fn domain() -> Domain {
    Domain {
        name: Key::new("example.com"),
        org: ORG,
        directory: DirectoryId(11),
        restrict_adobe_ids: true,
        seq: Seq(2),
    }
}

fn product() -> Product {
    Product {
        id: ProductId(15),
        public_id: "FEDCBA9876543210FEDC".to_owned(),
        org: ORG,
        code: "PHSP".to_owned(),
        name: "Photo Suite".to_owned(),
        quota: None,
        seq: Seq(3),
    }
}

fn settings() -> OrgSettings {
    OrgSettings {
        name: "Acme".to_owned(),
        state: OrgState::Migrating,
        identity_types: vec![IdentityType::AdobeId, IdentityType::Enterprise],
    }
}

/// Every kind of change, some twice where a part may be absent.
fn changes() -> Vec<Change> {
    let (org, group_id, account_id, seq) = (ORG, GROUP, ACCOUNT, Seq(99));
    let names = |name: &str, description: Option<&str>| (name.to_owned(), description.map(str::to_owned));
    let configured = [
        Configured::OrgCreated(Organization {
            no: ORG,
            id: "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg".to_owned(),
            name: "Acme".to_owned(),
            state: OrgState::Active,
            identity_types: vec![IdentityType::Federated],
            next: Seq(1),
        }),
        Configured::OrgUpdated {
            org,
            before: settings(),
            after: settings(),
        },
        Configured::DirectoryCreated(directory()),
        Configured::DirectoryUpdated(directory(), directory()),
        Configured::DirectoryDeleted(directory()),
        Configured::DomainClaimed(domain()),
        Configured::DomainUpdated(domain(), domain()),
        Configured::DomainReleased(domain()),
        Configured::Trusted {
            org,
            directory: DirectoryId(11),
            trustee: OrgNo(5),
        },
        Configured::TrustRevoked {
            org,
            directory: DirectoryId(11),
            trustee: OrgNo(5),
        },
        Configured::ProductCreated(product()),
        Configured::ProductUpdated(
            product(),
            Product {
                quota: Some(0),
                ..product()
            },
        ),
        Configured::ProductDeleted(product()),
        Configured::ProfileQuotaSet {
            org,
            profile: PROFILE,
            product: ProductId(15),
            before: None,
            after: Some(7),
        },
    ];
    let mut changes = vec![
        Change::AccountCreated(account()),
        Change::AccountUpdated {
            account: account_id,
            before: person("Ada@exämple.com"),
            after: person("ada@example.org"),
        },
        Change::AccountStatusSet {
            account: account_id,
            before: Status::Active,
            after: Status::Locked,
        },
        Change::AccountDeleted(account()),
        Change::MemberJoined {
            org,
            account: account_id,
            seq,
        },
        Change::MemberLeft {
            org,
            account: account_id,
            seq,
        },
        Change::GroupCreated(group()),
        Change::GroupCreated(profile()),
        Change::GroupCreated(developers()),
        Change::GroupUpdated {
            org,
            group: group_id,
            before: names("Old", Some("")),
            after: names("New", None),
        },
        Change::GroupDeleted(profile()),
        Change::Joined {
            org,
            group: group_id,
            account: account_id,
            seq,
            entered: vec![PROFILE],
        },
        Change::Left {
            org,
            group: group_id,
            account: account_id,
            seq,
            left: Vec::new(),
        },
        Change::Linked {
            org,
            group: group_id,
            profile: PROFILE,
            seq,
        },
        Change::Unlinked {
            org,
            group: group_id,
            profile: PROFILE,
            seq,
        },
    ];
    changes.extend(configured.map(Change::Configured));
    changes
}

fn seats() -> Vec<Happened> {
    let (profile, account) = (PROFILE, ACCOUNT);
    vec![
        Happened::SeatGranted { profile, account },
        Happened::SeatLost { profile, account },
    ]
}

/// One change a line in the file; a text within a change never holds a line end as it is.
fn golden(version: u8) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/audit-{version}.json"));
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    golden.lines().collect()
}

#[test]
fn entries_of_version_1_are_read_as_ever() {
    let golden = golden(1);
    let read = audit::decode(&golden).unwrap();
    assert_eq!((read.changes, read.seats), (changes(), seats()));
    assert!(!read.names_all, "a mirror's members stood in no entry then");
    assert!(
        audit::decode(&golden.replace("\"v\":1", "\"v\":3")).is_none(),
        "a version to come"
    );
    assert!(
        audit::decode(&golden.replace("joined", "floated")).is_none(),
        "an unknown change"
    );
}

#[test]
fn entries_of_version_2_are_read_and_written_as_ever() {
    let written = audit::encode(&changes().iter().collect::<Vec<_>>(), &seats());
    let golden = golden(2);
    assert!(
        written == golden,
        "version 2 is written differently now:\n{written}"
    );
    let read = audit::decode(&golden).unwrap();
    assert_eq!((read.changes, read.seats), (changes(), seats()));
    assert!(read.names_all);
}
