//! The User Management API on the wire: bodies, parameters, error codes.
//!
//! - [`action`]: a batch of commands, and the answer to it.
//! - [`code`]: the one list of error codes and messages.
//! - [`request`]: the bodies of requests that fail as a whole.
//! - [`query`]: parameters in, people, groups, profiles and products out.
//! - [`token`]: the token endpoints.
//!
//! What is absent on purpose: HTTP status codes (they are the server's), tables (the store's), and rules (core's).
//! Everything here is a function from bytes and values to bytes and values.

pub mod action;
pub mod code;
pub mod form;
mod json;
pub mod query;
pub mod request;
pub mod token;
