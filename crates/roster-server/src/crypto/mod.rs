//! Keys, secrets, signatures and certificates. Nothing here knows HTTP or the store.

pub mod certificate;
pub mod file;
pub mod jws;
pub mod master;
pub mod password;
