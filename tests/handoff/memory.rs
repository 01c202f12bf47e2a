//! The memory of a running gateway after a session: no content key, no plaintext.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::{Owner, TO, client::Client, client::TOKEN, content};
use crate::harness::{Process, Script, Sink, worker};

fn start(owner: &Owner, directory: &Path, peer: &Sink, program: &Path) -> Process {
    let text = format!(
        "host = \"gw.test\"\ndata = \"{data}\"\n[mm4]\nlisten = [\"127.0.0.1:0\"]\ndomain = \"mmsc.gw.test\"\n\
         [mail]\nlisten = [\"127.0.0.1:0\"]\ndomains = [\"mms.gw.test\"]\n[events]\nlog = \"{data}/log.jsonl\"\n\
         [media]\nworker = {program:?}\n[http]\nlisten = [\"127.0.0.1:0\"]\n\
         [[peer]]\nid = \"op-b\"\nprotocol = \"mm4\"\nnext_hop = \"{peer}\"\ndomain = \"mmsc.op-b.test\"\ntls = \"none\"\n\
         media_profile = \"image-rich\"\n\
         [[peer]]\nid = \"mailhost\"\nprotocol = \"mail\"\nallow_ip = [\"127.0.0.1\"]\n\
         [[route]]\nid = \"to-op-b\"\nmatch = {{ prefix = [\"+44\"] }}\nto = [\"op-b\"]\n\
         [handoff]\nsigning_key = {key:?}\n[[handoff.account]]\nname = \"alice\"\naddresses = [\"+447700900003\"]\n\
         certificates = [{certificate:?}]\ntoken = \"{TOKEN}\"\n",
        data = directory.display(),
        peer = peer.address,
        key = owner.path("gateway.pem").display().to_string(),
        certificate = owner.path("cert.pem").display().to_string(),
    );
    let path = directory.join("cedrat.toml");
    std::fs::write(&path, text).unwrap();
    Process::start(path)
}

/// How often each needle is in the writable memory of a process.
fn count(process: u32, needles: &[&[u8]]) -> Vec<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let mut counts = vec![0; needles.len()];
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|it| it.starts_with("rw"))) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let mut octets = vec![0; usize::try_from(number(end) - number(start)).unwrap()];
        if memory.seek(SeekFrom::Start(number(start))).is_err() || memory.read_exact(&mut octets).is_err() {
            continue;
        }
        for (count, needle) in counts.iter_mut().zip(needles) {
            *count += memchr::memmem::find_iter(&octets, needle).count();
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_of_the_gateway_holds_neither_key_nor_plaintext_after_a_session() {
    let Some(program) = worker() else { return };
    let owner = Owner::rsa();
    let directory = tempfile::tempdir().unwrap();
    let peer = Sink::start().await;
    let process = start(&owner, directory.path(), &peer, &program);
    let client = Client::at(process.port("http"), &owner);
    let mut script = Script::hello(process.port("mail")).await;
    let mail = owner.mail(&content(), &["-aes-256-gcm"]);
    assert!(script.message("bob@example.test", &[TO], &mail).await.starts_with("250"));
    let session = client.waiting().await;
    let (body, key) = client.sealed(&session);
    assert_eq!(client.put(session["id"].as_str().unwrap(), &body).await.status, 202);
    let received = peer.wait_for(1).await.remove(0);
    assert!(owner.opened(&received).unwrap().contains("image/jpeg"));
    let counts = count(process.id(), &[b"op-b", &key, b"xyzzy-marker"]);
    assert!(counts[0] > 0, "what is there is found");
    assert_eq!(counts[1..], [0, 0], "the content key, and a word of the plaintext");
}
