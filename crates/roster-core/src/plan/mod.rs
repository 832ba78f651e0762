//! Directory against organization.
