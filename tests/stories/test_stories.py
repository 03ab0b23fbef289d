"""Every story in this folder ends as it says, on the correct broker or with its planted bug.

``mqhavoc shrink RUN --out tests/stories`` adds one. A story whose verdict changes tells that
the broker's behaviour has changed: read why before you change the story.
"""

from pathlib import Path

import pytest

from checkers.verdict import Validity
from harness.shrinking.story import Story
from harness.simulated.run import simulate

FILES = sorted(Path(__file__).parent.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_story_ends_as_it_says(file: Path) -> None:
    story = Story.from_json(file.read_bytes())

    judgement = simulate(story.case.options, story.case.schedule).judgement

    assert judgement.validity.word == story.expect, (judgement.why, dict(judgement.anomalies))
    if story.anomaly:
        assert judgement.anomalies[story.anomaly].validity is Validity.INVALID


def test_there_are_stories_of_both_kinds() -> None:
    """Else the test above could be about nothing."""
    stories = [Story.from_json(file.read_bytes()) for file in FILES]
    assert {bool(story.case.options.mutant) for story in stories} == {True, False}
