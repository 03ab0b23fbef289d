"""Apache RocketMQ 4.9.3 itself, on loopback: the oracle for what ours must do.

A name server and brokers as JVMs of our own, each in its own folder with the logging set up to
stay quiet and small files, ended by pid. Ports are leased by the caller.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOGBACK = """<configuration>
  <appender name="F" class="ch.qos.logback.core.FileAppender">
    <file>{folder}/node.log</file>
    <encoder><pattern>%d{{HH:mm:ss.SSS}} %level %logger{{20}} %msg%n</pattern></encoder>
  </appender>
  <root level="{level}"><appender-ref ref="F"/></root>
</configuration>
"""
START_S_MAX = 60

SMALL_FILES = {
    "mappedFileSizeCommitLog": "1048576",
    "mappedFileSizeConsumeQueue": "20000",
    "maxHashSlotNum": "1000",
    "maxIndexNum": "4000",
    "brokerIP1": "127.0.0.1",
    "brokerIP2": "127.0.0.1",
    "diskMaxUsedSpaceRatio": "95",
}


@contextmanager
def name_server(java: list[str], folder: Path, port: int) -> Iterator[str]:
    """Run a name server; yields its address."""
    config = _config(folder, {"listenPort": str(port), "kvConfigPath": f"{folder}/kv.json"})
    with _node(java, "org.apache.rocketmq.namesrv.NamesrvStartup", folder, config):
        _until_listening(folder, port)
        yield f"127.0.0.1:{port}"


@contextmanager
def broker(
    java: list[str], folder: Path, port: int, namesrv: str, settings: Mapping[str, str] = {}
) -> Iterator[subprocess.Popen[str]]:
    """Run a broker on ``port`` (and port - 2, port + 1) with its store below ``folder``."""
    store = folder / "store"
    properties = {
        **SMALL_FILES,
        "brokerClusterName": "DefaultCluster",
        "brokerName": "broker-a",
        "namesrvAddr": namesrv,
        "listenPort": str(port),
        "storePathRootDir": str(store),
        "storePathCommitLog": str(store / "commitlog"),
        **settings,
    }
    config = _config(folder, properties)
    with _node(java, "org.apache.rocketmq.broker.BrokerStartup", folder, config) as process:
        _until_listening(folder, port)
        yield process


def _config(folder: Path, properties: Mapping[str, str]) -> Path:
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    for name in ("logback_namesrv.xml", "logback_broker.xml", "logback_tools.xml"):
        (conf / name).write_text(LOGBACK.format(folder=folder, level="WARN"))
    file = conf / "node.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    return file


@contextmanager
def _node(
    java: list[str], main: str, folder: Path, config: Path
) -> Iterator[subprocess.Popen[str]]:
    output = (folder / "output.log").open("w")
    process = subprocess.Popen(
        [java[0], f"-Duser.home={folder}", *java[1:], main, "-c", str(config)],
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, "ROCKETMQ_HOME": str(folder)},
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


def _until_listening(folder: Path, port: int) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"no listener on {port}: {(folder / 'output.log').read_text()[-500:]}")
