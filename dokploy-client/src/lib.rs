//! A typed client for Dokploy servers, versions 0.24 to 0.30.
//!
//! The cast:
//! - A [`Client`] talks to one server. Its calls are grouped: [`projects`](Client::projects),
//!   [`environments`](Client::environments), [`applications`](Client::applications), [`domains`](Client::domains) and
//!   [`deployments`](Client::deployments). It asks for the server's [`Version`](client::Version) once, and speaks to each
//!   as it wants.
//! - What goes in was parsed before: a [`Name`], a [`Host`], an [`Image`], an [`AppName`], an [`Environment`] of
//!   variables, and the ids. So nothing that a person typed becomes a line, a rule of Traefik, a command or a reference
//!   on the server, however old that is. A [`StackName`] is what a person may call a stack.
//! - What comes out are rows with the fields that are of use, and open enums that keep words of later versions.
//! - [`Dns`] is a zone in which the records of a deployment are made and undone; `Hetzner`, of the feature `hetzner`, is
//!   one.
//! - `testing::Dokploy`, of the feature `testing`, is a server on loopback that behaves as three versions were recorded.
//! - A `Deployer`, of the feature `deployer`, runs durable deployments of stacks on a server and a zone.
//! - An [`Error`] is named by what the caller does next. After [`Error::MaybeDone`] that is: look.
//!
//! ```no_run
//! use std::num::NonZeroU16;
//!
//! use dokploy_client::client::{Deploy, DockerProvider, NewApplication, NewDomain, NewProject, Tls};
//! use dokploy_client::{Client, Description, Environment, Host, Image, KeySource, Name};
//!
//! # async fn example() -> dokploy_client::Result<()> {
//! let client = Client::builder("https://dokploy.example.org").key(KeySource::Env("DOKPLOY_API_TOKEN")).build()?;
//! let project = client.projects().create(&NewProject::new(Name::parse("shop")?)).await?;
//! let new = NewApplication::new(Name::parse("web")?, project.place());
//! let web = client.applications().create(&new).await?;
//!
//! let image = DockerProvider::new(Image::parse("ghcr.io/acme/shop:1.2")?);
//! client.applications().save_docker_provider(&web.id, &image).await?;
//! let variables = Environment::new().with("GREETING", "it's # 1")?;
//! client.applications().save_environment(&web.id, &variables).await?;
//! let host = Host::parse("shop.example.org")?;
//! let port = NonZeroU16::new(8080).expect("not zero");
//! client.domains().create(&NewDomain::new(web.id.clone(), host, port).tls(Tls::EntryPoint)).await?;
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
