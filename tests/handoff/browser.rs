//! Chromium without a window, driven by the DevTools protocol over its two pipes: one page, what is in
//! it asked for and pressed by script.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use cedrat_mime::transfer::decode_base64;
use serde_json::{Value, json};

use crate::harness::skipped;

/// How long anything on the page may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The browser's descriptors 3 and 4 are our ends of its input and output. It ends by itself.
const START: &str = "exec timeout -k 5 240 chromium --headless --no-sandbox --disable-gpu --no-first-run \
    --disable-dev-shm-usage --remote-debugging-pipe --user-data-dir=\"$0\" --window-size=900,1000 \
    3<&0 4>&1 1>&2 0</dev/null";

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    sent: u64,
    target: Option<String>,
    /// Faults that the page has reported: exceptions, and what its policy forbade.
    faults: Vec<Value>,
    _home: tempfile::TempDir,
}

impl Browser {
    /// `None`, with the reason printed, where there is no Chromium.
    pub(crate) fn start() -> Option<Self> {
        let version = Command::new("chromium").arg("--version").stderr(Stdio::null()).output();
        if !version.is_ok_and(|output| output.status.success()) {
            skipped("chromium is not installed: the page for browsers is not tried in one");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(home.path())
            .env("HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser =
            Self { child, input, output, sent: 0, target: None, faults: Vec::new(), _home: home };
        let page = browser.send("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            browser.send("Target.attachToTarget", json!({ "targetId": page["targetId"], "flatten": true }));
        browser.target = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["DOM", "Log", "Page", "Runtime"] {
            browser.send(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// One command, and what it answers.
    pub(crate) fn send(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(target) = &self.target {
            command["sessionId"] = target.as_str().into();
        }
        self.input.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let mut message = Vec::new();
            self.output.read_until(0, &mut message).unwrap();
            assert_eq!(message.pop(), Some(0), "the browser is gone");
            let mut message: Value = serde_json::from_slice(&message).unwrap();
            if message["id"] == self.sent {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            let is_fault = message["method"] == "Runtime.exceptionThrown"
                || (message["method"] == "Log.entryAdded"
                    && message["params"]["entry"]["source"] != "network");
            if is_fault {
                self.faults.push(message);
            }
        }
    }

    /// Goes there.
    pub(crate) fn open(&mut self, address: &str) {
        self.send("Page.navigate", json!({ "url": address }));
        self.wait("document.readyState === 'complete' && location.protocol !== 'about:'");
    }

    /// What an expression is worth on the page.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.send("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Until an expression is true.
    pub(crate) fn wait(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.eval(&format!("Boolean({expression})")) != true {
            if Instant::now() > until {
                let page = self.eval("document.body.innerText");
                panic!("never: {expression}\n{}\n{:?}", page.as_str().unwrap_or_default(), self.faults);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Until an element, by its id, is to be seen.
    pub(crate) fn wait_for(&mut self, id: &str) {
        self.wait(&format!("document.getElementById('{id}')?.checkVisibility()"));
    }

    /// The text of an element.
    pub(crate) fn text(&mut self, id: &str) -> String {
        let text = self.eval(&format!("document.getElementById('{id}').textContent"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Types into a field, and sends the form that it is in.
    pub(crate) fn enter(&mut self, id: &str, text: &str) {
        let text = json!(text);
        self.eval(&format!(
            "(f => {{ f.value = {text}; f.form.requestSubmit(); }})(document.getElementById('{id}'))"
        ));
    }

    /// Presses what is there.
    pub(crate) fn press(&mut self, selector: &str) {
        self.eval(&format!("document.querySelector({}).click()", json!(selector)));
    }

    /// Chooses a file.
    pub(crate) fn choose(&mut self, id: &str, file: &Path) {
        let root = self.send("DOM.getDocument", json!({}));
        let asked = json!({ "nodeId": root["root"]["nodeId"], "selector": format!("#{id}") });
        let node = self.send("DOM.querySelector", asked);
        self.send("DOM.setFileInputFiles", json!({ "files": [file], "nodeId": node["nodeId"] }));
    }

    /// The page from an element down, as PNG.
    pub(crate) fn picture(&mut self, from: &str) -> Vec<u8> {
        let top =
            self.eval(&format!("document.getElementById('{from}').getBoundingClientRect().top + scrollY"));
        let height = self.eval("document.documentElement.scrollHeight");
        let height = height.as_f64().unwrap() - top.as_f64().unwrap();
        let clip = json!({ "x": 0, "y": top, "width": 900, "height": height, "scale": 1 });
        let asked = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.send("Page.captureScreenshot", asked);
        decode_base64(taken["data"].as_str().unwrap().as_bytes()).octets.to_vec()
    }

    /// What the page has reported.
    pub(crate) fn faults(&self) -> &[Value] {
        &self.faults
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own processes end with it.
        let command = json!({ "id": self.sent + 1, "method": "Browser.close" });
        if self.input.write_all(format!("{command}\0").as_bytes()).is_ok() {
            let _ = self.output.read_until(u8::MAX, &mut Vec::new());
        }
        let _ = self.child.wait();
    }
}
