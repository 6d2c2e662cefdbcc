//! What can be set, by flags and by variables of the same names, and the checks before anything starts.

mod effective;
mod names;
mod program;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

pub use program::{Program, parse, parse_from};

use crate::data_dir;
use crate::guard::RateLimit;
use crate::guard::origin::Origin;
use crate::guard::proxy::Network;
use crate::logs::LogFormat;

/// The settings all servers share. A binary flattens them into its own.
///
/// Secrets are better set as variables: every user of a machine sees the flags of its programs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerSettings {
    /// Address to listen on; other than loopback only with PUBLIC_URL
    #[arg(long, env, default_value = "127.0.0.1", value_parser = host)]
    pub host: IpAddr,
    /// Port to listen on
    #[arg(long, env, default_value_t = 0)]
    pub port: u16,
    /// Origin under which people reach the server: scheme, host and, where it needs one, port
    #[arg(long, env)]
    pub public_url: Option<Origin>,
    /// Other origins whose pages may call the server, separated by commas
    #[arg(long, env, value_delimiter = ',')]
    pub allowed_origins: Vec<Origin>,
    /// Proxies whose X-Forwarded-For counts: addresses or networks, separated by commas
    #[arg(long, env, value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// Where the server keeps its data; private to its user
    #[arg(long, env)]
    pub data_dir: Option<PathBuf>,
    /// Database; SQLite in DATA_DIR unless set
    #[arg(long, env, hide_env_values = true, value_parser = secret)]
    pub database_url: Option<SecretString>,
    /// Name of the first admin
    #[arg(long, env, default_value = "admin")]
    pub admin_user: String,
    /// Password of the first admin; one is made and printed once unless set
    #[arg(long, env, hide_env_values = true, value_parser = secret)]
    pub admin_password: Option<SecretString>,
    /// Secret that signs access tokens, 32 bytes or more; made and kept in DATA_DIR unless set
    #[arg(long, env, hide_env_values = true, value_parser = secret)]
    pub jwt_secret: Option<SecretString>,
    /// File that holds JWT_SECRET
    #[arg(long, env)]
    pub jwt_secret_file: Option<PathBuf>,
    /// Minutes an access token is good for
    #[arg(long, env, default_value_t = 30, value_parser = clap::value_parser!(u32).range(15..=60))]
    pub jwt_ttl: u32,
    /// Milliseconds in which RATE_LIMIT_MAX_REQUESTS are allowed
    #[arg(long, env, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    pub rate_limit_window_ms: u64,
    /// Requests in a window for each user, or address where nobody signed in; 0 = no limit
    #[arg(long, env, default_value_t = 300)]
    pub rate_limit_max_requests: u32,
    /// Streams a user may hold open; 0 = no limit
    #[arg(long, env, default_value_t = 32)]
    pub max_streams_per_user: usize,
    /// Bytes of a request's body
    #[arg(long, env, default_value_t = 16 << 20)]
    pub max_body_bytes: usize,
    /// Least level of the log, or levels by module: info,server_kit=debug
    #[arg(long, env, default_value = "info")]
    pub log_level: String,
    /// Form of the log; unless set, pretty on a terminal and json elsewhere
    #[arg(long, env)]
    pub log_format: Option<LogFormat>,
    /// Address for /metrics alone; unless set, they are on the main listener
    #[arg(long, env)]
    pub metrics_addr: Option<SocketAddr>,
    /// Token that /metrics asks for
    #[arg(long, env, hide_env_values = true, value_parser = secret)]
    pub metrics_token: Option<SecretString>,
    /// Name of the environment; development also reads .env
    #[arg(long, env, default_value = "production")]
    pub app_env: String,
    /// Print what is set, and from where, and stop
    #[arg(long)]
    pub check_config: bool,
}

impl ServerSettings {
    /// Where to listen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Where a program of this name keeps its data; none if neither `DATA_DIR` nor a home is set.
    #[must_use]
    pub fn data_dir_of(&self, program: &str) -> Option<PathBuf> {
        let env = |name: &str| std::env::var_os(name).map(PathBuf::from);
        self.data_dir.clone().or_else(|| data_dir::default_path(program, env))
    }

    /// The rate limit.
    #[must_use]
    pub const fn rate(&self) -> RateLimit {
        RateLimit {
            requests: self.rate_limit_max_requests,
            window: Duration::from_millis(self.rate_limit_window_ms),
        }
    }

    /// How log lines look.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.log_format.unwrap_or_else(LogFormat::by_terminal)
    }

    /// What contradicts itself.
    fn contradiction(&self) -> Option<String> {
        if self.jwt_secret.is_some() && self.jwt_secret_file.is_some() {
            return Some("JWT_SECRET and JWT_SECRET_FILE are both set: unset one".to_owned());
        }
        if !self.host.is_loopback() && self.public_url.is_none() {
            return Some(format!(
                "HOST is {}, which is not loopback: set PUBLIC_URL to the origin under which the server is reached, \
                 such as https://claude.example.org",
                self.host
            ));
        }
        None
    }
}

fn host(text: &str) -> Result<IpAddr, &'static str> {
    let text = if text.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { text };
    text.trim_matches(['[', ']']).parse().map_err(|_| "write an address, such as 127.0.0.1 or ::")
}

/// Never fails, so that no error message can show the value.
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}
