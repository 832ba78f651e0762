//! The organizations that acceptance tests start from (umapi.md 12), as changes that any store can apply.

use roster_core::change::{Change, Configured};
use roster_core::org::{
    Account, Directory, Domain, Group, GroupKind, Organization, Person, Product, ProfileData,
};
use roster_core::value::{
    AccountId, Country, DirectoryId, GroupId, IdentityType, Key, Login, OrgNo, OrgState, ProductId, Seq,
    Status,
};

/// `example.com` and `example.net` (federated), `enterprise.example` (enterprise); everything below is its own.
pub const ACME: OrgNo = OrgNo(1);
/// Trusts nobody, is trusted with Acme's federated directory, and shares its group Sales with Acme.
pub const TRUSTEE: OrgNo = OrgNo(2);
/// Has claimed `other.example`.
pub const STRANGER: OrgNo = OrgNo(3);

/// Acme's federated directory.
pub const FEDERATED: DirectoryId = DirectoryId(11);
/// Acme's enterprise directory.
pub const ENTERPRISE: DirectoryId = DirectoryId(12);
/// The stranger's directory.
pub const ELSEWHERE: DirectoryId = DirectoryId(31);

/// User group "Design Team".
pub const DESIGN: GroupId = GroupId(101);
/// User group "R&D / EU @home".
pub const RESEARCH: GroupId = GroupId(102);
/// User group "Sales" of Acme: a mirror of the trustee's.
pub const SALES: GroupId = GroupId(103);
/// User group "Sales" of the trustee.
pub const SALES_SOURCE: GroupId = GroupId(203);
/// Profile "Photo Suite Standard", quota 2.
pub const PHOTO_STANDARD: GroupId = GroupId(151);
/// Profile "Photo Suite Pro", unlimited.
pub const PHOTO_PRO: GroupId = GroupId(152);
/// Profile "Video Default", unlimited.
pub const VIDEO_DEFAULT: GroupId = GroupId(161);
/// Profile "Video Extra", quota 2.
pub const VIDEO_EXTRA: GroupId = GroupId(162);
/// Product "Photo Suite", unlimited.
pub const PHOTO: ProductId = ProductId(15);
/// Product "Video", quota 3.
pub const VIDEO: ProductId = ProductId(16);

/// The three organizations. Acme has one system administrator, `root@example.com`.
pub fn organizations() -> Vec<Change> {
    let mut scene = Scene::default();
    scene.org(ACME, "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg", "Acme");
    scene.org(TRUSTEE, "2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg", "Trustee");
    scene.org(STRANGER, "3A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg", "Stranger");
    scene.directory(
        ACME,
        FEDERATED,
        IdentityType::Federated,
        &["example.com", "example.net"],
    );
    scene.directory(
        ACME,
        ENTERPRISE,
        IdentityType::Enterprise,
        &["enterprise.example"],
    );
    scene.directory(STRANGER, ELSEWHERE, IdentityType::Federated, &["other.example"]);
    scene.changes.push(Change::Configured(Configured::Trusted {
        org: ACME,
        directory: FEDERATED,
        trustee: TRUSTEE,
    }));
    scene.product(ACME, PHOTO, "Photo Suite", None);
    scene.product(ACME, VIDEO, "Video", Some(3));
    scene.group(
        ACME,
        PHOTO_STANDARD,
        GroupKind::Profile(PHOTO),
        "Photo Suite Standard",
        Some(Some(2)),
    );
    scene.group(
        ACME,
        PHOTO_PRO,
        GroupKind::Profile(PHOTO),
        "Photo Suite Pro",
        Some(None),
    );
    scene.group(
        ACME,
        VIDEO_DEFAULT,
        GroupKind::Profile(VIDEO),
        "Video Default",
        Some(None),
    );
    scene.group(
        ACME,
        VIDEO_EXTRA,
        GroupKind::Profile(VIDEO),
        "Video Extra",
        Some(Some(2)),
    );
    scene.group(ACME, DESIGN, GroupKind::UserGroup, "Design Team", None);
    scene.group(ACME, RESEARCH, GroupKind::UserGroup, "R&D / EU @home", None);
    scene.group(TRUSTEE, SALES_SOURCE, GroupKind::UserGroup, "Sales", None);
    scene.mirror(ACME, SALES, SALES_SOURCE, "Sales");
    let root = scene.account(ACME, FEDERATED, "root@example.com");
    scene.join(ACME, ACME.group(1), root);
    scene.changes
}

trait RoleIds {
    fn group(self, n: i64) -> GroupId;
}

impl RoleIds for OrgNo {
    /// The ids of the org-wide admin groups: 1 system, 2 support, 3 deployment.
    fn group(self, n: i64) -> GroupId {
        GroupId(self.0 * 10 + n)
    }
}

/// Changes under construction; each takes the next place of its organization.
#[derive(Debug, Default)]
pub struct Scene {
    /// What was built so far.
    pub changes: Vec<Change>,
    next: std::collections::BTreeMap<OrgNo, i64>,
}

impl Scene {
    fn place(&mut self, org: OrgNo) -> Seq {
        let next = self.next.entry(org).or_insert(1);
        let seq = Seq(*next);
        *next += 1;
        seq
    }

    /// An organization with its org-wide admin groups.
    pub fn org(&mut self, no: OrgNo, id: &str, name: &str) {
        self.changes
            .push(Change::Configured(Configured::OrgCreated(Organization {
                no,
                id: id.to_owned(),
                name: name.to_owned(),
                state: OrgState::Active,
                identity_types: vec![
                    IdentityType::AdobeId,
                    IdentityType::Enterprise,
                    IdentityType::Federated,
                ],
                next: Seq(1),
            })));
        let kinds = [
            GroupKind::SystemAdmin,
            GroupKind::SupportAdmin,
            GroupKind::DeploymentAdmin,
        ];
        for (n, kind) in (1..).zip(kinds) {
            self.group(no, no.group(n), kind, "", None);
        }
    }

    /// A directory with its domains.
    pub fn directory(&mut self, org: OrgNo, id: DirectoryId, kind: IdentityType, domains: &[&str]) {
        self.changes
            .push(Change::Configured(Configured::DirectoryCreated(Directory {
                id,
                public_id: format!("{:024x}", id.0),
                org,
                name: format!("Directory {id}"),
                kind,
                login: Login::Any,
                synced: false,
            })));
        for domain in domains {
            let seq = self.place(org);
            self.changes
                .push(Change::Configured(Configured::DomainClaimed(Domain {
                    name: Key::new(domain),
                    org,
                    directory: id,
                    restrict_adobe_ids: false,
                    seq,
                })));
        }
    }

    /// A product.
    pub fn product(&mut self, org: OrgNo, id: ProductId, name: &str, quota: Option<i64>) {
        let seq = self.place(org);
        self.changes
            .push(Change::Configured(Configured::ProductCreated(Product {
                id,
                public_id: format!("{:020X}", id.0),
                org,
                code: name.chars().take(4).collect::<String>().to_uppercase(),
                name: name.to_owned(),
                quota,
                seq,
            })));
    }

    /// A group; profiles come with their quota (`Some(None)` is unlimited).
    pub fn group(
        &mut self,
        org: OrgNo,
        id: GroupId,
        kind: GroupKind,
        name: &str,
        quota: Option<Option<i64>>,
    ) {
        let seq = self.place(org);
        let profile = quota.map(|quota| ProfileData {
            public_id: format!("{:020X}", id.0),
            quota,
        });
        self.changes.push(Change::GroupCreated(Group {
            id,
            org,
            kind,
            name: name.to_owned(),
            description: None,
            source: None,
            profile,
            seq,
            direct: 0,
        }));
    }

    /// A read-only group that mirrors one (still without members) of another organization.
    pub fn mirror(&mut self, org: OrgNo, id: GroupId, source: GroupId, name: &str) {
        self.group(org, id, GroupKind::UserGroup, name, None);
        if let Some(Change::GroupCreated(group)) = self.changes.last_mut() {
            group.source = Some(source);
        }
    }

    /// A federated or enterprise account of `org`, member of it.
    pub fn account(&mut self, org: OrgNo, directory: DirectoryId, email: &str) -> AccountId {
        let id = AccountId::new(org, self.place(org));
        let kind = if directory == ENTERPRISE {
            IdentityType::Enterprise
        } else {
            IdentityType::Federated
        };
        self.changes.push(Change::AccountCreated(Account {
            id,
            public_id: format!("{:024X}@{:024x}.e", id.0, directory.0),
            directory,
            kind,
            person: Person {
                username: email.to_owned(),
                email: email.to_owned(),
                domain: email
                    .rsplit_once('@')
                    .map(|(_, domain)| domain.to_lowercase())
                    .unwrap_or_default(),
                firstname: None,
                lastname: None,
            },
            country: Country::parse("DE").expect("DE is a country"),
            status: Status::Active,
        }));
        let seq = self.place(org);
        self.changes.push(Change::MemberJoined {
            org,
            account: id,
            seq,
        });
        id
    }

    /// A direct membership of a group without links.
    pub fn join(&mut self, org: OrgNo, group: GroupId, account: AccountId) {
        let seq = self.place(org);
        self.changes.push(Change::Joined {
            org,
            group,
            account,
            seq,
            entered: Vec::new(),
        });
    }
}
