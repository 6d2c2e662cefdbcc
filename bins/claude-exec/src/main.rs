//! Runs Claude Code from the shell.

fn main() {}
