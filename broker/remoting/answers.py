"""What a host answers when it cannot do what was asked.

A handler raises, and the asker still gets a reply: the code that the error names, else
``SYSTEM_ERROR`` with the error's text, as RocketMQ's ``NettyRemotingAbstract`` does.
"""

from broker.errors import BrokerError
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command

__all__ = ["explain", "unsupported"]


def explain(command: Command, error: Exception) -> Command:
    """Answer a request whose handler raised."""
    if isinstance(error, BrokerError):
        return command.reply(error.code, error.remark)
    text = f"{type(error).__name__}: {error}"
    # A file name may hold bytes that are no UTF-8, and an error's text may name the file.
    return command.reply(ResponseCode.SYSTEM_ERROR, text.encode(errors="replace").decode())


def unsupported(command: Command) -> Command:
    """Answer a request whose code nobody serves, in RocketMQ's words."""
    remark = f" request type {command.code} not supported"
    return command.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark)
