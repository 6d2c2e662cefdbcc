//! Who may know whom. The reusable crates know neither each other nor HTTP servers; binaries compose.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Dependency, DependencyKind, Metadata, Package};

use super::{assert_none, graph};

/// What a package of ours may know. The table holds packages to come: each is checked once it exists.
const RULES: &[(&str, Knows)] = &[
    ("process-tree", Knows::library(&[])),
    ("claude-core", Knows::library(&["process-tree"])),
    ("pty-core", Knows::library(&["process-tree"])),
    ("store-core", Knows::library(&[])),
    ("dokploy-client", Knows::library(&[])),
    ("ops-tools", Knows::library(&["claude-core"])),
    ("server-kit", Knows { ours: Some(&[]), by_feature: &["store-core"], servers: true }),
    ("claude-exec", Knows::EVERYTHING),
    ("claude-web", Knows::EVERYTHING),
    ("deploy-portal", Knows::EVERYTHING),
    ("examples", Knows::EVERYTHING),
    ("benches", Knows::EVERYTHING),
    ("xtask", Knows::library(&[])),
];

/// HTTP server frameworks and what only servers use.
const SERVERS: &[&str] = &[
    "actix-web",
    "axum",
    "axum-core",
    "axum-extra",
    "axum-server",
    "poem",
    "rocket",
    "salvo",
    "socketioxide",
    "tide",
    "tonic",
    "tower-http",
    "tower_governor",
    "warp",
    "wiremock",
];

/// The one feature that may bring a server into a library: the loopback servers for its users' tests.
const TESTING: &str = "testing";

#[derive(Debug)]
struct Knows {
    /// Packages of ours that it may depend on; `None`: any.
    ours: Option<&'static [&'static str]>,
    /// Packages of ours that it may depend on optionally.
    by_feature: &'static [&'static str],
    /// Whether it may depend on HTTP servers outside the feature `testing`.
    servers: bool,
}

impl Knows {
    const EVERYTHING: Self = Self { ours: None, by_feature: &[], servers: true };

    const fn library(ours: &'static [&'static str]) -> Self {
        Self { ours: Some(ours), by_feature: &[], servers: false }
    }
}

/// A package of ours: its dependencies and features.
struct Member {
    name: String,
    depends: Vec<Depends>,
    features: BTreeMap<String, Vec<String>>,
}

struct Depends {
    on: String,
    /// Its name in the features of the one who depends.
    called: String,
    optional: bool,
    development: bool,
}

fn broken(members: &[Member]) -> Vec<String> {
    let ours: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    members.iter().flat_map(|member| broken_by(member, &ours)).collect()
}

fn broken_by(member: &Member, ours: &BTreeSet<&str>) -> Vec<String> {
    let Some((_, knows)) = RULES.iter().find(|(name, _)| *name == member.name) else {
        return vec![format!("{} has no dependency rule: add one to the table", member.name)];
    };
    // Its own tests may switch on its own features by depending on itself.
    let others = member.depends.iter().filter(|depends| depends.on != member.name);
    let wrong = others.filter(|depends| {
        let on = depends.on.as_str();
        (ours.contains(on) && !knows.may_use(depends))
            || (SERVERS.contains(&on) && !knows.servers && !only_for_testing(member, depends))
    });
    wrong.map(|depends| format!("{} must not depend on {}", member.name, depends.on)).collect()
}

impl Knows {
    fn may_use(&self, depends: &Depends) -> bool {
        let on = depends.on.as_str();
        self.ours.is_none_or(|ours| ours.contains(&on)) || (depends.optional && self.by_feature.contains(&on))
    }
}

/// Whether it takes the feature `testing`, or a test of the package itself, to bring this dependency in.
fn only_for_testing(member: &Member, depends: &Depends) -> bool {
    let mut others = member.features.keys().filter(|feature| *feature != TESTING);
    depends.development
        || (depends.optional && !others.any(|feature| brings(member, feature, &depends.called)))
}

/// Whether the feature switches the optional dependency on, by itself or by what it contains.
fn brings(member: &Member, feature: &str, dependency: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![feature];
    while let Some(feature) = open.pop() {
        for value in member.features.get(feature).into_iter().flatten().map(String::as_str) {
            let named = value.strip_prefix("dep:").unwrap_or(value);
            // `name/feature` switches `name` on too, `name?/feature` doesn't.
            let named = named.split_once('/').map_or(named, |(name, _)| name);
            if named == dependency {
                return true;
            }
            if seen.insert(value) {
                open.push(value);
            }
        }
    }
    false
}

fn members(metadata: &Metadata) -> Vec<Member> {
    let read = |package: &&Package| Member {
        name: package.name.to_string(),
        depends: package.dependencies.iter().map(depends).collect(),
        features: package.features.clone(),
    };
    metadata.workspace_packages().iter().map(read).collect()
}

fn depends(dependency: &Dependency) -> Depends {
    Depends {
        on: dependency.name.clone(),
        called: dependency.rename.as_ref().unwrap_or(&dependency.name).clone(),
        optional: dependency.optional,
        development: dependency.kind == DependencyKind::Development,
    }
}

#[test]
fn our_packages_know_only_whom_they_may() -> anyhow::Result<()> {
    let members = members(&graph::resolved()?);
    assert!(members.iter().any(|member| member.name == "claude-core" && !member.depends.is_empty()));
    assert_none(&broken(&members));
    Ok(())
}

#[cfg(test)]
mod rules_can_fail {
    use super::*;

    fn member(name: &str, depends: Vec<Depends>, features: &[(&str, &[&str])]) -> Member {
        let values = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        let features = features.iter().map(|(name, given)| ((*name).to_owned(), values(given))).collect();
        Member { name: name.to_owned(), depends, features }
    }

    fn on(name: &str) -> Depends {
        Depends { on: name.to_owned(), called: name.to_owned(), optional: false, development: false }
    }

    fn optionally(name: &str) -> Depends {
        Depends { optional: true, ..on(name) }
    }

    #[test]
    fn a_library_that_knows_another_is_named() {
        let store = || member("store-core", vec![], &[]);
        let core = |depends| member("claude-core", depends, &[]);
        assert_none(&broken(&[
            core(vec![on("process-tree"), on("serde")]),
            member("process-tree", vec![], &[]),
        ]));
        assert_none(&broken(&[core(vec![on("claude-core")])]));
        let wrong = "claude-core must not depend on store-core";
        assert_eq!(broken(&[core(vec![on("store-core")]), store()]), [wrong]);
        assert_eq!(broken(&[core(vec![optionally("store-core")]), store()]), [wrong]);
        let in_tests = Depends { development: true, ..on("store-core") };
        assert_eq!(broken(&[core(vec![in_tests]), store()]), [wrong]);
    }

    #[test]
    fn the_server_kit_knows_the_store_by_a_feature_only() {
        let kit = |depends| {
            [member("server-kit", vec![depends, on("axum")], &[]), member("store-core", vec![], &[])]
        };
        assert_none(&broken(&kit(optionally("store-core"))));
        assert_eq!(broken(&kit(on("store-core"))), ["server-kit must not depend on store-core"]);
    }

    #[test]
    fn a_package_without_a_rule_is_named() {
        assert_eq!(
            broken(&[member("new", vec![], &[])]),
            ["new has no dependency rule: add one to the table"]
        );
    }

    #[test]
    fn only_the_feature_testing_brings_a_server_into_a_library() {
        let core = |depends, features| broken(&[member("claude-core", vec![depends], features)]);
        let wrong = ["claude-core must not depend on axum"];
        assert_eq!(core(on("axum"), &[]), wrong);
        assert_none(&core(
            optionally("axum"),
            &[("testing", &["dep:axum"]), ("default", &["cli"]), ("cli", &[])],
        ));
        assert_eq!(core(optionally("axum"), &[("default", &["cli"]), ("cli", &["dep:axum"])]), wrong);
        assert_eq!(core(optionally("axum"), &[("cli", &["axum/http1"]), ("testing", &["dep:axum"])]), wrong);
        assert_none(&core(optionally("axum"), &[("cli", &["axum?/http1"]), ("testing", &["dep:axum"])]));
        assert_eq!(core(optionally("axum"), &[("axum", &["dep:axum"])]), wrong, "its implicit feature");
        assert_eq!(core(optionally("axum"), &[("default", &["testing"]), ("testing", &["dep:axum"])]), wrong);
        assert_none(&core(Depends { development: true, ..on("axum") }, &[]));
    }
}
