//! A plan as the journal has it: read back, each part is parsed anew.

use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use super::variables::Variables;
use super::{Deadlines, Plan};
use crate::client::Tls;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::image::Image;
use crate::name::Name;
use crate::stack_name::StackName;

#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    name: String,
    project: String,
    image: String,
    host: String,
    port: NonZeroU16,
    tls: WrittenTls,
    variables: Variables,
    health: Option<Box<str>>,
    record: Option<IpAddr>,
    deadlines: Deadlines,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenTls {
    Off,
    EntryPoint,
    LetsEncrypt,
}

impl From<Plan> for Written {
    fn from(plan: Plan) -> Self {
        Self {
            name: plan.name.as_str().into(),
            project: plan.project.as_str().into(),
            image: plan.image.as_str().into(),
            host: plan.host.as_str().into(),
            port: plan.port,
            tls: match plan.tls {
                Tls::Off => WrittenTls::Off,
                Tls::EntryPoint => WrittenTls::EntryPoint,
                Tls::LetsEncrypt => WrittenTls::LetsEncrypt,
            },
            variables: plan.variables,
            health: plan.health,
            record: plan.record,
            deadlines: plan.deadlines,
        }
    }
}

impl TryFrom<Written> for Plan {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        // What is reserved by now may have been free then.
        let nothing_reserved: [&str; 0] = [];
        Ok(Self {
            name: StackName::parse(&written.name, &nothing_reserved)?,
            project: Name::parse(&written.project)?,
            image: Image::parse(&written.image)?,
            host: Host::parse(&written.host)?,
            port: written.port,
            tls: match written.tls {
                WrittenTls::Off => Tls::Off,
                WrittenTls::EntryPoint => Tls::EntryPoint,
                WrittenTls::LetsEncrypt => Tls::LetsEncrypt,
            },
            variables: written.variables,
            health: written.health,
            record: written.record,
            deadlines: written.deadlines,
        })
    }
}
