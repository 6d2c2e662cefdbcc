//! Owns a child process and everything that descends from it.
