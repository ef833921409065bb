"""A cover for a publication without a picture: fields in the colours of its goals, its own by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from PIL import Image, ImageDraw

from regional_hub.core import goals

NEUTRAL = ("#00609c", "#009edb", "#4b5865")
PALE = 0.14  # how much of a colour is in its ground


def cover(seed: str, of_goals: Sequence[int], size: tuple[int, int]) -> Image.Image:
    """Bars of uneven heights, as in a chart without figures; the same seed and goals give the same cover."""
    known = goals.facts()
    colours = [known[str(goal)]["colour"] for goal in of_goals if str(goal) in known] or list(NEUTRAL)
    numbers = hashlib.sha256(seed.encode()).digest()
    width, height = size
    made = Image.new("RGB", size, _mixed(colours[0], PALE))
    draw = ImageDraw.Draw(made)
    count = 12
    step = width / count
    for number in range(count):
        top = height * (0.25 + 0.6 * numbers[number] / 255)
        colour = colours[number % len(colours)]
        left = round(number * step + step * 0.14)
        draw.rectangle((left, round(top), round((number + 1) * step - step * 0.14), height), fill=colour)
    return made


def _mixed(colour: str, share: float) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return round(255 - (255 - red) * share), round(255 - (255 - green) * share), round(255 - (255 - blue) * share)
