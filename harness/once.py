"""One run in the world that its options name; whichever it is, the same files are left of it."""

from datetime import UTC, datetime

from rich.console import Console

from harness.options import RunOptions
from harness.run import RunResult

__all__ = ["run_once"]


def run_once(options: RunOptions, console: Console) -> RunResult:
    """Run from beginning to end; progress goes to the console, everything else to the folder."""
    if options.world == "simulated":
        return _run_simulated(options)
    from harness.local import run_local  # noqa: PLC0415 - sockets and processes, not needed there

    return run_local(options, console)


def _run_simulated(options: RunOptions) -> RunResult:
    from harness.report import write_report  # noqa: PLC0415 - as above, the other way round
    from harness.simulated.folder import write_simulated  # noqa: PLC0415
    from harness.simulated.run import simulate  # noqa: PLC0415
    from harness.store.folder import create_run_folder  # noqa: PLC0415

    started = datetime.now(UTC)
    folder = create_run_folder(options.out_folder, options.name, started, options.seed)
    run = simulate(options)
    write_report(write_simulated(run, folder.path).path)
    return RunResult(options, folder, run.judgement, run.wall_s)
