// A Go client of the cluster under test: produce or consume a number of messages, or measure (bench.go).
//
//	client produce NAMESRV COUNT         prints "status queueId queueOffset" for each send
//	client consume NAMESRV COUNT SECONDS prints "queueId queueOffset tags body" for each message
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const topic = "TopicMasterSlave"

func main() {
	rlog.SetLogLevel("fatal")
	command, namesrv := os.Args[1], os.Args[2]
	number := func(place int) int {
		found, err := strconv.Atoi(os.Args[place])
		must(err)
		return found
	}
	seconds := func() time.Duration { return time.Duration(number(4)) * time.Second }
	switch command {
	case "produce":
		produce(namesrv, number(3))
	case "consume":
		consume(namesrv, number(3), seconds())
	case "sends":
		sends(namesrv, number(3), seconds())
	case "flood":
		flood(namesrv, number(3), seconds())
	default:
		must(fmt.Errorf("expected produce, consume, sends or flood, got %q", command))
	}
}

func produce(namesrv string, count int) {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer([]string{namesrv}),
		producer.WithGroupName("goGroup"),
		producer.WithRetry(2))
	must(err)
	must(p.Start())
	for i := 0; i < count; i++ {
		message := primitive.NewMessage(topic, []byte(fmt.Sprintf("Hello from Go %d", i)))
		message.WithTag("TagA")
		sent, err := p.SendSync(context.Background(), message)
		if err != nil {
			fmt.Println("error", err)
			continue
		}
		fmt.Println(int(sent.Status), sent.MessageQueue.QueueId, sent.QueueOffset)
	}
	must(p.Shutdown())
}

func consume(namesrv string, count int, atMost time.Duration) {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{namesrv}),
		consumer.WithGroupName("goGroupConsumer"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	must(err)
	got := make(chan *primitive.MessageExt, 1000)
	must(c.Subscribe(topic, consumer.MessageSelector{},
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, message := range messages {
				got <- message
			}
			return consumer.ConsumeSuccess, nil
		}))
	must(c.Start())
	deadline := time.After(atMost)
	for i := 0; i < count; i++ {
		select {
		case message := <-got:
			fmt.Println(message.Queue.QueueId, message.QueueOffset, message.GetTags(), string(message.Body))
		case <-deadline:
			i = count
		}
	}
	must(c.Shutdown())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
