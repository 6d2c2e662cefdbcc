//! One TLS provider (ring), one HTTP client (reqwest), one runtime, one JSON: a second of a kind costs
//! build time and memory, and behaves differently.

use cargo_metadata::Metadata;

use super::{assert_none, graph};

/// Second ways to do what we do already. `ring` builds with a C compiler alone, those for TLS need more.
const BANNED: [&str; 12] = [
    "attohttpc",
    "aws-lc-fips-sys",
    "aws-lc-rs",
    "aws-lc-sys",
    "curl",
    "isahc",
    "native-tls",
    "openssl",
    "openssl-sys",
    "simd-json",
    "surf",
    "ureq",
];

/// At most one version of each.
const SINGLE: [&str; 6] = ["hyper", "reqwest", "ring", "rustls", "serde_json", "tokio"];

/// A package of the resolved graph.
struct Resolved {
    name: String,
    version: String,
    features: Vec<String>,
}

fn broken(graph: &[Resolved]) -> Vec<String> {
    let banned = graph.iter().filter(|one| BANNED.contains(&one.name.as_str()));
    let banned = banned.map(|one| format!("{} {} is banned", one.name, one.version));
    let other_tls =
        graph.iter().filter(|one| one.name == "rustls" && one.features.iter().any(|f| is_aws_lc(f)));
    let other_tls = other_tls.map(|one| format!("rustls {} is built with aws-lc", one.version));
    let twice = SINGLE.iter().filter_map(|name| {
        let versions: Vec<&str> =
            graph.iter().filter(|one| one.name == *name).map(|one| one.version.as_str()).collect();
        (versions.len() > 1).then(|| format!("{name} is there more than once: {}", versions.join(", ")))
    });
    banned.chain(other_tls).chain(twice).collect()
}

fn is_aws_lc(feature: &str) -> bool {
    feature.starts_with("aws_lc") || feature.starts_with("aws-lc")
}

fn resolved(metadata: &Metadata) -> Vec<Resolved> {
    let features_of = |package: &cargo_metadata::Package| {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let own = nodes.filter(|node| node.id == package.id).flat_map(|node| &node.features);
        own.map(ToString::to_string).collect()
    };
    let read = |package: &cargo_metadata::Package| Resolved {
        name: package.name.to_string(),
        version: package.version.to_string(),
        features: features_of(package),
    };
    metadata.packages.iter().map(read).collect()
}

#[test]
fn nothing_is_there_twice() -> anyhow::Result<()> {
    let graph = resolved(&graph::resolved()?);
    assert!(graph.iter().any(|one| one.name == "tokio" && !one.features.is_empty()), "the graph was read");
    assert_none(&broken(&graph));
    Ok(())
}

#[test]
fn a_second_provider_client_or_version_is_named() {
    let package = |name: &str, version: &str, features: &[&str]| Resolved {
        name: name.to_owned(),
        version: version.to_owned(),
        features: features.iter().map(ToString::to_string).collect(),
    };
    assert_none(&broken(&[
        package("rustls", "0.23.1", &["ring"]),
        package("syn", "1.0.0", &[]),
        package("syn", "2.0.0", &[]),
    ]));
    assert_eq!(broken(&[package("openssl-sys", "0.9.1", &[])]).len(), 1);
    assert_eq!(broken(&[package("rustls", "0.23.1", &["aws_lc_rs"])]).len(), 1);
    let twice = broken(&[package("hyper", "0.14.1", &[]), package("hyper", "1.6.0", &[])]);
    assert_eq!(twice, ["hyper is there more than once: 0.14.1, 1.6.0"]);
}
