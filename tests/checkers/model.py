"""A correct cluster in two hundred lines: it writes histories that no checker may object to.

One master, one slave, a few producers and consumers, and faults, on a clock of milliseconds. It
keeps every promise and no more: it loses what its mode may lose, acknowledges as late or as
weakly as it may, holds requests back and lets them land after their senders gave up.

    Model(seed, mode, faults).run() -> list[Op]

Requests take effect at once or are held (a stalled proxy); a producer tries up to three times.
"""

import zlib
from random import Random
from typing import Any

from histories.op import Attempt, FaultRecord, Op
from tests.checkers.model_nodes import (
    ALL,
    BLOCK,
    COPY_MS,
    FAULTS,
    FLUSH_MS,
    GENTLE,
    LAG_MS,
    MS,
    PATIENCE_MS,
    TOPIC,
    Node,
    Record,
    listed,
)

__all__ = ["ALL", "GENTLE", "Model"]


class Model:
    def __init__(
        self, seed: int, mode: str, faults: tuple[str, ...] = ALL, steps: int = 60
    ) -> None:
        self.rng = Random(seed)
        role, flush = mode.split("+")
        self.sync_master, self.sync_flush = role == "SYNC_MASTER", flush == "SYNC_FLUSH"
        self.faults = [fault for fault in FAULTS if fault[0] in faults]
        self.steps = steps
        self.master, self.slave = Node("master"), Node("slave")
        self.now = 0
        self.ops: list[Op] = []
        self.on: dict[int, tuple[str, str, tuple[str, ...], str]] = {}
        self.fault_id = 0
        self.linked_since = 0  # replication connects some time after it can
        self.held: list[tuple[str, int]] = []  # requests in a stalled proxy
        self.next_process = 10
        self.counter = 0
        self.positions: dict[int, dict[int, int]] = {}
        self.committed: dict[tuple[str, int], int] = {}  # as the master was told
        self.copied: dict[tuple[str, int], int] = {}  # and as the slave has it
        self.copied_ms = 0

    def run(self) -> list[Op]:
        producers, consumers = [0, 1, 2], [3, 4, 5, 6]
        pending: list[Any] = []
        for _ in range(self.steps):
            self.pass_time()
            choice = self.rng.random()
            if choice < 0.5:
                place = self.rng.randrange(len(producers))
                send = self.send(producers[place])
                next(send)
                pending.append((send, place, self.now))
            elif choice < 0.75 and consumers:
                self.consume(self.rng.choice(consumers))
            elif choice < 0.9 and self.faults:
                self.inject()
            elif self.on:
                self.cure(self.rng.choice(sorted(self.on)))
            while pending and self.rng.random() < 0.6:
                send, place, begun = pending.pop(self.rng.randrange(len(pending)))
                if next(send, None) is not None:
                    pending.append((send, place, begun))
            pending = self.in_time(pending)
            producers = [
                self.fresh() if self.busy(p, pending, at) else p for at, p in enumerate(producers)
            ]
        for send, _, _ in pending:
            for _ in send:
                self.now += self.rng.choice((1, 5, 50))
                self.settle()
        self.finish()
        return self.ops

    def in_time(self, pending: list[Any]) -> list[Any]:
        """End the sends that are older than a producer's patience; give the others."""
        for send, _, begun in pending:
            for _ in send if self.now - begun >= PATIENCE_MS else ():
                self.now += 1
        return [one for one in pending if self.now - one[2] < PATIENCE_MS]

    def busy(self, process: int, pending: list[Any], place: int) -> bool:
        """Whether a producer has something under way, or its last send was in doubt."""
        last = next((op for op in reversed(self.ops) if op.process == process), None)
        return last is not None and last.type in ("invoke", "info")

    def fresh(self) -> int:
        self.next_process += 1
        return self.next_process

    def finish(self) -> None:
        for fault in sorted(self.on):
            self.cure(fault)
        for value, queue in self.held:
            if self.rng.random() < 0.5:
                self.append(value, queue)
        self.held = []
        self.now += 45_000  # quiesce: everything that will settle has settled
        self.settle(idle_ms=45_000)
        self.look()
        if self.diverged() and self.rng.random() < 0.5:
            self.resynchronise()
            self.look()

    def look(self) -> None:
        """Drain and dump both nodes; nothing was ever sent to queue 2."""
        for node in (self.master, self.slave):
            for queue in (0, 1, 2):
                self.drain(node, queue)
        for node in (self.master, self.slave):
            self.dump(node)

    def resynchronise(self) -> None:
        """Cut the slave's log back to what it has in common with the master's, and feed it."""
        self.fault_id += 1
        fault = ("resynchronise", "other", ("slave",), "")
        for phase in ("inject", "cure"):
            self.nemesis(self.fault_id, fault, phase, stops=False)
            if phase == "inject":
                self.slave.log = [*self.master.log]
                self.slave.flushed = len(self.slave.log)
            self.now += 50
            self.nemesis(self.fault_id, fault, phase, stops=False, bit=True)

    def pass_time(self) -> None:
        self.now += self.rng.choice((1, 5, 50, 700, 4_000))
        self.settle()

    def settle(self, idle_ms: int = 0) -> None:
        """Let flushing and replication do what is overdue, and sometimes more."""
        for node in (self.master, self.slave):
            if node.up:
                due = sum(record.written_ms <= self.now - FLUSH_MS for record in node.log)
                done = len(node.log) if self.rng.random() < 0.2 or idle_ms else due
                node.flushed = max(node.flushed, due, done)
        if self.connected():
            readable = self.readable(self.master)
            overdue = sum(r.written_ms <= self.now - LAG_MS for r in self.master.log[:readable])
            upto = self.rng.randint(overdue, readable) if not idle_ms else readable
            self.replicate(upto)
            if self.now - self.copied_ms >= COPY_MS or self.rng.random() < 0.1:
                self.copied, self.copied_ms = dict(self.committed), self.now

    def connected(self) -> bool:
        if any("slave->master-ha" in targets for _, _, targets, _ in self.on.values()):
            return False
        alive = self.master.up and self.slave.up
        return alive and not self.diverged() and self.now >= self.linked_since

    def diverged(self) -> bool:
        ours, theirs = (b"".join(r.data for r in node.log) for node in (self.master, self.slave))
        return not ours.startswith(theirs)

    def replicate(self, upto: int) -> None:
        for record in self.master.log[len(self.slave.log) : upto]:
            self.slave.log.append(
                Record(
                    record.value,
                    record.queue,
                    record.queue_offset,
                    record.physical_offset,
                    self.now,
                )
            )
        # The copies are equal but for when they were written.
        self.slave.log = [
            copy if copy.value != record.value else record
            for copy, record in zip(self.slave.log, self.master.log, strict=False)
        ]

    def readable(self, node: Node) -> int:
        return node.flushed if self.sync_flush and node is self.master else len(node.log)

    def send(self, process: int) -> Any:
        value, queue = f"{process}-{self.counter}", self.rng.randrange(2)
        self.counter += 1
        common = {"process": process, "f": "send", "value": value, "topic": TOPIC, "queue": queue}
        common["crc"] = zlib.crc32(value.encode())
        self.record(type="invoke", **common)
        yield True
        attempts: list[Attempt] = []
        doubt = False
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            cut = [mode for _, _, t, mode in self.on.values() if "client->master" in t]
            if "stall" in cut:
                self.held.append((value, queue))
                attempts.append(Attempt("master", sent=True, outcome="timeout"))
                doubt = True
            elif cut or not self.master.up:
                attempts.append(Attempt("master", sent=False, outcome="refused"))
            else:
                record = self.append(value, queue)
                yield True  # time passes between append and answer
                status = self.status(record)
                if status is not None and self.rng.random() < 0.85:
                    attempts.append(Attempt("master", sent=True, outcome=status))
                    place = {
                        "queue_offset": record.queue_offset,
                        "physical_offset": record.physical_offset,
                    }
                    self.record(
                        type="ok",
                        **common,
                        **place,
                        node="master",
                        status=status,
                        attempts=attempts,
                    )
                    return
                attempts.append(Attempt("master", sent=True, outcome="timeout"))
                doubt = True
            yield True
        self.record(type="info" if doubt else "fail", **common, attempts=attempts)

    def append(self, value: str, queue: int) -> Record:
        log = self.master.log
        offset = sum(record.queue == queue for record in log)
        record = Record(value, queue, offset, log[-1].end if log else 0, self.now)
        log.append(record)
        return record

    def status(self, record: Record) -> str | None:
        """Answer as honestly and as weakly as the broker may; None if it died meanwhile."""
        if not self.master.up or record not in self.master.log:
            return None
        place = self.master.log.index(record) + 1
        weak_disk = False
        if self.sync_flush:
            weak_disk = self.rng.random() < 0.1
            if not weak_disk:
                self.master.flushed = max(self.master.flushed, place)
        if self.sync_master:
            if not self.connected():
                return "SLAVE_NOT_AVAILABLE"
            if self.rng.random() < 0.1 or self.readable(self.master) < place:
                return "FLUSH_SLAVE_TIMEOUT"
            self.replicate(max(place, len(self.slave.log)))
        return "FLUSH_DISK_TIMEOUT" if weak_disk else "SEND_OK"

    def consume(self, process: int) -> None:
        """Let a consumer go on: two groups, each with a consumer for each queue."""
        cut = any("client->master" in targets for _, _, targets, _ in self.on.values())
        node = self.slave if cut or not self.master.up else self.master
        if not node.up:
            return
        group, queue = ("g", process - 3) if process < 5 else ("h", process - 5)
        positions = self.positions.setdefault(process, {})
        if not positions or self.rng.random() < 0.1:
            self.assign(process, group, queue, node)
        common = {"process": process, "topic": TOPIC, "queue": queue, "node": node.name}
        common["group"] = group
        entries = node.queue(queue, self.readable(node))
        position = positions[queue]
        if position and self.rng.random() < 0.2 and node is self.master:
            self.record(type="invoke", f="commit", queue_offset=position, **common)
            self.committed[group, queue] = position
            self.record(type="ok", f="commit", queue_offset=position, **common)
            return
        self.record(type="invoke", f="pull", queue_offset=position, **common)
        if position > len(entries) and node is self.master:
            positions.clear()  # the loss of what was read: a new epoch
            self.record(type="fail", f="pull", queue_offset=position, **common)
            return
        if self.rng.random() < 0.1:
            # The answer is lost on its way; who asks again is given the same again.
            self.record(type="fail", f="pull", queue_offset=position, **common)
            return
        got = entries[position : position + self.rng.randint(1, 5)]
        positions[queue] = position + len(got)
        self.record(
            type="ok",
            f="pull",
            queue_offset=position,
            value=listed(got),
            min_offset=0,
            max_offset=len(entries),
            next_offset=min(position, len(entries)) + len(got),
            **common,
        )

    def assign(self, process: int, group: str, queue: int, node: Node) -> None:
        common = {"process": process, "f": "assign", "value": [[TOPIC, queue]], "group": group}
        self.record(type="invoke", **common, node=node.name)
        known = self.committed if node is self.master else self.copied
        start = known.get((group, queue), 0)
        self.positions[process][queue] = start
        self.record(type="ok", **common, node=node.name)

    def drain(self, node: Node, queue: int) -> None:
        entries = node.queue(queue, self.readable(node))
        common = {"process": 9, "f": "drain", "topic": TOPIC, "queue": queue, "node": node.name}
        self.record(type="invoke", **common)
        bounds = {"min_offset": 0, "max_offset": len(entries), "certified": True}
        self.record(type="ok", value=listed(entries), **bounds, **common)

    def dump(self, node: Node) -> None:
        data = b"".join(record.data for record in node.log)
        other = self.slave if node is self.master else self.master
        end = sum(len(record.data) for record in other.log)
        whole = len(data) // BLOCK * BLOCK
        value = {
            "begin": 0,
            "end": len(data),
            "block": BLOCK,
            "crcs": [zlib.crc32(data[at : at + BLOCK]) for at in range(0, whole, BLOCK)],
            "tail_crc": zlib.crc32(data[whole:]),
            "at": {str(end): zlib.crc32(data[end // BLOCK * BLOCK : end])},
        }
        self.record(process=9, type="invoke", f="dump", node=node.name)
        self.record(process=9, type="ok", f="dump", node=node.name, value=value)

    def inject(self) -> None:
        name, kind, targets = self.rng.choice(self.faults)
        taken = [target for _, _, others, _ in self.on.values() for target in others]
        if any(target in taken for target in targets):
            return
        mode = self.rng.choice(("refuse", "stall")) if kind == "link" else ""
        self.fault_id += 1
        fault = (name, kind, targets, mode)
        self.nemesis(self.fault_id, fault, "inject")
        self.on[self.fault_id] = fault
        self.strike(kind, targets)
        self.now += self.rng.choice((0, 3, 20))
        self.nemesis(self.fault_id, fault, "inject", bit=True)

    def strike(self, kind: str, targets: tuple[str, ...]) -> None:
        for node in (self.master, self.slave):
            if node.name in targets:
                node.up = False
                if kind == "power":
                    keep = self.rng.randint(node.flushed, len(node.log))
                    node.log = node.log[:keep]
                elif kind == "disk":
                    node.log = []
                node.flushed = min(node.flushed, len(node.log))

    def cure(self, id: int) -> None:
        fault = self.on[id]
        self.nemesis(id, fault, "cure")
        self.on.pop(id)
        self.now += self.rng.choice((1, 30, 200))
        for node in (self.master, self.slave):
            if node.name in fault[2]:
                node.up = True
                # A restarted node flushes what recovery found.
                node.flushed = len(node.log)
        self.linked_since = self.now + self.rng.choice((0, 100, 2_000, 20_000))
        if fault[2] == ("client->master",):
            for value, queue in self.held:
                if self.master.up and self.rng.random() < 0.7:
                    self.append(value, queue)
            self.held = []
        self.nemesis(id, fault, "cure", bit=True)

    def nemesis(
        self, id: int, fault: tuple[str, str, tuple[str, ...], str], phase: str, **said: Any
    ) -> None:
        name, kind, targets, mode = fault
        options = {"mode": mode} if mode else {}
        stops = said.pop("stops", "master" in targets or "client->master" in targets)
        record = FaultRecord(
            id=id,
            name=name,
            fault_class=kind,
            phase=phase,
            targets=list(targets),
            options=options,
            stops_writes=stops,
            **said,
        )
        self.record(process="nemesis", type="info", f=name, fault=record)

    def record(self, **fields: Any) -> None:
        self.ops.append(Op(index=len(self.ops), time=self.now * MS, **fields))
