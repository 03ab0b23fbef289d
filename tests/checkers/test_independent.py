"""Values ``[key value]`` are Jepsen's independent keys: each is judged alone, all are merged."""

from pathlib import Path

import pytest

from checkers.linearizable import linearizability
from checkers.suite import judge
from checkers.verdict import Validity
from histories.formats import read_history
from histories.notation import parse_history
from tests.checkers.judging import found, judged

SET = """
0 invoke add [3,1]
0 ok     add [3,1]
1 invoke add [4,1]
1 info   add [4,1]
0 invoke add [3,2]
0 ok     add [3,2]
2 invoke read [3,null]
2 ok     read [3,{three}]
2 invoke read [4,null]
2 ok     read [4,{four}]
"""


@pytest.mark.parametrize(
    ("three", "four", "expected"),
    [
        ("[1,2]", "[]", {}),
        ("[1,2]", "[1]", {"recovered": "valid"}),
        ("[1]", "[2]", {"lost": "invalid", "unexpected": "invalid"}),
        (r'{"\u0023{}":[1,2]}', "[]", {}),
    ],
)
def test_each_key_of_a_set_is_a_set(three: str, four: str, expected: dict[str, str]) -> None:
    assert found(SET.format(three=three, four=four)) == expected


def test_numbers_are_added_up_and_findings_say_of_which_key_they_are() -> None:
    judgement = judged(SET.format(three="[1]", four="[]"))
    assert judgement.counts["key-count"] == 2
    assert judgement.counts["failures"] == ["3"]
    assert judgement.counts["attempt-count"] == 3
    assert judgement.counts["set-full"]["lost-count"] == 1
    (finding,) = judgement.anomalies["lost"].findings
    assert finding.text == "key 3: 2 was added, and is not there any more"
    assert finding.ops == (4, 5, 7)
    assert finding.data["key"] == "3"


def test_a_key_that_was_never_read_makes_the_verdict_unknown_and_hides_no_loss() -> None:
    unread = SET.format(three="[1,2]", four="[]").replace("2 ok     read [4,[]]", "")
    assert judged(unread).validity is Validity.UNKNOWN
    assert any(reason.startswith("key 4: ") for reason in judged(unread).why)
    lost = unread.replace("[3,[1,2]]", "[3,[1]]")
    assert judged(lost).validity is Validity.INVALID


def test_a_set_of_pairs_is_no_keyed_set() -> None:
    text = """
    0 invoke add [3,1]
    0 ok     add [3,1]
    1 invoke read
    1 ok     read [[3,1]]
    """
    assert found(text) == {}
    assert "key-count" not in judged(text).counts


QUEUE = """
0 invoke enqueue [3,1]
0 ok     enqueue [3,1]
0 invoke enqueue [4,1]
0 ok     enqueue [4,1]
0 invoke enqueue [3,2]
0 ok     enqueue [3,2]
1 invoke dequeue [3,null]
1 ok     dequeue [3,{first}]
1 invoke drain [3,null]
1 ok     drain [3,[{second}]]
1 invoke drain [4,null]
1 ok     drain [4,[{third}]]
"""


def test_each_key_of_a_queue_is_a_queue() -> None:
    assert found(QUEUE.format(first=1, second=2, third=1)) == {}
    assert judged(QUEUE.format(first=1, second=2, third=1)).counts["acknowledged-count"] == 3
    wrong = QUEUE.format(first=1, second=1, third=2)
    assert found(wrong) == {"duplicated": "valid", "lost": "invalid", "unexpected": "invalid"}


@pytest.mark.parametrize(("first", "second", "is_fifo"), [(1, 2, True), (2, 1, False)])
def test_each_key_is_linearizable_by_itself(first: int, second: int, *, is_fifo: bool) -> None:
    history = parse_history(QUEUE.format(first=first, second=second, third=1))
    said = linearizability(history, "fifo-queue")
    assert said.validity is (Validity.VALID if is_fifo else Validity.INVALID)
    assert said.counts["failures"] == ([] if is_fifo else ["3"])
    assert judge(history).validity is Validity.VALID


def test_a_keyed_set_in_edn_is_split(tmp_path: Path) -> None:
    """As Jepsen writes it: tuples are vectors, and a read may give a set."""
    path = tmp_path / "history.edn"
    path.write_text(
        "{:process 0, :type :invoke, :f :add, :value [3 5]}\n"
        "{:process 0, :type :ok, :f :add, :value [3 5]}\n"
        "{:process 1, :type :invoke, :f :read, :value [3 nil]}\n"
        "{:process 1, :type :ok, :f :read, :value [3 #{5 6}]}\n"
    )
    judgement = judge(read_history(path))
    assert [*judgement.anomalies] == ["unexpected"]
    assert judgement.counts["key-count"] == 1
