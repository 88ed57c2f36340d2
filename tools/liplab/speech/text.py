"""Things to say, made up here so that no text carries anyone's licence.

English sentences come from a small grammar over everyday words. Other languages say words composed of
their own letters (module sounds). The languages that are held out have sentences of their own (module
held_out_text).
"""

from __future__ import annotations

import numpy as np

from liplab.speech.sounds import ENGLISH as ENGLISH_SOUNDS
from liplab.speech.sounds import SOUNDS

BABBLE_SHARE = 0.3  # of sentences: syllables that differ in one consonant
ENGLISH = ("en-us", "en", "en-029", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-us-nyc")
LANGUAGES = (*ENGLISH, *SOUNDS)  # in espeak-ng's names; none is held out

_NOUNS = """baby bear bottle box boy bread bridge brush bubble butter button cabin camp cup farmer father
field finger fire fish flower fog food forest fox friend frog fruit game garden girl glove goose grape
harbour hat helper hill horse house island jam kettle key kitchen knife ladder lamb lamp leaf letter
lobster map market meadow melon milk mirror moment moon morning mother mountain mouse mouth movie mud
museum napkin neighbour night number ocean orange oven owl pan paper park party path pebble pencil people
pepper pepperbox picture pie pig pillow pipe plane plate pocket poem pond pony pool potato pump puppet
puppy puzzle quilt rabbit radio rain ribbon river road robin room rope rubber school sheep shelf ship shop
snow soap song soup spoon squirrel stable stamp star story summer sweater swimmer table tape teacher tiger
toffee tomb towel tower town toy train trumpet tub turnip umbrella valley van vase village violin voice
wagon wall walnut watch water waterfall wave wheel whistle willow wind window winter wolf woman wood wool
word workshop worm wreath yard year zebra puff bamboo thumb tulip lullaby beaver bishop bumper
cupboard""".split()
_PLACES = """bank barn bay bed bridge bush camp castle corner cupboard door farm fence
field fire forest garden gate harbour hill house island kitchen lake library market meadow mill mountain
museum office oven park path pond porch river road roof school shed shop shore stable station table tower
tree valley village wall water well window workshop""".split()
_ADJECTIVES = """able bad bare basic
beautiful better big bitter black blue bold brave brief bright broken brown busy calm careful cheap clever
cold comfortable cool crisp deep dim dull empty fair famous fast favourite final fine firm five four funny
gloomy golden good great happy heavy humble hungry important jolly kind large lazy limp little lively long
loud lovely lucky marble modest muddy my narrow new noble numb odd old our painted pale patient perfect
plain pleasant plump poor proud pure purple quick quiet rapid red remarkable rich ripe rough round rude
seven sharp shiny silver simple six sleepy slow small smooth soft solemn some speedy steep strange strong
sweet tame that the the the the the thin this tiny tough two useful usual vague valuable velvet very
visible warm wavy weak wet white whole wide wild wise wonderful wooden worn wrong yellow young
your""".split()
_VERBS = """admires began believes blames bought brings broke builds burns buys calls
carries chooses climbs collects covers dreams drew drives dropped fears feeds filled finds fixed follows
forgave found framed gave grabs helps hides hopes hummed imagines improves jumps kept knew leaves liked
loved makes may move measured mends misses moved must have named needs notices opens packs paints passed
picks placed plans pleased polished prefers prepares promised proves puts pulls reached remembers removes
saves saw sells shares shaped shows sings snubbed stops swaps swept takes taps tempts throws tips touches
traps trims used wants warms washed watched wears welcomed whips whispers will wipes wishes won wove
wraps""".split()
_OPENINGS = """afterwards maybe perhaps before_breakfast every_morning of_course
by_the_way in_the_beginning whenever_possible one_warm_evening for_a_moment very_well when_we_were_young
why_not_now we_believe_that you_would_not_know_that from_time_to_time we_hope_that wherever_you_go
two_weeks_ago""".split()
_QUESTIONS = """why_would_you who_moved where_was which_way_is what_about
would_you_move have_you_ever_moved may_we_have do_you_believe_in could_you_pass who_will_open""".split()


def english_sentence(random: np.random.Generator) -> str:
    """One English sentence of 4 to 20 words that means little."""

    def phrase(nouns: list[str]) -> str:
        if random.random() < 0.4:
            return f"the {random.choice(nouns)}"
        extra = f"{random.choice(_ADJECTIVES)} " if random.random() < 0.3 else ""
        return f"the {extra}{random.choice(_ADJECTIVES)} {random.choice(nouns)}".replace("the the", "the")

    kind = random.random()
    place = (
        f"{random.choice(['by', 'from', 'above', 'behind', 'for', 'to', 'with', 'near'])} {phrase(_PLACES)}"
    )
    if kind < 0.15:
        return f"{random.choice(_QUESTIONS).replace('_', ' ').capitalize()} {phrase(_NOUNS)} {place}?"
    body = f"{phrase(_NOUNS)} {random.choice(_VERBS)} {phrase(_NOUNS)}"
    if random.random() < 0.6:
        body += f" {place}"
    if kind < 0.4:
        body = f"{random.choice(_OPENINGS).replace('_', ' ')}, {body}"
    elif kind < 0.55:
        body += f", {random.choice(['but', 'and', 'because', 'so', 'while'])} {phrase(_NOUNS)} "
        body += f"{random.choice(_VERBS)} {phrase(_NOUNS)}"
    elif kind < 0.63:  # a list, as letters, numbers and names are read out
        body = ", ".join(phrase(_NOUNS) for _ in range(random.integers(3, 6)))
    elif kind < 0.70:  # words by themselves
        return " ".join(
            f"{random.choice(_NOUNS + _ADJECTIVES).capitalize()}." for _ in range(random.integers(3, 7))
        )
    return body.capitalize() + "."


def sentence(language: str, random: np.random.Generator) -> str:
    """One sentence, or a line of babble, in one of LANGUAGES. Raises KeyError for another."""
    sounds = ENGLISH_SOUNDS if language in ENGLISH else SOUNDS[language]
    if random.random() < BABBLE_SHARE:
        return sounds.babble(random)
    return english_sentence(random) if language in ENGLISH else sounds.sentence(random)
