//! The command line as scripts use it: exit codes, places of faults, files in and out.

use std::{path::Path, process::Command};

fn cedrat(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cedrat"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn configuration(directory: &Path, text: &str) -> String {
    let path = directory.join("c.toml");
    std::fs::write(&path, text.replace("@DATA@", &directory.display().to_string())).unwrap();
    path.display().to_string()
}

#[test]
fn the_commented_example_is_good_as_it_stands() {
    let (code, out, err) = cedrat(&["check", "--config", "cedrat.toml"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("cedrat.toml is good"), "{out}");
}

/// Every option that the example shows commented out is an option: uncommented, it is never unknown.
#[test]
fn every_option_of_the_example_exists() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/cedrat.toml")).unwrap();
    let option = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let (key, value) = rest.split_once(" = ")?;
        let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (is_key && !value.is_empty()).then(|| rest.to_owned())
    };
    let section = |line: &str| {
        line.strip_prefix("# ")
            .filter(|rest| rest.starts_with('[') && !rest.contains("] }"))
            .map(str::to_owned)
    };
    let whole: String = text
        .lines()
        .map(|line| option(line).or_else(|| section(line)).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect();
    let faults = cedrat::config::load("cedrat.toml", &whole, Default::default()).unwrap_err();
    let unknown: Vec<String> = faults
        .iter()
        .map(ToString::to_string)
        .filter(|fault| fault.contains("is not an option") || fault.contains("not TOML"))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(whole.lines().filter(|line| option(line).is_some()).count() == 0);
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = configuration(
        directory.path(),
        "host = \"gw.test\"\ndata = \"@DATA@\"\n[mm4]\nlisten = [\"127.0.0.1:nowhere\"]\nmax_octet = 5\n\
         [[peer]]\nid = \"a\"\nprotocol = \"mm4\"\nallow_ip = [\"0.0.0.0/0\"]\nquirks = [\"related-quoted-id\"]\n\
         [[route]]\nid = \"r\"\nto = [\"b\"]\n",
    );
    let (code, _, err) = cedrat(&["check", "--config", &path]);
    assert_eq!(code, 1);
    for (place, words) in [
        (":4:11:", "is not an address with a port"),
        (":5:1:", "did you mean `max_octets`?"),
        (":6:", "lets anybody send MM4"),
        (":10:11:", "did you mean \"related-quoted-ids\"?"),
        (":11:", "which is no peer"),
    ] {
        let found = err.lines().any(|line| line.contains(place) && line.contains(words));
        assert!(found, "{place} {words} in\n{err}");
    }
}

#[test]
fn a_file_is_translated_both_ways_with_its_loss_report() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let golden = "tests/golden/01-picture-with-text/in.mm4";
    let (code, _, err) = cedrat(&[
        "map",
        "--from",
        "mm4",
        "--to",
        "mail",
        golden,
        "--out",
        &file("m.eml"),
        "--loss",
        &file("l.json"),
    ]);
    assert_eq!(code, 0, "{err}");
    let mail = std::fs::read_to_string(file("m.eml")).unwrap();
    assert!(mail.contains("From: +447700900001@mms.example"), "{mail}");
    let loss: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file("l.json")).unwrap()).unwrap();
    assert!(loss["entries"].as_array().unwrap().iter().any(|entry| entry["field"] == "originator"));
    assert!(loss["envelope"]["recipients"].as_array().is_some());

    let (code, out, err) =
        cedrat(&["map", "--from", "mail", "--to", "mm4", "--rcpt", "+447700900001", &file("m.eml")]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("X-Mms-Message-Type: MM4_forward.REQ"), "{out}");
    let (code, _, err) =
        cedrat(&["map", "--from", "mm4", "--to", "mail", "tests/golden/06-hidden-sender/in.mm4"]);
    assert_eq!(code, 1);
    assert!(err.contains("refused: 5"), "{err}");
}

#[test]
fn explain_shows_every_rule_and_agrees_with_itself_as_json() {
    let arguments =
        ["explain", "--config", "cedrat.toml", "--from", "alice@example.org", "--to", "+447700900001"];
    let (code, out, err) = cedrat(&arguments);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("✓ route  to-op-b") && out.contains("verdict  deliver to op-b"), "{out}");
    let (_, out, _) = cedrat(&[&arguments[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["route"], "to-op-b");
    let (code, _, _) =
        cedrat(&["explain", "--config", "cedrat.toml", "--from", "a@b.example", "--to", "+33123456789"]);
    assert_eq!(code, 1, "no route is a refusal");
}

#[test]
fn explain_shows_the_handset_of_the_recipient_and_where_each_value_is_from() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("uaprof")).unwrap();
    std::fs::write(
        directory.path().join("uaprof/x1.xml"),
        "<rdf:RDF><rdf:Description><p:component><rdf:Description rdf:ID=\"MmsCharacteristics\">\
         <p:MmsMaxMessageSize>307200</p:MmsMaxMessageSize><p:MmsMaxImageResolution>1280X1024</p:MmsMaxImageResolution>\
         </rdf:Description></p:component></rdf:Description></rdf:RDF>",
    )
    .unwrap();
    std::fs::write(directory.path().join("uaprof/note.txt"), "not a profile").unwrap();
    let path = configuration(
        directory.path(),
        "host = \"gw.test\"\ndata = \"@DATA@\"\n[mm4]\nlisten = [\"127.0.0.1:2525\"]\n\
         [media]\nuaprof_directory = \"@DATA@/uaprof\"\n\
         [[peer]]\nid = \"op\"\nprotocol = \"mm4\"\nallow_ip = [\"192.0.2.1\"]\nnext_hop = \"h.test:25\"\n\
         domain = \"h.test\"\nmedia_profile = \"feature-phone\"\nmedia_max_octets = \"200 kB\"\n\
         [[route]]\nid = \"r\"\nmatch = { prefix = [\"+44\"] }\nto = [\"op\"]\n\
         [[handset]]\nmatch = { prefix = [\"+447700900\"] }\nuaprof = \"x1.xml\"\nadapt = false\n",
    );
    let arguments = ["explain", "--config", &path, "--from", "a@b.example", "--to", "+447700900001"];
    let (code, out, err) = cedrat(&arguments);
    assert_eq!(code, 0, "{err}");
    let words: Vec<String> =
        out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        "handset at op",
        "max_octets 200000 octets base64, whole message (route op)",
        "max_still 1280x1024 (uaprof x1.xml)",
        "screen 240x320 (family feature-phone)",
        "videos h263+amr in 3gp, 176x144, 15 fps; mpeg4+amr in 3gp, 176x144, 15 fps (class video-basic)",
        "smil yes (floor)",
        "adapt no (recipient +447700900*)",
    ] {
        assert!(words.iter().any(|line| line == expected), "{expected}\n{out}");
    }
    let (_, out, _) = cedrat(&[&arguments[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    let profile = &value["handsets"][0]["profile"];
    assert_eq!(value["handsets"][0]["peer"], "op");
    assert_eq!(profile["max_octets"]["value"]["octets"], 200_000);
    assert_eq!(profile["max_octets"]["value"]["unit"], "base64");
    assert_eq!(profile["max_octets"]["origin"]["layer"], "route");
    assert_eq!(profile["max_still"]["origin"]["name"], "x1.xml");
    let (code, out, _) = cedrat(&["check", "--config", &path]);
    assert_eq!(code, 0);
    assert!(
        out.contains("note: UAProf document") && out.contains("note.txt: is no profile of a handset"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_works_on_the_queue_beside_a_running_gateway() {
    use crate::harness::{Gateway, Script, Sink, forward};
    let (peer, host) = (
        Sink::start().await,
        Sink::judging(|command| command.starts_with("RCPT").then(|| "450 4.2.1 busy".into())).await,
    );
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("q1", "+15550120001", "alice@example.test", "", "hi");
    script.message("+15550120001/TYPE=PLMN@mmsc.op-b.test", &["alice@example.test"], &content).await;
    gateway.wait_for("TransientFailure", 1).await;
    let directory = gateway.directory.path().to_owned();
    let path = configuration(
        &directory,
        "host = \"gw.test\"\ndata = \"@DATA@\"\n[mm4]\nlisten = [\"127.0.0.1:1\"]\n",
    );
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = ["queue", "--config", &path].iter().chain(arguments).copied().collect();
        cedrat(&all)
    };
    let (code, out, err) = run(&["list", "--json"]);
    assert_eq!(code, 0, "{err}");
    let row: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(row["state"], "waiting");
    assert_eq!(row["rcpt"], "alice@example.test");
    let id = row["delivery"].as_str().unwrap();
    assert_eq!(run(&["hold", id, "--reason", "test"]).1.trim(), "1 hold");
    assert!(run(&["list"]).1.contains("held"));
    assert_eq!(run(&["release", id, "--reason", "test"]).1.trim(), "1 release");
    let (_, shown, _) = run(&["show", id]);
    assert!(shown.contains("Reception") && shown.contains("AdminAction"), "{shown}");
    let (code, _, err) = run(&["delete", "--reason", "test"]);
    assert_eq!(code, 1, "{err}");
    gateway.wait_for("TransientFailure", 2).await;
    assert_eq!(run(&["delete", "--all", "--reason", "test"]).1.trim(), "1 delete");
    assert_eq!(run(&["list"]).1, "");
}

#[test]
fn wrong_usage_is_two_and_help_shows_examples() {
    assert_eq!(cedrat(&["run"]).0, 2);
    assert_eq!(cedrat(&["nonsense"]).0, 2);
    for verb in ["check", "demo", "explain", "map", "queue", "ready", "run", "simulate"] {
        let (code, out, _) = cedrat(&[verb, "--help"]);
        assert_eq!(code, 0);
        assert!(out.contains("Example") && out.contains("cedrat "), "{verb}: {out}");
    }
    assert!(cedrat(&["completions", "bash"]).1.contains("complete"));
}
