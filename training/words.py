"""Words: real ones that the training uses, and made-up ones, so that names are read, not known."""

from random import Random

__all__ = ["NAMES", "NOUNS", "OWNERS", "VERBS", "made_up", "name", "noun", "words_of"]


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(text.split())


NOUNS = words_of(
    """
    weather price phone address status height age balance color size owner population capital
    temperature length salary score rating title author deadline budget stock forecast location
    email birthday mileage level speed rank grade currency language altitude area volume weight
    schedule menu route distance profit cost rent fee discount tax version branch license password
    calendar meeting task ticket order invoice receipt report summary song video photo book article
    recipe translation definition synonym headline message comment note file folder document image
    record entry item product customer client user member team project company school hospital
    station airport flight train bus car bike road bridge river lake mountain island city country
    street house room door window garden light lamp heater alarm camera sensor battery printer
    screen device server database table column query token key code signal channel event game
    match player coach league season album artist film actor director genre museum painting planet
    star moon element metal plant tree flower animal dog cat horse bird fish bread cheese wine
    coffee tea sugar salt fruit apple lemon doctor nurse teacher student lawyer driver pilot farmer
    """
)
OWNERS = words_of(
    """
    city person country user product company employee customer book film song team server order
    project student car flight river planet animal building room ticket account machine station
    """
)
VERBS = words_of(
    """
    send open close delete create book buy sell start stop play pause save load print copy move
    rename share upload download cancel confirm call email invite remove add update reset lock
    unlock count sort reverse translate summarize search find check read write show list fetch
    clean cook paint build repair deliver order reserve publish archive restore schedule record
    """
)
NAMES = words_of(
    """
    Rome Paris Berlin London Madrid Vienna Oslo Lima Cairo Tokyo Delhi Boston Dublin Prague Athens
    Anna Ben Carla David Emma Felix Greta Hans Ida Jonas Kira Leo Mia Nora Otto Paula Quinn Rosa Sam
    Tina Uwe Vera Will Xenia Yara Zoe Smith Miller Jones Brown Garcia Lopez Novak Kumar Chen Tanaka
    France Spain Italy Norway Peru Egypt Japan India Brazil Canada Mars Venus Saturn Danube Thames
    """
)

_STARTS = (
    *words_of("b c d f g h j k l m n p r s t v w z"),
    *words_of("bl br ch cl cr dr fl fr gl gr pl pr sh sk sl sp st th tr wh"),
)
_MIDDLES = words_of("a e i o u ai ea ee oa oo ou ie")
_ENDS = words_of("n r s t l m d k p g x nd nt st rk sh th ck ng ly er on et a o y")


def made_up(random: Random) -> str:
    """Return a word that does not exist."""
    parts = [
        random.choice(_STARTS) + random.choice(_MIDDLES) for _ in range(random.choice((1, 2, 2, 3)))
    ]
    return "".join(parts) + random.choice(_ENDS)


def noun(random: Random) -> str:
    """Return a noun, real or made up."""
    return random.choice(NOUNS) if random.random() < 0.5 else made_up(random)


def name(random: Random) -> str:
    """Return a name of a person or a place."""
    chance = random.random()
    if chance < 0.4:
        return random.choice(NAMES)
    if chance < 0.5:
        return f"{random.choice(NAMES)} {made_up(random).title()}"
    return made_up(random).title()
