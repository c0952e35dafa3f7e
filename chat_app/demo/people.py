"""The invented people of the demo, their friendships and requests."""

from typing import NamedTuple

# The accounts to sign in with first.
FIRST, SECOND = "mira", "tomas"


class Neighbour(NamedTuple):
    """A person of the demo, last seen `minutes` ago."""

    username: str
    display_name: str
    status_text: str
    bio: str
    minutes: int
    share_presence: bool = True


NEIGHBOURS = (
    Neighbour(
        "mira",
        "Mira Lindqvist",
        "Baking on Sundays 🥐",
        "Lime Street 4, second floor. If the door is open, the bread is done.",
        35,
    ),
    Neighbour(
        "tomas", "Tomás Herrera", "The guitar is back", "Plays louder than the stairwell.", 20
    ),
    Neighbour("elif", "Elif Y\u0131ld\u0131z", "46 lanterns. 46!", "Jars wanted.", 6),
    Neighbour(
        "yusuf", "يوسف منصور", "قهوة أولًا ☕", "Two words of Arabic a day, free of charge.", 44
    ),
    Neighbour("olena", "Олена Коваль", "Ліплю вареники 🌿", "Вареники з вишнями.", 290),
    Neighbour("haruka", "田中 春香", "猫が二匹います", "Paper, cats, paper cats.", 1_400),
    Neighbour(
        "ama", "Ama Boateng", "Night shift until Thursday", "Nurse. Please mind the bees.", 1_250
    ),
    Neighbour("priya", "प्रिया नायर", "चाय?", "Brings her own tawa.", 1_500),
    Neighbour("luca", "Luca Bianchi", "It is a table", "", 3_000, share_presence=False),
    Neighbour("zoe", "Zoë Verbeek", "New on Lime Street", "Third floor. Loud bell.", 170),
    Neighbour("nikos", "Νίκος Αλεξίου", "Σούπα", "Bigger pot wanted.", 350),
    Neighbour("seoa", "윤서아", "오늘은 쉬는 날", "Translates novels, slowly.", 4_300),
    Neighbour("meilin", "林美玲", "慢慢来", "Origami with a teenager.", 2_900),
    Neighbour("ben", "Ben Ashworth", "Looking for a choir", "", 700),
)
FRIENDSHIPS = (
    "mira tomas",
    "mira elif",
    "mira yusuf",
    "mira olena",
    "mira haruka",
    "mira ama",
    "mira priya",
    "tomas ama",
    "tomas ben",
    "tomas luca",
    "elif yusuf",
    "elif luca",
    "olena nikos",
    "olena ben",
    "yusuf nikos",
    "haruka meilin",
    "ama ben",
)
# Open friend requests: sender and receiver.
REQUESTS = ("zoe mira", "nikos mira", "mira seoa")
