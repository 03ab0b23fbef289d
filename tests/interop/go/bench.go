// Measures of a cluster, for benchmarks/against_rocketmq.py. All times are in microseconds.
//
//	client sends NAMESRV PRODUCERS SECONDS prints "sends p50 p99 failures" of synchronous sends
//	client flood NAMESRV WINDOW SECONDS    prints "sends failures" of so many at once, by one producer
package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	benchTopic = "TopicBench"
	bodyBytes  = 256
	warmUp     = 300 * time.Millisecond
	patience   = 10 * time.Second
)

func newProducer(namesrv string, number int) rocketmq.Producer {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer([]string{namesrv}),
		producer.WithGroupName(fmt.Sprintf("goBench%d", number)),
		producer.WithInstanceName(fmt.Sprintf("goBench%d", number)),
		producer.WithSendMsgTimeout(patience),
		producer.WithRetry(0))
	must(err)
	must(p.Start())
	return p
}

func benchMessage() *primitive.Message {
	return primitive.NewMessage(benchTopic, make([]byte, bodyBytes))
}

// Each producer has a connection of its own and sends one message after another.
func sends(namesrv string, producers int, atMost time.Duration) {
	begin := time.Now().Add(warmUp)
	end := begin.Add(atMost)
	taken := make([][]int64, producers)
	var failures atomic.Int64
	var all sync.WaitGroup
	for i := range producers {
		p := newProducer(namesrv, i)
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Now().Before(end) {
				started := time.Now()
				sent, err := p.SendSync(context.Background(), benchMessage())
				if err != nil || sent.Status != primitive.SendOK {
					failures.Add(1)
				} else if started.After(begin) {
					taken[i] = append(taken[i], time.Since(started).Microseconds())
				}
			}
		}()
	}
	all.Wait()
	sorted := slices.Concat(taken...)
	slices.Sort(sorted)
	if len(sorted) == 0 {
		must(fmt.Errorf("no send was acknowledged, %d failed", failures.Load()))
	}
	fmt.Println(len(sorted), sorted[len(sorted)/2], sorted[len(sorted)*99/100], failures.Load())
}

// One producer keeps a window of sends under way.
func flood(namesrv string, window int, atMost time.Duration) {
	p := newProducer(namesrv, 0)
	places := make(chan struct{}, window)
	var acknowledged, failures atomic.Int64
	begin := time.Now().Add(warmUp)
	end := begin.Add(atMost)
	for time.Now().Before(end) {
		places <- struct{}{}
		counted := time.Now().After(begin)
		err := p.SendAsync(context.Background(),
			func(_ context.Context, sent *primitive.SendResult, err error) {
				if err != nil || sent.Status != primitive.SendOK {
					failures.Add(1)
				} else if counted {
					acknowledged.Add(1)
				}
				<-places
			}, benchMessage())
		must(err)
	}
	for range window {
		places <- struct{}{}
	}
	fmt.Println(acknowledged.Load(), failures.Load())
}
