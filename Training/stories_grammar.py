"""Writes short children's stories from `stories_plots.txt`. Equal seeds give equal stories.

    python stories_grammar.py --seed 1 --count 3
"""

import argparse
import random
import re
from dataclasses import dataclass
from pathlib import Path

GIRLS = "Lily Mia Anna Ella Sophie Rosa Nora Zoe Ivy Maya Lucy Clara Emma Ruby Sara Amy Molly Grace Alice Jane".split()
BOYS = "Tom Ben Max Leo Sam Jack Oscar Finn Noah Theo Hugo Eli Tim Jonas Peter Adam Lucas Henry Paul Nico".split()
ANIMAL_GIRLS = "Fern Hazel Willow Clover Poppy Dot Tilly Daisy Olive Pearl Coco Luna Penny Misty Nell".split()
ANIMAL_BOYS = "Moss Bramble Rusty Bruno Milo Barnaby Otto Pip Biscuit Teddy Felix Oliver Gus Toby Rollo".split()

# Each kind of animal with looks that a sentence "He had ..." can name.
ANIMALS = {
    "fox": "soft red fur and a bushy tail", "rabbit": "long ears and a fluffy white tail",
    "bear": "thick brown fur and big round paws", "mouse": "tiny pink ears and a long thin tail",
    "hedgehog": "a hundred little spines and a shiny black nose", "squirrel": "a red tail that was bigger than the rest of {him}",
    "duck": "yellow feathers and big orange feet", "frog": "smooth green skin and very long legs",
    "turtle": "a green shell with a pattern like a star", "kitten": "gray fur and bright green eyes",
    "puppy": "floppy ears and a tail that never stopped wagging", "badger": "a black and white face and strong paws",
    "otter": "smooth brown fur and quick little paws", "deer": "long legs and white spots on {his} back",
    "mole": "soft black fur and very small eyes", "beaver": "a flat tail and two big front teeth",
    "lamb": "white wool as soft as a cloud", "pony": "a long brown mane and a white spot on {his} nose",
    "dragon": "green scales and two small wings", "elephant": "big gray ears and a long trunk",
    "panda": "black ears and a round white belly", "monkey": "long arms and a curly tail",
    "penguin": "a black coat and a white belly", "lion": "golden fur and a loud little roar",
}
# An animal of this name is of the same kind in every plot.
KINDS = {
    "Rollo": "penguin", "Coco": "beaver", "Milo": "rabbit", "Hazel": "deer", "Bramble": "elephant", "Olive": "lion", "Moss": "bear",
    "Oliver": "frog", "Otto": "lion", "Tilly": "pony", "Bruno": "panda", "Rusty": "pony", "Gus": "duck", "Poppy": "monkey",
    "Penny": "otter", "Misty": "duck", "Clover": "lion", "Nell": "dragon", "Dot": "turtle", "Barnaby": "elephant", "Fern": "squirrel",
    "Willow": "puppy", "Daisy": "mouse", "Pearl": "squirrel", "Luna": "mole", "Biscuit": "badger", "Teddy": "fox",
    "Felix": "hedgehog", "Pip": "squirrel", "Toby": "lamb",
}
CHILD_LOOKS = """curly brown hair and a big smile / red hair and freckles on {his} nose / short black hair and bright eyes
    / a blue coat with big pockets / a yellow raincoat that {he} wore every day / rosy cheeks and a loud, happy laugh
    / a green hat that {he} never took off"""
TRAITS = """little / little / little / young / kind / curious / brave / cheerful / clever / gentle / playful / quiet / happy / shy
    / friendly / small and curious / kind and gentle / bright and cheerful"""

CHILD_HOMES = """in a small house near the sea / in a little village by the river / in a tall house in the middle of a busy town
    / in a yellow house at the end of a quiet street / on a farm at the foot of a hill / in a small town with a big park
    / in a cottage at the edge of the woods / above a bakery that always smelled of bread / in a white house on top of a hill"""
ANIMAL_HOMES = """in a green forest / in a cozy home under an old oak tree / at the edge of a quiet pond / in a sunny meadow
    / in the woods behind the hill / near a little stream / in a valley full of flowers / in a small house made of twigs and moss
    / in a warm burrow under the ground / beside a big blue lake"""
CHILD_PLACES = """the park / the garden / the beach / the playground / the river / the pond / the big field / the old mill / the apple trees
    / the village square / the little lake / the farm"""
ANIMAL_PLACES = """the meadow / the pond / the big oak tree / the stream / the hill / the berry bushes / the old willow tree / the little lake
    / the river / the apple trees / the big rock / the waterfall"""
CHILD_ELDERS = """Mrs. Green:she / Mr. Brown:he / Mrs. Hill:she / Mr. Baker:he / Miss Plum:she / Mr. Finch:he / Mrs. Berry:she"""
ANIMAL_ELDERS = "owl:he / owl:she / turtle:he / turtle:she / goose:she / stork:he / raven:he / toad:he / goat:she"
PARENTS = """mother:Mama:she / mother:Mama:she / father:Papa:he / father:Papa:he / grandmother:Grandma:she / grandfather:Grandpa:he"""
CHILD_GRUMPS = "Mr. Crabb:he / Mrs. Stone:she / Mr. Thorn:he / Mrs. Frost:she"
ANIMAL_GRUMPS = "badger:he / crow:she / porcupine:he / goat:she / wolf:he"

LOOK = """behind the trees / under the bushes / behind the wall / near the water / behind the old barrel / along the path / under the bridge
    / behind the fence / in the flower bed / around the corner / behind a pile of wood / in the tall grass / under the branches"""
PLAY = """played tag / flew a kite / played hide and seek / built a castle of sand / rolled down the hill / jumped over puddles
    / threw stones into the water / climbed a tree / made crowns of flowers / played with a ball / danced in a circle / built a little dam
    / looked for four-leaf clovers / watched the ants / raced to the fence and back / made boats of leaves"""
WORDS = {
    "called": "called / shouted / cried", "shouted": "shouted / cried", "cried": "cried / yelled",
    "whispered": "whispered", "stopped": "stopped / stood still", "quiet": "quiet / small / soft",
    "now": "now / this time", "sunny": "sunny / bright / warm", "grass": "grass / field / hill",
    "sounds": "sounds / noises",
}
DAYS = """One day, / One day, / One day, / One sunny day, / One morning, / One sunny morning, / One afternoon, / One fine day, / One warm day,
    / One spring morning, / One summer day, / One bright morning, / One Saturday, / One cool autumn day, / One windy day,"""
WEATHER = """It was a warm day in spring, and the birds were singing. / It was a beautiful summer day, and the sky was blue.
    / The sun was shining, and there was not a cloud in the sky. / It was a cool morning, and the grass was still wet.
    / It was a sunny morning, and the air smelled of flowers. / It was autumn, and the leaves were red and yellow.
    / It was a windy day, and the leaves danced in the air. / The rain had stopped, and the sun came out again.
    / It was early in the morning, and the whole world was quiet."""

PRONOUNS = {"he": ("he", "him", "his", "himself"), "she": ("she", "her", "her", "herself")}


def options(text: str) -> list[str]:
    return [" ".join(part.split()) for part in re.split(r"\s/\s", text)]


@dataclass(frozen=True)
class Plot:
    name: str
    groups: list[str]
    # Each choice binds some names, in all stories of the plot, to one of several rows of values.
    choices: list[tuple[list[str], list[list[str]]]]
    hint: str
    text: str


def load_plots(path: Path) -> list[Plot]:
    plots = []
    for block in re.split(r"^== ", path.read_text(), flags=re.M)[1:]:
        header, body = block.split("\n", 1)
        name, groups = header.split(":")
        choices, hint, text = [], "", []
        for line in body.splitlines():
            if line.startswith("let "):
                left, right = line[4:].split(" = ", 1)
                names = [part.strip() for part in left.split(" ; ")]
                rows = [[part.strip() for part in row.split(" ; ")] for row in right.split(" / ")]
                assert all(len(row) == len(names) for row in rows), f"{name}: uneven rows: {line}"
                choices.append((names, rows))
            elif line.startswith("hint = "):
                hint = line[7:]
            else:
                text.append(line)
        plots.append(Plot(name, groups.split(), choices, hint, "\n".join(text).strip()))
    return plots


PLOTS = load_plots(Path(__file__).with_name("stories_plots.txt"))


# Chosen so that well-known beginnings have a story.
CASTS: dict[str, int] = {"lost": 2709, "storm": 1, "stuck": 1, "snow": 127, "moon": 37, "bridge": 1, "sleep": 2, "paint": 1, "boast": 4, "trip": 1, "baby": 2, "tooth": 1, "tent": 183, "fish": 1, "sand": 1, "crumbs": 1, "laugh": 6, "rainbox": 1, "book": 1, "bees": 5, "shadow": 2, "apples": 38, "hat": 2, "fireflies": 2, "smallest": 3, "thief": 3, "icecream": 2}


class Story:
    """One story being told: the random choices made so far and the names bound by them."""

    def __init__(self, seed: int | str):
        self.random = random.Random(seed)
        # The cast and the things of a plot are always the same, so that a model of a few million
        # parameters can keep them apart; how they are told is free.
        self.plot = self.random.choice(PLOTS)
        self.cast_random = random.Random(f"cast/{self.plot.name}/{CASTS.get(self.plot.name, 0)}")
        self.names: dict[str, str] = {}

    def choose(self, text: str) -> str:
        return self.random.choice(options(text))

    def choose_cast(self, text: str) -> str:
        return self.cast_random.choice(options(text))

    def bind_pronouns(self, key: str, gender: str) -> None:
        prefix = "" if key == "h" else key
        for word, value in zip(("he", "him", "his", "himself"), PRONOUNS[gender]):
            self.names[prefix + word] = value

    def cast(self, key: str, group: str, taken: set[str], named: bool) -> None:
        """Binds a hero (`h`) or a friend (`f`, `g`): name, first mention, form of address, pronouns."""
        gender = self.cast_random.choice(["he", "she"])
        if group == "child":
            name = self.cast_random.choice([n for n in (BOYS if gender == "he" else GIRLS) if n not in taken])
            kind = "boy" if gender == "he" else "girl"
            address = name
            first = self.cast_random.choice(["{his} friend " + name] * 3 + ["{his} best friend " + name])
            stranger = self.choose_cast(f"little {kind} / {kind} with a red scarf / {kind} with a blue hat") if key == "g" else self.choose_cast("girl / boy")
        else:
            kind = self.cast_random.choice([k for k in ANIMALS if k not in taken])
            name = self.cast_random.choice([n for n in (ANIMAL_BOYS if gender == "he" else ANIMAL_GIRLS) if n not in taken])
            kind = KINDS[name] if named else kind
            address = name
            first = self.cast_random.choice([f"{name} the {kind}", f"{name} the {kind}", "{his} friend " + name + f" the {kind}"])
            stranger = self.choose_cast(f"little {kind} / young {kind} / shy little {kind}")
            if not named:
                name, address = (f"the little {kind}", f"little {kind}") if key == "h" else (f"the {kind}", kind)
                first = "{his} friend " + name
        taken |= {name, kind}
        self.names |= {key: name, key + "v": address, key + "k": kind, key + "i": first, key + "n": name,
                       key + "new": "a " + stranger}
        self.bind_pronouns(key, gender)

    def cast_elders(self, group: str) -> None:
        """Binds a parent (`p`), a wise elder (`e`) and a grumpy one (`o`)."""
        kin, address, gender = self.choose_cast(PARENTS).split(":")
        self.names |= {"p": f"{self.names['his']} {kin}", "pv": address}
        self.names["fp"] = f"{self.names['fhis']} {self.choose_cast('mother / father')}"
        self.bind_pronouns("p", gender)
        pools = (CHILD_ELDERS, CHILD_GRUMPS) if group == "child" else (ANIMAL_ELDERS, ANIMAL_GRUMPS)
        for key, pool in zip("eo", pools):
            name, gender = self.choose_cast(pool).split(":")
            while name in (self.names["hk"], self.names["fk"], self.names["gk"]):
                name, gender = self.choose_cast(pool).split(":")
            if group == "child":
                later, first = name, "old " + name
            else:
                later = f"the {self.choose_cast(f'{name} / old {name}')}"
                first = f"the {self.choose_cast('wise old / old / wise')} {name}" if key == "e" else f"an old {name}"
            self.names |= {key: later, key + "v": name, key + "i": first}
            self.bind_pronouns(key, gender)

    def intro(self, group: str, named: bool) -> str:
        """A sentence or two that present the hero."""
        kind, trait = self.names["hk"], self.choose_cast(TRAITS)
        home = self.choose_cast(CHILD_HOMES if group == "child" else ANIMAL_HOMES)
        what = f"a~ {trait if named else 'little'} {kind}"
        who = f"{what} {self.choose_cast('named {h} / named {h} / called {h}')}" if named else what
        looks = self.choose_cast(CHILD_LOOKS) if group == "child" else ANIMALS[kind]
        hint = f"[{self.plot.hint}]"
        if self.random.random() < 0.3:
            return self.choose(f"""Once upon a time, there was {who} who {hint}. / Once upon a time, there was {who}, and {{he}} {hint}.
                / There was once {who} who {hint}. / There was {who} who {hint}. / Once there was {who} who {hint}.""")
        plain = f"{{h}} was {what} who lived {home}." if named else f"A little {kind} lived {home}."
        first = self.choose(f"""Once upon a time, there was {who} who lived {home}. / Once upon a time, there was {who}. {{He}} lived {home}.
            / Once upon a time, {home}, there lived {who}. / Once upon a time, {who} lived {home}. / Once upon a time, there was {who}.
            / There once was {who} who lived {home}. / {home}, there lived {who}. / There was {who} who lived {home}.
            / Once there was {who} who lived {home}. / Long ago, {who} lived {home}. / {plain}""")
        more = self.random.choice(["{h} HINT.", "{He} HINT.", "{He} HINT.", "{h} had LOOKS, and {he} HINT.", "{He} had LOOKS, and {he} HINT."])
        more = more.replace("LOOKS", looks).replace("HINT", hint)
        return f"{first} {more}"

    def start(self, group: str, named: bool, asked: str) -> str:
        """The opening. It leaves a mark, `@`, before a hero who is not yet presented."""
        day = self.names["when"] + "," if "when" in self.names else self.choose(DAYS)
        style = self.random.random()
        if style < 0.6:
            intro = self.intro(group, named)
            if asked == "intro":
                return intro
            return f"{intro}{self.random.choice([' ', chr(10) * 2])}{day}"
        if asked == "intro" or style < 0.75:
            return "@"
        if style < 0.85 and "when" not in self.names:
            return self.choose(WEATHER) + " @"
        return f"{day} @"

    def expand(self, text: str) -> str:
        """Replaces names and alternatives, innermost first, until none is left."""
        while True:
            match = re.search(r"\{(\w+)\}|\[([^\[\]{}]*)\]", text) or re.search(r"\[([^\[\]]*)()\]", text)
            if not match:
                return text
            if match.group(0)[0] == "{":
                value = self.lookup(match.group(1))
            else:
                value = self.random.choice(match.group(0)[1:-1].split("|"))
            text = text[:match.start()] + value + text[match.end():]

    def lookup(self, name: str) -> str:
        for key in (name, name[0].lower() + name[1:]):
            value = self.names.get(key) or (self.choose(WORDS[key]) if key in WORDS else None)
            if value is not None and key == name:
                return value
            if value is not None:
                value = self.expand(value) if value[0] == "{" else value
                return value[:1].upper() + value[1:]
        raise KeyError(name)

    def tell(self) -> str:
        plot = self.plot
        group = self.cast_random.choice(plot.groups)
        named = group == "child" or "{hn}" in plot.text or self.cast_random.random() < 0.75
        taken: set[str] = set()
        self.cast("h", group, taken, named)
        self.cast("f", group, taken, group == "child" or self.cast_random.random() < 0.85)
        self.cast("g", group, taken, True)
        self.cast_elders(group)
        self.names["a_child"] = f"a {self.names['fk']}"
        places = self.cast_random.sample(options(CHILD_PLACES if group == "child" else ANIMAL_PLACES), 2)
        looks, plays = self.cast_random.sample(options(LOOK), 4), self.cast_random.sample(options(PLAY), 2)
        self.names |= {"place": places[0], "place2": places[1], "play1": plays[0], "play2": plays[1]}
        self.names |= {f"look{i + 1}": look for i, look in enumerate(looks)}
        for names, rows in plot.choices:
            self.names |= dict(zip(names, self.cast_random.choice(rows)))
        lines = [line for line in plot.text.splitlines() if not line.startswith("? ") or self.random.random() < 0.5]
        text = "\n".join(line.removeprefix("? ") for line in lines)
        asked = "intro" if text.startswith("{intro}") else "start"
        text = self.start(group, named, asked) + text.removeprefix("{" + asked + "}")
        if self.random.random() < 0.1:
            text += "\n\n" + self.choose("The end." if "when" in self.names else "The end. / The end. / And they all lived happily ever after.")
        return self.polish(self.expand(text), group, named)

    def polish(self, text: str, group: str, named: bool) -> str:
        """Presents the hero where the opening did not, then sets articles, capitals and spaces."""
        if "@" in text:
            hero, kind = self.names["h"], self.names["hk"]
            first = hero
            if group == "animal" and named:
                firsts = [f"{hero} the {kind}", f"little {hero} the {kind}"]
                before, after = text.split(f"@ {hero}", 1)
                # "A fox named Fern, Tom, and ..." reads badly, and after the weather it is slow.
                if after[0] not in "'," and not before.endswith(". "):
                    firsts.append(f"a little {kind} named {hero}")
                first = self.random.choice(firsts)
            elif group == "child" and self.random.random() < 0.25:
                first = self.random.choice([f"a {kind} named {hero}", f"little {hero}"])
            text = text.replace(f"@ {hero}", first, 1).replace("@", "")
        text = re.sub(r"\n[a-z]", lambda match: match.group(0).upper(), text)
        # Every speaker gets a paragraph of their own.
        paragraphs = [" ".join(part.split()) for part in re.split(r'\n\s*\n|\n(?=")', text)]
        text = "\n\n".join(part for part in paragraphs if part)
        text = re.sub(r"\b([Aa])~ (?=[aeiouAEIOU])", r"\1n ", text).replace("a~ ", "a ").replace("A~ ", "A ")
        text = re.sub(r"(\w)\"\.", r'\1."', text)
        # A sentence begins after an end mark, an opening quotation mark or a line break; after
        # `!"` and `?"` the plot itself says so, since "he said" may follow.
        text = re.sub(r"(^|\n|(?<!Mr)(?<!Mrs)[.!?] |(?<!\w)\.\" |(?<=\.)\" |(?:^|(?<!,)\s)\")([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)
        return text


def story(seed: int | str) -> str:
    return Story(seed).tell()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=1)
    arguments = parser.parse_args()
    print("\n\n---\n\n".join(story(f"{arguments.seed}/{index}") for index in range(arguments.count)))
