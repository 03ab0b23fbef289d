"""Each finding comes with the ops that prove it, and an extract is judged like the whole."""

import pytest

from checkers.minimal import extract
from checkers.proof import explain, proof_text, space_time
from checkers.suite import judge
from histories.history import History
from histories.notation import parse_history
from tests.checkers.judging import judged
from tests.checkers.model import GENTLE, Model
from tests.checkers.test_correct_model import acknowledged, without

LOST = """
0 invoke send a @0
0 ok     send a @0/0
2 invoke pull @0
1 invoke drain @0
1 ok     drain @0
"""


def test_a_proof_is_the_sentence_and_its_ops_in_notation() -> None:
    finding = judged(LOST).anomalies["lost"].findings[0]
    lines = proof_text(parse_history(LOST), finding).splitlines()
    assert lines[0] == finding.text
    assert [line.split(maxsplit=2)[2] for line in lines[1:]] == [
        "0 invoke send a @0",
        "0 ok send a @0/0",
        "1 invoke drain @0",
        "1 ok drain @0",
    ]
    assert explain(parse_history(LOST), judged(LOST).anomalies["lost"]) == "\n".join(lines)


def test_a_diagram_has_one_span_an_op() -> None:
    finding = judged(LOST).anomalies["lost"].findings[0]
    spans = space_time(parse_history(LOST), finding)
    assert [(span.process, span.begin_row, span.end_row) for span in spans] == [
        ("0", 0, 1),
        ("1", 3, 4),
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_extract_is_small_and_judged_the_same(seed: int) -> None:
    ops = Model(seed, "SYNC_MASTER+SYNC_FLUSH", GENTLE).run()
    history = History.from_ops(without(ops, acknowledged(ops)[0].value))
    small = extract(history, "lost")
    whole, part = judge(history).anomalies["lost"], judge(small).anomalies["lost"]
    assert part.validity is whole.validity
    assert len(small) <= 6
    assert len(small) < len(history)


def test_nothing_can_be_extracted_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        extract(parse_history(LOST), "misordered")
