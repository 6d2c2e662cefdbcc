//! Starts terminals for whoever may, and keeps the records of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claude_core::cli::ChildUser;
use pty_core::recording::Recording;
use pty_core::{Filter, Info, Owner, Spec, Terminal, TerminalId, Terminals, User};
use serde_json::json;
use server_kit::auth::{Access, Auth, Identity, Scope, UserId};
use server_kit::problem::Problem;
use store_core::Store;
use store_core::audit::NewAuditEntry;

use super::config::TerminalConfig;
use super::figures;
use super::profile::Program;
use super::request::{NewTerminal, Task};
use super::{environment, first_run, problem, recording};
use crate::audit;

/// The directory of Claude Code's settings, where it isn't in `HOME`.
const CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";

/// Everybody's terminals. Clones share them.
#[derive(Clone)]
pub struct WebTerminals {
    shared: Arc<Shared>,
}

struct Shared {
    config: TerminalConfig,
    terminals: Terminals,
    store: Store,
}

impl WebTerminals {
    /// With these settings; what happens goes to the audit of this store. Needs a runtime.
    #[must_use]
    pub fn new(config: TerminalConfig, store: Store) -> Self {
        let limits = |limits: &mut pty_core::Limits| {
            (limits.sessions, limits.per_owner, limits.idle) =
                (config.sessions, config.per_user, config.idle);
            limits.kept = config.sessions.max(1);
        };
        let terminals = Terminals::builder().limits(limits).build();
        tokio::spawn(figures::keep_up(terminals.clone()));
        Self { shared: Arc::new(Shared { config, terminals, store }) }
    }

    /// How terminals are run.
    pub(super) fn config(&self) -> &TerminalConfig {
        &self.shared.config
    }

    /// Whether somebody may have terminals.
    ///
    /// # Errors
    /// 403 `forbidden`.
    pub(crate) fn may_use(&self, who: &Identity) -> Result<(), Problem> {
        self.may_look(who)?;
        let may = who.may(Access::user(Scope::Admin));
        if may { Ok(()) } else { Err(Problem::forbidden("this key may only read")) }
    }

    /// Whether somebody may see what terminals it has.
    ///
    /// # Errors
    /// 403 `forbidden`.
    pub(crate) fn may_look(&self, who: &Identity) -> Result<(), Problem> {
        let may = self.shared.config.roles.contains(&who.role);
        if may { Ok(()) } else { Err(Problem::forbidden("terminals are not for your role")) }
    }

    /// Starts one.
    ///
    /// # Errors
    /// 400, 403, 422, 429, 500, 503, 507, as the reason is.
    pub(super) async fn start(&self, who: &Identity, request: NewTerminal) -> Result<Terminal, Problem> {
        let shared = &self.shared;
        let task = request.check(who, &shared.config)?;
        let id = TerminalId::random();
        let spec = self.spec(who, &task, id).await?;
        // Who opens a shell is written down before it does.
        let detail = json!({
            "command": task.profile.name, "args": task.args, "cwd": task.place.cwd, "recorded": task.records,
            "env": task.env.keys().collect::<Vec<_>>(),
        });
        shared.store.system().audit().append(entry(Some(who.user), "terminal.open", (id, detail))).await?;
        match shared.terminals.spawn(spec).await {
            Ok(terminal) => {
                tokio::spawn(note_end(shared.store.clone(), terminal.clone()));
                Ok(terminal)
            }
            Err(error) => {
                let detail = json!({"error": error.to_string()});
                audit::note(&shared.store, entry(None, "terminal.not_started", (id, detail))).await;
                Err(problem::of(error))
            }
        }
    }

    async fn spec(&self, who: &Identity, task: &Task, id: TerminalId) -> Result<Spec, Problem> {
        let config = &self.shared.config;
        let is_claude = task.profile.program == Program::ClaudeCode;
        let mut variables = environment::of(std::env::vars_os(), is_claude);
        if let Some(user) = &config.child_user {
            user.adapt(&mut variables);
        }
        let program = match &task.profile.program {
            Program::ClaudeCode => {
                prepare(&variables, &task.place.cwd, config.child_user.as_ref()).await;
                config.claude_code.clone().into_os_string()
            }
            Program::Named(name) => name.clone(),
        };
        let mut spec = Spec::new(program)
            .id(id)
            .label(&task.profile.name)
            .args(task.profile.args.iter().chain(&task.args))
            .envs(variables)
            .envs(task.env.iter().map(|(name, value)| (name.into(), value.into())))
            .cwd(&task.place.cwd)
            .root(&task.place.root)
            .size(task.size)
            .owner(owner(who.user));
        if let Some(name) = &task.name {
            spec = spec.name(name);
        }
        if let Some(bytes) = task.ring_bytes {
            spec = spec.ring_bytes(bytes);
        }
        if let Some(user) = &config.child_user {
            spec = spec.user(User { uid: user.uid(), gid: user.gid(), groups: user.groups().to_vec() });
        }
        if task.records {
            let path = self.recording(who, id);
            recording::make_place(&path).map_err(|error| problem::of(pty_core::Error::Recording(error)))?;
            spec = spec.record(Recording::to(path));
        }
        Ok(spec)
    }

    /// The user's terminals, the oldest first.
    pub(super) fn list(&self, who: &Identity) -> Vec<Info> {
        self.shared.terminals.list(&Filter::Owner(owner(who.user)))
    }

    /// One of the user's terminals.
    ///
    /// # Errors
    /// 404 `not_found`, also for another's.
    pub(super) fn get(&self, who: &Identity, id: &str) -> Result<Terminal, Problem> {
        let known = TerminalId::parse(id).and_then(|id| self.shared.terminals.get(&id));
        known.filter(|terminal| *terminal.owner() == owner(who.user)).ok_or_else(Problem::not_found)
    }

    /// Ends one with all its processes.
    ///
    /// # Errors
    /// 404 `not_found`.
    pub(super) async fn delete(&self, who: &Identity, id: &str) -> Result<(), Problem> {
        let terminal = self.get(who, id)?;
        audit::note(&self.shared.store, entry(Some(who.user), "terminal.delete", (terminal.id(), json!({}))))
            .await;
        // How it ended is in the audit; that it ended is what was asked for.
        let _ = terminal.end().await;
        Ok(())
    }

    /// Notes that somebody looks at a terminal, without waiting for it.
    pub(super) fn note_attach(&self, who: &Identity, terminal: TerminalId, mode: super::ViewMode) {
        let entry = entry(Some(who.user), "terminal.attach", (terminal, json!({"mode": mode})));
        let store = self.shared.store.clone();
        tokio::spawn(async move { audit::note(&store, entry).await });
    }

    /// Where a terminal of this user is recorded, if it is.
    pub(super) fn recording(&self, who: &Identity, id: TerminalId) -> PathBuf {
        self.shared.config.recordings.join(who.user.to_string()).join(format!("{id}.cast"))
    }

    /// Ends the terminals of those whose account is gone, disabled, or of a role without terminals, as long as it is
    /// waited for.
    pub async fn end_with_their_owners(&self, auth: &Auth) {
        let terminals = &self.shared.terminals;
        let owners = || {
            let all = terminals.list(&Filter::All);
            all.iter().filter_map(|info| info.owner.as_str().parse().ok()).map(UserId::new).collect()
        };
        let end = |user: UserId| {
            for info in terminals.list(&Filter::Owner(owner(user))) {
                if let Some(terminal) = terminals.get(&info.id) {
                    tokio::spawn(async move { terminal.end().await });
                }
            }
        };
        let may = |role| self.shared.config.roles.contains(&role);
        auth.watch_over(owners, may, end).await;
    }

    /// Ends all of them.
    ///
    /// # Errors
    /// How many still had processes when the time was over.
    pub async fn shutdown(&self, within: Duration) -> Result<(), usize> {
        self.shared.terminals.shutdown(within).await
    }
}

fn owner(user: UserId) -> Owner {
    Owner::new(user.to_string())
}

/// Answers what Claude Code would ask first. It asks by itself where that fails.
async fn prepare(variables: &[(OsString, OsString)], cwd: &Path, user: Option<&ChildUser>) {
    let variable = |wanted: &str| {
        variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| PathBuf::from(value))
    };
    let Some(home) = variable("HOME") else { return };
    let (config, cwd) = (variable(CONFIG_DIR), cwd.to_owned());
    let owner = user.map(|user| (user.uid(), user.gid()));
    let prepare = move || first_run::prepare(&home, config.as_deref(), &cwd, owner);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(prepare).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the first questions of Claude Code can't be answered beforehand");
    }
}

async fn note_end(store: Store, terminal: Terminal) {
    let id = terminal.id();
    let exit = terminal.exited().await;
    drop(terminal);
    let exit = exit.map(|exit| json!({"code": exit.code, "signal": exit.signal, "output_bytes": exit.head}));
    audit::note(&store, entry(None, "terminal.end", (id, exit.unwrap_or_default()))).await;
}

fn entry(by: Option<UserId>, action: &str, (id, detail): (TerminalId, serde_json::Value)) -> NewAuditEntry {
    let actor = by.map_or_else(|| audit::SYSTEM.to_owned(), |user| user.to_string());
    NewAuditEntry { actor, action: action.to_owned(), subject: format!("terminal {id}"), detail }
}
