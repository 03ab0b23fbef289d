// The JavaScript client: consume so many messages, having sent them oneself.
// Prints "sent STATUS QUEUEOFFSET" for each send, and "got BODY" for each message consumed.
// Arguments: name server address, topic, count.
'use strict';

const { Consumer, Message, Producer } = require('ali-ons');

const SECONDS_MAX = 40;
const quiet = { debug() {}, info() {}, warn() {}, error: console.error };

async function main([namesrv, topic, count]) {
  const common = { nameSrv: namesrv, httpclient: {}, logger: quiet };
  const consumer = new Consumer({ ...common, consumerGroup: 'nodeConsumer' });
  const producer = new Producer({ ...common, producerGroup: 'nodeProducer' });
  await consumer.ready();
  await producer.ready();

  const wanted = Number(count);
  const all = new Promise((resolve, reject) => {
    const got = new Set();
    setTimeout(() => reject(new Error(`${got.size} of ${wanted} came`)), SECONDS_MAX * 1000);
    consumer.subscribe(topic, '*', async message => {
      const body = message.body.toString();
      console.log('got', body);
      if (got.add(body).size === wanted) resolve();
    });
  });
  for (let i = 0; i < wanted; i++) {
    const sent = await producer.send(new Message(topic, 'TagA', `Hello from Node ${i}`));
    console.log('sent', sent.sendStatus, sent.queueOffset);
  }
  await all;
  process.exit(0);
}

main(process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exit(1);
});
