"""A desk that stands where `seats` stands, for tests of pages: notes what it was asked, says what it is told to."""

from regional_hub.showcase.actions import seats
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.views import live


class Desk:
    """Stands where `seats` stands, and notes what it was asked."""

    def __init__(self):
        self.asked, self.left, self.full = [], [], False
        self.standing = seats.Standing("waiting", 1, 3.0, "", "You are number 1.", 5)

    def ask(self, publication, visitor, address, tab):
        if self.full:
            raise Problem("full", "Too many wait.")
        self.asked.append((visitor, address, tab))

    def look(self, visitor, publication, *, hidden=False):
        known = visitor in {each[0] for each in self.asked}
        return self.standing if known else seats.Standing("none", None, None, "", "", 5)

    def leave(self, visitor, publication, tab):
        self.left.append((visitor, tab))

    def sit(self, monkeypatch):
        for name in ("ask", "look", "leave"):
            monkeypatch.setattr(live.seats, name, getattr(self, name))
