"""The few English tables placing needs: what everybody in this field writes, ways to say one thing.

They are about wording, not about labs or models: those come from the vocabularies of the rules.
"""

from __future__ import annotations

from collections.abc import Mapping

# Written by everybody about every event of this field: sharing them says little.
_GENERIC = """
ai model llm language large artificial intelligence open closed release licence use tech company lab startup world weigh
ban lift free commercial available public access announce plan system tool china chinese government developer generative
research build train power source
"""
GENERIC = frozenset(_GENERIC.split())


# Words that stand before a number and are no model …
_NO_MODELS = """
january february march april may june july august september october november december jan feb mar apr jun jul aug sep
sept oct nov dec apache mit gpl agpl lgpl cc by mpl bsd osaid openmdw top part version episode chapter day week year
volume vol the of in for over nearly about almost under all section article issue act title phase stage tier level step
series
web windows ios android macos python java playstation xbox covid
"""
NO_MODELS = frozenset(_NO_MODELS.split())
# … and words written with capitals that say little about which event it is.
_NO_NAMES = (
    "ai llm llms api eu us uk usa ceo ip it oss ml gpu gpus hf ios eus nlp pr agi asi tos aup sota chatgpt reddit"
)
NO_NAMES = frozenset(_NO_NAMES.split())


def _same(**groups: str) -> dict[str, str]:
    return {word: concept for concept, words in groups.items() for word in words.split()}


# Ways to say one thing, as single words or stems …
CONCEPTS: Mapping[str, str] = _same(
    open="open opensource opensourc opensources openness openly oss openweight openweights unlock",
    closed="closed closedsource proprietary private",
    release="release releas releases launch unveil publish ship drop debut introduce introduc introducing introduction "
    "rollout roll share shar",
    licence="license licence licens licenc licensing licensed licenses licences terms",
    drop_open="ditch scrap abandon shelve shelv shutter axe kill retreat pivot",
    weigh="weigh consider mull ponder contemplate contemplat debate debat discuss explore explor eye rethink uturn",
    lift="lift remove remov relax ease eas loosen delete delet scrub soften waive unban",
    ban="ban block bar prohibit restrict restriction forbid limit curb cut sever revoke revok outlaw crackdown",
    delay="delay postpone postpon stagger pushback slip overdue",
    restore="restore restor reinstate reinstat resume resum reopen",
    military="military warfare pentagon defense defence weapon army",
    leak="leak",
    policy="policy policie",
    breach="violate violat violation breach infringe infring misuse",
    government="government administration federal washington trump",
    commercial="commercial commercially business",
    image="image picture",
)

# Deeds that seldom happen: two entries of one lab that both tell of one are about the same event.
DEEDS = frozenset({"leak", "delay", "restore", "military", "breach", "drop_open", "thirdparty"})

# Shown early, to be released later; unless that is over.
PREVIEWS = frozenset({"preview", "previews", "previewed", "beta", "teaser", "teases"})
ENDS = frozenset({"after", "over", "ends", "ended", "leaves", "exits", "following"})

# What a headline says that takes an earlier step back, or does it once more.
_TURNS = """
again back reverse reverses reversed reversing reversal undo undoes undone restore restores restored restoring reinstate
reinstates reinstated reopen reopens reopened resume resumes resumed return returns returned backtrack backtracks
backtracked backpedals anew
"""
TURNS = frozenset(_TURNS.split()) | {
    "after all",
    "second time",
    "third time",
    "once more",
    "u turn",
    "turns around",
    "contrary to",
}

# What comes once more, or ends what somebody else did, is an event of its own.
ANEW = frozenset(["again", "anew", "overturns", "overturned", "repeals", "repealed"]) | {
    "second time",
    "third time",
    "once more",
    "court blocks",
    "judge blocks",
    "strikes down",
    "struck down",
}

# What is named right behind these is there for comparison.
_ASIDES = "since after than like unlike beats beating vs versus rival rivals rivalling behind matches"
ASIDES = frozenset(_ASIDES.split())

# Stems for what a party does to another's model; limits, and what licences forbid, are another matter.
BANS = frozenset({"ban", "bans", "bann", "block", "bar", "bars", "barr", "outlaw", "boycott"})

# Who goes to court stands before these.
SUITS = frozenset({"sue", "sues"})

# What is handed out: the weights of a model are another matter than what it was trained on.
THINGS: Mapping[str, str] = _same(weights="weights", data="data dataset datasets")

# What states make rules about, and in what form: one who drops a rule drops the one that he spoke of.
MATTERS: Mapping[str, str] = _same(
    openness="open opensource openweight openweights weights weight downloadable",
    exports="export exports exporting",
    chips="chip chips gpu gpus semiconductor semiconductors",
    data="data dataset datasets copyright",
    purchases="procurement purchases purchasing agencies military defense defence",
    safety="safety testing audits audit",
)
PAPERS: Mapping[str, str] = _same(
    rule="rule rules regulation regulations",
    law="law laws act bill bills legislation",
    order="order orders decree",
    licence="licence license licences licenses",
)

# Where a rule applies: what is said of one place is another event than what is said of another.
PLACES: Mapping[str, str] = _same(
    europe="eu europe european europeans brussels",
    china="china chinese beijing hong",
    russia="russia russian russians",
    uk="uk britain british",
    korea="korea korean seoul",
    india="india indian delhi",
    italy="italy italian",
    japan="japan japanese tokyo",
    iran="iran iranian",
    taiwan="taiwan taipei",
    australia="australia australian",
    canada="canada canadian",
    texas="texas",
    california="california",
)

# … and as two.
PHRASES: Mapping[str, str] = {
    "open source": "open",
    "open sources": "open",
    "open sourced": "open",
    "open sourcing": "open",
    "open weight": "open",
    "open weights": "open",
    "closed source": "closed",
    "closed weights": "closed",
    "shutting down": "drop_open",
    "pushed back": "delay",
    "pushes back": "delay",
    "push back": "delay",
    "holds off": "delay",
    "misses its": "delay",
    "missed its": "delay",
    "misses deadline": "delay",
    "misses date": "delay",
    "own deadline": "delay",
    "past deadline": "delay",
    "deadline passes": "delay",
    "deadline passed": "delay",
    "days late": "delay",
    "weeks late": "delay",
    "months late": "delay",
    "running late": "delay",
    "runs late": "delay",
    "behind schedule": "delay",
    "still no": "delay",
    "t make": "delay",  # "won't make June"
    "cuts off": "ban",
    "cut off": "ban",
    "third party": "thirdparty",
    "walks away": "drop_open",
    "u turn": "weigh",
}
