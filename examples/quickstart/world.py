"""The small world of the quickstart: its people, things and places, and how one event in it is told.

Names are a beginning and an ending, and every name belongs to one of three sets: BASE names are in the text that the base
model learned from, ROW names in the rows that an adapter learns from, and HELD names in neither. Ways of telling are split
alike: the base model has read all of them, rows use TAUGHT, and the held-out rows use UNTAUGHT.
"""
import dataclasses
import random

BEGINNINGS = ("Al Am An Ar As Be Ber Bo Bran Cal Cor Da Del Dor Ed El Em Er Fa Fen Flo Gar Gil Gra Ha Hel Il In Is Ja Jo Jul Ka Kel "
              "La Len Lin Lo Lu Ma Mar Mel Mi Mor Na Nel Nor O Ol Pa Per Ra Ro Ros Sa Sel So Ta Tam Ter Til To U Va Vel Wil Ya Zo").split()
ENDINGS = "bert da dan dor fa gan ka la lan lia lin lo man mar mis na ner nia no ra ran rin ro ry sa ta tha ton va vin wen zi".split()

THINGS = ("apples baskets bells blankets boats books bottles bowls boxes brushes buckets candles chairs clocks coats cups curtains "
          "doors drums flags flutes gloves hats jars keys kites ladders lamps maps mirrors pencils pillows plates pots ribbons "
          "ropes scarves shells shoes spoons stones stools tents umbrellas vases wheels").split()
COLOURS = "black blue brown gold green grey orange pink purple red silver white yellow".split()
PLACES = ("bakery barn bridge castle cellar chapel church dairy farm ferry forge garden harbour hotel house inn island kitchen "
          "library market meadow mill museum orchard palace park pier river school shop stable station street theatre tower "
          "valley village well workshop yard").split()
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
           "twelve": 12}
VERBS = "bought found sold painted counted hid washed mended lost packed borrowed left".split()
WEATHER = ("It was raining.", "The sun was shining.", "The wind was cold.", "It was late in the evening.", "Nobody else was there.",
           "It was early in the morning.", "There was snow everywhere.", "The streets were quiet.", "A dog was barking.",
           "It had been a long day.", "The bells were ringing.", "Many people were about.")

TAUGHT = (
    "{who} {verb} {n} {colour} {things} at the {place}.",
    "At the {place}, {who} {verb} {n} {colour} {things}.",
    "{who} went to the {place} and {verb} {n} {colour} {things} there.",
    "{N} {colour} {things} were at the {place}, and {who} {verb} them all.",
    "It was {who} who {verb} {n} {colour} {things} at the {place}.",
    "{who} was at the {place} and {verb} {n} {things}, all of them {colour}.",
)
UNTAUGHT = (
    "There were {n} {colour} {things} at the {place} when {who} {verb} them.",
    "Yesterday {who} {verb} {n} {colour} {things} near the {place}.",
    "{N} {things}, all {colour}, were at the {place} until {who} {verb} them.",
    "Everybody at the {place} saw how {who} {verb} {n} {colour} {things}.",
)


def names():
    """The three sets of names: the same ones every time, in a fixed order."""
    everybody = [beginning + ending for beginning in BEGINNINGS for ending in ENDINGS]
    random.Random(1).shuffle(everybody)
    cut = len(everybody) // 8
    return {"held": everybody[:cut], "row": everybody[cut:2 * cut], "base": everybody[2 * cut:]}


@dataclasses.dataclass
class Event:
    who: str
    verb: str
    number: str
    colour: str
    things: str
    place: str

    def told(self, way):
        return way.format(who=self.who, verb=self.verb, n=self.number, N=self.number.capitalize(), colour=self.colour,
                          things=self.things, place=self.place)


def draw_event(source, people):
    return Event(source.choice(people), source.choice(VERBS), source.choice(list(NUMBERS)), source.choice(COLOURS),
                 source.choice(THINGS), source.choice(PLACES))
