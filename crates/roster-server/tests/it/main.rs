//! The server as its clients meet it: requests to the router, whole answers back. One module per family of endpoints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may be blunt"
)]

mod abuse;
mod actions;
mod deprecated;
mod exchange;
mod fuzz;
mod limits;
mod overload;
mod paging;
mod reads;
mod routes;
mod secrets;
mod service;
mod socket;
mod support;
mod throttling;
mod tokens;
mod transport;
mod whole;
