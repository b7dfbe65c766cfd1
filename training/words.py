"""Words: real ones that the training uses, and made-up ones, so that names are read, not known."""

from random import Random

__all__ = ["COMMON", "NAMES", "NOUNS", "OWNERS", "VERBS", "made_up", "name", "noun", "words_of"]


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

COMMON = words_of(
    """
    there some body number two percent amount name day no move mass between out other person house
    kilo sum current known left right hello good bad warm cold red blue green black white big small
    old new first last next long short high low fast slow early late open happy sad ready busy free
    lunch dinner supper hotel road home work school friend mother father brother sister child king
    time year month week hour minute morning evening night summer winter spring autumn rain snow
    wind sun sky sea fire water air earth stone wood gold silver iron glass paper cloth wool leather
    I you he she it we they this that these those my your our their is are was were be been has have
    had do does did will would can could shall should may might must like love adore hate want need
    see hear know think say tell ask come go run walk drive fly swim eat drink sleep wake sit stand
    and or but not very much many more most less few all any each every here now then soon never
    always often again once twice maybe yes please thanks over under before after about around
    because if when where why how who which what whose from into with without for until since
    """
)
"""Words of which a text may be made."""

_STARTS = (
    *words_of("b c d f g h j k l m n p r s t v w z"),
    *words_of("bl br ch cl cr dr fl fr gl gr pl pr sh sk sl sp st th tr wh"),
)
_MIDDLES = words_of("a e i o u ai ea ee oa oo ou ie")
_ENDS = words_of("n r s t l m d k p g x nd nt st rk sh th ck ng ly er on et a o y")


_PIECES = words_of(
    """
    ab ac ad al am an ap ar as at au av be ber bi bo bor bra bu ca can car cap cas ce cel cen cer
    cha che chi cho ci cir cla co col com con cor cra cu cul da dam dar de den der des di dic dis do
    dom dor du duc ec ed el em en ent er es est et ev ex fa fer fi fin fla flo for fra fu ga gal gar
    ge gen ger gi go gra gre gu ha ham har he hel hi ho hu hum hy ia ib ic id il im in ine ing ion
    ir is ist it ity iv ja ju ka ke ki ko la lan land le leg len ler li lin lo lon lu ly ma mag man
    mar mas mat me med mel men ment mer mi min mis mo mon mor mu mul na nal nan ne ner ness net ni
    no nor nu ob oc of ol om on op or os ot ov ow pa pan par pat pe pen per phe phi pi pla po pol
    pos pre pri pro pu qua que ra ran rap re rec rel ri ric rin ro ron ros ru sa san sci se sen ser
    shi si sin so sol son spe sta ste sti sto str su sub sul sup sur sy sym ta tal tan tar te tel
    tem ten ter th the thi tic tim tin tion tis to ton tor tra tri tro tu tur ty ub ul um un up ur
    own ore ound ange ell ello ence ation ary ead sal cal air ite ss ong ood age ive ure ous ack
    ect ort art and all ill ight ook one ate ater ute ari fore hou wh ther gree ree eed ld ft cy ss
    ough ish ock ick eck uck ank ink onk ash esh ush ast est ost ust any ide ile ime ine ipe ire ize
    us ust va val var ve ven ver vi vic vin vir vis vo vol war wer wi win wo ya yo yn zi zo
    """
)
_VOWELS = "aeiouy"
_CONSONANTS = "bcdfghjklmnpqrstvwxz"


def made_up(random: Random) -> str:
    """Return a word that does not exist: of sounds, of pieces of real words, or of letters.

    The model has to copy each token that a word can have, so each has to be in some of them.
    """
    chance = random.random()
    if chance < 0.4:
        return "".join(random.choice(_PIECES) for _ in range(random.choice((1, 2, 2, 3, 3, 4))))
    if chance < 0.55:
        first, then = random.sample((_VOWELS, _CONSONANTS), 2)
        letters = (random.choice((first, then)[at % 2]) for at in range(random.randrange(3, 9)))
        return "".join(letter * random.choice((1, 1, 1, 1, 1, 2)) for letter in letters)
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
