//! Configuration files as user-sync has them: reading, merging, checking. What a value means is in the submodules;
//! nothing here reads a directory or an organization.

mod adobe_users;
pub mod codec;
pub mod console;
pub mod credential;
mod directory_users;
pub(crate) mod extension;
pub(crate) mod files;
pub mod logging;
pub mod main_file;
pub mod moved;
pub(crate) mod okta;
pub mod section;
pub mod umapi;
pub mod yaml;

pub use files::Files;
