//! The handoff's doors in the description of all doors (OpenAPI 3.1).

use serde_json::{Value, json};

use super::Door;

/// One method of a door.
pub fn describe(door: Door, method: &str) -> Value {
    let (summary, answers, description) = match (door, method) {
        (Door::Audit, _) => ("What happened, in order; each line chained to the one before", "200", "Lines"),
        (Door::Decline, _) => ("No key is given", "200", "The session as it is now"),
        (Door::Events, _) => ("Names of the sessions that wait, as they change", "200", "Server-Sent Events"),
        (Door::Key, _) => {
            ("The content key, sealed to this session", "202", "It was taken; what it is worth shows later")
        }
        (Door::Page, _) => ("The page for browsers", "200", "HTML"),
        (Door::PageFile, _) => ("A script or the style of the page", "200", "JavaScript or CSS"),
        (Door::Session, "DELETE") => ("A session is withdrawn and what it holds wiped", "204", "It is gone"),
        (Door::Session, _) => ("One session; with format=jws signed by the gateway", "200", "The session"),
        (Door::Sessions, _) => ("The sessions of the account; waits up to 55 s for one", "200", "Summaries"),
        (Door::WellKnown, _) => ("Keys that sign sessions, suites and bounds", "200", "JSON"),
    };
    let kind = match door {
        Door::Events => "text/event-stream",
        Door::Page => "text/html",
        Door::PageFile => "text/javascript",
        _ => "application/json",
    };
    let mut parameters = Vec::new();
    if matches!(door, Door::Decline | Door::Key | Door::Session) {
        parameters.push(parameter("name", "path", "Name of the session"));
    }
    if door == Door::PageFile {
        parameters.push(parameter("name", "path", "Name of the file"));
    }
    if door == Door::Session && method == "GET" {
        parameters.push(parameter("format", "query", "json (default) or jws"));
    }
    if door == Door::Sessions {
        parameters.push(parameter("state", "query", "Only those in this state, such as awaiting_key"));
        parameters.push(parameter("wait", "query", "Seconds to wait for one when there is none, at most 55"));
    }
    let has_tag = matches!(door, Door::Session | Door::Sessions) && method == "GET";
    if has_tag {
        parameters.push(parameter(
            "If-None-Match",
            "header",
            "ETag of an earlier answer; the same again is 304",
        ));
    }
    if door == Door::Events {
        parameters.push(parameter("Last-Event-ID", "header", "Number of the last event that was seen"));
    }
    let answer = if answers == "204" {
        json!({ "description": description })
    } else {
        json!({ "description": description, "content": { kind: {} } })
    };
    let mut described = json!({
        "summary": summary,
        "parameters": parameters,
        "responses": { answers: answer, "default": { "$ref": "#/components/responses/problem" } },
    });
    if let Some(responses) = described.get_mut("responses").and_then(Value::as_object_mut).filter(|_| has_tag)
    {
        responses.insert("304".into(), json!({ "description": "It is what the client has" }));
    }
    if let Some(responses) =
        described.get_mut("responses").and_then(Value::as_object_mut).filter(|_| !door.is_open())
    {
        responses.insert("429".into(), json!({ "$ref": "#/components/responses/problem" }));
    }
    let body = match door {
        Door::Decline => Some(json!({
            "type": "object",
            "required": ["reason_code"],
            "additionalProperties": false,
            "properties": { "reason_code": { "enum": ["no-key", "policy", "refused", "untrusted"] } },
        })),
        Door::Key => Some(json!({
            "type": "object",
            "required": ["recipient_index", "enc", "ct"],
            "additionalProperties": false,
            "properties": {
                "recipient_index": { "type": "integer", "minimum": 0 },
                "enc": { "type": "string", "description": "HPKE enc, base64url without padding" },
                "ct": { "type": "string", "description": "HPKE ciphertext, base64url without padding" },
                "consent": { "type": "object", "description": "The consent, when it is less than what was asked for" },
                "aad": { "type": "string", "description": "What was bound, to learn what differs; never used" },
            },
        })),
        _ => None,
    };
    if let (Some(schema), Some(members)) = (body, described.as_object_mut()) {
        let content = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        members.insert("requestBody".into(), content);
    }
    described
}

fn parameter(name: &str, place: &str, description: &str) -> Value {
    json!({
        "name": name, "in": place, "required": place == "path",
        "schema": { "type": "string" }, "description": description,
    })
}
