"""Which function answers which request."""

from collections.abc import Mapping
from functools import partial

from broker.processors import (
    admin,
    calling,
    clients,
    lookup,
    offsets,
    pull,
    replication,
    reply,
    resetting,
    send,
    send_back,
    topics,
)
from broker.processors.state import BrokerState, Processor
from broker.remoting.codes import RequestCode
from broker.remoting.connection import Handler

__all__ = ["PROCESSORS", "handlers"]

PROCESSORS: Mapping[RequestCode, Processor] = {
    RequestCode.SEND_MESSAGE: send.send_message,
    RequestCode.SEND_MESSAGE_V2: send.send_message,
    RequestCode.SEND_BATCH_MESSAGE: send.send_message,
    RequestCode.SEND_REPLY_MESSAGE: reply.send_reply,
    RequestCode.SEND_REPLY_MESSAGE_V2: reply.send_reply,
    RequestCode.CONSUMER_SEND_MSG_BACK: send_back.send_back,
    RequestCode.PULL_MESSAGE: pull.pull_message,
    RequestCode.QUERY_CONSUMER_OFFSET: offsets.query_offset,
    RequestCode.UPDATE_CONSUMER_OFFSET: offsets.commit_offset,
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: offsets.search_offset,
    RequestCode.GET_MAX_OFFSET: offsets.max_offset,
    RequestCode.GET_MIN_OFFSET: offsets.min_offset,
    RequestCode.GET_EARLIEST_MSG_STORETIME: offsets.earliest_store_time,
    RequestCode.QUERY_MESSAGE: lookup.query_message,
    RequestCode.VIEW_MESSAGE_BY_ID: lookup.view_message,
    RequestCode.HEART_BEAT: clients.heartbeat,
    RequestCode.UNREGISTER_CLIENT: clients.unregister,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: clients.consumer_list,
    RequestCode.CHECK_CLIENT_CONFIG: clients.check_client_config,
    RequestCode.LOCK_BATCH_MQ: clients.lock_queues,
    RequestCode.UNLOCK_BATCH_MQ: clients.unlock_queues,
    RequestCode.GET_CONSUMER_CONNECTION_LIST: clients.consumer_connections,
    RequestCode.GET_PRODUCER_CONNECTION_LIST: clients.producer_connections,
    RequestCode.GET_CONSUMER_RUNNING_INFO: calling.consumer_running_info,
    RequestCode.CONSUME_MESSAGE_DIRECTLY: calling.consume_directly,
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: resetting.reset_offsets,
    RequestCode.UPDATE_AND_CREATE_TOPIC: topics.update_topic,
    RequestCode.DELETE_TOPIC_IN_BROKER: topics.delete_topic,
    RequestCode.GET_ALL_TOPIC_CONFIG: topics.all_topics,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER: topics.system_topic_list,
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: topics.update_group,
    RequestCode.DELETE_SUBSCRIPTIONGROUP: topics.delete_group,
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG: topics.all_groups,
    RequestCode.GET_ALL_CONSUMER_OFFSET: admin.all_consumer_offsets,
    RequestCode.GET_ALL_DELAY_OFFSET: admin.all_delay_offsets,
    RequestCode.GET_BROKER_RUNTIME_INFO: admin.broker_runtime_info,
    RequestCode.GET_BROKER_CONFIG: admin.broker_config,
    RequestCode.UPDATE_BROKER_CONFIG: admin.update_config,
    RequestCode.GET_TOPIC_STATS_INFO: admin.topic_stats,
    RequestCode.GET_CONSUME_STATS: admin.consume_stats,
    RequestCode.QUERY_TOPIC_CONSUME_BY_WHO: admin.topic_consumers,
    RequestCode.LOG_DIGEST: replication.log_digest,
    RequestCode.HA_HANDSHAKE: replication.handshake,
    RequestCode.RESYNC: replication.resync,
}


def handlers(state: BrokerState) -> dict[int, Handler]:
    """Bind the table to one broker."""
    return {code: partial(processor, state) for code, processor in PROCESSORS.items()}
