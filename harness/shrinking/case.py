"""A case is all that decides a run: options and schedule; and the ways to make it smaller, pure.

    without faults     only some steps, renumbered; a step whose anchor is gone goes with it
    an earlier begin   all steps move by as much
    a shorter window   one step is cured earlier
    a lower limit      the run ends sooner after the last cure
    fewer clients, fewer queues, a lower rate

Whatever is made here is a case that could have been drawn; whether it still fails is for others
to say.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.options import RunOptions
from harness.wording import counted
from nemesis.faults import Step
from nemesis.schedules import Schedule

__all__ = ["TAIL_MS", "Case"]

TAIL_MS = 500
"""How long a run goes on after its last cure, at least: an outage needs its end."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run that could be."""

    options: RunOptions
    schedule: Schedule

    @property
    def end_ms(self) -> int:
        """When the last fault whose time is known is cured."""
        return max((step.until_ms for step in self.schedule.steps), default=0)

    def with_steps(self, numbers: Sequence[int]) -> "Case":
        """Keep the steps of these numbers, counted from 1, and the order they have."""
        kept: list[Step] = []
        renumbered = {0: 0}
        for number in numbers:
            step = self.schedule.steps[number - 1]
            if step.after in renumbered:
                kept.append(replace(step, after=renumbered[step.after]))
                renumbered[number] = len(kept)
        return replace(self, schedule=replace(self.schedule, steps=tuple(kept)))

    def with_hold(self, number: int, hold_ms: int) -> "Case":
        """Let one step last so long."""
        steps = list(self.schedule.steps)
        step = steps[number - 1]
        steps[number - 1] = replace(step, until_ms=step.at_ms + hold_ms)
        return replace(self, schedule=replace(self.schedule, steps=tuple(steps)))

    @property
    def begin_ms(self) -> int:
        """When the first fault begins."""
        return min((step.at_ms for step in self.schedule.steps if not step.after), default=0)

    def begun_at(self, begin_ms: int) -> "Case":
        """Let the first fault begin so early, and all others as much earlier."""
        less_ms = self.begin_ms - begin_ms
        steps = tuple(
            step
            if step.after
            else replace(step, at_ms=step.at_ms - less_ms, until_ms=step.until_ms - less_ms)
            for step in self.schedule.steps
        )
        return replace(self, schedule=replace(self.schedule, steps=steps))

    def with_limit(self, limit_ms: int) -> "Case":
        """Let the run end so soon; what begins later is not to be cut off."""
        assert limit_ms >= self.end_ms, "a limit below the last cure would change the faults"
        cure_by_ms = min(self.schedule.cure_by_ms, limit_ms)
        return Case(
            replace(self.options, time_limit_s=limit_ms / 1000),
            replace(self.schedule, time_limit_ms=limit_ms, cure_by_ms=cure_by_ms),
        )

    def with_figures(self, *, concurrency: int = 0, queues: int = 0, rate: float = 0) -> "Case":
        """Change a figure of the load; zero leaves it as it is."""
        options = self.options
        changed = replace(
            options,
            concurrency=concurrency or options.concurrency,
            queues=queues or options.queues,
            rate=rate or options.rate,
        )
        return replace(self, options=changed)

    def describe(self) -> str:
        """Say in a line how large it is."""
        options = self.options
        clients, queues = counted(options.concurrency, "client"), counted(options.queues, "queue")
        load = f"{clients}, {queues}, {options.rate:g} ops/s"
        return f"{self._faults()}; {options.time_limit_s:g} s, {load}"

    def steps_text(self) -> list[str]:
        """Say of each fault when it begins and how long it lasts."""
        width = max((len(step.fault.name) for step in self.schedule.steps), default=0)
        return [f"{step.fault.name:{width}}  {_time_of(step)}" for step in self.schedule.steps]

    def _faults(self) -> str:
        names = Counter(step.fault.name for step in self.schedule.steps)
        told = (f"{name} x{times}" if times > 1 else name for name, times in names.items())
        return ", ".join(told) or "no faults"


def _time_of(step: Step) -> str:
    begin, hold = f"{step.at_ms / 1000:g} s", f"{(step.until_ms - step.at_ms) / 1000:g} s"
    since = f"{begin} after step {step.after}" if step.after else f"at {begin}"
    when = f", when {step.when}" if step.when else ""
    return f"{since}{when}, for {hold}"
