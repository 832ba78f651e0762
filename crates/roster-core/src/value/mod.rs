//! Values that cannot be wrong: keys for comparing, e-mail addresses, countries, names, identity types.
//!
//! Everything that arrives from outside passes through a `parse` here once; inside, nothing is
//! checked again.

mod country;
mod email;
mod group_name;
mod identity;
mod ids;
mod key;

pub use country::{Country, CountryError, UNDEFINED_COUNTRY};
pub use email::{EMAIL_MAX, domain_part, is_email, is_email_form};
pub use group_name::{AdminRole, GroupName, NAME_MAX, ReservedName, valid_group_name};
pub use identity::{IdentityType, Login, OrgState, Status};
pub use ids::{AccountId, DirectoryId, GroupId, OrgNo, ProductId, Seed, Seq, parse_org_id};
pub use key::Key;
