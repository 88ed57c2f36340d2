# ruff: noqa: E501
"""The letters that words of a language are composed of, so that any engine for it can be made to speak.

No meaning is claimed: for the sound of a language its own letters and syllable shapes are enough. Left out
are languages in which espeak-ng names lip sounds doubtfully (Bengali, Assamese, Odia, Tamil, Setswana,
Oromo, Irish) or reads words letter by letter (Konkani), and those close to a held-out one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BABBLE_WORDS = (4, 9)  # in a line of babble: from, and below
_DEVANAGARI = 0x0900  # Unicode lays out the scripts of India alike, each in a block of its own


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
        return self._punctuated([self.word(random) for _ in range(random.integers(2, 10))], random)

    def babble(self, random: np.random.Generator) -> str:
        """Words that differ in a consonant only ("mana bana vana"): what lips must tell apart by ear.

        All consonants come equally often, so the tongue's n, d and g sound between the same vowels as the
        lips' m, b and v.
        """
        onsets, nuclei, codas = sorted(set(self.onsets.split())), self.nuclei.split(), self.codas.split()
        first, second = random.choice(nuclei, 2)
        words = []
        for _ in range(random.integers(*BABBLE_WORDS)):
            coda = random.choice(codas) if codas and random.random() < self.coda_share else ""
            words.append(random.choice(onsets) + first + random.choice(onsets) + second + coda)
        return self._punctuated(words, random)

    def _punctuated(self, words: list[str], random: np.random.Generator) -> str:
        for position in range(len(words) - 1):
            if random.random() < 0.12:
                words[position] += ","
        return " ".join(words).capitalize() + str(random.choice([".", ".", ".", "?", "!"]))


def _in_script(sounds: Sounds, block: int) -> Sounds:
    """Letters of Devanagari in another script of India, whose Unicode block starts at `block`."""
    table = {_DEVANAGARI + place: block + place for place in range(0x80)}
    return Sounds(
        sounds.onsets.translate(table), sounds.nuclei.translate(table), sounds.codas.translate(table)
    )


_PLAIN = "p b m p b m t d k g f s l n r v h w"
_SLAVIC = "p b m p b m t d k g f s z l n r v pr br tr st sk mn vl bl pl sp sm"
_NORTHERN = "p b m p b m t d k g f s l n r v h fl br bl pr st sp sv tr kv sm"
_HINDI = Sounds("प ब म प ब म फ भ त द क ग स ल न र व ह च ज श य ट ड", "ा ि ी ु ू े ै ो ौ", "म न र ल स त प ब क")
# English words by their spelling; sentences of real words stand in module text.
ENGLISH = Sounds(
    "p b m t d k g f v th w n l r s sh ch j h y wh z",
    "a e i o u ee oo ay oy ow ar or ai",
    "m n ng b d g p t k v f th l s",
)
SOUNDS = {  # in espeak-ng's names
    "af": Sounds("p b m p b m t d k g f s l n r v h w br bl st sp kw", "a e i o u aa ee ie oe oo ui ou ei eu", "p m t k s n l f r ng"),
    "az": Sounds("p b m p b m t d k q f s z l n r v h ç c ş y", "a e ə i ı o ö u ü", "m p t k n l r b v"),
    "bg": Sounds("п б м п б м т д к г ф с з л н р в х ж ш ч пр бр ст", "а е и о у ъ а о", "м п т к с н л р ф"),
    "ca": Sounds(_PLAIN.replace(" h w", "") + " x j ll ny pl br", "a e i o u é ó ai ou", "m n s l r t p"),
    "cs": Sounds(_SLAVIC + " č š ž ř c j h", "a e i o u á é í ou ů ě", "m p t k s n l"),
    "cy": Sounds("p b m p b m t d c g ff f s l n r h w ll dd th gw br pl", "a e i o u y w ai ei oe aw wy", "m p t n l r b f s"),
    "da": Sounds(_NORTHERN + " j", "a e i o u y æ ø å aa ej øj", "m p t k s n l r b v"),
    "el": Sounds("π μπ μ π β φ τ ντ κ γ σ λ ν ρ χ θ δ πρ στ μπρ", "α ε ι ο ου α ο αι", "ς ν μ ρ λ"),
    "eo": Sounds(_PLAIN.replace(" w", "") + " ĉ ŝ ĵ ĝ pl br st", "a e i o u aŭ oj", "m n s l r p t"),
    "et": Sounds("p b m p b m t d k g f s l n r v h j", "a e i o u ä ö ü õ aa ee ii oo uu öö üü au ei", "m p t k s n l r b v"),
    "eu": Sounds("p b m p b m t d k g f s z l n r h tx x ts pr", "a e i o u ai au ei", "n l r s z m"),
    "fa-latn": Sounds("p b m p b m t d k g f s z l n r v h ch sh j kh", "a e i o u aa", "m n s l r t b sh"),
    "fi": Sounds("p m p m t k s l n r v h j b f", "a e i o u ä ö y aa ee ii oo uu ää öö yy ai ei uo ie yö", "n s l r m p t"),
    "gd": Sounds("p b m p b m t d c g f s l n r bh mh ch", "a e i o u à è ì ò ù ea ai", "m p t n l r b s"),
    "gn": Sounds("p mb m p mb m t nd k ng s l n r v h ch g", "a e i o u y ã ẽ ĩ õ ũ", "", 0.0),
    "gu": _in_script(_HINDI, 0x0A80),
    "haw": Sounds("p m p m k l n w h", "a e i o u ā ē ī ō ū ai au ou", "", 0.0),
    "hi": _HINDI,
    "hr": Sounds(_SLAVIC + " č š ž ć lj nj j h", "a e i o u a o u", "m p t k s n l r b v"),
    "hu": Sounds("p b m p b m t d k g f s sz z l n r v h j cs gy ny zs", "a e i o u á é í ó ö ő ü ű ú", "m p t k n l r b sz v"),
    "hy": Sounds("պ բ մ փ բ մ տ դ թ կ գ ֆ ս զ լ ն ր վ հ ժ շ չ", "ա ե ի ո ու է", "մ ն ս լ ր ք"),
    "id": Sounds(_PLAIN + " c j ny ng y sy", "a e i o u ai au a", "m p t k s n l r ng h b"),
    "is": Sounds(_NORTHERN + " þ hv j", "a e i o u y æ ö á í ó ú au ei", "m p t k s n l r f"),
    "jbo": Sounds("p b m p b m t d k g f s z l n r v j c x", "a e i o u y ai au ei", "m n s l r"),
    "ka": Sounds("პ ბ მ ფ ბ მ ტ დ თ კ გ ქ ს ზ ლ ნ რ ვ ხ ჟ შ ჩ ჯ წ", "ა ე ი ო უ", "მ ნ ს ლ რ ბ თ"),
    "kk": Sounds("п б м п б м т д к г с з л н р ж ш қ ғ", "а е ы і о ө ұ ү ә", "м п т к с н л р ң"),
    "kl": Sounds("p m p m t k q s l n r v f j g", "a i u aa ii uu a", "m n p t k q"),
    "kn": _in_script(_HINDI, 0x0C80),
    "ku": Sounds("p b m p b m t d k g f s z l n r v w h ç c ş j x", "a e ê i î o u û", "m p t k s n l r b v"),
    "ky": Sounds("п б м п б м т д к г с з л н р ж ч ш", "а е ы и о ө у ү аа оо", "м п т к с н л р ң"),
    "la": Sounds("p b m p b m t d c g f s l n r v h qu pr br st", "a e i o u ae au", "m n s l r t"),
    "lt": Sounds(_SLAVIC + " č š ž j", "a e i o u ė ū ą y ai ie uo au", "m p t k s n l r"),
    "lv": Sounds(_SLAVIC + " č š ž j", "a e i o u ā ē ī ū ai ie au", "m p t k s n l r"),
    "mi": Sounds("p m p m t k n ng r w wh h", "a e i o u ā ē ī ō ū ai au ou", "", 0.0),
    "mk": Sounds("п б м п б м т д к г ф с з л н р в х ж ш ч пр бр ст ј", "а е и о у а о", "м п т к с н л р ф"),
    "ml": _in_script(_HINDI, 0x0D00),
    "mr": _HINDI,
    "ms": Sounds(_PLAIN + " c j ny ng y sy", "a e i o u ai au a", "m p t k s n l r ng h b"),
    "mt": Sounds("p b m p b m t d k g f s l n r v w x z ħ j q bl fr", "a e i o u ie aw ew", "m n s l r t b p x"),
    "nb": Sounds(_NORTHERN + " j kj sk", "a e i o u y æ ø å aa au øy ei", "m p t k s n l r f"),
    "nci": Sounds("p m p m t k ch tz tl x c hu n l y", "a e i o ā ē ī ō", "m n l tl x c"),
    "ne": _HINDI,
    "nl": Sounds("p b m p b m t d k g f s l n r v h w z j sch pl br vr sp", "a e i o u aa ee ie oo oe uu eu ui ou ij", "p m t k s n l f r"),
    "pa": _in_script(_HINDI, 0x0A00),
    "pl": Sounds(_SLAVIC + " cz sz ż ć ś w ł rz h j dz", "a e i o u y ą ę ó", "m p t k s n l r w"),
    "pt": Sounds("p b m p b m t d c g f s l n r v j ch lh nh pr br qu", "a e i o u ã é ó ão ou ei", "m n s l r"),
    "pt-br": Sounds("p b m p b m t d c g f s l n r v j ch lh nh pr br qu", "a e i o u ã é ó ão ou ei", "m n s l r"),
    "qu": Sounds("p p m p m t k q s l n r w h ch ll ñ y", "a i u a i u", "m n s q r y"),
    "quc": Sounds("p b' m p b' m t k q s l n r w j ch x tz", "a e i o u ä", "m n s l r k q b'"),
    "ro": Sounds(_SLAVIC + " ș ț j h", "a e i o u ă î ea oa ie au", "m p t n s l r b"),
    "sk": Sounds(_SLAVIC + " č š ž ľ c j h", "a e i o u á é í ô ú ie", "m p t k s n l"),
    "sl": Sounds(_SLAVIC + " č š ž j h", "a e i o u a o", "m p t k s n l r b v"),
    "smj": Sounds("p b m p b m t d k g f s l n r v h j hm hn", "a e i o u á å æ ie uo", "m n s l r p t k v b"),
    "sq": Sounds(_PLAIN.replace(" w", "") + " sh ç xh gj nj th dh ll", "a e i o u y ë ua ie", "m p t k s n l r b f"),
    "sr": Sounds(_SLAVIC + " č š ž ć lj nj j h", "a e i o u a o u", "m p t k s n l r b v"),
    "sv": Sounds(_NORTHERN + " j sj tj skj", "a e i o u y ä ö å a o", "m p t k s n l r v b"),
    "sw": Sounds(_PLAIN + " mb mw bw pw kw ny ch sh j y nd", "a e i o u a i", "", 0.0),
    "te": _in_script(_HINDI, 0x0C00),
    "tr": Sounds("p b m p b m t d k g f s ş l n r v h ç c y z", "a e i o u ö ü ı", "m p t k s n l r ş b"),
    "tt": Sounds("п б м п б м т д к г ф с з л н р в х ж ч ш", "а е ы и о ө у ү ә", "м п т к с н л р ң"),
    "uk": Sounds("п б м п б м т д к г ф с з л н р в х ж ш ч пр бр ст", "а е и о у і ї я ю а о", "м п т к с н л р в"),
    "uz": Sounds("p b m p b m t d k g f s z l n r v h q y ch sh", "a e i o u o‘ a", "m p t k n l r b v ng"),
    "vi": Sounds("p b m b m t đ c g ph s l n r v h kh nh ch tr qu", "a e i o u ô ơ ư ê á ó à ồ ươ uô iê oa", "m p t c n ng nh"),
}  # fmt: skip
