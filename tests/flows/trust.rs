//! Two gateways of different houses that prove to each other who they are.

use crate::harness::{CERTIFICATES, Gateway, Script, Sink, forward};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-a.test";

/// The far gateway: it knows its peer by `proof` only.
async fn far(end: &Sink, proof: &str) -> Gateway {
    let text = format!(
        "host = \"localhost\"\ndata = \"@DATA@\"\n[mm4]\nlisten = [\"127.0.0.1:0\"]\ndomain = \"mmsc.far.test\"\n\
         [events]\nlog = \"@DATA@/log.jsonl\"\n{}\
         [[peer]]\nid = \"near\"\nprotocol = \"mm4\"\n{proof}\n\
         [[peer]]\nid = \"end\"\nprotocol = \"mail\"\nnext_hop = \"{}\"\ntls = \"none\"\n\
         [[route]]\nid = \"r\"\nmatch = {{ domain = [\"*\"] }}\nto = [\"end\"]\n",
        CERTIFICATES.section(),
        end.address
    );
    Gateway::configured(&text).await
}

/// The near gateway, which shows `proof` to the far one.
async fn near(far: &Gateway, own: &str, proof: &str) -> Gateway {
    let at = |name: &str| CERTIFICATES.path(name).display().to_string();
    let text = format!(
        "host = \"near.test\"\ndata = \"@DATA@\"\n[mm4]\nlisten = [\"127.0.0.1:0\"]\n[events]\nlog = \"@DATA@/log.jsonl\"\n\
         [tls]\ncertificate = \"{}\"\nkey = \"{}\"\n\
         [[peer]]\nid = \"op-a\"\nprotocol = \"mm4\"\nallow_ip = [\"127.0.0.1\"]\n\
         [[peer]]\nid = \"far\"\nprotocol = \"mm4\"\nnext_hop = \"localhost:{}\"\ndomain = \"mmsc.far.test\"\n\
         tls = \"verify\"\ntls_ca = \"{}\"\nquirk = {{ ack = \"never\" }}\n{proof}\n\
         [[route]]\nid = \"r\"\nmatch = {{ domain = [\"*\"] }}\nto = [\"far\"]\n",
        at(&format!("{own}.crt")),
        at(&format!("{own}.key")),
        far.mm4().port(),
        at("ca.crt")
    );
    Gateway::configured(&text).await
}

async fn send(gateway: &Gateway) {
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("w1", "+15550120001", "alice@example.test", "", "through two");
    let reply = script.message(FROM, &["alice@example.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
}

const PASSWORD: &str = "users = [{ name = \"near\", password = \"open sesame\" }]";

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_proof() {
    let end = Sink::start().await;
    let far = far(&end, PASSWORD).await;
    let near = near(&far, "localhost", "login = { user = \"near\", password = \"open sesame\" }").await;
    send(&near).await;
    assert!(end.wait_for(1).await[0].body().contains("through two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_proof() {
    let end = Sink::start().await;
    let far = far(&end, "tls_names = [\"op-d.test\"]").await;
    let near = near(&far, "op-d.test", "present_certificate = true").await;
    send(&near).await;
    assert!(end.wait_for(1).await[0].body().contains("through two"));
    let delivery = near.events().into_iter().find(|event| event["type"] == "Delivery");
    assert!(delivery.is_none_or(|event| event["tls"].as_str().unwrap().starts_with("TLSv1_3")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_strange_certificate_keep_the_message_in_the_queue() {
    let end = Sink::start().await;
    let by_password = far(&end, PASSWORD).await;
    let by_name = far(&end, "tls_names = [\"other.test\"]").await;
    for (far, proof) in [
        (&by_password, "login = { user = \"near\", password = \"guess\" }"),
        (&by_name, "present_certificate = true"),
    ] {
        let near = near(far, "op-d.test", proof).await;
        send(&near).await;
        near.wait_for("TransientFailure", 1).await;
        assert_eq!(near.count("Failure"), 0, "an operator can still put it right: {:?}", near.events());
    }
    assert!(end.all().is_empty());
}
