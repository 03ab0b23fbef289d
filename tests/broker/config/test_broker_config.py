"""RocketMQ's files are read as written, and every mistake in one is named before a node starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.config import BrokerConfig, BrokerRole, FlushDiskType, NameServerConfig, split_address
from broker.errors import ConfigError
from broker.properties import to_properties

SEED_MASTER = """
brokerClusterName = DefaultCluster
brokerName = broker-a
brokerId = 0
# 删除文件的时间点,默认为凌晨4点执行文件清除操作
deleteWhen = 04
# 文件保留时间
fileReservedTime = 48
# broker的角色
brokerRole = ASYNC_MASTER
flushDiskType = ASYNC_FLUSH
namesrvAddr=127.0.0.1:9876
brokerIP1=127.0.0.1
brokerIP2=127.0.0.1:10912
storePathRootDir=/store
storePathCommitLog=/store/commitlog
storePathConsumeQueue=/store/consumequeue
storePathIndex=/store/index
storeCheckpoint=/store/checkpoint
abortFile=/store/abort
"""

SEED_SLAVE = """
brokerClusterName = DefaultCluster
brokerName = broker-a
brokerId = 1
deleteWhen = 04
fileReservedTime = 48
brokerRole = SLAVE
flushDiskType = SYNC_FLUSH
namesrvAddr=127.0.0.1:9876
brokerIP1=127.0.0.1
storePathRootDir=/slave/store
listenPort = 10921
"""


IP = "expected an IP address, alone or with a port"
PATH = "expected an absolute path with '/'"
LEVELS = "expected '1s 5s 1m 2h'"


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        BrokerConfig.parse(text, "broker.conf")
    return [line.removeprefix("broker.conf: ") for line in str(caught.value).splitlines()]


def test_the_seeds_master_is_understood() -> None:
    """Its brokerIP2 has a port, which RocketMQ would append a second one to (trap 8)."""
    config = BrokerConfig.parse(SEED_MASTER)

    assert config.broker_role is BrokerRole.ASYNC_MASTER
    assert config.broker_addr == "127.0.0.1:10911"
    assert config.ha_server_addr == "127.0.0.1:10912"
    assert (config.fast_port, config.ha_port) == (10909, 10912)
    assert config.file_reserved_time == 48
    assert config.namesrv_addr == ("127.0.0.1:9876",)
    assert not config.is_slave


def test_the_seeds_slave_is_understood() -> None:
    config = BrokerConfig.parse(SEED_SLAVE)

    assert config.is_slave
    assert config.broker_id == 1
    assert config.flush_disk_type is FlushDiskType.SYNC_FLUSH
    assert config.broker_addr == "127.0.0.1:10921"
    assert (config.fast_port, config.ha_port) == (10919, 10922)


def test_the_seeds_windows_paths_are_refused_by_name() -> None:
    text = SEED_MASTER.replace("=/store/index", "=D:\\\\javaCode\\\\store\\\\index")

    (problem,) = problems_of(text)
    assert problem.startswith("line 18: storePathIndex: expected an absolute path with '/', found")


def test_a_backslash_that_escapes_nothing_is_a_problem_with_its_line() -> None:
    assert problems_of("brokerId=0\nstorePathRootDir=C:\\users\n") == [
        "line 2: Invalid \\u escape sequence: \\users; write '\\\\' for a backslash"
    ]


def test_an_unknown_key_names_its_line_and_the_nearest_known_one() -> None:
    """RocketMQ ignores it without a word; a typo in brokerRole then makes an ASYNC_MASTER."""
    assert problems_of("# a comment\n\nbrokerrole = SYNC_MASTER\n") == [
        "line 3: brokerrole: unknown key; the nearest known one is 'brokerRole'"
    ]


def test_all_problems_are_reported_at_once() -> None:
    text = (
        "brokerRole=SLAVES\nflushDiskType=NEVER\nlistenPort=70000\nbrokerId=one\n"
        "longPollingEnable=yes\nnamesrvAddr=localhost\nmessageDelayLevel=1s 2y\ndeleteWhen=25\n"
    )

    assert problems_of(text) == [
        "line 1: brokerRole: expected one of ASYNC_MASTER, SYNC_MASTER, SLAVE, found 'SLAVES'",
        "line 2: flushDiskType: expected one of ASYNC_FLUSH, SYNC_FLUSH, found 'NEVER'",
        "line 3: listenPort: expected at most 65534, found 70000",
        "line 4: brokerId: expected a whole number, found 'one'",
        "line 5: longPollingEnable: expected true or false, found 'yes'",
        "line 6: namesrvAddr: expected host:port, found 'localhost'",
        "line 7: messageDelayLevel: expected '1s 5s 1m 2h', found '1s 2y'",
        "line 8: deleteWhen: expected hours from 00 to 23, found '25'",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("brokerRole=SLAVE", "brokerId: a SLAVE's must be greater than 0, found 0"),
        ("brokerId=2", "line 1: brokerId: expected 0 for brokerRole=ASYNC_MASTER, found 2"),
        ("brokerName=", "line 1: brokerName: expected a name of 1 to 127 characters, found ''"),
        ("listenPort=2", "line 1: listenPort: expected at least 3, found 2"),
        ("haListenPort=10909", "line 1: haListenPort: 10909 is taken by listenPort"),
        ("brokerIP1=:80", f"line 1: brokerIP1: {IP}, found ':80'"),
        ("brokerIP1=localhost", f"line 1: brokerIP1: {IP}, found 'localhost'"),
        ("brokerIP1=300.1.1.1:80", f"line 1: brokerIP1: {IP}, found '300.1.1.1:80'"),
        ("brokerIP1=::1", f"line 1: brokerIP1: {IP}, found '::1'"),
        ("brokerIP1=", f"line 1: brokerIP1: {IP}, found ''"),
        ("bindAddress=", "line 1: bindAddress: expected an address to listen on, found ''"),
        ("namesrvAddr=a..b:1", "line 1: namesrvAddr: expected host:port, found 'a..b:1'"),
        ("storePathIndex=~me/x", f"line 1: storePathIndex: {PATH}, found '~me/x'"),
        ("abortFile=/a\\u0000b", f"line 1: abortFile: {PATH}, found '/a\\x00b'"),
        (
            "abortFile=/a/x\nstoreCheckpoint=/a/x",
            "line 1: abortFile: expected a place of its own, found storeCheckpoint's",
        ),
        ("messageDelayLevel=1s -5s", f"line 1: messageDelayLevel: {LEVELS}, found '1s -5s'"),
        ("messageDelayLevel=", f"line 1: messageDelayLevel: {LEVELS}, found ''"),
        (
            "messageDelayLevel=9999999999d",
            f"line 1: messageDelayLevel: {LEVELS}, found '9999999999d'",
        ),
        (
            "mappedFileSizeCommitLog=2147483648",
            "line 1: mappedFileSizeCommitLog: expected at most 2147483647, found 2147483648",
        ),
        (
            "haTransferBatchSize=99999999",
            "line 1: haTransferBatchSize: expected at most 67108864, found 99999999",
        ),
        ("addressMap=a:1", "line 1: addressMap: expected 'advertised=proxy;...', found 'a:1'"),
        ("addressMap=a:1=b", "line 1: addressMap: expected host:port, found 'b'"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


def test_an_advertised_address_may_be_a_proxy() -> None:
    config = BrokerConfig.parse("brokerIP1=10.0.0.1:2000\nbrokerIP2=10.0.0.2:2001\nlistenPort=3000")

    assert config.broker_addr == "10.0.0.1:2000"
    assert config.ha_server_addr == "10.0.0.2:2001"


def test_the_ha_address_follows_brokerip1_without_its_port() -> None:
    """BrokerIP1's proxy is one for clients: the HA stream is elsewhere."""
    config = BrokerConfig.parse("brokerIP1=10.0.0.1:2000\nlistenPort=3000\nhaListenPort=3005")

    assert config.ha_server_addr == "10.0.0.1:3005"


def test_an_address_map_is_a_table() -> None:
    config = BrokerConfig.parse("addressMap = 127.0.0.1:1=127.0.0.1:2 ; 127.0.0.1:3=127.0.0.1:4")

    assert config.address_map == {"127.0.0.1:1": "127.0.0.1:2", "127.0.0.1:3": "127.0.0.1:4"}


def test_a_name_server_too_says_where_it_listens() -> None:
    """An empty address would be all of the machine's."""
    with pytest.raises(ConfigError, match="file: line 1: bindAddress: expected an address"):
        NameServerConfig.parse("bindAddress=", "file")


def test_keys_of_rocketmq_that_tune_nothing_here_are_said_to_have_no_effect() -> None:
    said: list[str] = []
    BrokerConfig.parse("aclEnable=true\nbrokerId=0\noffsetCheckInSlave=false", say=said.append)
    NameServerConfig.parse("rocketmqHome=/opt", say=said.append)
    assert said == ["aclEnable", "offsetCheckInSlave", "rocketmqHome"]


def test_keys_of_rocketmq_that_tune_nothing_here_are_accepted() -> None:
    assert BrokerConfig.parse("sendMessageThreadPoolNums=4") == BrokerConfig()


def test_delay_levels_are_milliseconds() -> None:
    levels = BrokerConfig().delay_levels_ms

    assert len(levels) == 18
    assert (levels[0], levels[4], levels[17]) == (1000, 60_000, 7_200_000)


def test_a_configuration_survives_its_own_text() -> None:
    config = BrokerConfig.parse(SEED_MASTER + "addressMap=a:1=b:2\n")

    assert BrokerConfig.parse(config.lines()) == config


def test_an_update_changes_only_what_it_names() -> None:
    config = BrokerConfig.parse(SEED_SLAVE)

    updated = config.updated("slaveReadEnable=true")

    assert updated.slave_read_enable
    assert to_properties(updated) == to_properties(config) | {"slaveReadEnable": "true"}
    with pytest.raises(ConfigError, match="brokerRole"):
        config.updated("brokerRole=KING")


def test_a_name_server_has_its_own_keys() -> None:
    config = NameServerConfig.parse("listenPort=9000\nbrokerExpiredTime=3000")

    assert (config.listen_port, config.broker_expired_time) == (9000, 3000)
    with pytest.raises(ConfigError, match="unknown key"):
        NameServerConfig.parse("brokerRole=SLAVE")


@given(st.text(), st.integers())
def test_an_address_splits_or_says_why_not(host: str, port: int) -> None:
    try:
        assert split_address(f"{host}:{port}") == (host, port)
    except ValueError as error:
        assert str(error).startswith("expected host:port")  # noqa: PT017 - either way is right
        assert (
            not 0 < port < 65536
            or not all(0 < len(part) < 64 for part in host.split("."))
            or not (host.isascii() and host.isprintable())
        )


@given(st.text(alphabet="abkr=:\\ \n#!u", max_size=40))
def test_any_text_is_read_or_refused_with_its_problems(text: str) -> None:
    try:
        BrokerConfig.parse(text)
    except ConfigError as error:
        assert str(error)  # noqa: PT017 - either way is right
