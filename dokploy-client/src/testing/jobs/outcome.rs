//! What comes of a job, as the recordings' stand-ins for Docker had it: the image's name decides.

use super::super::dotenv;
use super::super::rows::{Row, text};
use super::super::state::{Service, State};
use super::{Job, Kind};

/// What comes of a job.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) is_slow: bool,
    pub(super) log_at_start: String,
    pub(super) log_at_end: String,
    /// `None` if it fails.
    pub(super) service: Option<Service>,
}

const FAILED: &str = "Error occurred ❌, check the logs for details.\n";

impl State {
    /// Decides what comes of a job of an application as it is now.
    pub(super) fn decide(&self, application: &Row, job: &Job) -> Outcome {
        let image = text(application, "dockerImage");
        let mut outcome = Outcome {
            is_slow: image.contains("slow"),
            log_at_start: "Initializing deployment\n".to_owned(),
            log_at_end: String::new(),
            service: None,
        };
        if image.is_empty() || text(application, "sourceType") != "docker" {
            outcome.log_at_start += "Docker image not found\n";
            outcome.log_at_end += FAILED;
            return outcome;
        }
        if job.kind == Kind::Deploy {
            outcome.log_at_start += &format!("Pulling {image}\n");
            outcome.log_at_end += &pulled(image);
        }
        if image.contains("missing") && job.kind == Kind::Deploy {
            outcome.log_at_end += "\n";
        } else {
            match self.service(application, image) {
                Ok(service) => outcome.service = Some(service),
                Err(why) => outcome.log_at_end += &format!("{why}\n"),
            }
        }
        if outcome.service.is_none() {
            outcome.log_at_end += FAILED;
        }
        outcome
    }

    fn service(&self, application: &Row, image: &str) -> Result<Service, String> {
        let mut env = Vec::new();
        for (name, value) in dotenv::read(text(application, "env")) {
            env.push(format!("{name}={}", self.resolve(application, &value)?));
        }
        if image.contains("nocreate") {
            let cause = "rpc error: code = Unavailable desc = cluster is not ready ";
            return Err(format!("(HTTP code 500) server error - {cause}"));
        }
        let replicas = application.get("replicas").and_then(serde_json::Value::as_u64).unwrap_or(1);
        let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        Ok(Service { app_name: text(application, "appName").into(), image: image.into(), env, replicas })
    }

    /// Replaces `${{project.X}}` and, where there are environments, `${{environment.X}}`.
    fn resolve(&self, application: &Row, value: &str) -> Result<String, String> {
        let of_project = self.project_of(application).map(|row| text(row, "env")).unwrap_or_default();
        let value = replace(value, "project", of_project)
            .map_err(|name| format!("Invalid project environment variable: {name}"))?;
        match self.environment_of(application) {
            None => Ok(value),
            Some(environment) => replace(&value, "environment", text(environment, "env"))
                .map_err(|name| format!("Invalid environment variable: {name}")),
        }
    }
}

/// Replaces `${{OF.X}}` by the variable `X`. The error is the `OF.X` that there is none of.
fn replace(value: &str, of: &str, variables: &str) -> Result<String, String> {
    let open = format!("${{{{{of}.");
    let (mut rest, mut replaced) = (value, String::new());
    while let Some((before, behind)) = rest.split_once(&open) {
        let Some((name, behind)) = behind.split_once("}}") else { break };
        let known = dotenv::read(variables).into_iter().rev().find(|(known, _)| known == name);
        let (_, known) = known.ok_or_else(|| format!("{of}.{name}"))?;
        replaced.push_str(before);
        replaced.push_str(&known);
        rest = behind;
    }
    Ok(replaced + rest)
}

/// What Docker says when an image is pulled; the recordings imitate it.
fn pulled(image: &str) -> String {
    let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    if image.contains("missing") {
        return format!(
            "Error response from daemon: pull access denied for {name}, repository does not exist or may require \
             'docker login': denied: requested access to the resource is denied\n❌ Pulling image failed\n"
        );
    }
    let digest = "0".repeat(64);
    format!(
        "{tag}: Pulling from {name}\nDigest: sha256:{digest}\nStatus: Downloaded newer image for {image}\n{image}\n\
         ✅ Pulling image completed.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_an_unknown_one_is_named() {
        let replaced = replace("a${{project.X}}b${{project.Y}}", "project", "X=1\nY='2'");
        assert_eq!(replaced.as_deref(), Ok("a1b2"));
        assert_eq!(replace("${{project.Z}}", "project", "X=1"), Err("project.Z".to_owned()));
        assert_eq!(replace("${{environment.X}}", "project", "").as_deref(), Ok("${{environment.X}}"));
    }
}
