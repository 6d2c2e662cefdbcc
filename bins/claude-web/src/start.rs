//! From settings to a server, and to its end.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use secrecy::ExposeSecret;
use server_kit::auth::{
    Auth, Authenticate, FirstAdmin, JwtSecrets, Origin, SecretSource, Tickets, TokenTtl, Tokens,
};
use server_kit::data_dir::DataDir;
use server_kit::guard::{Gate, StreamPermits};
use server_kit::health::Check;
use server_kit::routes::{About, Routes};
use server_kit::runs::{Limits, Runs};
use server_kit::server::Server;
use server_kit::settings::ServerSettings;
use server_kit::shutdown::Shutdown;
use server_kit::store::{Directory, StoreArchive};
use server_kit::{auth, harden, logs, memory, metrics};
use store_core::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::approvals::Approvals;
use crate::chat::Chats;
use crate::claude::ClaudeCode;
use crate::settings::{Arguments, ClaudeSettings, Task};
use crate::terminals::WebTerminals;
use crate::terminals::socketio::SocketIo;
use crate::{approvals, chat, claude, page, runs, sessions, terminals};

/// What the server calls itself.
const ABOUT: About = About { title: "claude-web", version: env!("CARGO_PKG_VERSION") };

/// How long runs have to end once the server is told to.
const LAST_RUNS: Duration = Duration::from_secs(20);

/// How long terminals have: their trees are killed by then.
const LAST_TERMINALS: Duration = Duration::from_secs(6);

/// How long streams have to end after their runs, so that all is over within 30 s.
const DRAIN: Duration = Duration::from_secs(25);

/// How often free memory is given back to the system.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// How often tokens that ended are forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// Does what the arguments say.
///
/// # Errors
/// Why it can't.
pub async fn main(arguments: Arguments) -> anyhow::Result<()> {
    logs::init(&arguments.server.log_level, arguments.server.format())?;
    // What is counted before is lost.
    metrics::handle();
    match &arguments.task {
        None | Some(Task::Serve) => serve(arguments).await,
        Some(Task::User(command)) => {
            Ok(command.run(&beside(&arguments.server).await?, &mut std::io::stdout()).await?)
        }
        Some(Task::Key(command)) => {
            Ok(command.run(&beside(&arguments.server).await?, &mut std::io::stdout()).await?)
        }
    }
}

/// The store of a server that may be running.
async fn beside(settings: &ServerSettings) -> anyhow::Result<Store> {
    let opened = Store::builder(&database(settings)?).beside().open().await;
    opened.context("the database can't be opened; was the server started once?")
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen()?;
    let address = arguments.server.address();
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{address} can't be listened on"))?;
    match shutdown.over(run(&arguments, listener, &shutdown)).await {
        Some(done) => done,
        None => anyhow::bail!("ended at once, as was insisted on"),
    }
}

/// Serves until told to stop.
///
/// # Errors
/// Why it can't begin.
pub async fn run(arguments: &Arguments, listener: TcpListener, shutdown: &Shutdown) -> anyhow::Result<()> {
    let settings = &arguments.server;
    if arguments.claude.child_user.is_none() {
        harden::warn_if_root();
    }
    let data = DataDir::open(&data_path(settings)?)?;
    let store = Store::open(&database(settings)?).await.context("the database can't be opened")?;
    let auth = sign_in(settings, &data, &store)?;
    let runs = take_over(&arguments.claude, &store).await?;
    let who: Arc<dyn Authenticate> = Arc::new(auth.clone());
    let claude =
        ClaudeCode::new(arguments.claude.config(data.path())?, (who.clone(), store.clone(), runs.clone()))
            .context("the directory of the workspaces can't be made")?;
    let permits = StreamPermits::new(settings.max_streams_per_user);
    let approvals = Approvals::new(store.clone(), arguments.chat.approval_ttl());
    let chats = Chats::new(arguments.chat.config()?, (runs.clone(), claude.clone(), approvals.clone()));
    let (store_of_app, runs_of_app) = (store.clone(), runs.clone());
    let terminals = WebTerminals::new(arguments.terminals(&data)?, store.clone());
    let tickets = Tickets::new();
    let app = App {
        gate: Gate::new(who.clone(), settings.rate()),
        auth: who,
        store: store_of_app,
        runs: runs_of_app,
        permits,
        claude,
        chats,
        approvals,
        terminals: terminals.clone(),
        tickets,
    };

    let first = auth.ensure_admin(&settings.admin_user, settings.admin_password.clone()).await?;
    greet(settings, &listener, &first)?;
    let sockets = SocketIo::new(app.clone());
    let ending = tokio::spawn(end_all((runs, terminals.clone(), sockets.clone()), shutdown.clone()));
    let chores = [
        tokio::spawn(forget_tokens(store.clone())),
        tokio::spawn(give_memory_back()),
        tokio::spawn(end_with_their_owners((app.runs.clone(), terminals), auth.clone())),
    ];
    server(arguments, (app, sockets), auth, &listener).await?.serve(listener, shutdown.asked()).await?;
    ending.await?;
    chores.iter().for_each(JoinHandle::abort);
    store.close().await;
    Ok(())
}

/// Runs, once what a dead server left is ended.
async fn take_over(settings: &ClaudeSettings, store: &Store) -> anyhow::Result<Runs> {
    let left = tokio::task::spawn_blocking(claude_core::sweep).await?;
    let mut limits = Limits::default();
    limits.grace = Duration::from_millis(settings.run_grace_ms);
    limits.stall = Duration::from_millis(settings.run_stall_ms);
    let archive = Arc::new(StoreArchive::new(store.clone()));
    let runs = Runs::with_last_words(archive, limits, chat::last_words);
    let interrupted = runs.recover().await?;
    if left > 0 || interrupted > 0 {
        tracing::warn!(
            processes = left,
            runs = interrupted,
            "an earlier server died; what it left was ended"
        );
    }
    Ok(runs)
}

fn sign_in(settings: &ServerSettings, data: &DataDir, store: &Store) -> anyhow::Result<Auth> {
    let source = SecretSource { value: settings.jwt_secret.clone(), file: settings.jwt_secret_file.clone() };
    let (secrets, origin) = JwtSecrets::load(&source, data.path())?;
    if origin == Origin::Generated {
        tracing::info!("a secret that signs tokens was made and kept in DATA_DIR");
    }
    let ttl = TokenTtl::minutes(settings.jwt_ttl.into())?;
    let tokens = Tokens::new(&secrets, ttl, Arc::new(SystemTime::now));
    let builder = Auth::builder(Arc::new(store.clone()), tokens);
    let is_https = settings.public_url.as_ref().is_some_and(|url| url.as_str().starts_with("https:"));
    Ok(if is_https { builder.behind_https() } else { builder }.build())
}

async fn server(
    arguments: &Arguments,
    (app, sockets): (App, SocketIo),
    auth: Auth,
    listener: &TcpListener,
) -> anyhow::Result<Server> {
    let settings = &arguments.server;
    let gate = app.gate.clone();
    let store = app.store.clone();
    let directory = Directory::new(store.clone(), auth.clone());
    let stall = Duration::from_millis(arguments.claude.run_stall_ms);
    let mut server = Server::new(ABOUT, routes((app, sockets), auth, directory), gate)
        .settings(settings)
        .limits(|limits| (limits.write_stall, limits.drain) = (stall, DRAIN))
        .page(page::page(&origin(settings, listener)?))
        .check(Check::new("store", move || {
            let store = store.clone();
            async move { store.system().users().any().await.is_ok() }
        }));
    if let Some(address) = settings.metrics_addr {
        let listener = TcpListener::bind(address).await;
        server = server.metrics_on(listener.with_context(|| format!("{address} can't be listened on"))?);
    }
    Ok(server)
}

fn routes((app, sockets): (App, SocketIo), auth: Auth, directory: Directory) -> Routes {
    let sign_in: Routes<Auth> = auth::routes().into_iter().collect();
    let accounts: Routes<Directory> = server_kit::store::routes().into_iter().collect();
    let ours = chat::routes().merge(approvals::routes());
    let ours = ours.merge(claude::routes()).merge(sessions::routes()).merge(runs::routes());
    let ours = ours.merge(terminals::routes());
    let of_sockets = terminals::socketio::routes().with_state((app.clone(), sockets));
    ours.with_state(app)
        .merge(of_sockets)
        .merge(sign_in.with_state(auth))
        .merge(accounts.with_state(directory))
}

/// Says where the server listens, and the first time how to sign in: to standard output, not to the log.
fn greet(settings: &ServerSettings, listener: &TcpListener, first: &FirstAdmin) -> anyhow::Result<()> {
    let mut text = format!("claude-web listens on {}\n", origin(settings, listener)?);
    if let FirstAdmin::Generated(password) = first {
        let (name, password) = (&settings.admin_user, password.expose_secret());
        text += &format!("The first admin, told this once: user name {name}, password {password}\n");
    }
    // Nobody may read it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

/// Under which origin people reach the server.
fn origin(settings: &ServerSettings, listener: &TcpListener) -> anyhow::Result<String> {
    match &settings.public_url {
        Some(url) => Ok(url.as_str().to_owned()),
        None => Ok(format!("http://{}", listener.local_addr()?)),
    }
}

async fn end_all((runs, terminals, sockets): (Runs, WebTerminals, SocketIo), shutdown: Shutdown) {
    shutdown.asked().cancelled().await;
    let terminals = async {
        let ended = terminals.shutdown(LAST_TERMINALS).await;
        sockets.close();
        ended
    };
    let (runs, terminals) = tokio::join!(runs.shutdown(LAST_RUNS), terminals);
    if let Err(left) = runs {
        tracing::error!(runs = left, "runs did not end in time");
    }
    if let Err(left) = terminals {
        tracing::error!(terminals = left, "terminals did not end in time");
    }
}

async fn end_with_their_owners((runs, terminals): (Runs, WebTerminals), auth: Auth) {
    tokio::join!(runs.end_with_their_owners(&auth), terminals.end_with_their_owners(&auth));
}

async fn give_memory_back() {
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        // A task that blocks: the allocator looks through its free memory.
        let _ = tokio::task::spawn_blocking(memory::give_back).await;
    }
}

async fn forget_tokens(store: Store) {
    loop {
        if let Err(error) = store.system().revoked_tokens().purge_expired().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "tokens that ended can't be forgotten");
        }
        tokio::time::sleep(FORGET).await;
    }
}

fn data_path(settings: &ServerSettings) -> anyhow::Result<PathBuf> {
    settings.data_dir_of("claude-web").context("set DATA_DIR: there is neither XDG_DATA_HOME nor HOME")
}

fn database(settings: &ServerSettings) -> anyhow::Result<String> {
    if let Some(url) = &settings.database_url {
        return Ok(url.expose_secret().to_owned());
    }
    let path = std::path::absolute(data_path(settings)?.join("claude-web.db"))?;
    let path = path.to_str().context("DATA_DIR is no text")?;
    Ok(format!("sqlite://{path}"))
}
