//! For tests only: a whole installation in memory, and organizations to start from.

pub mod fuzz;
pub mod generate;
pub mod sample;
pub mod world;
