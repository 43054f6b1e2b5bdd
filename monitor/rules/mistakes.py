"""What a syntax error in a query means, in words a rule author uses, with the mend."""

from __future__ import annotations

import re
from difflib import get_close_matches

from lark import Token

from monitor.rules.syntax import ID_FIELDS, QUOTES, TEXT_FIELDS, QueryError, distance, occurrences

_TERMS = frozenset({"WORD", "PHRASE", "REFERENCE", "REGEX"})
_BEGINNERS = _TERMS | {"EQUALS", "OPEN", "FIELD", "ATLEAST"}
_OPERATORS = frozenset({"AND", "OR", "NOT", "NEAR"})
# What other query languages write, and what this one does.
_ELSEWHERE = {"&": "AND", "&&": "AND", "|": "OR", "||": "OR", ";": "OR", "~": "NEAR/8"}
_DISTANCE = re.compile(r"(?i)(?:(?:W|N|P)/|(?:PRE|ADJ|WITHIN|O?NEAR)/?)(\d+)\b")


def explain_mistake(query: str, tokens: list[Token], found: Token) -> QueryError:
    """The error for the first token the parser could not take (`$END` when the query stops too early)."""
    offset = found.start_pos if found.type != "$END" and found.start_pos is not None else len(query.rstrip())
    before = [token for token in tokens if (token.start_pos or 0) < offset]
    last = before[-1] if before else None
    unclosed = _unclosed(before)
    for token in before:
        if token.type in {"NEAR", "ATLEAST"}:  # a number is wanted there, and what follows may be blamed for it
            _check_number(token)
    if query[offset : offset + 1] == "/" and any(one.type == "FIELD" and one[:-1] == "domain" for one in before[-3:]):
        return QueryError(offset, "domain: is compared with the host alone", "domain:example.org")
    if last is not None and last.type == "FIELD" and last[:-1] not in TEXT_FIELDS + ID_FIELDS:
        return unknown_field(last[:-1], last.start_pos or 0)
    if found.type == "$END":
        return _ends_early(offset, last, unclosed)
    if found.type == "BAD":
        return _bad_character(offset, found)
    if last is not None and (last.type in _TERMS or last.type == "CLOSE"):
        return _after_a_term(offset, last, found, query)
    return _where_a_term_should_stand(offset, last, found)


def _check_number(token: Token) -> None:
    (distance if token.type == "NEAR" else occurrences)(token, token.start_pos or 0)


def _unclosed(tokens: list[Token]) -> Token | None:
    opened: list[Token] = []
    for token in tokens:
        if token.type == "OPEN":
            opened.append(token)
        elif token.type == "CLOSE" and opened:
            opened.pop()
    return opened[-1] if opened else None


def _ends_early(offset: int, last: Token | None, unclosed: Token | None) -> QueryError:
    if last is None:
        return QueryError(0, "the query is empty", "write a term; what follows a # is a comment")
    if last.type in _TERMS | {"CLOSE"} and unclosed is not None:
        return QueryError(unclosed.start_pos or 0, "this parenthesis is never closed", "add )")
    return QueryError(
        offset, f"the query ends after {last}, a term should follow", "YAML cuts at ' #'; use a block scalar |"
    )


def _bad_character(offset: int, found: Token) -> QueryError:
    char = str(found)
    if char in QUOTES:
        return QueryError(offset, "this quote is never closed", 'close the phrase with " on the same line')
    mends = {
        ",": ("a comma joins nothing", "write OR or AND"),
        ":": (
            "a colon stands only after a field name",
            f"fields: {', '.join(TEXT_FIELDS + ID_FIELDS)}; or quote the term",
        ),
        "/": ("a slash begins a regex, and this one never ends", "close it with /, or quote the term"),
        "$": ("$ stands before the name of a vocabulary", "$name, or quote the term"),
    }
    message, remedy = mends.get(char, (f"unexpected {char}", "quote the term"))
    return QueryError(offset, message, remedy)


def _after_a_term(offset: int, last: Token, found: Token, query: str) -> QueryError:
    if found.type == "CLOSE":
        return QueryError(offset, "this parenthesis was never opened", "delete it, or open one before")
    if found.type == "NOT":
        return QueryError(offset, "NOT stands between two terms without an operator", "write AND NOT")
    if found.type == "NEAR":
        return QueryError(offset, "a chain of NEARs has two readings", "put one of them in parentheses")
    for word in (last, found):
        borrowed = _borrowed(word, query) if word.type == "WORD" else None
        if borrowed:
            return borrowed
        if word.type == "WORD" and word.lower() in {"and", "or", "not"}:
            return QueryError(
                word.start_pos or 0, "operators are written in upper case", f"write {word.upper()}, or quote it"
            )
        if word.type == "WORD" and word in {"NEAR", "ONEAR", "ATLEAST"}:
            return QueryError(
                word.start_pos or 0, f"{word} needs a number", f"{word}/8" + (f" or {word}/s" * (word != "ATLEAST"))
            )
    if found.type in _BEGINNERS:
        pair = " ".join(query[last.start_pos : found.end_pos].split()) if {last.type, found.type} == {"WORD"} else "a b"
        pair = pair.strip("'")
        return QueryError(
            offset, "two terms without an operator: quotes or AND?", f'write "{pair}" for the phrase, or AND'
        )
    return QueryError(offset, f"unexpected {found}")


def _borrowed(word: Token, query: str) -> QueryError | None:
    """An operator of another query language, or one of ours in lower case."""
    at = word.start_pos or 0
    number = _DISTANCE.match(query, at)
    if number or (word.lower() in {"near", "onear"} and word != word.upper()):
        name = "ONEAR" if word.lower() in {"onear", "pre", "p"} else "NEAR"
        return QueryError(at, "a distance is written NEAR/8 or ONEAR/8", f"write {name}/{number[1] if number else 8}")
    if str(word) in _ELSEWHERE:
        return QueryError(at, f"{word} joins nothing here", f"write {_ELSEWHERE[word]}")
    return None


def _where_a_term_should_stand(offset: int, last: Token | None, found: Token) -> QueryError:
    if last is not None and last.type == "EQUALS":
        return QueryError(last.start_pos or 0, "= stands before a word or a phrase", '=Word or ="Two Words"')
    if last is not None and last.type == "ATLEAST":
        return QueryError(offset, "ATLEAST is followed by parentheses", f"{last} (…)")
    if last is not None and last.type == "OPEN" and found.type == "CLOSE":
        return QueryError(offset, "there is nothing between the parentheses", "write a term")
    if found.type == "CLOSE" and last is None:
        return QueryError(offset, "this parenthesis was never opened", "delete it, or open one before")
    if last is not None and last.type == "NEAR" and found.type in {"NOT", "ATLEAST"}:
        return QueryError(
            offset,
            f"{found} cannot be near anything",
            "NEAR joins terms, phrases, vocabularies, regexes and ORs of them",
        )
    after = f"after {last} " if last is not None else ""
    kind = "operator" if found.type in _OPERATORS else "sign"
    return QueryError(
        offset, f"a term should stand {after}here, not the {kind} {found}", "write a term, or quote the word"
    )


def unknown_field(name: str, offset: int) -> QueryError:
    """The error for `name:` when there is no such field."""
    known = TEXT_FIELDS + ID_FIELDS
    close = get_close_matches(name.lower(), known, n=1)
    remedy = f"did you mean {close[0]}:?" if close else f"fields: {', '.join(known)}; or quote the term"
    return QueryError(offset, f"there is no field {name}:", remedy)
