//! Whose a record set is, and that nothing of another's is changed.

use dokploy_client::dns::{Presence, RecordType};
use dokploy_client::{Dns, DnsError};
use serde_json::{Value, json};

use super::server::{Answer, Done, Fault, Server, Told};
use super::zone::refusal;
use super::{ZONE, address, builder, hetzner, host, owner, word};

/// A set with these labels and this comment, for `alpha`.
fn set(value: &str, labels: &Value, comment: &str) -> Value {
    let records = [json!({"value": value, "comment": comment})];
    json!({"name": "alpha", "type": "A", "ttl": null, "labels": labels, "records": records})
}

fn labels(owner: &str) -> Value {
    json!({"managed-by": "claude-opskit", "deployment": owner})
}

fn comment(owner: &str) -> String {
    format!("managed-by=claude-opskit deployment={owner}")
}

#[tokio::test]
async fn a_record_says_whose_it_is() {
    let server = Server::start().await;
    let (zone, host, seven) = (hetzner(&server), host("alpha.example.test"), owner("7"));
    assert_eq!(word(zone.present(&host, address("192.0.2.1"), &seven).await), "created");
    server.zone(|zone| {
        let set = zone.set("alpha", "A").unwrap();
        assert_eq!((&set["labels"], &set["records"][0]["comment"]), (&labels("7"), &comment("7").into()));
    });
    assert_eq!(word(zone.present(&host, address("192.0.2.1"), &seven).await), "already there");
    let found = zone.find(&host, RecordType::A).await.unwrap().unwrap();
    assert_eq!((found.owner, found.host), (Some(seven.clone()), host.clone()));
    zone.absent(&host, &seven).await.unwrap();
    zone.absent(&host, &seven).await.unwrap();
    assert_eq!(server.zone(|zone| zone.words()), [""; 0]);
    assert_eq!(server.count("DELETE"), 1);
}

#[tokio::test]
async fn what_is_anothers_is_taken_and_stays() {
    let seven = owner("7");
    for (labels, comment, whose) in [
        (json!({}), "stack alpha".to_owned(), None),
        (json!(null), String::new(), None),
        (json!({"managed-by": "terraform", "deployment": "7"}), comment("7"), None),
        (json!({"managed-by": "claude-opskit"}), comment("7"), None),
        (labels("8"), comment("8"), Some("8")),
        (labels("77"), comment("77"), Some("77")),
        (labels("77"), comment("7"), None),
        // Someone took it over.
        (labels("7"), "by hand".to_owned(), None),
    ] {
        let server = Server::start().await;
        let (zone, host) = (hetzner(&server), host("alpha.example.test"));
        let theirs = set("192.0.2.1", &labels, &comment);
        server.zone(|zone| zone.put(theirs.clone()));
        let Presence::Taken(found) = zone.present(&host, address("192.0.2.1"), &seven).await.unwrap() else {
            panic!("{labels} is not ours");
        };
        assert_eq!(found.owner.as_ref().map(ToString::to_string).as_deref(), whose);
        assert_eq!(found.addresses, [address("192.0.2.1")]);
        zone.absent(&host, &seven).await.unwrap();
        assert_eq!(zone.owned(&seven).await.unwrap(), []);
        server.zone(|zone| assert_eq!(zone.set("alpha", "A"), Some(&theirs)));
    }
}

/// A set that leads `alpha` to another name.
fn alias() -> Value {
    let mut alias = set("elsewhere.example.test.", &json!({}), "by hand");
    alias["type"] = "CNAME".into();
    alias
}

#[tokio::test]
async fn a_host_that_leads_to_another_name_is_taken_however_that_is_refused() {
    for (status, code, creates) in [
        (409, "uniqueness_error", 1),
        (422, "uniqueness_error", 1),
        (422, "invalid_input", 1),
        (422, "something_new", 1),
        (409, "conflict", 5),
        (409, "something_new", 5),
    ] {
        for address in [address("192.0.2.1"), address("2001:db8::1")] {
            let server = Server::start().await;
            let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
            server.zone(|zone| {
                zone.beside_alias = (status, code);
                zone.put(alias());
            });
            let presence = zone.present(&host, address, &owner).await.unwrap();
            let Presence::Taken(found) = presence else { panic!("{status} {code}: {presence:?}") };
            assert_eq!((found.kind, &*found.addresses, found.owner), (RecordType::Cname, &[][..], None));
            assert_eq!((found.host, server.count("POST")), (host.clone(), creates), "{status} {code}");
            let alias = zone.find(&host, RecordType::Cname).await.unwrap();
            assert_eq!(alias.map(|set| set.kind), Some(RecordType::Cname));
            assert_eq!(zone.find(&host, RecordType::A).await.unwrap(), None);
            zone.absent(&host, &owner).await.unwrap();
            assert_eq!(server.zone(|zone| zone.words()), ["alpha/CNAME elsewhere.example.test."]);
        }
    }
}

#[tokio::test]
async fn a_refusal_stays_what_it_was_where_the_look_for_another_name_fails() {
    for (status, code, end) in [(422, "invalid_input", "rejected"), (409, "uniqueness_error", "unavailable")]
    {
        let server = Server::start().await;
        server.zone(|zone| {
            zone.beside_alias = (status, code);
            zone.put(alias());
        });
        // The first look of a refusal for uniqueness is for the set itself.
        let looks = usize::from(code == "uniqueness_error");
        let unknown = Fault::answer("GET", refusal(404, "not_found"));
        let failing = Fault::answer("GET", refusal(500, "server_error"));
        server.fail(vec![unknown; looks].into_iter().chain(vec![failing; 5]));
        let presence =
            hetzner(&server).present(&host("alpha.example.test"), address("192.0.2.1"), &owner("7")).await;
        assert_eq!(word(presence), end, "{status} {code}");
        assert_eq!((server.count("POST"), server.faults_left()), (1, 0), "{status} {code}");
    }
}

#[tokio::test]
async fn ours_is_found_however_the_server_writes_its_name() {
    for written in ["alpha", "Alpha", "ALPHA.example.test.", "alpha.Example.Test."] {
        let server = Server::start().await;
        let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
        zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
        let mut ours = set("192.0.2.1", &labels("7"), &comment("7"));
        ours["name"] = written.into();
        let listed = Answer::json(200, &json!({"rrsets": [ours]}));
        server.fail(vec![Fault::answer("GET", listed); 2]);
        let owned = zone.owned(&owner).await.unwrap();
        assert_eq!(owned.iter().map(|set| &set.host).collect::<Vec<_>>(), [&host], "{written}");
        zone.absent(&host, &owner).await.unwrap();
        assert_eq!(server.zone(|zone| zone.words()), [""; 0], "{written}");
    }
    // This one is of another host: `alpha.example.test.example.test`.
    let server = Server::start().await;
    let mut other = set("192.0.2.1", &labels("7"), &comment("7"));
    other["name"] = "alpha.example.test".into();
    server.fail([Fault::answer("GET", Answer::json(200, &json!({"rrsets": [other]})))]);
    hetzner(&server).absent(&host("alpha.example.test"), &owner("7")).await.unwrap();
    assert_eq!(server.count("DELETE"), 0);
}

#[tokio::test]
async fn ours_with_another_address_is_taken_but_can_be_removed() {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
    zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
    assert_eq!(word(zone.present(&host, address("192.0.2.2"), &owner).await), "taken");
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/A 192.0.2.1"]);
    zone.absent(&host, &owner).await.unwrap();
    assert_eq!(word(zone.present(&host, address("192.0.2.2"), &owner).await), "created");
}

#[tokio::test]
async fn a_record_that_someone_added_to_ours_stays() {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
    zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
    server.zone(|zone| {
        let mut set = zone.set("alpha", "A").unwrap().clone();
        set["records"].as_array_mut().unwrap().push(json!({"value": "192.0.2.9", "comment": "by hand"}));
        zone.put(set);
    });
    assert_eq!(word(zone.present(&host, address("192.0.2.1"), &owner).await), "taken");
    // Its answer is lost; the look finds nothing more of ours.
    server.fail([Fault { method: "POST", done: Done::All, told: Told::Reset }]);
    zone.absent(&host, &owner).await.unwrap();
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/A 192.0.2.9"]);
    zone.absent(&host, &owner).await.unwrap();
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/A 192.0.2.9"]);
    assert_eq!(server.count("DELETE"), 0);
}

#[tokio::test]
async fn what_became_anothers_between_two_attempts_stays() {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
    zone.present(&host, address("192.0.2.1"), &owner).await.unwrap();
    let theirs = set("192.0.2.9", &labels("8"), &comment("8"));
    let told = Told::Answer(refusal(500, "server_error"));
    server.fail([Fault { method: "DELETE", done: Done::Replaced(theirs), told }]);
    zone.absent(&host, &owner).await.unwrap();
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/A 192.0.2.9"]);
    assert_eq!(server.count("DELETE"), 1);
}

#[tokio::test]
async fn other_types_of_a_host_stay() {
    let server = Server::start().await;
    let (zone, host, owner) = (hetzner(&server), host("alpha.example.test"), owner("7"));
    let mut text = set("\"192.0.2.1\"", &labels("7"), &comment("7"));
    text["type"] = "TXT".into();
    server.zone(|zone| zone.put(text));
    zone.absent(&host, &owner).await.unwrap();
    assert_eq!(zone.owned(&owner).await.unwrap(), []);
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/TXT \"192.0.2.1\""]);
}

#[tokio::test]
async fn what_is_left_of_an_owner_is_found_on_all_pages() {
    let server = Server::start().await;
    let (zone, owner) = (hetzner(&server), owner("7"));
    server.zone(|zone| zone.page_sets = 2);
    for number in 0..5 {
        let host = host(&format!("a{number}.example.test"));
        let address = address(&format!("192.0.2.{number}"));
        zone.present(&host, address, &owner).await.unwrap();
    }
    zone.present(&host("b.example.test"), address("192.0.2.7"), &super::owner("8")).await.unwrap();
    let before = server.seen().len();
    let mut hosts: Vec<_> =
        zone.owned(&owner).await.unwrap().into_iter().map(|set| set.host.to_string()).collect();
    hosts.sort();
    assert_eq!(hosts, [0, 1, 2, 3, 4].map(|number| format!("a{number}.example.test")));
    let asked = &server.seen()[before..];
    let pages: Vec<_> = asked.iter().map(|seen| seen.parameter("page").unwrap()).collect();
    assert_eq!(pages, ["1", "2", "3"]);
    let selector = Some("managed-by=claude-opskit,deployment=7");
    assert!(asked.iter().all(|seen| seen.parameter("label_selector") == selector));
    assert!(asked.iter().all(|seen| seen.parameter("per_page") == Some("100")));

    let short = builder(&server, ZONE).limits(|limits| limits.pages = 2).build().unwrap();
    let error = short.owned(&owner).await.unwrap_err();
    assert!(matches!(error, DnsError::LimitReached { limit: "pages", max: 2 }), "{error:?}");
}

#[tokio::test]
async fn pages_in_a_circle_and_filters_that_do_nothing_are_seen_through() {
    let server = Server::start().await;
    let (zone, owner) = (hetzner(&server), owner("7"));
    let circle = json!({"rrsets": [], "meta": {"pagination": {"next_page": 1}}});
    server.fail([Fault::answer("GET", Answer::json(200, &circle))]);
    let error = zone.owned(&owner).await.unwrap_err();
    assert!(matches!(error, DnsError::Protocol { .. }), "{error:?}");

    let mut other_name = set("192.0.2.3", &labels("7"), &comment("7"));
    other_name["name"] = "beta".into();
    let sets = [set("192.0.2.1", &labels("8"), &comment("8")), other_name];
    let unfiltered = Answer::json(200, &json!({"rrsets": sets}));
    server.fail(vec![Fault::answer("GET", unfiltered); 2]);
    let left = zone.owned(&owner).await.unwrap();
    assert_eq!(left.iter().map(|set| set.host.as_str()).collect::<Vec<_>>(), ["beta.example.test"]);
    zone.absent(&host("alpha.example.test"), &owner).await.unwrap();
    assert_eq!(server.count("DELETE"), 0);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let server = Server::start().await;
    let zone = builder(&server, ZONE).limits(|limits| limits.answer_bytes = 100).build().unwrap();
    let error = zone.owned(&owner("7")).await.unwrap_err();
    assert!(matches!(error, DnsError::Protocol { .. }), "{error:?}");
}
