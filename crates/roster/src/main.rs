//! The binary: command line, settings, printing.

mod org_file;

fn main() {}
