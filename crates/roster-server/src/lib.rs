//! The HTTP server: the User Management API, the token endpoints and what surrounds them.

pub mod clock;
pub mod config;
pub mod crypto;
pub mod route;
pub mod throttle;
pub mod tls;
mod walk;
