//! The endpoints beside `POST /v1/messages`.

use claude_core::testing::{LoopbackApi, Reply};
use serde_json::{Value, json};

use super::http::{ask, call, question};

#[tokio::test]
async fn knows_the_other_endpoints() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let counted = call(&api, "POST", "/v1/messages/count_tokens", Some(&question(false))).await;
    assert!(counted.json()["input_tokens"].as_u64().unwrap() > 0);
    let models = call(&api, "GET", "/v1/models", None).await.json();
    let first = models["first_id"].as_str().unwrap();
    assert_eq!(call(&api, "GET", &format!("/v1/models/{first}"), None).await.json(), models["data"][0]);
    assert_eq!(call(&api, "GET", "/v1/models/claude-nope-1", None).await.status, 404);
    assert_eq!(call(&api, "HEAD", "/", None).await.status, 200);
    for (method, path) in [("GET", "/v1/nonsense"), ("GET", "/v1/messages")] {
        let unknown = call(&api, method, path, None).await;
        assert_eq!((unknown.status, &unknown.json()["error"]["type"]), (404, &json!("not_found_error")));
    }
}

#[tokio::test]
async fn refuses_a_request_without_its_members() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let refused = ask(&api, &json!({"model": "claude-sonnet-5-5", "messages": []})).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["message"]),
        (400, &json!("max_tokens: Field required"))
    );
}

async fn page(api: &LoopbackApi, query: &str) -> (Vec<String>, Value) {
    let page = call(api, "GET", &format!("/v1/models?{query}"), None).await.json();
    let ids = page["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned());
    (ids.collect(), page)
}

#[tokio::test]
async fn lists_models_in_pages_in_both_directions() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let (all, _) = page(&api, "limit=1000").await;
    let mut found = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let (ids, page) = page(&api, &query).await;
        assert_eq!(
            (page["first_id"].as_str(), page["last_id"].as_str()),
            (Some(&*ids[0]), Some(&**ids.last().unwrap()))
        );
        found.extend(ids);
        if page["has_more"] == false {
            break;
        }
        query = format!("limit=2&after_id={}", page["last_id"].as_str().unwrap());
    }
    assert_eq!(found, all);
    let (before, answer) = page(&api, &format!("limit=2&before_id={}", all[3])).await;
    assert_eq!((before.as_slice(), &answer["has_more"]), (&all[1..3], &json!(true)));
    let (none, answer) = page(&api, &format!("before_id={}", all[0])).await;
    assert_eq!((none.len(), &answer["first_id"], &answer["has_more"]), (0, &Value::Null, &json!(false)));
}

#[tokio::test]
async fn refuses_pages_that_are_none() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    for query in ["limit=0", "limit=1001", "limit=x", "after_id=nope", "after_id=a&before_id=b"] {
        assert_eq!(call(&api, "GET", &format!("/v1/models?{query}"), None).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn counts_tokens_without_max_tokens() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let count = async |body: Value| call(&api, "POST", "/v1/messages/count_tokens", Some(&body)).await;
    let mut body = json!({"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "hi"}]});
    let short = count(body.clone()).await.json()["input_tokens"].as_u64().unwrap();
    body["system"] = "be brief".repeat(10).into();
    assert!(count(body).await.json()["input_tokens"].as_u64().unwrap() > short);
    assert_eq!(count(json!({"messages": []})).await.status, 400);
}
