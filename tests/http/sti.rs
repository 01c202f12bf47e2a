//! `POST /sti`: SOAP with attachments over a socket.

use cedrat::adapters::http::sti::{
    response::NAMESPACE,
    soap,
    xml::{self, Element},
};

use super::{
    AUTH, Doors,
    client::{Answer, request},
};

fn envelope(body: &str) -> String {
    format!("<soap:Envelope xmlns:soap=\"{}\"><soap:Body>{body}</soap:Body></soap:Envelope>", soap::NAMESPACE)
}

fn operation(jobs: &str) -> String {
    envelope(&format!(
        "<TranscodingRequest xmlns=\"{NAMESPACE}\"><originatorID>mmsc &amp; co</originatorID>\
         <operationID>op-7</operationID>{jobs}</TranscodingRequest>"
    ))
}

fn job(id: &str, location: &str, target: &str) -> String {
    format!(
        "<transcodingJob><jobID>{id}</jobID><source><contentType>image/png</contentType>\
         <location>{location}</location></source>{target}</transcodingJob>"
    )
}

const BASIC: &str = "<target><profileID>image-basic</profileID></target>";

/// A multipart/related of an envelope and attachments.
async fn post(doors: &Doors, envelope: &str, attachments: &[(&str, &str)]) -> Answer {
    let mut body = format!(
        "--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <root@client.test>\r\n\r\n{envelope}\r\n"
    );
    for (id, content) in attachments {
        body.push_str(&format!(
            "--b\r\nContent-Type: image/png\r\nContent-ID: <{id}>\r\nContent-Transfer-Encoding: binary\r\n\r\n{content}\r\n"
        ));
    }
    body.push_str("--b--\r\n");
    let headers = format!(
        "{AUTH}SOAPAction: \"\"\r\nContent-Type: multipart/related; type=\"text/xml\"; start=\"<root@client.test>\"; boundary=b\r\n"
    );
    doors.send(&request("POST", "/sti", &headers, body.as_bytes())).await
}

async fn bare(doors: &Doors, envelope: &str) -> Answer {
    let headers = format!("{AUTH}SOAPAction: \"\"\r\nContent-Type: text/xml\r\n");
    doors.send(&request("POST", "/sti", &headers, envelope.as_bytes())).await
}

/// The response element and the attachments by their Content-ID.
fn opened(answer: &Answer) -> (Element, Vec<(String, String)>) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let kind = answer.header("content-type").unwrap();
    let open = |octets: &[u8]| soap::open(octets, &xml::Limits::default()).unwrap();
    if kind.starts_with("text/xml") {
        return (open(&answer.body), Vec::new());
    }
    assert!(kind.starts_with("multipart/related") && kind.contains("type=\"text/xml\""), "{kind}");
    let whole = [b"Content-Type: ", kind.as_bytes(), b"\r\n\r\n", &answer.body].concat();
    let message = cedrat_mime::walk(&whole.into(), &cedrat_mime::Limits::default()).unwrap();
    let start =
        cedrat_mime::entity::bare_id(message.root().content_type.parameter("start").unwrap()).to_owned();
    let mut parts = message.leaves().map(|(_, node)| node);
    let root = parts.next().unwrap();
    assert_eq!(root.content_id.as_deref(), Some(start.as_str()));
    let rest = parts
        .map(|node| (node.content_id.clone().unwrap(), String::from_utf8(node.body.to_vec()).unwrap()))
        .collect();
    (open(&root.body), rest)
}

fn code(element: &Element) -> &str {
    element.child("mainReturnResult").unwrap().text_of("returnCode").unwrap()
}

fn codes(element: &Element) -> Vec<&str> {
    let more = element.child("additionalReturnResults");
    more.iter()
        .flat_map(|more| more.all("returnResult"))
        .filter_map(|one| one.text_of("returnCode"))
        .collect()
}

#[tokio::test]
async fn a_job_with_its_attachment_is_answered_with_its_result() {
    let doors = Doors::open().await;
    let target = "<target><profileID>image-rich</profileID><transcodingParams><image>\
        <contentType>image/jpeg</contentType><width>96</width><resizeDirective>x</resizeDirective></image>\
        <sizeLimit>5000</sizeLimit></transcodingParams></target>";
    let answer = post(
        &doors,
        &operation(&job("j1", "cid:pic%40client.test", target)),
        &[("pic@client.test", "photo")],
    )
    .await;
    let (response, attachments) = opened(&answer);
    assert_eq!(response.name, "TranscodingResponse");
    assert_eq!(response.namespace, NAMESPACE);
    assert_eq!(response.text_of("originatorID"), Some("mmsc & co"));
    assert_eq!(response.text_of("operationID"), Some("op-7"));
    assert_eq!(code(&response), "2106");
    assert!(response.text_of("totalDuration").unwrap().parse::<u64>().is_ok());
    let result = response.child("jobResult").unwrap();
    assert_eq!(result.text_of("jobID"), Some("j1"));
    assert_eq!(code(result), "2100", "resizeDirective is passed over, and that is said");
    let output = result.child("output").unwrap();
    assert_eq!(output.text_of("contentType"), Some("image/jpeg"));
    let (id, content) = &attachments[0];
    assert_eq!(output.text_of("location"), Some(format!("cid:{id}").as_str()));
    assert_eq!(content, "made 96x120 types=[\"image/jpeg\"] limit=Some(5000) claim=image/png");
    assert_eq!(output.text_of("mediaSize"), Some(content.len().to_string().as_str()));
    let details = result.child("outputMediaProperties").unwrap().child("mediaDetails").unwrap();
    assert_eq!(details.child("mediaDetailsImage").unwrap().text_of("width"), Some("96"));
    let event = doors.events().pop().unwrap();
    assert_eq!((event["operation"].as_str(), event["jobs"].as_u64()), (Some("sti"), Some(1)));
    assert_eq!(event["outcome"], "warnings");
}

#[tokio::test]
async fn a_source_elsewhere_is_refused_and_never_fetched() {
    let doors = Doors::open().await;
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/secret.png", trap.local_addr().unwrap());
    let (response, attachments) = opened(&bare(&doors, &operation(&job("1", &location, BASIC))).await);
    assert_eq!(code(&response), "4104");
    assert_eq!(code(response.child("jobResult").unwrap()), "4104");
    assert!(attachments.is_empty());
    let visit = tokio::time::timeout(std::time::Duration::from_millis(200), trap.accept()).await;
    assert!(visit.is_err(), "nobody came");
}

#[tokio::test]
async fn mixed_results_leave_the_good_ones_good() {
    let doors = Doors::open().await;
    let jobs = [
        job("good", "cid:a", BASIC),
        job("bad", "cid:b", BASIC),
        job("warned", "cid:c", BASIC),
        job("kept", "cid:d", BASIC),
    ]
    .concat();
    let attachments = [("a", "photo"), ("b", "damaged x"), ("c", "first x"), ("d", "keep x")];
    let (response, outputs) = opened(&post(&doors, &operation(&jobs), &attachments).await);
    assert_eq!(code(&response), "2001");
    let results: Vec<_> = response.all("jobResult").collect();
    let mains: Vec<_> = results.iter().map(|result| code(result)).collect();
    assert_eq!(mains, ["2000", "4111", "2102", "2000"]);
    assert_eq!(codes(results[3]), ["1003"]);
    assert!(results[1].child("output").is_none());
    assert_eq!(outputs.len(), 3);
    assert_eq!(outputs[2].1, "keep x");
}

#[tokio::test]
async fn several_targets_of_one_job_are_several_outputs() {
    let doors = Doors::open().await;
    let targets = format!("{BASIC}<target><profileID>none</profileID></target>");
    let (response, outputs) =
        opened(&post(&doors, &operation(&job("1", "cid:a", &targets)), &[("a", "photo")]).await);
    let result = response.child("jobResult").unwrap();
    assert_eq!((code(result), outputs.len()), ("2107", 1));
    assert_eq!(codes(result), ["4102"]);
    let text = result.child("additionalReturnResults").unwrap().child("returnResult").unwrap();
    assert!(
        text.text_of("returnString")
            .unwrap()
            .starts_with("target 2: there is no profile \"none\"; there are image-basic")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_job_has_a_code() {
    let doors = Doors::open().await;
    let large = "x".repeat(500_001);
    let cases = [
        ("cid:none", BASIC, "4007"),
        ("cid:large", BASIC, "4106"),
        ("cid:a", "", "4014"),
        (
            "cid:a",
            "<target><profileID>p</profileID><externalLocation>http://x.test/</externalLocation></target>",
            "4011",
        ),
        (
            "cid:a",
            "<target><transcodingParams><audio><codec>EVRC</codec></audio></transcodingParams></target>",
            "4110",
        ),
        ("cid:enc", BASIC, "4112"),
        ("cid:fit", BASIC, "4114"),
        ("cid:busy", BASIC, "5100"),
    ];
    let attachments = [
        ("a", "photo"),
        ("large", large.as_str()),
        ("enc", "encrypted x"),
        ("fit", "cannot-fit x"),
        ("busy", "no-worker x"),
    ];
    for (location, target, wanted) in cases {
        let (response, _) =
            opened(&post(&doors, &operation(&job("1", location, target)), &attachments).await);
        assert_eq!(code(&response), wanted, "{location} {target}");
    }
    let twice = [job("1", "cid:a", BASIC), job("1", "cid:a", BASIC)].concat();
    assert_eq!(code(&opened(&bare(&doors, &operation(&twice)).await).0), "4101");
    let many = job("1", "cid:a", &BASIC.repeat(5));
    assert_eq!(code(&opened(&bare(&doors, &operation(&many)).await).0), "4105");
}

#[tokio::test]
async fn a_client_names_only_its_own_profiles() {
    let doors = Doors::with(|config| config.clients[0].profiles = vec!["image-basic".into()], None).await;
    let rich = "<target><profileID>image-rich</profileID></target>";
    let (response, _) = opened(&post(&doors, &operation(&job("1", "cid:a", rich)), &[("a", "photo")]).await);
    assert_eq!(code(&response), "4103");
}

#[tokio::test]
async fn what_is_no_sti_at_all_is_a_fault() {
    let doors = Doors::open().await;
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><l>&b;</l>";
    let external = "<!DOCTYPE l [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><l>&a;</l>";
    let twelve =
        "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><r/></e:Body></e:Envelope>";
    let header = envelope("<r/>")
        .replace("<soap:Body>", "<soap:Header><sec soap:mustUnderstand='1'/></soap:Header><soap:Body>");
    let cases = [
        ("not xml", "soap:Client"),
        (laughs, "soap:Client"),
        (external, "soap:Client"),
        (&envelope("<other/>"), "soap:Client"),
        (twelve, "soap:VersionMismatch"),
        (&header, "soap:MustUnderstand"),
    ];
    for (body, wanted) in cases {
        let answer = bare(&doors, body).await;
        assert_eq!(answer.status, 500, "SOAP 1.1 §6.2");
        assert!(answer.header("content-type").unwrap().starts_with("text/xml"));
        let fault = soap::open(&answer.body, &xml::Limits::default()).unwrap();
        assert_eq!(fault.text_of("faultcode"), Some(wanted), "{body}");
        assert!(!answer.text().contains("root:"));
    }
    let headers = format!("{AUTH}Content-Type: application/json\r\n");
    let answer = doors.send(&request("POST", "/sti", &headers, b"{}")).await;
    assert!(answer.text().contains("multipart/related"));
    let cut = format!("{AUTH}Content-Type: multipart/related; boundary=b\r\n");
    let answer = doors.send(&request("POST", "/sti", &cut, b"--b\r\n\r\n<a/>")).await;
    assert!(answer.status == 500 && answer.text().contains("cut"), "{}", answer.text());
}

#[tokio::test]
async fn an_identifier_comes_back_escaped() {
    let doors = Doors::open().await;
    let body = operation(&job("&lt;/jobID&gt;&#x1F4F7;", "cid:a", BASIC));
    let (response, _) = opened(&post(&doors, &body, &[("a", "photo")]).await);
    assert_eq!(response.child("jobResult").unwrap().text_of("jobID"), Some("</jobID>📷"));
}
