"""Reading a request's ext fields: strings that are numbers, and fields that must be there."""

from broker.errors import BrokerError
from broker.remoting.codes import ResponseCode
from broker.remoting.command import Command

__all__ = ["flag_field", "int_field", "text_field"]


def text_field(command: Command, name: str, default: str | None = None) -> str:
    """Give a field's text; refuse a request that lacks it, unless there is a default."""
    value = command.ext_fields.get(name, default)
    if value is None:
        remark = f"the custom field <{name}> is null"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark)
    return value


def int_field(command: Command, name: str, default: int | None = None) -> int:
    """Give a field's number; refuse a request where it is none."""
    text = text_field(command, name, None if default is None else str(default))
    try:
        return int(text)
    except ValueError:
        remark = f"the custom field <{name}> expected a number, found {text!r}"
        raise BrokerError(ResponseCode.SYSTEM_ERROR, remark) from None


def flag_field(command: Command, name: str, *, default: bool = False) -> bool:
    """Give a field's truth value."""
    return command.ext_fields.get(name, str(default)).lower() == "true"
