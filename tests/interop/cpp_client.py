"""The C++ client by its Python binding: consume so many messages, having sent them oneself.

Run as a program of its own, for the library ends some processes with a fault at its shutdown.
Prints "sent STATUS OFFSET" for each send, and "got BODY" for each message consumed.
Arguments: name server address, topic, count.
"""

import os
import sys
import time

from rocketmq.client import Message, Producer, PushConsumer

SECONDS_MAX = 40


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(namesrv: str, topic: str, count: int) -> None:
    got: list[str] = []
    consumer = PushConsumer("cppConsumer")
    consumer.set_namesrv_addr(namesrv)
    consumer.subscribe(topic, lambda message: got.append(message.body.decode()))
    consumer.start()

    producer = Producer("cppProducer")
    producer.set_namesrv_addr(namesrv)
    producer.start()
    for number in range(count):
        message = Message(topic)
        message.set_tags("TagA")
        message.set_keys(f"cpp{number}")
        message.set_body(f"Hello from C++ {number}")
        result = producer.send_sync(message)
        say(f"sent {int(result.status)} {result.offset}")

    deadline = time.monotonic() + SECONDS_MAX
    while len(set(got)) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    for body in got:
        say(f"got {body}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    os._exit(0)
