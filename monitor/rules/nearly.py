"""Which entries nearly match: what the feed carries names an actor and the subject, and yet no rule matched.

A feed's few words often leave out what the page says ("Meta updates Llama terms"). Where a feed asks for the full text,
the pages of such entries are worth a request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor import text
from monitor.model import Entry
from monitor.rules.document import Subject
from monitor.rules.mentions import outermost
from monitor.rules.rule_set import RuleSet

# Openness and licences, as folded tokens: what every rule of this field asks for in one way or another.
_SUBJECT = re.compile(
    r"\b(?:open ?(?:source|weight|model)\w*|openness|openly|weights|licen[cs]\w*|relicen[cs]\w*|proprietary|"
    r"closed source|terms of (?:use|service)|(?:usage|use) polic\w+|commercial use|export control\w*)\b"
)


def nearly(rules: RuleSet, entry: Entry, *, feed_tags: Sequence[str] = (), feed_id: str = "") -> str:
    """In words, why an entry nearly matches; "" when it does not, or when it matches."""
    subject = _SUBJECT.search(" ".join(text.words(f"{entry.title} {entry.summary} {entry.content}")))
    if subject is None:
        return ""
    asked = Subject(entry, feed_tags, feed_id)
    actors = [one for one in rules.vocabularies.values() if one.kind in ("org", "model")]
    named = outermost(rules.index.document(asked), actors)
    if not named or rules.match(entry, feed_tags=feed_tags, feed_id=feed_id):
        return ""
    return f"names {named[0].entity.name} and says '{subject[0]}', and no rule matched"
