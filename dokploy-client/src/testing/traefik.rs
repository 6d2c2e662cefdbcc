//! The files for Traefik: one an application that has domains.

use serde_json::Value;

use super::rows::{Row, text};
use super::state::State;

impl State {
    /// Writes an application's file again, or removes it with the last domain.
    pub(super) fn write_traefik(&mut self, application: &str) {
        let Some(app_name) = self.applications.get(application).map(|row| text(row, "appName").to_owned())
        else {
            return;
        };
        let mut domains: Vec<&Row> = self.domains.of("applicationId", application).collect();
        domains.sort_by_key(|domain| key(domain));
        let file = file_name(&app_name);
        if domains.is_empty() {
            self.traefik_files.remove(&file);
        } else {
            let config = config(&app_name, &domains);
            self.traefik_files.insert(file, config);
        }
    }
}

/// The file of an application.
pub(super) fn file_name(app_name: &str) -> String {
    format!("{app_name}.yml")
}

fn key(domain: &Row) -> u64 {
    domain.get("uniqueConfigKey").and_then(Value::as_u64).unwrap_or_default()
}

fn config(app_name: &str, domains: &[&Row]) -> String {
    let routers: String = domains.iter().map(|domain| routers(app_name, domain)).collect();
    let services: String = domains.iter().map(|domain| service(app_name, domain)).collect();
    format!("http:\n  routers:\n{routers}  services:\n{services}")
}

/// A domain's routers: for the entry point `web`, and with HTTPS for `websecure`.
fn routers(app_name: &str, domain: &Row) -> String {
    let is_https = domain.get("https") == Some(&Value::Bool(true));
    let redirect = if is_https { "middlewares:\n        - redirect-to-https" } else { "middlewares: []" };
    let plain = router(app_name, domain, "router", ["web", redirect, ""]);
    if !is_https {
        return plain;
    }
    let tls = match text(domain, "certificateType") {
        "letsencrypt" => "      tls:\n        certResolver: letsencrypt\n",
        _ => "",
    };
    plain + &router(app_name, domain, "router-websecure", ["websecure", "middlewares: []", tls])
}

fn router(app_name: &str, domain: &Row, name: &str, [entry, middlewares, tls]: [&str; 3]) -> String {
    let (key, host, path) = (key(domain), text(domain, "host"), text(domain, "path"));
    let path = if matches!(path, "" | "/") { String::new() } else { format!(" && PathPrefix(`{path}`)") };
    format!(
        "    {app_name}-{name}-{key}:\n      rule: Host(`{host}`){path}\n      service: {app_name}-service-{key}\n      \
         {middlewares}\n      entryPoints:\n        - {entry}\n{tls}"
    )
}

fn service(app_name: &str, domain: &Row) -> String {
    let (key, port) = (key(domain), domain.get("port").and_then(Value::as_u64).unwrap_or(3000));
    format!(
        "    {app_name}-service-{key}:\n      loadBalancer:\n        servers:\n          - url: http://{app_name}:{port}\n        \
         passHostHeader: true\n"
    )
}
