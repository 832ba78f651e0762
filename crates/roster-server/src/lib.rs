//! The HTTP server: the User Management API, the token endpoints and what surrounds them.
//!
//! Start at [`App`] (the state) and `http` (the life of a request); [`route`] is the table of everything that can be
//! asked. [`serve()`] puts it on a socket. Rules are core's, bodies are the wire's, rows are the store's; here is who may
//! ask, how often, and which status code it gives (`error`, and nowhere else).

mod app;
mod caller;
pub mod clock;
pub mod config;
mod credentials;
pub mod crypto;
mod error;
mod health;
mod http;
mod observe;
mod openapi;
mod reply;
mod request;
pub mod route;
mod serve;
pub mod throttle;
pub mod tls;
mod token;
mod umapi;
mod walk;

pub use app::{App, StartError, master_key_path, open_master_key};
pub use config::Config;
pub use http::router;
pub use serve::{Bound, Ready, ServeError, bind, serve};

/// A refusal in words, as the API says it.
pub fn explain(refusal: &roster_core::refusal::Refusal) -> String {
    roster_umapi::code::message(refusal)
}
