//! A typed client for [Dokploy](https://dokploy.com) servers, versions 0.24 to 0.30, and deployments on them that survive
//! crashes and lost replies.
//!
//! | you want to | begin at | feature |
//! |---|---|---|
//! | deploy stacks, each with a name, a host and an image, and be sure of what becomes of them | `deployer::Deployer` | `deployer` |
//! | make calls of your own | [`Client`] | |
//! | have DNS records made and removed with the stacks | [`Dns`], and `Hetzner`, which is one | `hetzner` |
//! | test what you build, with lost replies and restarts | `testing::Dokploy`, a server on loopback | `testing` |
//!
//! `deployer` and `hetzner` are on unless they are turned off.
//!
//! # Deploy a stack
//! It is recorded before anything is done. After a crash `resume` finishes it or takes it back; what can't be deleted is
//! named, and tried again. Here against a server of the crate's own:
//! ```
//! # #[cfg(all(feature = "deployer", feature = "testing"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use dokploy_client::deployer::{Deployer, End, FileJournal, Plan};
//! use dokploy_client::testing::{Dokploy, Version};
//! use dokploy_client::{Client, Image, KeySource, StackName};
//!
//! let server = Dokploy::start(Version::V0_30_2)?;
//! let client = Client::builder(server.url()).key(KeySource::Fixed(server.key().into())).build()?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("journal");
//! let journal = FileJournal::open(&path, Arc::new(SystemTime::now))?;
//! let deployer = Deployer::builder(client, Arc::new(journal)).build()?;
//! deployer.resume().await?;
//!
//! let name = StackName::parse("alpha", &["admin", "www"])?;
//! let plan = Plan::new(name, Image::parse("ghcr.io/acme/stack:1.2")?, "example.org")?;
//! let deployment = deployer.deploy(plan, None).await?;
//! let mut progress = deployment.progress();
//! while let Some(step) = progress.next().await {
//!     println!("{} %: {}", step.progress, step.current_step);
//! }
//! assert_eq!(deployment.ended().await, Some(End::Completed));
//! assert_eq!(server.projects().len(), 1);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "deployer", feature = "testing")))]
//! # fn main() {}
//! ```
//!
//! # Make calls
//! - A [`Client`] talks to one server. Its calls are grouped: [`projects`](Client::projects),
//!   [`environments`](Client::environments), [`applications`](Client::applications), [`domains`](Client::domains) and
//!   [`deployments`](Client::deployments). It asks for the server's [`Version`](client::Version) once, and speaks to each
//!   as it wants.
//! - What goes in was parsed before: a [`Name`], a [`Host`], an [`Image`], an [`AppName`], an [`Environment`] of
//!   variables, and the ids. So nothing that a person typed becomes a line, a rule of Traefik, a command or a reference
//!   on the server, however old that is. A [`StackName`] is what a person may call a stack.
//! - What comes out are rows with the fields that are of use, and open enums that keep words of later versions.
//! - An [`Error`] is named by what the caller does next. After [`Error::MaybeDone`] that is: look.
//!
//! ```no_run
//! use std::num::NonZeroU16;
//!
//! use dokploy_client::client::{Deploy, DockerProvider, NewApplication, NewDomain, NewProject, Tls};
//! use dokploy_client::{Client, Description, Environment, Host, Image, KeySource, Name};
//!
//! # async fn example() -> dokploy_client::Result<()> {
//! let key = KeySource::Env("DOKPLOY_API_TOKEN");
//! let client = Client::builder("https://dokploy.example.org").key(key).build()?;
//! let project = client.projects().create(&NewProject::new(Name::parse("shop")?)).await?;
//! let new = NewApplication::new(Name::parse("web")?, project.place());
//! let web = client.applications().create(&new).await?;
//!
//! let image = DockerProvider::new(Image::parse("ghcr.io/acme/shop:1.2")?);
//! client.applications().save_docker_provider(&web.id, &image).await?;
//! let variables = Environment::new().with("GREETING", "it's # 1")?;
//! client.applications().save_environment(&web.id, &variables).await?;
//! let (host, port) = (Host::parse("shop.example.org")?, NonZeroU16::new(8080).expect("not zero"));
//! let domain = NewDomain::new(web.id.clone(), host, port).tls(Tls::EntryPoint);
//! client.domains().create(&domain).await?;
//!
//! // The answer names no deployment; the description finds it.
//! let unique = Description::parse("release 1.2 of 21 November")?;
//! client.applications().deploy(&web.id, &Deploy::new().description(unique)).await?;
//! # Ok(())
//! # }
//! ```

mod app_name;
pub mod client;
#[cfg(feature = "deployer")]
pub mod deployer;
pub mod dns;
pub mod error;
#[cfg(feature = "hetzner")]
pub mod hetzner;
mod host;
mod http;
pub mod id;
mod image;
mod name;
mod open_enum;
mod stack_name;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod variables;

pub use app_name::AppName;
pub use client::{Client, KeySource};
pub use dns::{Dns, DnsError};
pub use error::{Error, Result};
#[cfg(feature = "hetzner")]
pub use hetzner::Hetzner;
pub use host::{Host, UrlPath};
pub use image::Image;
pub use name::{Description, Name};
pub use stack_name::{StackName, StackNameError};
pub use variables::Environment;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
