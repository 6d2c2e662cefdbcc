//! Small programs that embed the crates of this workspace; see `examples/`.
