//! What a host is called in the zone, and which type its address has.

use dokploy_client::dns::RecordType;
use dokploy_client::{Dns, DnsError, Host};

use super::server::Server;
use super::{TOKEN, address, builder, hetzner, host, owner, word};

#[tokio::test]
async fn a_host_outside_the_zone_is_refused_and_nothing_is_sent() {
    let server = Server::start().await;
    let (zone, owner) = (hetzner(&server), owner("7"));
    for text in ["example.org", "notexample.test", "example.test.evil.org"] {
        let host = host(text);
        let errors = [
            zone.present(&host, address("192.0.2.1"), &owner).await.map(drop),
            zone.absent(&host, &owner).await,
            zone.find(&host, RecordType::A).await.map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(matches!(error, DnsError::OutsideZone { .. }), "{error:?}");
            assert_eq!(error.to_string(), format!("{text} is not in the zone example.test"));
        }
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn names_are_relative_in_small_letters_and_the_zone_itself_is_an_at_sign() {
    let server = Server::start().await;
    let (zone, owner) = (hetzner(&server), owner("7"));
    for text in ["example.test", "ALPHA.Example.TEST", "a.b.example.test"] {
        let presence = zone.present(&host(text), address("192.0.2.1"), &owner).await;
        assert_eq!(word(presence), "created", "{text}");
        assert!(zone.find(&host(text), RecordType::A).await.unwrap().is_some(), "{text}");
    }
    assert_eq!(server.zone(|zone| zone.words()), ["@/A 192.0.2.1", "a.b/A 192.0.2.1", "alpha/A 192.0.2.1"]);
    zone.absent(&host("example.test"), &owner).await.unwrap();
    assert_eq!(server.zone(|zone| zone.words()), ["a.b/A 192.0.2.1", "alpha/A 192.0.2.1"]);
    let paths: Vec<_> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert!(paths.contains(&"/v1/zones/example.test/rrsets/@/A".to_owned()), "{paths:?}");
}

#[test]
fn a_wildcard_is_no_host() {
    for text in ["*.example.test", "*", "a.*.example.test", "_dmarc.example.test"] {
        assert!(Host::parse(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_ipv6_address_is_an_aaaa_record() {
    let server = Server::start().await;
    let (zone, owner, host) = (hetzner(&server), owner("7"), host("alpha.example.test"));
    assert_eq!(word(zone.present(&host, address("2001:DB8::1"), &owner).await), "created");
    // The same address, however it is written.
    let same = address("2001:db8:0:0::0:1");
    assert_eq!(word(zone.present(&host, same, &owner).await), "already there");
    assert_eq!(word(zone.present(&host, address("2001:db8::2"), &owner).await), "taken");
    // An IPv4 address that is written as IPv6 is one.
    assert_eq!(word(zone.present(&host, address("::ffff:192.0.2.1"), &owner).await), "created");
    assert_eq!(server.zone(|zone| zone.words()), ["alpha/A 192.0.2.1", "alpha/AAAA 2001:db8::1"]);
    let found = zone.find(&host, RecordType::Aaaa).await.unwrap().unwrap();
    assert_eq!((found.kind, &*found.addresses), (RecordType::Aaaa, &[same][..]));
    zone.absent(&host, &owner).await.unwrap();
    assert_eq!(server.zone(|zone| zone.words()), [""; 0], "both are gone");
}

#[tokio::test]
async fn a_zone_by_its_id_is_asked_for_its_name_once() {
    let server = Server::start().await;
    let (zone, owner) = (builder(&server, "343733").build().unwrap(), owner("7"));
    for host in [host("alpha.example.test"), host("beta.example.test")] {
        assert_eq!(word(zone.present(&host, address("192.0.2.1"), &owner).await), "created");
    }
    let outside = zone.absent(&host("alpha.example.org"), &owner).await.unwrap_err();
    assert!(matches!(outside, DnsError::OutsideZone { .. }), "{outside:?}");
    let asked = server.seen().iter().filter(|seen| seen.path == "/v1/zones/343733").count();
    assert_eq!(asked, 1);
    assert_eq!(server.zone(|zone| zone.words()).len(), 2);
}

#[tokio::test]
async fn a_zone_that_is_missing_is_not_a_record_that_is_missing() {
    let server = Server::start().await;
    server.zone(|zone| zone.exists = false);
    let owner = owner("7");
    for name in ["example.test", "343733"] {
        let (zone, host) = (builder(&server, name).build().unwrap(), host("alpha.example.test"));
        let errors = [
            zone.present(&host, address("192.0.2.1"), &owner).await.map(drop),
            zone.absent(&host, &owner).await,
            zone.find(&host, RecordType::A).await.map(drop),
            zone.owned(&owner).await.map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(matches!(&error, DnsError::NoSuchZone { zone, .. } if &**zone == name), "{error:?}");
            assert!(!error.is_retryable() && error.to_string().contains(name), "{error}");
        }
    }
    server.zone(|zone| zone.exists = true);
    let found = hetzner(&server).find(&host("alpha.example.test"), RecordType::A).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn each_request_carries_the_token_and_the_time_to_live_that_was_set() {
    let server = Server::start().await;
    let zone = builder(&server, super::ZONE).ttl(120).build().unwrap();
    zone.present(&host("alpha.example.test"), address("192.0.2.1"), &owner("7")).await.unwrap();
    hetzner(&server).present(&host("b.example.test"), address("192.0.2.1"), &owner("7")).await.unwrap();
    let bearer = format!("Bearer {TOKEN}");
    assert!(server.seen().iter().all(|seen| seen.header("authorization") == Some(&bearer)));
    server.zone(|zone| {
        assert_eq!(zone.set("alpha", "A").unwrap()["ttl"], 120);
        assert_eq!(zone.set("b", "A").unwrap().get("ttl"), None);
    });
}
