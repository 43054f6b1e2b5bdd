"""The JSON Schema of rule files, for editors."""

from __future__ import annotations

from typing import Any

from monitor.model import Confidence, Direction, Severity, ShiftObject, Stage
from monitor.rules.files import Kind


def rules_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of config/rules/*.yaml. Scalars are text in the file, so numbers may stand in quotes."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "licensewatch rules",
        **_object(
            {
                "version": {"enum": [1, "1"], "description": "Version of this format."},
                "vocabularies": _reference("vocabularies"),
                "rules": {"type": "array", "items": _reference("rule")},
            }
        ),
        "$defs": _definitions(),
    }


def _object(properties: dict[str, Any], *required: str, description: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        made["required"] = list(required)
    if description:
        made["description"] = description
    return made


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _text(description: str) -> dict[str, Any]:
    return {"type": ["string", "number", "boolean"], "description": description}


def _said(description: str) -> dict[str, Any]:
    """Text that may not be empty."""
    return {**_text(description), "pattern": r"\S"}


def _number(kind: str, description: str) -> dict[str, Any]:
    decimals = "" if kind == "integer" else r"(\.\d+)?"
    return {"type": [kind, "string"], "pattern": rf"^[+-]?\d+{decimals}$", "description": description}


def _list(item: dict[str, Any], description: str, least: int = 0) -> dict[str, Any]:
    made = {"type": "array", "items": item, "description": description}
    return {**made, "minItems": least} if least else made


def _flag(description: str) -> dict[str, Any]:
    return {"enum": [True, False, "true", "false"], "description": description}


def _choice(values: Any, description: str) -> dict[str, Any]:
    return {"enum": [str(value) for value in values], "description": description}


def _definitions() -> dict[str, Any]:
    query = _said("A query, best as a block scalar (|).")
    term = _said("A term without quotes (=Cased, wor*), $other, /regex/, or a query in parentheses.")
    terms = _list(term, "Terms.", 1)
    hidden = _list(term, "Terms that hide the others where the spans overlap.")
    return {
        "query": query,
        "vocabularies": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_-]*$"},
            "additionalProperties": {"oneOf": [terms, _reference("vocabulary")]},
        },
        "vocabulary": {"oneOf": [{"required": ["terms"]}, {"required": ["entities"]}]}
        | _object(
            {
                "kind": _choice(Kind.__args__, "Which facts of a shift its words tell."),  # type: ignore[attr-defined]  # a Literal has them
                "here": _flag("Its facts are read by the rules of its own file alone."),
                "terms": terms,
                "not": hidden,
                "entities": _list(_reference("entity"), "Things with names; of one kind the first listed wins.", 1),
            }
        ),
        "entity": _object(
            {
                "name": _said("Its name in the shift record (an SPDX id, a stage …)."),
                "org": _text("The lab of a model."),
                "terms": terms,
                "not": hidden,
                "rank": _number("integer", "How much a licence allows; more is freer."),
                "venue": _flag("News stands there; not an actor."),
                "fallback": _flag("Counts only where no other model is named."),
                "as_written": _flag("Its name is the words that were found."),
                "instead_of": _list(_choice(Direction, "Which way."), "What a turn turns into its own direction.", 1),
                "severity": _choice(Severity, "Of a hit that a turn turned."),
                "stage": _choice(Stage, "What a turn assumes when the text says nothing."),
            },
            "name",
            "terms",
        ),
        "rule": _rule(),
        "shift": _object(_shift_fields(), description="Fields of the shift record."),
        "expect": _object(
            {
                **_shift_fields(),
                "confidence": _choice(Confidence, "How sure the reading is."),
            }
        ),
        "examples": _list({"oneOf": [_text("A title."), _reference("example")]}, "Run at every load."),
        "example": _object(
            {
                **{name: _text(f"Its {name}.") for name in ("title", "summary", "content", "author", "url", "feed")},
                "tags": _list(_text("A tag."), "Its tags."),
                "expect": _reference("expect"),
            }
        ),
    }


def _shift_fields() -> dict[str, Any]:
    return {
        "direction": _choice(Direction, "Which way."),
        "stage": _choice(Stage, "How far."),
        "object": _choice(ShiftObject, "Of what."),
        "from": _text("SPDX id, LicenseRef-…, open or closed."),
        "to": _text("SPDX id, LicenseRef-…, open or closed."),
        "denied": _flag("A denial was reported."),
        "orgs": _list(_text("A name of a vocabulary."), "Organisations, in order."),
        "models": _list(_text("A name of a vocabulary."), "Models, in order."),
    }


def _rule() -> dict[str, Any]:
    query = _reference("query")
    score = _object(
        {
            "threshold": {**_number("number", "Points needed."), "exclusiveMinimum": 0},
            "add": _list(
                _object({"when": query, "points": _number("number", "What it is worth.")}, "when", "points"),
                "Weighted clauses.",
                1,
            ),
        },
        "threshold",
        "add",
    )
    properties = {
        "id": {**_text("Its name, stable."), "pattern": r"^[A-Za-z0-9][\w.-]*$"},
        "title": _said("What it finds, for people."),
        "severity": _choice(Severity, "The base; stage and context move it one step."),
        "priority": _number("integer", "Who is believed when rules disagree; more wins."),
        "when": query,
        "any": _list(query, "At least one holds."),
        "all": _list(query, "All hold."),
        "none": _list(query, "None holds."),
        "score": score,
        "unless": query,
        "shift": _reference("shift"),
        "assume": {**_reference("shift"), "description": "What holds when the text says nothing."},
        "tags": _list(_text("A tag."), "For routes."),
        "vocabularies": _reference("vocabularies"),
        "must_match": _reference("examples"),
        "must_not_match": _reference("examples"),
    }
    lists = {"anyOf": [{"required": ["any"]}, {"required": ["all"]}]}
    ways = [{"required": ["when"]}, {"required": ["score"]}, lists]
    return {**_object(properties, "id", "title"), "oneOf": ways}
