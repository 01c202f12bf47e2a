//! The description of the doors, OpenAPI 3.1. Paths come from [`Operation`], parameters and refusals
//! from where they are defined, so that it cannot name what is not there; a test asks every path.

use serde_json::{Map, Value, json};

use super::{handoff, problem::Code, router::Operation, transcode};

/// The whole document.
pub fn description() -> Value {
    let paths: Map<String, Value> = Operation::ALL
        .iter()
        .map(|operation| {
            let methods: Map<String, Value> = operation
                .methods()
                .split(", ")
                .filter(|method| *method != "HEAD")
                .map(|method| (method.to_ascii_lowercase(), one(*operation, method)))
                .collect();
            (operation.path().to_owned(), Value::Object(methods))
        })
        .collect();
    let problems: Map<String, Value> = Code::ALL
        .iter()
        .map(|code| {
            let described = json!({ "status": code.status(), "title": code.title(), "hint": code.hint() });
            (code.token().to_owned(), described)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "cedrat: media conversion",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Makes pictures, sound, video and text fit what a handset takes.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "certificate": { "type": "mutualTLS" },
                "token": { "type": "http", "scheme": "bearer" },
            },
            "schemas": schemas(),
            "responses": { "problem": {
                "description": "A refusal (RFC 9457); the codes are in x-problems",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
        },
        "x-problems": problems,
    })
}

/// One method of a door.
fn one(operation: Operation, method: &str) -> Value {
    let mut described = match operation {
        Operation::Handoff(door) => handoff::describe::describe(door, method),
        operation => described(operation),
    };
    if let Some(members) = described.as_object_mut() {
        let first = operation.methods().starts_with(method);
        let token = operation.token();
        let id = if first { token.to_owned() } else { format!("{token}-{}", method.to_ascii_lowercase()) };
        members.insert("operationId".into(), json!(id));
        if operation.is_open() {
            members.insert("security".into(), json!([]));
        } else if matches!(operation, Operation::Handoff(_)) {
            members.insert("security".into(), json!([{ "token": [] }, { "certificate": [] }]));
        }
    }
    described
}

fn described(operation: Operation) -> Value {
    match operation {
        // Described beside its doors.
        Operation::Handoff(_) => Value::Null,
        Operation::OpenApi => json!({
            "summary": "This description",
            "responses": { "200": answer("application/json", json!({ "type": "object" }), "OpenAPI 3.1") },
        }),
        Operation::Profiles => json!({
            "summary": "The profiles that this client may name",
            "responses": {
                "200": answer("application/json", json!({ "$ref": "#/components/schemas/Profiles" }), "Their names"),
                "default": problem(),
            },
        }),
        Operation::Profile => json!({
            "summary": "One profile, every value with its origin",
            "parameters": [parameter("name", "path", json!({ "type": "string" }), "Name of the profile")],
            "responses": {
                "200": answer("application/json", json!({ "$ref": "#/components/schemas/Profile" }), "The profile"),
                "default": problem(),
            },
        }),
        Operation::Transcode => json!({
            "summary": "Converts one file; what fits already comes back to the octet",
            "parameters": transcode::PARAMETERS.iter().map(|name| query(name)).collect::<Vec<_>>(),
            "requestBody": {
                "required": true,
                "description": "The media. Content-Type is a claim; the format is told by the octets.",
                "content": { "*/*": {} },
            },
            "responses": {
                "200": {
                    "description": "The media; with Accept: multipart/mixed the report as JSON and then the media",
                    "headers": { "Cedrat-Report": {
                        "description": "What was done, as JSON in ASCII",
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Report" } } },
                    } },
                    "content": { "*/*": {}, "multipart/mixed": {} },
                },
                "default": problem(),
            },
        }),
        Operation::Sti => json!({
            "summary": "OMA STI 1.0: SOAP 1.1 with attachments",
            "requestBody": {
                "required": true,
                "content": { "text/xml": {}, "multipart/related": {} },
            },
            "responses": {
                "200": {
                    "description": "A TranscodingResponse, results as attachments",
                    "content": { "text/xml": {}, "multipart/related": {} },
                },
                "500": { "description": "A SOAP fault", "content": { "text/xml": {} } },
                "default": problem(),
            },
        }),
    }
}

fn query(name: &str) -> Value {
    let number = || json!({ "type": "integer", "minimum": 1 });
    let text = || json!({ "type": "string" });
    match name {
        "max_octets" => parameter(name, "query", number(), "Most octets of the result"),
        "max_width" => parameter(name, "query", number(), "Most pixels across"),
        "max_height" => parameter(name, "query", number(), "Most pixels down"),
        "type" => {
            parameter(name, "query", text(), "Media types that the result may have, separated by commas")
        }
        "name" => parameter(
            name,
            "query",
            text(),
            "File name; answered in Content-Disposition with a fitting extension",
        ),
        _ => parameter(name, "query", text(), "Name of a profile; default http.profile"),
    }
}

fn parameter(name: &str, place: &str, schema: Value, description: &str) -> Value {
    json!({
        "name": name, "in": place, "required": place == "path", "schema": schema, "description": description,
    })
}

fn answer(kind: &str, schema: Value, description: &str) -> Value {
    json!({ "description": description, "content": { kind: { "schema": schema } } })
}

fn problem() -> Value {
    json!({ "$ref": "#/components/responses/problem" })
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer" });
    let facts = json!({
        "type": "object",
        "required": ["type", "octets"],
        "properties": {
            "type": text, "octets": number, "width": number, "height": number, "frames": number,
            "duration_ms": number, "codec": text, "charset": text,
        },
    });
    json!({
        "Facts": facts,
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail", "code", "hint"],
            "properties": {
                "type": text, "title": text, "status": number, "detail": text, "hint": text,
                "code": { "enum": Code::ALL.iter().map(|code| code.token()).collect::<Vec<_>>() },
                "kind": text, "limit": number, "profiles": { "type": "array", "items": text },
            },
        },
        "Profile": {
            "type": "object",
            "required": ["name", "profile"],
            "properties": { "name": text, "profile": { "type": "object", "additionalProperties": {
                "type": "object",
                "required": ["value", "origin"],
                "properties": { "value": {}, "origin": { "type": "object" } },
            } } },
        },
        "Profiles": {
            "type": "object",
            "required": ["profiles", "default"],
            "properties": { "profiles": { "type": "array", "items": text }, "default": text },
        },
        "Report": {
            "type": "object",
            "required": ["kept"],
            "properties": {
                "profile": text,
                "kept": { "type": "boolean", "description": "The media are as they came, to the octet" },
                "from": { "$ref": "#/components/schemas/Facts" },
                "to": { "$ref": "#/components/schemas/Facts" },
                "quality": { "type": ["number", "null"], "description": "SSIM of luma at the size of the result" },
                "encodes": number,
                "notes": { "type": "array", "items": { "type": "object" } },
                "why": { "type": "array", "items": text },
                "cut": { "type": "boolean", "description": "Something was left out so that the header stays short" },
            },
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Every `$ref` of the document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if name == "$ref" => found.push(text.clone()),
                        _ => references(member, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_parameter_is_described() {
        let document = description();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 5);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        let parameters = document["paths"]["/api/v1/transcode"]["post"]["parameters"].as_array().unwrap();
        assert_eq!(parameters.len(), transcode::PARAMETERS.len());
        let described: std::collections::BTreeSet<_> =
            parameters.iter().map(|parameter| parameter["description"].as_str().unwrap()).collect();
        assert_eq!(described.len(), transcode::PARAMETERS.len(), "each parameter has its own words");
    }
}
