//! What is set, and from where: for `--check-config`.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

/// Flags that set nothing.
const ORDERS: [&str; 3] = ["help", "version", "check_config"];

/// One line for each setting, by its variable's name; secrets are struck out.
pub(super) fn table(command: &Command, matches: &ArgMatches) -> String {
    let mut table = String::new();
    for arg in command.get_arguments().filter(|arg| !ORDERS.contains(&arg.get_id().as_str())) {
        let Some(flag) = arg.get_long() else { continue };
        let name = flag.to_uppercase().replace('-', "_");
        let (value, source) = effective(arg, matches);
        let _ = writeln!(table, "{name}={value} ({source})");
    }
    let below =
        matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    if let Some((command, matches)) = below {
        table += &self::table(command, matches);
    }
    table
}

fn effective(arg: &Arg, matches: &ArgMatches) -> (String, &'static str) {
    let id = arg.get_id().as_str();
    let values = matches.try_get_raw(id).ok().flatten();
    let value = match values {
        Some(_) if arg.is_hide_env_values_set() => "***".to_owned(),
        Some(values) => values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(","),
        None => String::new(),
    };
    let source = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => "flag",
        Some(ValueSource::EnvVariable) => "variable",
        Some(_) => "default",
        None => "unset",
    };
    (value, source)
}
