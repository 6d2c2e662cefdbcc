//! Secrets that change while tokens live.

use http::StatusCode;
use server_kit::auth::{Cost, JwtSecrets, Role, SecretSource, TokenTtl};

use super::support::{App, SECRET, read};

const NEXT: &str = "Zk3Wv8Qn1Xr6Tb9Lm4Hc7Pd2Gf5Sy0Ju";

#[tokio::test]
async fn a_restart_keeps_tokens_and_logins() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let session = app.sign_in("ada").await;
    let after = app.restarted(SECRET);
    assert_eq!(after.me(&session.token).await.status, StatusCode::OK);
    let refreshed = after.ask("POST /auth/refresh").cookie(&session.cookie).send().await;
    assert_eq!(refreshed.status, StatusCode::OK);
}

#[tokio::test]
async fn a_generated_secret_keeps_tokens_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let secret = || {
        JwtSecrets::load(&SecretSource::default(), dir.path()).unwrap();
        std::fs::read_to_string(dir.path().join("jwt-secret")).unwrap()
    };
    let app = App::with_secrets(&secret()).await;
    app.user("ada", Role::User).await;
    let session = app.sign_in("ada").await;
    assert_eq!(app.restarted(&secret()).me(&session.token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_secret_signs_and_older_ones_verify_until_they_are_dropped() {
    let app = App::new().await;
    app.user("ada", Role::User).await;
    let old = app.sign_in("ada").await;
    let both = app.restarted(&format!("{NEXT}\n{SECRET}\n"));
    assert_eq!(both.me(&old.token).await.status, StatusCode::OK);
    let new = both.sign_in("ada").await;
    assert_ne!(read(&old.token).0["kid"], read(&new.token).0["kid"]);
    assert_eq!(app.me(&new.token).await.status, StatusCode::UNAUTHORIZED, "an unknown kid");

    let only_next = both.restarted(NEXT);
    assert_eq!(only_next.me(&old.token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(only_next.me(&new.token).await.status, StatusCode::OK);
    let refreshed = only_next.ask("POST /auth/refresh").cookie(&old.cookie).send().await;
    assert_eq!(refreshed.status, StatusCode::OK, "the login outlives the secret");
}

#[test]
fn tokens_live_between_15_and_60_minutes() {
    for good in [15, 30, 60] {
        assert!(TokenTtl::minutes(good).is_ok());
    }
    for bad in [0, 1, 14, 61, u64::MAX] {
        assert!(TokenTtl::minutes(bad).is_err(), "{bad}");
    }
    assert_eq!(TokenTtl::default(), TokenTtl::minutes(30).unwrap());
}

#[tokio::test]
async fn a_stronger_hash_is_made_at_the_next_sign_in_and_ends_no_login() {
    let app = App::new().await;
    let ada = app.user("ada", Role::User).await;
    let before = app.sign_in("ada").await;
    let stronger = app.restarted_with(SECRET, Cost::new(128, 2).unwrap());
    let hash = async || app.store.system().users().get(ada.id).await.unwrap().password_hash;
    stronger.log_in("ada", "wrong").await;
    assert_eq!(hash().await, ada.password_hash);
    stronger.sign_in("ada").await;
    let after = hash().await;
    assert!(after.expose().starts_with("$argon2id$v=19$m=128,t=2,p=1$"), "{}", after.expose());
    stronger.sign_in("ada").await;
    app.sign_in("ada").await;
    assert_eq!(hash().await, after, "it is neither made anew nor weakened");
    assert_eq!(stronger.me(&before.token).await.status, StatusCode::OK);
}
