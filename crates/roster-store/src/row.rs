//! From columns to values. A value that cannot be is a finding, with its table, column and row.

use roster_core::org::{
    Account, Directory, Domain, Group, GroupKind, Organization, Person, Product, ProfileData, Relation,
};
use roster_core::value::{
    AccountId, Country, DirectoryId, GroupId, IdentityType, Key, Login, OrgNo, OrgState, ProductId, Seq,
    Status,
};

use crate::conn::RowRef;
use crate::error::StoreError;

/// A value that cannot be.
pub(crate) fn inconsistent(table: &str, column: &str, row: i64) -> StoreError {
    StoreError::inconsistent(table, column, row)
}

pub(crate) const ORGANIZATION: &str = "org, id, name, state, identity_types, next_seq";

pub(crate) fn organization(row: &RowRef<'_>) -> Result<Organization, StoreError> {
    let no = row.int(0)?;
    Ok(Organization {
        no: OrgNo(no),
        id: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        state: OrgState::parse(row.text(3)?).ok_or_else(|| inconsistent("organizations", "state", no))?,
        identity_types: row.text(4)?.split(',').filter_map(IdentityType::parse).collect(),
        next: Seq(row.int(5)?),
    })
}

/// The stored form of a list of identity types.
pub(crate) fn identity_types(types: &[IdentityType]) -> String {
    types
        .iter()
        .map(|kind| kind.as_str())
        .collect::<Vec<_>>()
        .join(",")
}

pub(crate) const DIRECTORY: &str = "d.directory, d.org, d.public_id, d.name, d.kind, d.login, d.synced";

pub(crate) fn directory(row: &RowRef<'_>) -> Result<Directory, StoreError> {
    let id = row.int(0)?;
    Ok(Directory {
        id: DirectoryId(id),
        org: OrgNo(row.int(1)?),
        public_id: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        kind: IdentityType::parse(row.text(4)?).ok_or_else(|| inconsistent("directories", "kind", id))?,
        login: Login::parse(row.text(5)?).ok_or_else(|| inconsistent("directories", "login", id))?,
        synced: row.bool(6)?,
    })
}

pub(crate) fn relation(text: &str, directory: i64) -> Result<Relation, StoreError> {
    match text {
        "owned" => Ok(Relation::Owned),
        "trusted" => Ok(Relation::Trusted),
        "former" => Ok(Relation::Former),
        _ => Err(inconsistent("relations", "relation", directory)),
    }
}

pub(crate) const DOMAIN: &str = "name, org, directory, restrict_adobe_ids, seq";

pub(crate) fn domain(row: &RowRef<'_>) -> Result<Domain, StoreError> {
    Ok(Domain {
        name: Key::from_folded(row.text(0)?),
        org: OrgNo(row.int(1)?),
        directory: DirectoryId(row.int(2)?),
        restrict_adobe_ids: row.bool(3)?,
        seq: Seq(row.int(4)?),
    })
}

pub(crate) const ACCOUNT: &str =
    "account, public_id, directory, kind, username, email, domain, firstname, lastname, country, status";

pub(crate) fn account(row: &RowRef<'_>) -> Result<Account, StoreError> {
    let id = row.int(0)?;
    Ok(Account {
        id: AccountId(id),
        public_id: row.text(1)?.to_owned(),
        directory: DirectoryId(row.int(2)?),
        kind: IdentityType::parse(row.text(3)?).ok_or_else(|| inconsistent("accounts", "kind", id))?,
        person: Person {
            username: row.text(4)?.to_owned(),
            email: row.text(5)?.to_owned(),
            domain: row.text(6)?.to_owned(),
            firstname: row.opt_text(7)?.map(str::to_owned),
            lastname: row.opt_text(8)?.map(str::to_owned),
        },
        country: Country::parse(row.text(9)?).map_err(|_| inconsistent("accounts", "country", id))?,
        status: Status::parse(row.text(10)?).ok_or_else(|| inconsistent("accounts", "status", id))?,
    })
}

pub(crate) const PRODUCT: &str = "product, org, public_id, code, name, quota, seq";

pub(crate) fn product(row: &RowRef<'_>) -> Result<Product, StoreError> {
    Ok(Product {
        id: ProductId(row.int(0)?),
        org: OrgNo(row.int(1)?),
        public_id: row.text(2)?.to_owned(),
        code: row.text(3)?.to_owned(),
        name: row.text(4)?.to_owned(),
        quota: row.opt_int(5)?,
        seq: Seq(row.int(6)?),
    })
}

pub(crate) const GROUP: &str =
    "grp, org, kind, name, description, source, base, product, public_id, quota, seq, direct";

pub(crate) fn group(row: &RowRef<'_>) -> Result<Group, StoreError> {
    let id = row.int(0)?;
    let kind = group_kind(id, row.text(2)?, row.opt_int(6)?, row.opt_int(7)?)?;
    let profile = match kind {
        GroupKind::Profile(_) => Some(ProfileData {
            public_id: row
                .opt_text(8)?
                .ok_or_else(|| inconsistent("groups", "public_id", id))?
                .to_owned(),
            quota: row.opt_int(9)?,
        }),
        _ => None,
    };
    Ok(Group {
        id: GroupId(id),
        org: OrgNo(row.int(1)?),
        kind,
        name: row.text(3)?.to_owned(),
        description: row.opt_text(4)?.map(str::to_owned),
        source: row.opt_int(5)?.map(GroupId),
        profile,
        seq: Seq(row.int(10)?),
        direct: row.int(11)?,
    })
}

/// A group's kind from its type word, base and product.
pub(crate) fn group_kind(
    id: i64,
    word: &str,
    base: Option<i64>,
    product: Option<i64>,
) -> Result<GroupKind, StoreError> {
    let base = || {
        base.map(GroupId)
            .ok_or_else(|| inconsistent("groups", "base", id))
    };
    let product = || {
        product
            .map(ProductId)
            .ok_or_else(|| inconsistent("groups", "product", id))
    };
    Ok(match word {
        "USER_GROUP" => GroupKind::UserGroup,
        "PRODUCT_PROFILE" => GroupKind::Profile(product()?),
        "SYSADMIN_GROUP" => GroupKind::SystemAdmin,
        "SUPPORT_ADMIN_GROUP" => GroupKind::SupportAdmin,
        "DEPLOYMENT_ADMIN_GROUP" => GroupKind::DeploymentAdmin,
        "PRODUCT_ADMIN_GROUP" => GroupKind::ProductAdmin(product()?),
        "PROFILE_ADMIN_GROUP" => GroupKind::ProfileAdmin(base()?),
        "USER_ADMIN_GROUP" => GroupKind::UserGroupAdmin(base()?),
        "DEVELOPER_GROUP" => GroupKind::Developer(base()?),
        "CONTRACT_ADMIN_GROUP" => GroupKind::ContractAdmin,
        _ => return Err(inconsistent("groups", "kind", id)),
    })
}
