"""Believable names in the scripts of the world, as many as one likes; all of them made up."""

import random
from collections.abc import Iterator
from typing import NamedTuple

# Of each language: given names and family names, each as its people write them and as usernames
# have them, and what stands between the two. Nothing between: then the family name comes first.
LANGUAGES = (
    (
        "Anna Zoë Émile Liam Olivia Noah Clara Björn Søren Chloé Jürgen Ana-Lucía Michał Þóra",
        "anna zoe emile liam olivia noah clara bjorn soren chloe juergen analucia michal thora",
        "Lind Ångström O'Neill Müller Großmann García Ñandú Kowalski Łukasiewicz Rossi Dvořák",
        "lind angstrom oneill mueller grossmann garcia nandu kowalski lukasiewicz rossi dvorak",
        " ",
    ),
    (
        "Iş\u0131l Çağla Yiğit Gül Emre Şule",
        "isil cagla yigit gul emre sule",
        "Y\u0131ld\u0131z Öztürk Şahin Çelik Ayd\u0131n",
        "yildiz ozturk sahin celik aydin",
        " ",
    ),
    (
        "Анна Пётр Ольга Иван Марія Соня Алёна Богдан",
        "anna pyotr olga ivan maria sonya alyona bohdan",
        "Королёв Шевченко Иванова Кузнецова Мельник Орлова",
        "korolev shevchenko ivanova kuznetsova melnyk orlova",
        " ",
    ),
    (
        "Οδυσσέας Ελένη Γιώργος Μαρία",
        "odysseas eleni giorgos maria",
        "Παπαδόπουλος Ιωάννου Νικολάου",
        "papadopoulos ioannou nikolaou",
        " ",
    ),
    (
        "محمد ليلى يوسف مريم أحمد نور",
        "mohammed layla yousef maryam ahmad nour",
        "الأحمد حداد منصور الخطيب",
        "alahmad haddad mansour alkhatib",
        " ",
    ),
    (
        "प्रिया अर्जुन नमिता रोहन मीरा",
        "priya arjun namita rohan meera",
        "शर्मा पटेल गुप्ता सिंह",
        "sharma patel gupta singh",
        " ",
    ),
    (
        "小明 丽 伟 静 子轩",
        "xiaoming li wei jing zixuan",
        "王 李 张 陈 欧阳",
        "wang li zhang chen ouyang",
        "",
    ),
    (
        "太郎 花子 さくら ケンジ 陽菜",
        "taro hanako sakura kenji hina",
        "山田 佐藤 鈴木 髙橋",
        "yamada sato suzuki takahashi",
        "",
    ),
    ("하늘 민준 서연 지우", "haneul minjun seoyeon jiwoo", "김 이 박 최", "kim lee park choi", ""),
)
FLOURISHES = ("", "", "", "", "", "", "", " 🦊", " 🌿", " (work)")


class Name(NamedTuple):
    """What somebody is called, and how they sign in."""

    username: str
    display_name: str


def names(count: int, *, seed: int = 11) -> Iterator[Name]:
    """Yield that many people's names; usernames are distinct, display names are as in life."""
    chance = random.Random(seed)  # noqa: S311  # names, not secrets
    for number in range(count):
        *lists, between = chance.choice(LANGUAGES)
        given, plain_given, family, plain_family = (words.split() for words in lists)
        one, other = chance.randrange(len(given)), chance.randrange(len(family))
        parts = (given[one], family[other]) if between else (family[other], given[one])
        handle = f"{plain_given[one]}{chance.choice('._-')}{plain_family[other]}"
        shown = between.join(parts) + chance.choice(FLOURISHES)
        yield Name(f"{handle[:26]}{number}", shown)
