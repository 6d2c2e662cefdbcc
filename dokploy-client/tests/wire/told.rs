//! What the client tells, in the words of the wire, to be compared with what was recorded.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use dokploy_client::client::{
    Application, ApplicationSummary, CreatedProject, Deployment, Domain, Project, ProjectEnvironment,
    QueuedJob,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Looks whether each member that is told is in the recording, and as it is told. What is told as null is null or
/// missing there.
pub(crate) fn agrees(told: &Value, recorded: &Value) -> Result<(), String> {
    match (told, recorded) {
        (Value::Object(told), Value::Object(recorded)) => told.iter().try_for_each(|(name, value)| {
            let recorded = recorded.get(name).unwrap_or(&Value::Null);
            agrees(value, recorded).map_err(|where_| format!("{name}.{where_}"))
        }),
        (Value::Array(told), Value::Array(recorded)) if told.len() == recorded.len() => {
            told.iter().zip(recorded).try_for_each(|(told, recorded)| agrees(told, recorded))
        }
        // A list that an answer leaves out is empty.
        (Value::Array(told), Value::Null) if told.is_empty() => Ok(()),
        _ if told == recorded => Ok(()),
        _ => Err(format!(": told {told}, recorded {recorded}")),
    }
}

fn time(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}

pub(crate) fn list<T>(of: &[T], told: fn(&T) -> Value) -> Value {
    of.iter().map(told).collect()
}

pub(crate) fn project(project: &Project) -> Value {
    let mut told = json!({
        "projectId": project.id, "name": project.name, "description": project.description,
        "createdAt": time(project.created_at),
    });
    match project.environments.is_empty() {
        true => told["applications"] = project.applications().map(summary).collect(),
        false => told["environments"] = list(&project.environments, environment),
    }
    told
}

pub(crate) fn created_project(created: &CreatedProject) -> Value {
    match &created.environment {
        Some(it) => json!({ "project": project(&created.project), "environment": environment(it) }),
        None => project(&created.project),
    }
}

pub(crate) fn environment(environment: &ProjectEnvironment) -> Value {
    json!({
        "environmentId": environment.id, "name": environment.name, "description": environment.description,
        "projectId": environment.project_id, "isDefault": environment.is_default(),
        "applications": list(&environment.applications, summary),
    })
}

fn summary(application: &ApplicationSummary) -> Value {
    json!({
        "applicationId": application.id, "name": application.name, "appName": application.app_name,
        "applicationStatus": application.status.as_str(),
    })
}

pub(crate) fn application(application: &Application) -> Value {
    json!({
        "applicationId": application.id, "name": application.name, "appName": application.app_name,
        "description": application.description, "applicationStatus": application.status.as_str(),
        "sourceType": application.source_type.as_str(), "dockerImage": application.docker_image,
        "replicas": application.replicas, "memoryLimit": application.memory_bytes.map(|it| it.to_string()),
        "env": application.env.as_ref().map(ExposeSecret::expose_secret),
        "createdAt": time(application.created_at), "environmentId": application.environment_id,
        "projectId": application.project_id, "domains": list(&application.domains, domain),
        "deployments": list(&application.deployments, deployment),
    })
}

pub(crate) fn domain(domain: &Domain) -> Value {
    json!({
        "domainId": domain.id, "host": domain.host, "path": domain.path, "port": domain.port,
        "https": domain.https, "certificateType": domain.certificate_type.as_str(),
        "applicationId": domain.application_id, "createdAt": time(domain.created_at),
    })
}

pub(crate) fn deployment(deployment: &Deployment) -> Value {
    json!({
        "deploymentId": deployment.id, "title": deployment.title, "description": deployment.description,
        "status": deployment.status.as_str(), "applicationId": deployment.application_id,
        "createdAt": time(deployment.created_at), "startedAt": deployment.started_at.map(time),
        "finishedAt": deployment.finished_at.map(time),
    })
}

pub(crate) fn job(job: &QueuedJob) -> Value {
    json!({
        "id": job.id, "state": job.state.as_str(), "timestamp": job.queued_at.map(millis),
        "processedOn": job.started_at.map(millis),
        "data": {
            "applicationId": job.application_id(), "titleLog": job.title(), "descriptionLog": job.description(),
        },
    })
}

#[test]
fn a_difference_is_found() {
    let recorded = json!({"a": 1, "b": [{"c": null}], "e": []});
    for told in [json!({"a": 1}), json!({"b": [{"c": null, "d": null}]}), json!({"e": [], "f": []})] {
        assert_eq!(agrees(&told, &recorded), Ok(()));
    }
    for told in
        [json!({"a": 2}), json!({"a": null}), json!({"b": []}), json!({"b": [{"c": 1}]}), json!({"d": 1})]
    {
        assert!(agrees(&told, &recorded).is_err(), "{told}");
    }
}
