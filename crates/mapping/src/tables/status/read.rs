//! Reading `status/*.toml` and the laws that hold over them: every reason and outcome has a code,
//! the class is kept both ways, every class has a fallback.

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{DeliveryStatus, Permanence, ReadStatus, Reason};
use cedrat_wire_mms::mm4::{MmStatus, RequestStatus};
use core::ops::Range;

use super::{ByClass, DeliveryRow, Enhanced, ReadRow, StatusTables};
use crate::{
    diagnostic::{Diagnostic, Faults, nearest},
    tables::{
        Source,
        section::{Section, Spot, meant},
    },
    words::{self, Word},
};

/// The files of `status/`, by stem.
const FILES: &[&str] = &["smtp", "mm4-request", "delivery", "read"];
/// The actions of RFC 3464 §2.3.3.
const ACTIONS: &[&str] = &["failed", "delayed", "delivered", "relayed", "expanded"];

/// The transient and the permanent reason of a row, where it states them.
type Stated = (Option<Reason>, Option<Reason>);

/// What was read so far; later files win row by row.
#[derive(Default)]
pub(in crate::tables) struct Draft {
    first: BTreeMap<String, String>,
    smtp: BTreeMap<Reason, (u16, Enhanced)>,
    smtp_status: BTreeMap<(u8, Option<u8>), Stated>,
    smtp_codes: BTreeMap<u16, Reason>,
    smtp_fallback: Option<ByClass>,
    request: BTreeMap<Reason, String>,
    request_accepted: Vec<String>,
    request_tokens: BTreeMap<String, Reason>,
    request_fallback: Option<ByClass>,
    delivery: BTreeMap<&'static str, DeliveryRow>,
    delivery_actions: BTreeMap<String, DeliveryStatus>,
    read: BTreeMap<&'static str, ReadRow>,
    read_dispositions: BTreeMap<String, (ReadStatus, bool)>,
}

impl Draft {
    /// Reads one file of `status/`.
    pub(in crate::tables) fn read(
        &mut self,
        name: &str,
        path: &str,
        file: &mut Section<'_>,
        faults: &mut Faults<'_>,
    ) {
        if file.required("spec", faults).is_some_and(|spec| spec.text.is_empty()) {
            faults.push(&(0..0), "`spec` is empty".to_owned(), None);
        }
        self.first.entry(name.to_owned()).or_insert_with(|| path.to_owned());
        match name {
            "smtp" => self.read_smtp(file, faults),
            "mm4-request" => self.read_request(file, faults),
            "delivery" => self.read_delivery(file, faults),
            "read" => self.read_read(file, faults),
            other => faults.push(&(0..0), format!("`{other}` is not a status table"), meant(other, FILES)),
        }
    }

    fn read_smtp(&mut self, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        let mut seen = Vec::new();
        for mut row in file.sections("reason", faults) {
            let reason = reason(row.required("canonical", faults), faults);
            let code = code(&mut row, faults);
            let enhanced = row.required("enhanced", faults).and_then(|spot| {
                let parsed = triple(spot.text);
                if parsed.is_none() {
                    faults.push(&spot.span, format!("`{}` is not an enhanced status code", spot.text), None);
                }
                parsed.map(|parsed| (parsed, spot.span))
            });
            let _spec = row.text("spec", faults);
            let span = row.span.clone();
            row.close(faults);
            let (Some(reason), Some((code, code_at)), Some((enhanced, enhanced_at))) =
                (reason, code, enhanced)
            else {
                continue;
            };
            once(&mut seen, reason, &span, faults);
            let class = digit(reason.permanence());
            if code / 100 != u16::from(class) {
                faults.push(
                    &code_at,
                    class_fault(reason, &code.to_string()),
                    Some(format!("a {class}xx code")),
                );
            }
            if enhanced.0 != class {
                let shown = format!("{}.{}.{}", enhanced.0, enhanced.1, enhanced.2);
                faults.push(&enhanced_at, class_fault(reason, &shown), Some(format!("a {class}.y.z code")));
            }
            self.smtp.insert(reason, (code, enhanced));
        }
        for mut row in file.sections("status", faults) {
            let key = row.required("enhanced", faults).and_then(|spot| {
                let parsed = subject_detail(spot.text);
                if parsed.is_none() {
                    let hint =
                        Some("subject and detail without the class, such as `1.1` or `1.*`".to_owned());
                    faults.push(&spot.span, format!("`{}` is not a subject and detail", spot.text), hint);
                }
                parsed
            });
            let transient = classed(row.text("transient", faults), Permanence::Transient, faults);
            let permanent = classed(row.text("permanent", faults), Permanence::Permanent, faults);
            row.close(faults);
            if let Some(key) = key {
                self.smtp_status.insert(key, (transient, permanent));
            }
        }
        for mut row in file.sections("code", faults) {
            let code = code(&mut row, faults);
            let class = match &code {
                Some((code, _)) if code / 100 == 4 => Permanence::Transient,
                _ => Permanence::Permanent,
            };
            let reason = classed(row.required("canonical", faults), class, faults);
            row.close(faults);
            if let (Some((code, _)), Some(reason)) = (code, reason) {
                self.smtp_codes.insert(code, reason);
            }
        }
        self.smtp_fallback = fallback(file, faults).or(self.smtp_fallback);
    }

    fn read_request(&mut self, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        let accepted: Vec<_> =
            file.texts("accepted", faults).iter().map(|spot| spot.text.to_owned()).collect();
        if !accepted.is_empty() {
            self.request_accepted = accepted;
        }
        for mut row in file.sections("token", faults) {
            let token = row.required("token", faults);
            let reason = reason(row.required("canonical", faults), faults);
            row.close(faults);
            if let (Some(token), Some(reason)) = (token, reason) {
                self.request_tokens.insert(token.text.to_ascii_lowercase(), reason);
            }
        }
        let mut seen = Vec::new();
        for mut row in file.sections("reason", faults) {
            let reason = reason(row.required("canonical", faults), faults);
            let token = row.required("token", faults);
            let span = row.span.clone();
            row.close(faults);
            let (Some(reason), Some(token)) = (reason, token) else { continue };
            once(&mut seen, reason, &span, faults);
            if RequestStatus::read(token.text).token() != token.text {
                faults.push(&token.span, format!("`{}` is not a token that MM4 has", token.text), None);
            }
            match self.request_tokens.get(&token.text.to_ascii_lowercase()) {
                Some(back) if back.permanence() != reason.permanence() => {
                    let message = format!(
                        "`{}` is {:?}, but `{}` reads to `{}`",
                        reason.token(),
                        reason.permanence(),
                        token.text,
                        back.token()
                    );
                    faults.push(&token.span, message, None);
                }
                Some(_) => {}
                None => {
                    let near = nearest(token.text, self.request_tokens.keys().map(String::as_str));
                    let hint = near.map(|near| format!("did you mean `{near}`?"));
                    faults.push(
                        &token.span,
                        format!("`{}` has no `[[token]]` that reads it", token.text),
                        hint,
                    );
                }
            }
            self.request.insert(reason, token.text.to_owned());
        }
        self.request_fallback = fallback(file, faults).or(self.request_fallback);
    }

    fn read_delivery(&mut self, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        for mut row in file.sections("status", faults) {
            let word = word(row.required("canonical", faults), words::DELIVERY, faults);
            let mm4 = row.required("mm4", faults);
            let extension = row.text("extension", faults).map(|spot| spot.text.to_owned());
            let aliases = row.texts("aliases", faults);
            let action = action(row.required("action", faults), faults);
            let enhanced = row.required("enhanced", faults).and_then(|spot| {
                let parsed = triple(spot.text);
                if parsed.is_none() {
                    faults.push(&spot.span, format!("`{}` is not an enhanced status code", spot.text), None);
                }
                parsed.map(|parsed| (parsed, spot.span))
            });
            let _note = row.text("note", faults);
            row.close(faults);
            let (Some(word), Some(mm4), Some(action), Some((enhanced, at))) = (word, mm4, action, enhanced)
            else {
                continue;
            };
            if MmStatus::read(mm4.text).token() != mm4.text {
                faults.push(&mm4.span, format!("`{}` is not a token that MM4 has", mm4.text), None);
            }
            let class = match action.as_str() {
                "failed" => 5,
                "delayed" => 4,
                _ => 2,
            };
            if enhanced.0 != class {
                let hint = Some(format!("a {class}.y.z code (RFC 3464 §2.3.4)"));
                faults.push(
                    &at,
                    format!("the action `{action}` does not go with this class of status"),
                    hint,
                );
            }
            let aliases = aliases.iter().map(|spot| spot.text.to_owned()).collect();
            let row = DeliveryRow { mm4: mm4.text.to_owned(), extension, aliases, action, enhanced };
            self.delivery.insert(word, row);
        }
        for mut row in file.sections("action", faults) {
            let action = action(row.required("action", faults), faults);
            let word = word(row.required("canonical", faults), words::DELIVERY, faults);
            row.close(faults);
            if let (Some(action), Some(status)) = (action, word.and_then(DeliveryStatus::of_word)) {
                self.delivery_actions.insert(action, status);
            }
        }
    }

    fn read_read(&mut self, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        for mut row in file.sections("status", faults) {
            let word = word(row.required("canonical", faults), words::READ, faults);
            let mm4 = row.required("mm4", faults);
            let aliases = row.texts("aliases", faults).iter().map(|spot| spot.text.to_owned()).collect();
            let disposition = row.required("disposition", faults);
            row.close(faults);
            if let (Some(word), Some(mm4), Some(disposition)) = (word, mm4, disposition) {
                let row =
                    ReadRow { mm4: mm4.text.to_owned(), aliases, disposition: disposition.text.to_owned() };
                self.read.insert(word, row);
            }
        }
        for mut row in file.sections("disposition", faults) {
            let disposition = row.required("disposition", faults);
            let word = word(row.required("canonical", faults), words::READ, faults);
            let only_automatic = row.flag("only_automatic", faults).unwrap_or(false);
            row.close(faults);
            if let (Some(disposition), Some(status)) = (disposition, word.and_then(ReadStatus::of_word)) {
                self.read_dispositions
                    .insert(disposition.text.to_ascii_lowercase(), (status, only_automatic));
            }
        }
    }

    /// Checks totality and fills the pairs that state one class only from the fallback.
    pub(in crate::tables) fn finish(
        self,
        _sources: &[Source<'_>],
        found: &mut Vec<Diagnostic>,
    ) -> StatusTables {
        let mut missing = |file: &str, what: &str, names: Vec<&str>| {
            if let (Some(path), false) = (self.first.get(file), names.is_empty()) {
                let message = format!("the table has no {what} for: {}", names.join(", "));
                found.push(Diagnostic { path: path.clone(), line: 1, column: 1, message, hint: None });
            }
        };
        let reasons = |has: &dyn Fn(&Reason) -> bool| -> Vec<&str> {
            Reason::ALL.iter().filter(|reason| !has(reason)).map(|reason| reason.token()).collect()
        };
        let none = |absent: bool, name: &'static str| if absent { Vec::from([name]) } else { Vec::new() };
        missing("smtp", "reason", reasons(&|reason| self.smtp.contains_key(reason)));
        missing("smtp", "table", none(self.smtp_fallback.is_none(), "fallback"));
        missing("mm4-request", "reason", reasons(&|reason| self.request.contains_key(reason)));
        missing("mm4-request", "table", none(self.request_fallback.is_none(), "fallback"));
        missing("mm4-request", "list", none(self.request_accepted.is_empty(), "accepted"));
        let lacking = |legal: &'static [&'static str], has: &dyn Fn(&str) -> bool| -> Vec<&str> {
            legal.iter().copied().filter(|word| !has(word)).collect()
        };
        missing("delivery", "status", lacking(words::DELIVERY, &|word| self.delivery.contains_key(word)));
        missing("delivery", "action", lacking(ACTIONS, &|word| self.delivery_actions.contains_key(word)));
        missing("read", "status", lacking(words::READ, &|word| self.read.contains_key(word)));

        let plain = ByClass { transient: Reason::TryLater, permanent: Reason::Rejected };
        let smtp_fallback = self.smtp_fallback.unwrap_or(plain);
        let fill = |(transient, permanent): Stated| ByClass {
            transient: transient.unwrap_or(smtp_fallback.transient),
            permanent: permanent.unwrap_or(smtp_fallback.permanent),
        };
        StatusTables {
            smtp: self.smtp,
            smtp_status: self.smtp_status.into_iter().map(|(key, pair)| (key, fill(pair))).collect(),
            smtp_codes: self.smtp_codes,
            smtp_fallback,
            request: self.request,
            request_accepted: self.request_accepted,
            request_tokens: self.request_tokens,
            request_fallback: self.request_fallback.unwrap_or(plain),
            delivery: self.delivery,
            delivery_actions: self.delivery_actions,
            read: self.read,
            read_dispositions: self.read_dispositions,
        }
    }
}

const fn digit(permanence: Permanence) -> u8 {
    match permanence {
        Permanence::Permanent => 5,
        Permanence::Transient => 4,
    }
}

fn class_fault(reason: Reason, code: &str) -> String {
    format!("`{}` is {:?} and cannot be `{code}`", reason.token(), reason.permanence())
}

fn once(seen: &mut Vec<Reason>, reason: Reason, span: &Range<usize>, faults: &mut Faults<'_>) {
    if seen.contains(&reason) {
        faults.push(span, format!("`{}` has a row in this file already", reason.token()), None);
    }
    seen.push(reason);
}

fn reason(spot: Option<Spot<'_>>, faults: &mut Faults<'_>) -> Option<Reason> {
    let spot = spot?;
    let reason = Reason::read(spot.text);
    if reason.is_none() {
        let near = nearest(spot.text, Reason::ALL.iter().map(|reason| reason.token()));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        faults.push(&spot.span, format!("`{}` is not a reason", spot.text), hint);
    }
    reason
}

/// A reason that must be of the class.
fn classed(spot: Option<Spot<'_>>, class: Permanence, faults: &mut Faults<'_>) -> Option<Reason> {
    let span = spot.as_ref().map(|spot| spot.span.clone())?;
    let reason = reason(spot, faults)?;
    if reason.permanence() != class {
        let message = format!(
            "`{}` is {:?}; here only a reason that is {class:?} may stand",
            reason.token(),
            reason.permanence()
        );
        faults.push(&span, message, None);
    }
    Some(reason)
}

fn fallback(file: &mut Section<'_>, faults: &mut Faults<'_>) -> Option<ByClass> {
    let mut section = file.section("fallback", faults)?;
    let transient = classed(section.required("transient", faults), Permanence::Transient, faults);
    let permanent = classed(section.required("permanent", faults), Permanence::Permanent, faults);
    section.close(faults);
    Some(ByClass { transient: transient?, permanent: permanent? })
}

fn code(row: &mut Section<'_>, faults: &mut Faults<'_>) -> Option<(u16, Range<usize>)> {
    if !row.has("code") {
        faults.push(&row.span, "`code` is missing".to_owned(), None);
    }
    let (number, span) = row.number("code", faults)?;
    match u16::try_from(number) {
        Ok(code @ 400..=599) => Some((code, span)),
        _ => {
            faults.push(&span, format!("`{number}` is not a 4xx or 5xx reply code"), None);
            None
        }
    }
}

fn triple(text: &str) -> Option<Enhanced> {
    let mut parts = text.split('.').map(|part| part.parse::<u8>().ok());
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Some(class @ (2 | 4 | 5))), Some(Some(subject)), Some(Some(detail)), None) => {
            Some((class, subject, detail))
        }
        _ => None,
    }
}

fn subject_detail(text: &str) -> Option<(u8, Option<u8>)> {
    let (subject, detail) = text.split_once('.')?;
    let detail = if detail == "*" { None } else { Some(detail.parse().ok()?) };
    Some((subject.parse().ok()?, detail))
}

fn action(spot: Option<Spot<'_>>, faults: &mut Faults<'_>) -> Option<String> {
    let spot = spot?;
    if !ACTIONS.contains(&spot.text) {
        faults.push(
            &spot.span,
            format!("`{}` is not an action of RFC 3464", spot.text),
            meant(spot.text, ACTIONS),
        );
        return None;
    }
    Some(spot.text.to_owned())
}

fn word(
    spot: Option<Spot<'_>>,
    legal: &'static [&'static str],
    faults: &mut Faults<'_>,
) -> Option<&'static str> {
    let spot = spot?;
    let known = legal.iter().copied().find(|word| *word == spot.text);
    if known.is_none() {
        faults.push(
            &spot.span,
            format!("`{}` is not one of the outcomes", spot.text),
            meant(spot.text, legal),
        );
    }
    known
}
