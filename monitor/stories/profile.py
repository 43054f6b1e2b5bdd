"""What the members of a story share out between them, ready for comparison with an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from monitor.stories.traits import Kind, Sense, Traits


@dataclass(frozen=True, slots=True)
class Profile:
    """What the members of a story share out between them, ready for comparison."""

    labs: frozenset[str]
    every_lab: frozenset[str]
    actors: frozenset[str]
    places: frozenset[str]
    bodies: frozenset[str]
    models: Mapping[str, frozenset[str]]
    variants: frozenset[str]
    scales: Mapping[str, frozenset[str]]
    joint: frozenset[str]
    things: frozenset[str]
    suers: frozenset[str]
    own: frozenset[str]
    links: frozenset[str]
    cores: frozenset[str]
    terms: frozenset[str]
    senses: frozenset[Sense]
    kinds: frozenset[Kind]
    days: tuple[float, ...]
    members: tuple[Traits, ...]


def profile(members: Iterable[Traits]) -> Profile:
    """The profile of a story with these members. Labs and models count when a third of the members name them."""
    kept = tuple(members)
    joint = all_of(member.joint for member in kept)
    # What says neither which way nor how far, as a lab's word that no rule reads, has no say in either; nor has a
    # denial, which goes the way that it denies.
    said = [one for one in kept if one.sense is not Sense.UNCLEAR or one.kind is not Kind.ESSAY] or kept
    telling = [one for one in said if not one.denied] or said
    return Profile(
        labs=_common(kept, lambda member: member.labs) | joint,
        every_lab=all_of(member.labs for member in kept),
        actors=frozenset(member.actor for member in kept if member.actor) | joint,
        places=all_of(member.places for member in kept),
        bodies=_common(kept, lambda member: member.bodies),
        models=_models(kept),
        variants=all_of(member.variants for member in kept),
        scales={
            line: all_of(member.scales.get(line, frozenset()) for member in kept)
            for line in sorted({line for member in kept for line in member.scales})
        },
        joint=joint,
        things=all_of(member.things for member in kept),
        suers=all_of(member.suer for member in kept),
        own=frozenset(member.own for member in kept if member.own),
        links=all_of(member.links for member in kept),
        cores=frozenset(member.core for member in kept),
        terms=frozenset(member.terms for member in kept if member.terms),
        senses=frozenset(member.sense for member in telling),
        kinds=frozenset(member.kind for member in telling),
        days=tuple(member.day for member in kept if member.day is not None),
        members=kept,
    )


def all_of(some: Iterable[frozenset[str]]) -> frozenset[str]:
    """The union of these sets."""
    return frozenset[str]().union(*some)


def _common(members: tuple[Traits, ...], of: Callable[[Traits], Iterable[str]]) -> frozenset[str]:
    counts: dict[str, int] = {}
    for member in members:
        for value in of(member):
            counts[value] = counts.get(value, 0) + 1
    return frozenset(value for value, count in counts.items() if count * 3 >= len(members))


def _models(members: tuple[Traits, ...]) -> Mapping[str, frozenset[str]]:
    lines = _common(members, lambda member: member.models)
    return {
        line: frozenset().union(*(member.models.get(line, frozenset()) for member in members)) for line in sorted(lines)
    }
