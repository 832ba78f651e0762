//! Plans: three small texts in (directory, organization, settings), one text out. Every plan is looked at by
//! `plan::check` as well.

mod laws;
mod rules;
mod scene;
