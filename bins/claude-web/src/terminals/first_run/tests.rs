//! What becomes of the files.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A home, and a directory to work in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        for directory in ["home", "work"] {
            fs::create_dir(place.path(directory)).unwrap();
        }
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(below)
    }

    fn prepare(&self) -> Result<(), FirstRunError> {
        prepare(&self.path("home"), None, &self.path("work"), None)
    }

    fn write(&self, below: &str, text: &str) {
        fs::create_dir_all(self.path(below).parent().unwrap()).unwrap();
        fs::write(self.path(below), text).unwrap();
    }

    fn json(&self, below: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(below)).unwrap()).unwrap()
    }

    fn is_trusted(&self, work: &str) -> bool {
        let work = self.path(work);
        self.json("home/.claude.json")["projects"][work.to_str().unwrap()]["hasTrustDialogAccepted"] == true
    }

    fn names(&self, below: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(below)).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_fresh_home_gets_every_answer() {
    let place = Place::new();
    place.prepare().unwrap();
    assert_eq!(place.json("home/.claude.json")["hasCompletedOnboarding"], true);
    assert!(place.is_trusted("work"));
    assert_eq!(place.json("home/.claude/settings.json"), json!({"skipDangerousModePermissionPrompt": true}));
    assert_eq!(place.names("home"), [".claude", ".claude.json"]);
    assert_eq!(place.names("home/.claude"), ["settings.json"]);
    let mode = |below: &str| fs::metadata(place.path(below)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("home/.claude.json"), mode("home/.claude")), (0o600, 0o700));
}

#[test]
fn a_directory_of_settings_stands_in_for_the_home() {
    let place = Place::new();
    let config = place.path("config");
    prepare(&place.path("home"), Some(&config), &place.path("work"), None).unwrap();
    assert_eq!(place.names("home"), Vec::<String>::new());
    assert_eq!(place.names("config"), [".claude.json", "settings.json"]);
}

#[test]
fn what_is_there_stays_with_its_mode_and_nothing_is_written_twice() {
    let place = Place::new();
    place.write("home/.claude.json", "{\"b\": 1, \"a\": {\"c\":2}}\n");
    place.write("home/.claude/settings.json", r#"{"skipDangerousModePermissionPrompt":false, "x": 1}"#);
    let file = place.path("home/.claude.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    place.prepare().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("{\n  \"b\": 1,\n  \"a\": {\"c\":2},\n  \"hasCompleted"), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
    let facts = fs::metadata(&file).unwrap();
    assert_eq!(facts.permissions().mode() & 0o7777, 0o640);
    let settings = fs::read_to_string(place.path("home/.claude/settings.json")).unwrap();
    assert_eq!(settings, r#"{"skipDangerousModePermissionPrompt":false, "x": 1}"#);
    place.prepare().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().ino(), facts.ino());
}

#[test]
fn trust_that_was_not_given_stays_so() {
    let place = Place::new();
    let work = place.path("work");
    let state = json!({"projects": {work.to_str().unwrap(): {"hasTrustDialogAccepted": false}}});
    place.write("home/.claude.json", &state.to_string());
    place.prepare().unwrap();
    assert!(!place.is_trusted("work"));
    assert_eq!(place.json("home/.claude.json")["hasCompletedOnboarding"], true);
}

#[test]
fn a_directory_is_trusted_by_its_real_path() {
    let place = Place::new();
    symlink("work", place.path("link")).unwrap();
    prepare(&place.path("home"), None, &place.path("link"), None).unwrap();
    assert!(place.is_trusted("work"));
}

#[test]
fn a_link_is_followed_and_stays() {
    let place = Place::new();
    place.write("dotfiles/claude.json", r#"{"kept":1}"#);
    symlink("../dotfiles/claude.json", place.path("home/.claude.json")).unwrap();
    place.prepare().unwrap();
    assert!(place.path("home/.claude.json").is_symlink());
    assert_eq!(place.json("dotfiles/claude.json")["kept"], 1);
    assert!(place.is_trusted("work"));
    assert_eq!(place.names("dotfiles"), ["claude.json"]);
}

#[test]
fn what_cannot_be_understood_is_left_alone_and_the_other_file_prepared() {
    for text in ["", "[]", "not json", r#"{"projects": 1}"#, "{\"a\": 1,}"] {
        let place = Place::new();
        place.write("home/.claude.json", text);
        let error = place.prepare().unwrap_err();
        assert!(matches!(&error, FirstRunError::NoObject(path) if path.ends_with(".claude.json")), "{error}");
        assert_eq!(fs::read_to_string(place.path("home/.claude.json")).unwrap(), text);
        assert_eq!(place.names("home/.claude"), ["settings.json"]);
        assert_eq!(place.names("home"), [".claude", ".claude.json"]);
    }
}

#[test]
fn what_is_no_file_or_too_large_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path("home/.claude.json")).unwrap();
    assert!(matches!(place.prepare(), Err(FirstRunError::NoFile(_))));
    let place = Place::new();
    let file = fs::File::create(place.path("home/.claude.json")).unwrap();
    file.set_len(file::FILE_BYTES_MAX + 1).unwrap();
    assert!(matches!(place.prepare(), Err(FirstRunError::NoFile(_))));
    let place = Place::new();
    symlink("nowhere", place.path("home/.claude.json")).unwrap();
    assert!(matches!(place.prepare(), Err(FirstRunError::Io(..))));
    assert!(!place.path("home/nowhere").exists());
}

#[test]
fn a_missing_home_or_directory_is_told_and_not_made() {
    let place = Place::new();
    let error = prepare(&place.path("none"), None, &place.path("work"), None).unwrap_err();
    assert!(matches!(error, FirstRunError::NoHome(_)), "{error}");
    let error = prepare(&place.path("home"), None, &place.path("none"), None).unwrap_err();
    assert!(matches!(error, FirstRunError::Io(..)), "{error}");
    assert!(!place.path("none").exists());
}

#[test]
fn a_lock_is_waited_for_and_a_stale_one_taken_over() {
    let place = Place::new();
    let lock = place.path("home/.claude.json.lock");
    fs::create_dir(&lock).unwrap();
    std::thread::scope(|scope| {
        let preparing = scope.spawn(|| place.prepare());
        std::thread::sleep(Duration::from_millis(150));
        assert!(!place.path("home/.claude.json").exists());
        fs::remove_dir(&lock).unwrap();
        preparing.join().unwrap().unwrap();
    });
    assert!(place.is_trusted("work") && !lock.exists());

    let place = Place::new();
    let lock = place.path("home/.claude.json.lock");
    fs::create_dir(&lock).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    fs::File::open(&lock).unwrap().set_modified(long_ago).unwrap();
    place.prepare().unwrap();
    assert!(place.is_trusted("work") && !lock.exists());
}

#[test]
fn preparations_at_once_lose_nothing_of_each_other() {
    let place = Place::new();
    let works: Vec<String> = (0..16).map(|number| format!("work{number}")).collect();
    std::thread::scope(|scope| {
        for work in &works {
            fs::create_dir(place.path(work)).unwrap();
            scope.spawn(|| prepare(&place.path("home"), None, &place.path(work), None).unwrap());
        }
    });
    assert!(works.iter().all(|work| place.is_trusted(work)));
    assert_eq!(place.names("home"), [".claude", ".claude.json"]);
}

/// That of nobody on most systems; it need not exist.
const OTHER: (u32, u32) = (65_534, 65_534);

fn place_of_another() -> Option<Place> {
    if as_owner::own().0 != 0 {
        println!("not root, so nobody else can be become: skipped");
        return None;
    }
    let place = Place::new();
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    chown(place.path("home"), Some(OTHER.0), Some(OTHER.1)).unwrap();
    Some(place)
}

#[test]
fn what_is_made_belongs_to_the_owner_and_this_process_stays_who_it_is() {
    let Some(place) = place_of_another() else { return };
    prepare(&place.path("home"), None, &place.path("work"), Some(OTHER)).unwrap();
    for below in ["home/.claude.json", "home/.claude", "home/.claude/settings.json"] {
        let facts = fs::metadata(place.path(below)).unwrap();
        assert_eq!((facts.uid(), facts.gid()), OTHER, "{below}");
    }
    assert_eq!(as_owner::own().0, 0);
}

#[test]
fn an_owners_link_does_not_lead_to_what_is_not_the_owners() {
    let Some(place) = place_of_another() else { return };
    place.write("secret", r#"{"secret": 1}"#);
    fs::set_permissions(place.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("../secret", place.path("home/.claude.json")).unwrap();
    let error = prepare(&place.path("home"), None, &place.path("work"), Some(OTHER)).unwrap_err();
    let FirstRunError::Io(_, source) = error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(fs::read_to_string(place.path("secret")).unwrap(), r#"{"secret": 1}"#);
    assert_eq!(fs::metadata(place.path("secret")).unwrap().uid(), 0);
}

#[test]
fn without_an_owner_a_file_stays_whose_it_was() {
    let Some(place) = place_of_another() else { return };
    place.write("home/.claude.json", "{}");
    chown(place.path("home/.claude.json"), Some(OTHER.0), Some(OTHER.1)).unwrap();
    place.prepare().unwrap();
    assert_eq!(fs::metadata(place.path("home/.claude.json")).unwrap().uid(), OTHER.0);
}
