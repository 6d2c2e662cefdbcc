//! npm's lock files name no registry host: the packages are told by their hashes, and each machine takes
//! them from the registry that it is configured for.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{assert_none, graph, tree};

/// The package entries whose `resolved` is an address.
fn broken(lock: &Value) -> Vec<String> {
    let packages = lock.get("packages").and_then(Value::as_object).into_iter().flatten();
    let addressed = packages.filter(|(_, package)| {
        let resolved = package.get("resolved").and_then(Value::as_str);
        resolved.is_some_and(|resolved| resolved.contains("://"))
    });
    addressed.map(|(name, _)| format!("{name} names where it was downloaded from")).collect()
}

#[test]
fn npm_lock_files_name_no_registry() -> anyhow::Result<()> {
    let root = graph::root()?;
    let files = tree::files(&root)?;
    let locks: Vec<_> =
        files.iter().filter(|file| file.file_name() == Some("package-lock.json".as_ref())).collect();
    assert!(locks.iter().any(|file| *file == Path::new("xtask/npm/package-lock.json")));
    for lock in locks {
        let text = fs::read_to_string(root.join(lock))?;
        let sentences = broken(&serde_json::from_str(&text)?).into_iter();
        assert_none(&sentences.map(|sentence| format!("{}: {sentence}", lock.display())).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn an_address_in_a_lock_file_is_named() {
    let lock =
        |resolved: &str| serde_json::json!({ "packages": { "node_modules/a": { "resolved": resolved } } });
    assert_eq!(broken(&lock("https://registry.example/a.tgz")).len(), 1);
    assert_none(&broken(&lock("../a")));
    assert_none(&broken(&serde_json::json!({ "packages": { "node_modules/a": { "version": "1.0.0" } } })));
}
