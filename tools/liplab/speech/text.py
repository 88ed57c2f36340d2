# ruff: noqa: E501
"""Things to say, made up here so that no text carries anyone's licence.

English sentences come from a small grammar over everyday words. Other languages say words composed of
their own letters and syllable shapes: for the sound of a language that is enough, and no meaning is
claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True)
class Sounds:
    """Letters that make up a language's words: a syllable is an onset, a nucleus and perhaps a coda."""

    onsets: str
    nuclei: str
    codas: str
    coda_share: float = 0.35

    def word(self, random: np.random.Generator) -> str:
        """A word of one to four syllables."""
        onsets, nuclei, codas = self.onsets.split(), self.nuclei.split(), self.codas.split()
        syllables = []
        for _ in range(random.choice([1, 2, 2, 3, 3, 4])):
            coda = random.choice(codas) if codas and random.random() < self.coda_share else ""
            onset = random.choice(onsets) if random.random() < 0.93 else ""
            syllables.append(onset + random.choice(nuclei) + coda)
        return "".join(syllables)

    def sentence(self, random: np.random.Generator) -> str:
        """Two to nine words, now and then with a comma."""
        words = [self.word(random) for _ in range(random.integers(2, 10))]
        for position in range(len(words) - 1):
            if random.random() < 0.12:
                words[position] += ","
        return " ".join(words).capitalize() + str(random.choice([".", ".", ".", "?", "!"]))


_PLAIN = "p b m p b m t d k g f s l n r v h w"
_SLAVIC = "p b m p b m t d k g f s z l n r v pr br tr st sk mn vl bl pl sp sm"
_NORTHERN = "p b m p b m t d k g f s l n r v h fl br bl pr st sp sv tr kv sm"
SOUNDS = {
    "af": Sounds("p b m p b m t d k g f s l n r v h w br bl st sp kw", "a e i o u aa ee ie oe oo ui ou ei eu", "p m t k s n l f r ng"),
    "bg": Sounds("п б м п б м т д к г ф с з л н р в х ж ш ч пр бр ст", "а е и о у ъ а о", "м п т к с н л р ф"),
    "ca": Sounds(_PLAIN.replace(" h w", "") + " x j ll ny pl br", "a e i o u é ó ai ou", "m n s l r t p"),
    "cs": Sounds(_SLAVIC + " č š ž ř c j h", "a e i o u á é í ou ů ě", "m p t k s n l"),
    "cy": Sounds("p b m p b m t d c g ff f s l n r h w ll dd th gw br pl", "a e i o u y w ai ei oe aw wy", "m p t n l r b f s"),
    "da": Sounds(_NORTHERN + " j", "a e i o u y æ ø å aa ej øj", "m p t k s n l r b v"),
    "el": Sounds("π μπ μ π β φ τ ντ κ γ σ λ ν ρ χ θ δ πρ στ μπρ", "α ε ι ο ου α ο αι", "ς ν μ ρ λ"),
    "eo": Sounds(_PLAIN.replace(" w", "") + " ĉ ŝ ĵ ĝ pl br st", "a e i o u aŭ oj", "m n s l r p t"),
    "et": Sounds("p b m p b m t d k g f s l n r v h j", "a e i o u ä ö ü õ aa ee ii oo uu öö üü au ei", "m p t k s n l r b v"),
    "eu": Sounds("p b m p b m t d k g f s z l n r h tx x ts pr", "a e i o u ai au ei", "n l r s z m"),
    "fi": Sounds("p m p m t k s l n r v h j b f", "a e i o u ä ö y aa ee ii oo uu ää öö yy ai ei uo ie yö", "n s l r m p t"),
    "hr": Sounds(_SLAVIC + " č š ž ć lj nj j h", "a e i o u a o u", "m p t k s n l r b v"),
    "hu": Sounds("p b m p b m t d k g f s sz z l n r v h j cs gy ny zs", "a e i o u á é í ó ö ő ü ű ú", "m p t k n l r b sz v"),
    "id": Sounds(_PLAIN + " c j ny ng y sy", "a e i o u ai au a", "m p t k s n l r ng h b"),
    "is": Sounds(_NORTHERN + " þ hv j", "a e i o u y æ ö á í ó ú au ei", "m p t k s n l r f"),
    "lt": Sounds(_SLAVIC + " č š ž j", "a e i o u ė ū ą y ai ie uo au", "m p t k s n l r"),
    "lv": Sounds(_SLAVIC + " č š ž j", "a e i o u ā ē ī ū ai ie au", "m p t k s n l r"),
    "mt": Sounds("p b m p b m t d k g f s l n r v w x z ħ j q bl fr", "a e i o u ie aw ew", "m n s l r t b p x"),
    "nb": Sounds(_NORTHERN + " j kj sk", "a e i o u y æ ø å aa au øy ei", "m p t k s n l r f"),
    "nl": Sounds("p b m p b m t d k g f s l n r v h w z j sch pl br vr sp", "a e i o u aa ee ie oo oe uu eu ui ou ij", "p m t k s n l f r"),
    "pl": Sounds(_SLAVIC + " cz sz ż ć ś w ł rz h j dz", "a e i o u y ą ę ó", "m p t k s n l r w"),
    "pt-br": Sounds("p b m p b m t d c g f s l n r v j ch lh nh pr br qu", "a e i o u ã é ó ão ou ei", "m n s l r"),
    "ro": Sounds(_SLAVIC + " ș ț j h", "a e i o u ă î ea oa ie au", "m p t n s l r b"),
    "sk": Sounds(_SLAVIC + " č š ž ľ c j h", "a e i o u á é í ô ú ie", "m p t k s n l"),
    "sl": Sounds(_SLAVIC + " č š ž j h", "a e i o u a o", "m p t k s n l r b v"),
    "sq": Sounds(_PLAIN.replace(" w", "") + " sh ç xh gj nj th dh ll", "a e i o u y ë ua ie", "m p t k s n l r b f"),
    "sv": Sounds(_NORTHERN + " j sj tj skj", "a e i o u y ä ö å a o", "m p t k s n l r v b"),
    "sw": Sounds(_PLAIN + " mb mw bw pw kw ny ch sh j y nd", "a e i o u a i", "", 0.0),
    "tr": Sounds("p b m p b m t d k g f s ş l n r v h ç c y z", "a e i o u ö ü ı", "m p t k s n l r ş b"),
    "uk": Sounds("п б м п б м т д к г ф с з л н р в х ж ш ч пр бр ст", "а е и о у і ї я ю а о", "м п т к с н л р в"),
    "vi": Sounds("p b m b m t đ c g ph s l n r v h kh nh ch tr qu", "a e i o u ô ơ ư ê á ó à ồ ươ uô iê oa", "m p t c n ng nh"),
    "hi": Sounds("प ब म प ब म फ भ त द क ग स ल न र व ह च ज श य ट ड", "ा ि ी ु ू े ै ो ौ", "म न र ल स त प ब क"),
}  # fmt: skip
ENGLISH = ("en-us", "en")
LANGUAGES = (*ENGLISH, *SOUNDS)  # in espeak-ng's names


def sentence(language: str, random: np.random.Generator) -> str:
    """One sentence in one of LANGUAGES. Raises KeyError for another."""
    return english_sentence(random) if language in ENGLISH else SOUNDS[language].sentence(random)


# The ten languages that are never trained on, for validation only. Sentences of our own.
HELD_OUT_TEXT = {
    "ar": [
        "مرحبا بكم في بيتنا الجديد",
        "الباب الكبير مفتوح في المساء",
        "يحب الولد البحر والموج",
        "أمي تطبخ البطاطا مع الملح",
        "نمشي معا في المدينة القديمة",
        "كتب المعلم بابا كاملا عن المطر",
    ],
    "cmn-latn-pinyin": [
        "wo3 men5 ming2 tian1 qu4 bei3 jing1",
        "ma1 ma5 mai3 le5 mian4 bao1",
        "peng2 you3 pao3 bu4 hen3 man4",
        "bai2 mao1 pa2 shan1 bu2 pa4 feng1",
        "ba4 ba5 dui4 wo3 shuo1 wan3 an1",
        "fei1 ji1 fei1 de5 hen3 wen3",
    ],
    "de": [
        "Am Abend brennt im Bahnhof noch ein warmes Licht.",
        "Meine Mutter backt am Samstag Apfelkuchen mit Birnen.",
        "Wir bauen einen Kopf, der mit den Lippen spricht.",
        "Fünf müde Frösche saßen vor dem blauen Brunnen.",
        "Bitte bring mir morgen früh ein halbes Pfund Butter mit.",
        "Der Sommer war warm, aber im Winter wurde es bitter kalt.",
    ],
    "es": [
        "Mi abuela prepara un buen pan para el domingo.",
        "El barco blanco vuelve al puerto por la mañana.",
        "Pablo compró una bufanda amarilla para su hermano.",
        "¿Puedes abrir la ventana, por favor?",
        "Vamos a bailar y a beber un poco de vino.",
        "La luna brilla sobre el campo y sobre el pueblo.",
    ],
    "fr": [
        "Mon père a planté un pommier devant la maison.",
        "Le bateau blanc part demain pour une île sauvage.",
        "Bonjour, voulez-vous un peu de pain et du beurre ?",
        "La petite fille aime beaucoup les papillons bleus.",
        "Nous avons vu passer un homme avec un vieux parapluie.",
        "Il faut bien fermer la porte avant de partir.",
    ],
    "he": [
        "שלום לכולם וברוכים הבאים",
        "אמא שמה את הבקבוק על המדף",
        "הילד מבקש עוד פרוסת לחם",
        "אבא בנה בית מעץ בגן",
        "מחר בבוקר נלך לים",
        "במקום הזה אפשר לשבת בשקט",
    ],
    "it": [
        "La mamma prepara il pane per tutta la famiglia.",
        "Un bambino pallido beve un bicchiere di acqua fredda.",
        "Domani mattina proviamo a partire prima delle sette.",
        "Il babbo vuole comprare una barca verde.",
        "Febbraio è il mese più breve e più freddo.",
        "Questo quadro piace molto a mio fratello.",
    ],
    "ja": [
        "わたしのばしょはここです",
        "まいばんほんをよみます",
        "ぱんとばたーをください",
        "あめがふってもうみへいきます",
        "ぼくはまちでばすをまちます",
        "ともだちとこうえんであそびました",
    ],
    "ko": [
        "엄마는 밥을 먹고 바다를 보러 갑니다",
        "바람이 불면 나무가 춤을 춥니다",
        "아버지는 아침마다 빵과 버터를 먹습니다",
        "봄비가 마을에 조용히 내립니다",
        "우리는 부산에서 배를 타고 왔습니다",
        "문 앞에 작은 우산이 있습니다",
    ],
    "ru": [
        "Мама купила белый хлеб и банку варенья.",
        "Папа работает в большом новом порту.",
        "Бабушка любит петь песни по вечерам.",
        "Мы поплывём на пароходе вверх по реке.",
        "Утром выпал первый мягкий снег.",
        "Вот и бумага, перо и пустой конверт.",
    ],
}
HELD_OUT_LANGUAGES = frozenset(HELD_OUT_TEXT)
