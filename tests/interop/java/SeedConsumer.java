import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * The seed's consumer: a push consumer from the first offset of TopicMasterSlave.
 * Prints "queueId queueOffset tags body" for each message, and stops after so many.
 *
 * Arguments: name server address, count, seconds to wait at most.
 */
public class SeedConsumer {
    public static void main(String[] args) throws Exception {
        CountDownLatch awaited = new CountDownLatch(Integer.parseInt(args[1]));
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("testGroupConsumer");
        consumer.setNamesrvAddr(args[0]);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe("TopicMasterSlave", "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                System.out.println(message.getQueueId() + " " + message.getQueueOffset() + " "
                        + message.getTags() + " " + new String(message.getBody()));
                awaited.countDown();
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        awaited.await(Long.parseLong(args[2]), TimeUnit.SECONDS);
        consumer.shutdown();
        System.exit(0); // else its network threads are quiet for two seconds first
    }
}
