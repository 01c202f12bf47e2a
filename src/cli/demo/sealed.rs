//! Encrypted mail for a handset: its key handed over by `cedrat-key`, refused, and not given at all.
//!
//! OpenSSL plays the sender who encrypts and the recipient who reads; without it, or without
//! `cedrat-key` beside this program, the act is left out and says so.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use cedrat_wire_mms::mm4::Kind;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{
    folder::Folder,
    stage::{MAIL_HOST, NUMBERS, OPERATOR_PEER, Seen, Stage, Who},
    story::{Story, identifier, is},
};
use crate::{
    cli::Failure,
    simulate::{
        sample::{self, Attachment, Letter},
        send,
        view::View,
    },
};

/// The subscriber whose mail is encrypted.
pub(super) const CAROL: &str = "+447700900005";
/// The client's token.
const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// How long a message waits for its key here.
const WAIT: &str = "6 s";
/// Lines of the client's output that are shown.
const LINES: usize = 14;

/// Keys and certificates of the act.
pub(super) struct Keys {
    folder: PathBuf,
    client: PathBuf,
}

impl Keys {
    /// Makes them; `None` without the programs.
    pub(super) async fn make(folder: &Folder) -> Result<Option<Self>, Failure> {
        let client = std::env::current_exe().ok().map(|own| own.with_file_name("cedrat-key"));
        let Some(client) = client.filter(|path| path.is_file()) else { return Ok(None) };
        let keys = Self { folder: folder.path().to_owned(), client };
        let subject = "/CN=carol@example.test";
        let more = "subjectAltName=email:carol@example.test";
        let own = [
            "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", subject, "-addext", more,
        ];
        let own = [&own[..], &["-keyout", "carol.key", "-out", "carol.pem"]].concat();
        let curve =
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "gateway.pem"];
        if keys.openssl(&own, b"").await.is_err() || keys.openssl(&curve, b"").await.is_err() {
            return Ok(None);
        }
        std::fs::write(keys.path("token"), TOKEN).map_err(|why| why.to_string())?;
        Ok(Some(keys))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the configuration says of them.
    pub(super) fn configuration(&self) -> String {
        let quoted = |name: &str| serde_json::json!(self.path(name).to_string_lossy()).to_string();
        format!(
            "[http]\nlisten = [\"127.0.0.1:0\"]\n[handoff]\nsigning_key = {}\nwait = \"{WAIT}\"\n\
             without_key = \"notice\"\n[[handoff.account]]\nname = \"carol\"\naddresses = [\"{CAROL}\"]\n\
             certificates = [{}]\ntoken = {{ file = {} }}\n",
            quoted("gateway.pem"),
            quoted("carol.pem"),
            quoted("token")
        )
    }

    async fn openssl(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        output(Path::new("openssl"), arguments.iter().map(|it| (*it).to_owned()), &self.folder, input).await
    }

    /// The mail with its content encrypted to Carol.
    async fn encrypted(&self, mail: &[u8]) -> Result<Vec<u8>, String> {
        let text = String::from_utf8_lossy(mail).replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").ok_or("a letter without a body")?;
        let (mut outer, mut inner, mut of_content) = (String::new(), String::new(), false);
        for line in head.lines() {
            let starts = |name: &str| line.to_ascii_lowercase().starts_with(name);
            if !line.starts_with([' ', '\t']) {
                of_content = starts("content-") || starts("mime-version");
            }
            if !of_content {
                outer.push_str(line);
                outer.push('\n');
            } else if !starts("mime-version") {
                inner.push_str(line);
                inner.push('\n');
            }
        }
        let entity = format!("{inner}\n{body}").replace('\n', "\r\n");
        let how = [
            "cms",
            "-encrypt",
            "-binary",
            "-aes-256-gcm",
            "-recip",
            "carol.pem",
            "-keyopt",
            "rsa_padding_mode:oaep",
        ];
        let encrypted = self.openssl(&how, entity.as_bytes()).await?;
        let encrypted = String::from_utf8_lossy(&encrypted).replace("\r\n", "\n");
        Ok(format!("{outer}{encrypted}").replace('\n', "\r\n").into_bytes())
    }

    /// What Carol reads of what her handset got.
    async fn opened(&self, got: &View) -> Result<View, String> {
        let part = got.parts.iter().find(|part| part.media_type == "application/pkcs7-mime");
        let part = part.ok_or("nothing in it is encrypted")?;
        let read =
            ["cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", "carol.key", "-recip", "carol.pem"];
        let entity = self.openssl(&read, &part.octets).await?;
        View::of(&entity.into())
    }

    /// What the client prints.
    async fn client(&self, gateway: &str, arguments: &[&str]) -> Result<String, String> {
        let path = |name: &str| self.path(name).display().to_string();
        let own = [
            ("--gateway", gateway.to_owned()),
            ("--home", path("client")),
            ("--token-file", path("token")),
            ("--key", path("carol.key")),
            ("--certificate", path("carol.pem")),
        ];
        let own = own.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        let verb = arguments.iter().map(|it| (*it).to_owned());
        let printed = output(&self.client, verb.chain(own), &self.folder, b"").await?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}

/// What a program prints; what it complains of, when it fails.
async fn output(
    program: &Path,
    arguments: impl Iterator<Item = String>,
    folder: &Path,
    input: &[u8],
) -> Result<Vec<u8>, String> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fault = |why: std::io::Error| format!("{name}: {why}");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(fault)?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_owned();
        // It may end before it has read all; then it says why.
        tokio::spawn(async move { drop(stdin.write_all(&input).await) });
    }
    let output = child.wait_with_output().await.map_err(fault)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Story {
    /// Three encrypted letters: one whose key is given, one whose key is refused, one that nobody answers.
    pub(super) async fn sealed(
        &mut self,
        stage: &mut Stage,
        keys: Option<&Keys>,
        photo: Option<Attachment>,
    ) -> Result<(), Failure> {
        let page = self.page;
        page.chapter("Encrypted mail, converted with the key that the recipient hands over");
        let (Some(keys), Some(photo), Some(http)) = (keys, photo, stage.running.http.first()) else {
            page.line("\nLeft out: it takes the programs openssl, cedrat-key and cedrat-transcode.");
            return Ok(());
        };
        let url = format!("http://{http}");
        let pin = {
            let settings = stage.running.gateway.settings();
            settings.handoff.as_ref().map(|it| it.signer.public().thumbprint().encoded()).unwrap_or_default()
        };
        keys.client(&url, &["pin", &url, "--fingerprint", &pin]).await?;

        let (given, sent) = self.letter(stage, keys, "For your eyes only", photo).await?;
        let session = self.waiting(keys, &url).await?;
        page.section(
            "Bob encrypts an e-mail to Carol; the gateway asks her client, cedrat-key",
            Some(sent.elapsed()),
        );
        for line in keys.client(&url, &["show", &session]).await?.lines().take(LINES) {
            page.line(&format!("  {line}"));
        }
        keys.client(&url, &["grant", &session, "--yes"]).await?;
        let what = "the encrypted MMS at the operator";
        let Some(got) = self.wait(stage, what, is(Kind::ForwardReq)).await else { return Ok(()) };
        let opened = keys.opened(&got.view).await?;
        page.section(
            "She grants; her handset gets it converted and encrypted to her, and openssl reads",
            Some(got.at - sent),
        );
        self.compare(&given, &opened, &stage.profile(OPERATOR_PEER, CAROL)?);

        page.section("Without a key nothing is opened", None);
        let small = || Attachment::drawn(4_000);
        let (_, sent) = self.letter(stage, keys, "One that she refuses", small()).await?;
        let session = self.waiting(keys, &url).await?;
        keys.client(&url, &["refuse", &session]).await?;
        self.unopened(stage, sent, "refused").await;
        let (_, sent) = self.letter(stage, keys, "One that nobody answers", small()).await?;
        self.unopened(stage, sent, "expired").await;
        Ok(())
    }

    /// Sends an encrypted letter; what was in it.
    async fn letter(
        &mut self,
        stage: &Stage,
        keys: &Keys,
        subject: &str,
        attachment: Attachment,
    ) -> Result<(View, Instant), Failure> {
        let letter = Letter {
            from: "Bob Example <bob@example.test>".to_owned(),
            to: vec![format!("{CAROL}@{NUMBERS}")],
            subject: subject.to_owned(),
            text: "Nobody else shall see this.".to_owned(),
            attachments: vec![attachment],
            notify: None,
        };
        let plain = letter.transaction(&identifier())?.content;
        let given = View::of(&plain)?;
        let encrypted = keys.encrypted(&plain).await?;
        let transaction = sample::transaction("bob@example.test", &letter.to, encrypted.into())?;
        let sent = self.send();
        send::one(&stage.mail.to_string(), MAIL_HOST, transaction).await?;
        Ok((given, sent))
    }

    /// The session that waits.
    async fn waiting(&self, keys: &Keys, url: &str) -> Result<String, Failure> {
        for _ in 0..100 {
            let ids = keys.client(url, &["watch", "--once", "--ids"]).await?;
            if let Some(id) = ids.lines().next() {
                return Ok(id.to_owned());
            }
        }
        Err("no session waits for a key".to_owned().into())
    }

    /// What the handset gets when no key came.
    async fn unopened(&mut self, stage: &mut Stage, sent: Instant, why: &str) {
        let what = "the notice at the operator";
        let wanted = |seen: &Seen| seen.who == Who::Operator && is(Kind::ForwardReq)(seen);
        if let Some(seen) = self.wait(stage, what, wanted).await {
            let text = seen.view.parts.iter().find(|part| part.media_type == "text/plain");
            let text =
                text.map(|part| String::from_utf8_lossy(&part.octets).into_owned()).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default();
            self.page.event(seen.at - sent, why, first);
        }
    }
}
