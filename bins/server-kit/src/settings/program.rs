//! From arguments and variables to settings, or to a message and an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Command, Parser};

use super::{ServerSettings, effective, names};

const ENV_FILE: &str = ".env";
const APP_ENV: &str = "APP_ENV";
/// Variables that will mean something one day, and would be believed to do so now.
const NOT_YET: [&str; 1] = ["REDIS_URL"];
/// The exit code for wrong usage.
const USAGE: u8 = 2;

/// What a binary says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The port it listens on unless `PORT` says otherwise.
    pub port: &'static str,
    /// Variables it reads besides those of its arguments.
    pub also_known: &'static [&'static str],
}

/// Reads the settings from the process's arguments and variables, and in development from `.env`. Call it before
/// there are threads.
///
/// A flag wins over a variable, a variable over `.env`; an empty variable counts as unset. Misspelt, contradictory
/// and unknown settings are refused, each by its name.
///
/// # Errors
/// The exit code to end with: 2 after a refusal, 0 after `--help`, `--version` or `--check-config`. What there was
/// to say is said.
pub fn parse<T: Parser + AsRef<ServerSettings>>(program: &Program) -> Result<T, ExitCode> {
    parse_from(program, std::env::args_os())
}

/// The same with other arguments; the first is the program's name.
///
/// # Errors
/// As [`parse`].
pub fn parse_from<T>(
    program: &Program,
    arguments: impl IntoIterator<Item: Into<OsString> + Clone>,
) -> Result<T, ExitCode>
where
    T: Parser + AsRef<ServerSettings>,
{
    let command = adapt(T::command(), program);
    let known = known(&command, program);
    if std::env::var_os(APP_ENV).is_some_and(|name| name == "development") {
        read_env_file(Path::new(ENV_FILE), &known).map_err(refused)?;
    }
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    check_names(set.map(|(name, _)| name), &known).map_err(refused)?;
    // Again, since each argument reads its variable when it is made.
    let command = adapt(T::command(), program);
    let matches = command.clone().try_get_matches_from(arguments).map_err(|error| told(&error))?;
    let settings = T::from_arg_matches(&matches).map_err(|error| told(&error))?;
    if settings.as_ref().check_config {
        let _ = write!(std::io::stdout(), "{}", effective::table(&command, &matches));
    }
    match settings.as_ref().contradiction() {
        Some(contradiction) => Err(refused(contradiction)),
        None if settings.as_ref().check_config => Err(ExitCode::SUCCESS),
        None => Ok(settings),
    }
}

/// Gives a program its port, and lets empty variables count as unset.
fn adapt(command: Command, program: &Program) -> Command {
    let adapt_arg = |arg: Arg| {
        let arg = if arg.get_id() == "port" { arg.default_value(program.port) } else { arg };
        let empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if empty { arg.env(clap::builder::Resettable::Reset) } else { arg }
    };
    command.mut_args(adapt_arg).mut_subcommands(|sub| adapt(sub, program))
}

/// The names of all variables that mean something.
fn known(command: &Command, program: &Program) -> Vec<String> {
    let own = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()).map(str::to_owned);
    let below = command.get_subcommands().flat_map(|sub| known(sub, program));
    own.chain(below).chain(program.also_known.iter().map(|&name| name.to_owned())).collect()
}

/// Sets what `.env` says and the environment doesn't.
fn read_env_file(path: &Path, known: &[String]) -> Result<(), String> {
    let Ok(entries) = dotenvy::from_path_iter(path) else { return Ok(()) };
    for entry in entries {
        // The error would show the line, which may hold a secret.
        let (name, _) = entry.map_err(|_| format!("{ENV_FILE}: a line is not NAME=value"))?;
        if !known.contains(&name) && !NOT_YET.contains(&name.as_str()) {
            let nearest = names::nearest(&name, known).map(|(nearest, _)| nearest).unwrap_or_default();
            return Err(format!("{ENV_FILE}: there is no setting {name}; the nearest is {nearest}"));
        }
    }
    dotenvy::from_path(path).map_err(|_| format!("{ENV_FILE} can't be read"))
}

fn check_names(set: impl Iterator<Item = OsString>, known: &[String]) -> Result<(), String> {
    for name in set.filter_map(|name| name.into_string().ok()) {
        if NOT_YET.contains(&name.as_str()) {
            return Err(format!("{name} is set, but not supported yet: unset it"));
        }
        if let Some(meant) = names::meant(&name, known) {
            return Err(format!("the variable {name} is not known; did you mean {meant}?"));
        }
    }
    Ok(())
}

fn refused(message: String) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {message}");
    ExitCode::from(USAGE)
}

fn told(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_the_name_that_was_meant() {
        let known = names(&["JWT_SECRET", "PORT"]);
        let refusal = check_names([OsString::from("JWT_SECERT")].into_iter(), &known).unwrap_err();
        assert!(refusal.contains("JWT_SECERT") && refusal.contains("JWT_SECRET"), "{refusal}");
        assert!(check_names([OsString::from("PATH")].into_iter(), &known).is_ok());
    }

    #[test]
    fn what_is_not_supported_yet_is_refused_by_name() {
        let refusal = check_names([OsString::from("REDIS_URL")].into_iter(), &[]).unwrap_err();
        assert!(refusal.contains("REDIS_URL is set, but not supported yet"), "{refusal}");
    }

    #[test]
    fn an_unknown_name_in_the_env_file_is_refused_and_no_value_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(ENV_FILE);
        std::fs::write(&path, "SERVER_PROT=hunter2\n").unwrap();
        let refusal = read_env_file(&path, &names(&["SERVER_PORT"])).unwrap_err();
        assert!(refusal.contains("SERVER_PROT") && refusal.contains("SERVER_PORT"), "{refusal}");
        std::fs::write(&path, "hunter2 and so on\n").unwrap();
        let refusal = read_env_file(&path, &[]).unwrap_err();
        assert!(!refusal.contains("hunter2"), "{refusal}");
        assert!(read_env_file(&directory.path().join("none"), &[]).is_ok());
    }
}
