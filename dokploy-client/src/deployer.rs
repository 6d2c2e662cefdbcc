//! Deploys stacks so that neither a crash nor a lost reply leaves anything behind that nobody knows of.
//!
//! The cast:
//! - A [`Deployer`] runs deployments, and takes over at its start what a crash left. A [`Deployment`] is a handle of one.
//! - A [`Plan`] says what is deployed; a [`DeploymentId`] names the deployment, and marks its project in Dokploy.
//! - A [`Machine`] decides what is done next. It is pure: [`Effect`]s come out, [`Event`]s with their time go in, and it
//!   [ends](End) exactly once. Each further operation is a machine of its own.
//! - A [`Journal`] holds the [`Record`]s of which a machine is made again after a crash: each effect that changes
//!   something is recorded before it is done, and what came of it after. [`FileJournal`] is one in a file.
//! - What could not be deleted is named as a [`Leak`], and is work that the journal hands out again.
//!
//! # States
//! | operation | states |
//! |---|---|
//! | [`deploy`](Deployer::deploy) | `initializing`, `creating_project`, `creating_application`, `configuring`, `creating_domain`, `deploying`, `health_check`, `completed` |
//! | … that fails, or is [withdrawn](Deployment::withdraw) | from any of them `rolling_back`, then `failed` |
//! | [`redeploy`](Deployment::redeploy) | `redeploying`, then `completed` or `failed` |
//! | [`stop`](Deployment::stop) | `stopping`, then `stopped` or `failed` |
//! | [`start`](Deployment::start) | `starting`, then `completed` or `failed` |
//! | [`destroy`](Deployment::destroy) | `destroying`, then `destroyed` or `failed` |
//!
//! A step that keeps failing gives up after 30 s, a job after 300 s, a health check after 120 s: [`Deadlines`]. A name is
//! free again after `failed` and `destroyed`, but not after a further operation that failed: the stack is there.
//!
//! # Use
//! ```no_run
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use dokploy_client::deployer::{Deployer, FileJournal, Plan};
//! use dokploy_client::{Client, Image, KeySource, StackName};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = KeySource::Env("DOKPLOY_API_TOKEN");
//! let client = Client::builder("https://dokploy.example.org").key(key).build()?;
//! let journal = FileJournal::open("deployments.jsonl".as_ref(), Arc::new(SystemTime::now))?;
//! let deployer = Deployer::builder(client, Arc::new(journal));
//! let deployer = deployer.limits(|it| it.active = 2).build()?;
//! deployer.resume().await?;
//!
//! let name = StackName::parse("alpha", &["admin"])?;
//! let plan = Plan::new(name, Image::parse("ghcr.io/acme/stack:1.2")?, "example.org")?;
//! let deployment = deployer.deploy(plan, Some("of the person's form")).await?;
//! let mut progress = deployment.progress();
//! while let Some(step) = progress.next().await {
//!     println!("{} % {}", step.progress, step.current_step);
//! }
//! println!("{:?}", deployment.ended().await);
//! # Ok(())
//! # }
//! ```
//!
//! # The machine alone
//! ```
//! use dokploy_client::deployer::{DeploymentId, Effect, Machine, Next, Plan, State, Timestamp};
//! use dokploy_client::{Image, StackName};
//!
//! let name = StackName::parse("alpha", &["admin"])?;
//! let plan = Plan::new(name, Image::parse("ghcr.io/acme/stack:1.2")?, "example.org")?;
//! let id = DeploymentId::new(Timestamp::from_millis(1_700_000_000_000), 7);
//! let (machine, next) = Machine::new(id, plan);
//! assert_eq!(machine.progress().status, State::Initializing);
//! assert_eq!(next, Next::Do(Effect::FindProjects));
//! # Ok::<(), dokploy_client::Error>(())
//! ```

mod effect;
mod end;
mod health;
mod id;
mod journal;
mod machine;
mod perform;
mod plan;
mod reason;
mod runner;
mod state;
mod timestamp;

pub use effect::{Effect, Event, Failure, Jobs, OurProject, Place, Projects, Run, RunStatus, Seen};
pub use end::{End, Failed, Leak};
pub use id::DeploymentId;
pub use journal::{
    Clock, FileJournal, Holder, Journal, JournalError, MemoryJournal, NewDeployment, Reached, Record,
};
pub use machine::{Machine, Next, Replayed, Unfit};
pub use plan::{Deadlines, Plan};
pub use reason::Reason;
pub use runner::{DeployError, Deployer, DeployerBuilder, DeployerLimits, Deployment, ProgressStream};
pub use state::{Operation, Progress, State};
pub use timestamp::Timestamp;
