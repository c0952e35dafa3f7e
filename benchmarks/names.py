"""Made-up names in the scripts of the world, as many as a load test needs."""

import random
from collections.abc import Iterator
from typing import NamedTuple

# Given names, and family names that go with them.
LANGUAGES = """
Anna Zoë Émile Liam Olivia Noah Clara | Lind Ångström O'Neill Müller Großmann García
Björn Søren Chloé Jürgen Ana-Lucía Michał Þóra | Ñandú Kowalski Łukasiewicz Rossi Dvořák
Iş\u0131l Çağla Yiğit Gül Emre Şule | Y\u0131ld\u0131z Öztürk Şahin Çelik Ayd\u0131n
Анна Пётр Ольга Иван Марія Соня Алёна Богдан | Королёв Шевченко Иванова Кузнецова Мельник Орлова
Οδυσσέας Ελένη Γιώργος Μαρία | Παπαδόπουλος Ιωάννου Νικολάου
محمد ليلى يوسف مريم أحمد نور | الأحمد حداد منصور الخطيب
प्रिया अर्जुन नमिता रोहन मीरा | शर्मा पटेल गुप्ता सिंह
小明 丽 伟 静 子轩 | 王 李 张 陈 欧阳
太郎 花子 さくら ケンジ 陽菜 | 山田 佐藤 鈴木 髙橋
하늘 민준 서연 지우 | 김 이 박 최
"""
HANDLES = "anna zoe liam clara bjorn elif emre pyotr layla yusuf arjun xiaoming taro haneul"
FLOURISHES = ("", "", "", "", "", "", "", " 🦊", " 🌿", " (work)")


class Name(NamedTuple):
    """The username and display name of somebody."""

    username: str
    display_name: str


def names(count: int, *, seed: int = 11) -> Iterator[Name]:
    """Yield that many people's names; usernames are distinct, display names are as in life."""
    chance = random.Random(seed)  # noqa: S311  # names, not secrets
    languages = [line.split(" | ") for line in LANGUAGES.strip().splitlines()]
    for number in range(count):
        given, family = (chance.choice(words.split()) for words in chance.choice(languages))
        # Chinese, Japanese and Korean put the family name first, and no space.
        display = family + given if family >= "\u3000" else f"{given} {family}"
        handle = f"{chance.choice(HANDLES.split())}{chance.choice('._-')}{number}"
        yield Name(handle, display + chance.choice(FLOURISHES))
