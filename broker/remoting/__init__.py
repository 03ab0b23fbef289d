"""RocketMQ's remoting: commands in frames, many at a time, over one connection."""
