//! A client for any server that speaks the User Management API: Adobe's, Roster's, a stand-in.
//!
//! [`Client`] is the one value to have. It fetches and renews its token, reads people and groups page by page, and
//! carries out [`Command`]s in batches the server accepts. It prints nothing, reads no environment and holds no
//! global state; whoever wants to know about waits and retries gives it an [`Observer`].
//!
//! ```no_run
//! use roster_client::{Client, Config, UserQuery};
//! use roster_core::command::{Action, Command, GroupEntry, GroupList, GroupSelection, Target};
//!
//! # async fn example() -> Result<(), roster_client::ClientError> {
//! let client = Client::new(Config::oauth("1A2B3C@AdobeOrg", "client-id", "client-secret"))?;
//!
//! // Everybody, a page at a time.
//! let mut pages = client.users(&UserQuery::everybody());
//! while let Some(page) = pages.next().await? {
//!     for user in page.users {
//!         println!("{}", user.email.unwrap_or_default());
//!     }
//! }
//!
//! // One person into one group. Batches, splitting and retries are the client's business.
//! let join = Command {
//!     target: Target::User { user: "ada@example.com".into(), domain: None, use_adobe_id: false },
//!     steps: vec![Action::JoinGroups(GroupSelection::Named(vec![GroupEntry {
//!         name: "Design".into(),
//!         list: GroupList::Any,
//!     }])).into()],
//! };
//! for outcome in client.apply(&[join]).await {
//!     println!("{outcome:?}");
//! }
//! # Ok(())
//! # }
//! ```

mod action;
mod batch;
mod config;
mod error;
mod observe;
mod pace;
mod read;
mod retry;
mod tls;
mod token;
mod transport;
mod web;
mod wire;

pub use action::{Done, Numbering, Outcome, StepError, UNCONFIRMED, Warning};
pub use batch::Batcher;
pub use config::{Config, Grant, Host, Proxies, Secret, Trust};
pub use error::ClientError;
pub use observe::{Event, Observer, Signal};
pub use read::{Group, GroupPage, GroupPages, User, UserPage, UserPages, UserQuery};
pub use roster_core::command::Command;
pub use tls::{Distrust, client_config as tls_config, is_for_no_name};
pub use transport::Client;
pub use web::{NoAnswer, Web, WebAnswer, WebSettings};
pub use wire::{COMMANDS_PER_REQUEST, NAMES_PER_LIST, STEPS_PER_COMMAND, pieces};
