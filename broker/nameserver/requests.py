"""What a name server is asked, and what it answers: one table of RequestCode to function.

Each function takes the command and the connection it came by, and returns the reply at once:
everything is in memory. Texts and shapes are those of RocketMQ's ``DefaultRequestProcessor``.
"""

from collections.abc import Callable

import msgspec

from broker.nameserver.key_values import ORDER_TOPIC_CONFIG, KeyValues
from broker.nameserver.registration import BrokerIdentity, read_registration
from broker.nameserver.route import TopicRoute
from broker.nameserver.routes import RouteTable
from broker.nameserver.topics import DataVersion, from_json, to_json
from broker.remoting import fastjson
from broker.remoting.codes import RequestCode, ResponseCode
from broker.remoting.command import Command
from broker.remoting.connection import Connection, Handler
from broker.remoting.headers import read_fields, required_field, write_fields

__all__ = ["Requests"]

FAQ = "See http://rocketmq.apache.org/docs/faq/ for further details."


class Requests:
    """The answers, drawn from a route table and from key values."""

    def __init__(
        self,
        routes: RouteTable,
        key_values: KeyValues,
        now_ms: Callable[[], int],
        *,
        order_topics: bool = False,
        on_key_values_changed: Callable[[], None] = lambda: None,
        settings: Callable[[], str] = str,
    ) -> None:
        self._routes = routes
        self._key_values = key_values
        self._now_ms = now_ms
        self._order_topics = order_topics
        self._on_key_values_changed = on_key_values_changed
        self._settings = settings
        self._encodings: dict[str, tuple[TopicRoute, bytes]] = {}  # the last one of each topic

    def table(self) -> dict[int, Handler]:
        """Give the function for each request."""
        return {
            RequestCode.REGISTER_BROKER: self.register,
            RequestCode.UNREGISTER_BROKER: self.unregister,
            RequestCode.QUERY_DATA_VERSION: self.query_data_version,
            RequestCode.GET_ROUTEINFO_BY_TOPIC: self.route,
            RequestCode.GET_BROKER_CLUSTER_INFO: self.cluster_info,
            RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: self.topics,
            RequestCode.GET_TOPICS_BY_CLUSTER: self.topics_of_cluster,
            RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS: self.system_topics,
            RequestCode.DELETE_TOPIC_IN_NAMESRV: self.delete_topic,
            RequestCode.WIPE_WRITE_PERM_OF_BROKER: self.wipe_write_permission,
            RequestCode.ADD_WRITE_PERM_OF_BROKER: self.add_write_permission,
            RequestCode.PUT_KV_CONFIG: self.put_key_value,
            RequestCode.GET_KV_CONFIG: self.get_key_value,
            RequestCode.DELETE_KV_CONFIG: self.delete_key_value,
            RequestCode.GET_KVLIST_BY_NAMESPACE: self.list_key_values,
            RequestCode.GET_NAMESRV_CONFIG: self.config,
            RequestCode.UPDATE_NAMESRV_CONFIG: self.update_config,
        }

    # Brokers.

    def register(self, command: Command, connection: Connection) -> Command:
        """Take a broker in; a slave is told its master, everyone the order of ordered topics."""
        registration = read_registration(command)
        master = self._routes.register(registration, connection, self._now_ms())
        pinned = self._key_values.table(ORDER_TOPIC_CONFIG)
        body = b"" if pinned is None else fastjson.dumps({"table": pinned})
        return command.reply(ext_fields=write_fields(master), body=body)

    def unregister(self, command: Command, _connection: Connection) -> Command:
        """Let a broker go."""
        self._routes.unregister(read_fields(command.ext_fields, BrokerIdentity))
        return command.reply()

    def query_data_version(self, command: Command, _connection: Connection) -> Command:
        """Say whether a broker must register anew."""
        identity = read_fields(command.ext_fields, BrokerIdentity)
        version = from_json(command.body, DataVersion)
        changed, known = self._routes.version_seen(identity.broker_addr, version, self._now_ms())
        fields = {"changed": "true" if changed else "false"}
        return command.reply(ext_fields=fields, body=b"" if known is None else to_json(known))

    def wipe_write_permission(self, command: Command, _connection: Connection) -> Command:
        """Close a group for writing."""
        name = required_field(command, "brokerName")
        count = self._routes.set_write_permission(name, writable=False)
        return command.reply(ext_fields={"wipeTopicCount": str(count)})

    def add_write_permission(self, command: Command, _connection: Connection) -> Command:
        """Open a group for writing."""
        name = required_field(command, "brokerName")
        count = self._routes.set_write_permission(name, writable=True)
        return command.reply(ext_fields={"addTopicCount": str(count)})

    # Topics.

    def route(self, command: Command, _connection: Connection) -> Command:
        """Say who holds a topic."""
        topic = required_field(command, "topic")
        route = self._routes.route(topic)
        if route is None:
            remark = f"No topic route info in name server for the topic: {topic}\n{FAQ}"
            return command.reply(ResponseCode.TOPIC_NOT_EXIST, remark)
        if self._order_topics:
            pinned = self._key_values.get(ORDER_TOPIC_CONFIG, topic)
            route = msgspec.structs.replace(route, order_topic_conf=pinned)
        return command.reply(body=self._encoded(topic, route))

    def cluster_info(self, command: Command, _connection: Connection) -> Command:
        """Describe every broker."""
        return command.reply(body=to_json(self._routes.cluster_info()))

    def topics(self, command: Command, _connection: Connection) -> Command:
        """List every topic."""
        return command.reply(body=fastjson.dumps({"topicList": self._routes.topics()}))

    def topics_of_cluster(self, command: Command, _connection: Connection) -> Command:
        """List a cluster's topics."""
        topics = self._routes.topics_of_cluster(required_field(command, "cluster"))
        return command.reply(body=fastjson.dumps({"topicList": topics}))

    def system_topics(self, command: Command, _connection: Connection) -> Command:
        """List the topics that bear the names of clusters and brokers, and one broker to ask."""
        info = self._routes.cluster_info()
        names = [name for cluster, names in info.cluster_addr_table.items() for name in names]
        addresses = [
            address
            for broker in info.broker_addr_table.values()
            for address in broker.broker_addrs.values()
        ]
        body: dict[str, object] = {"topicList": [*info.cluster_addr_table, *names]}
        if addresses:
            body["brokerAddr"] = addresses[0]
        return command.reply(body=fastjson.dumps(body))

    def delete_topic(self, command: Command, _connection: Connection) -> Command:
        """Forget a topic."""
        self._routes.delete_topic(required_field(command, "topic"))
        return command.reply()

    # Key values and settings.

    def put_key_value(self, command: Command, _connection: Connection) -> Command:
        """Set a value."""
        namespace, key = required_field(command, "namespace"), required_field(command, "key")
        self._key_values.put(namespace, key, required_field(command, "value"))
        self._on_key_values_changed()
        return command.reply()

    def get_key_value(self, command: Command, _connection: Connection) -> Command:
        """Give a value."""
        namespace, key = required_field(command, "namespace"), required_field(command, "key")
        value = self._key_values.get(namespace, key)
        if value is None:
            remark = f"No config item, Namespace: {namespace} Key: {key}"
            return command.reply(ResponseCode.QUERY_NOT_FOUND, remark)
        return command.reply(ext_fields={"value": value})

    def delete_key_value(self, command: Command, _connection: Connection) -> Command:
        """Drop a value."""
        self._key_values.delete(
            required_field(command, "namespace"), required_field(command, "key")
        )
        self._on_key_values_changed()
        return command.reply()

    def list_key_values(self, command: Command, _connection: Connection) -> Command:
        """Give a namespace."""
        namespace = required_field(command, "namespace")
        table = self._key_values.table(namespace)
        if table is None:
            remark = f"No config item, Namespace: {namespace}"
            return command.reply(ResponseCode.QUERY_NOT_FOUND, remark)
        return command.reply(body=fastjson.dumps({"table": table}))

    def config(self, command: Command, _connection: Connection) -> Command:
        """Give this server's settings, a line each."""
        return command.reply(body=self._settings().encode())

    def update_config(self, command: Command, _connection: Connection) -> Command:
        """Refuse to change them: whoever asks would wait in vain for no answer at all."""
        remark = "a name server's settings cannot change while it runs; restart it"
        return command.reply(ResponseCode.SYSTEM_ERROR, remark)

    def _encoded(self, topic: str, route: TopicRoute) -> bytes:
        """Write a route, unless it is still what it was when somebody last asked."""
        known, body = self._encodings.get(topic, (None, b""))
        if route != known:
            body = to_json(route)
            self._encodings[topic] = route, body
        return body
