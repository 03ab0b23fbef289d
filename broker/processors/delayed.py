"""A message with a DELAY level waits in SCHEDULE_TOPIC_XXXX, and leaves it for where it belongs.

DELAY=n          ->  topic SCHEDULE_TOPIC_XXXX, queue n - 1, the real place in its properties
when it is due   ->  back to the real place, without DELAY
"""

import msgspec

from broker.config import BrokerConfig
from broker.store.message import MessageDraft, StoredMessage
from broker.store.properties import DELAY, REAL_QUEUE_ID, REAL_TOPIC, delay_level
from broker.tables.topics import SCHEDULE_TOPIC

__all__ = ["delayed", "due"]


def delayed(draft: MessageDraft, config: BrokerConfig) -> MessageDraft:
    """Give the message as it waits; itself if its level means no delay."""
    level = min(delay_level(draft.properties), len(config.delay_levels_ms))
    if level == 0:
        return draft
    properties = {
        **draft.properties,
        DELAY: str(level),
        REAL_TOPIC: draft.topic,
        REAL_QUEUE_ID: str(draft.queue_id),
    }
    return msgspec.structs.replace(
        draft, topic=SCHEDULE_TOPIC, queue_id=level - 1, properties=properties
    )


def due(message: StoredMessage) -> MessageDraft:
    """Give the message as it goes to its real place.

    ``KeyError`` or ``ValueError`` if it does not say where that is.
    """
    properties = {name: value for name, value in message.properties.items() if name != DELAY}
    return MessageDraft(
        properties[REAL_TOPIC],
        int(properties[REAL_QUEUE_ID]),
        message.body,
        properties,
        message.flag,
        message.sys_flag,
        message.born_timestamp,
        message.born_host,
        message.reconsume_times,
    )
