//! What tests of programs that use this crate need: a [`Dokploy`] server played on this machine.
//!
//! It behaves as three servers were recorded to behave, or as a fourth does by its source: [`Version`] says which.
//! Projects, environments, applications, domains, deployments and the queue of jobs are there, in memory; so are the shapes
//! of answers and errors, the limits and the oddities. An image's name decides what comes of a job: with `missing` it can't
//! be pulled, with `slow` it takes longer, with `nocreate` its service is refused. What else happens on a real server's
//! machine shows in [`Dokploy::services`] and [`Dokploy::traefik_files`].
//!
//! What goes wrong is [injected](Dokploy::inject) as a [`Fault`]: lost requests and replies, refusals, bad answers, waits,
//! bodies that come slowly or in part, stuck jobs, and a restart at any call.
//!
//! ```
//! use dokploy_client::client::NewProject;
//! use dokploy_client::testing::{Dokploy, Fault, Version};
//! use dokploy_client::{Client, Error, KeySource, Name};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dokploy = Dokploy::start(Version::V0_30_2)?;
//! let client = Client::builder(dokploy.url()).key(KeySource::Fixed(dokploy.key().into())).build()?;
//!
//! // The project is made, but nobody hears of it.
//! dokploy.inject(Fault::lost_reply().on("project.create"));
//! let lost = client.projects().create(&NewProject::new(Name::parse("shop")?)).await;
//! assert!(matches!(lost, Err(Error::MaybeDone { .. })));
//! assert_eq!(client.projects().all().await?.len(), 1);
//!
//! // Jobs are lost or kept as the version has it; all else stays.
//! dokploy.restart().await?;
//! assert_eq!(client.projects().all().await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Not played: remote servers, compose, registries, the WebSocket log, the cloud, compressed answers, and calls that the
//! client does not have; of those that it has, `application.readLogs`, `application.killBuild` and
//! `deployment.killProcess`.

mod answer;
mod body;
mod calls;
mod checks;
mod dokploy;
mod dotenv;
mod faults;
mod jobs;
mod keys;
mod life;
mod request;
mod routes;
mod rows;
mod server;
mod socket;
mod state;
mod traefik;
mod versions;

pub use answer::Answer;
pub use calls::CALLS_MAX;
pub use dokploy::{Dokploy, DokployBuilder};
pub use faults::Fault;
pub use jobs::Timing;
pub use keys::DEFAULT_KEY_CALLS;
pub use request::{BODY_MAX, Call};
pub use server::IDLE;
pub use state::Service;
pub use versions::Version;
