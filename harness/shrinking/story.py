"""A story is a small run that is worth keeping: a file that says what happens and how it must end.

The tests play every story (``tests/stories``): one that once failed is how a bug is kept from
coming back, one that is valid holds a delicate promise. It is played in the simulated world, where
its options and schedule decide everything.

    title      what it shows, in a sentence
    options, schedule   the case; the options name the planted bug, if it is played with one
    expect     valid, invalid or unknown; if invalid, the anomaly that must be there
"""

from dataclasses import dataclass

import msgspec

from harness.options import RunOptions
from harness.shrinking.case import Case
from nemesis.schedules import Schedule

__all__ = ["Story", "StoryError"]


class StoryError(ValueError):
    """A file that holds no story."""


@dataclass(frozen=True, slots=True)
class Story:
    """One file of ``tests/stories``."""

    title: str
    case: Case
    expect: str
    anomaly: str = ""

    def to_json(self) -> bytes:
        """Return the text of a story file; ``from_json`` is the inverse."""
        stored = {
            "title": self.title,
            "expect": self.expect,
            "anomaly": self.anomaly,
            "options": self.case.options.to_json(),
            "schedule": msgspec.to_builtins(self.case.schedule),
        }
        return msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"

    @staticmethod
    def from_json(text: bytes) -> "Story":
        """Read a story; ``StoryError`` says what was found instead."""
        try:
            stored = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            words = {
                name: msgspec.json.decode(stored[name], type=str)
                for name in ("title", "expect", "anomaly")
            }
            options = RunOptions.from_json(msgspec.json.decode(stored["options"]))
            schedule = Schedule.from_json(bytes(stored["schedule"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoryError(f"expected a story, found: {error}") from error
        return Story(case=Case(options, schedule), **words)
