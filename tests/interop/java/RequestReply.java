import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * A producer that asks and waits for the reply, and a consumer that replies, in one process.
 * Prints "replied status" for each reply sent, and "reply body" for each that came back.
 *
 * Arguments: name server address, count.
 */
public class RequestReply {
    public static void main(String[] args) throws Exception {
        DefaultMQProducer replier = new DefaultMQProducer("replierGroup");
        replier.setNamesrvAddr(args[0]);
        replier.setInstanceName("replier");
        replier.start();

        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("requestConsumer");
        consumer.setNamesrvAddr(args[0]);
        consumer.setInstanceName("replier");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPullTimeDelayMillsWhenException(100);
        consumer.subscribe("RequestTopic", "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                try {
                    byte[] answer = (new String(message.getBody()) + "!").getBytes("UTF-8");
                    Message reply = MessageUtil.createReplyMessage(message, answer);
                    System.out.println("replied " + replier.send(reply, 3000).getSendStatus());
                } catch (Exception e) {
                    System.out.println("error " + String.valueOf(e.getMessage()).split("\n")[0]);
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();

        DefaultMQProducer asker = new DefaultMQProducer("askerGroup");
        asker.setNamesrvAddr(args[0]);
        asker.setInstanceName("asker");
        asker.start();
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            try {
                Message question = new Message("RequestTopic", ("question " + i).getBytes("UTF-8"));
                System.out.println("reply " + new String(asker.request(question, 15000).getBody()));
            } catch (Exception e) {
                System.out.println("error " + String.valueOf(e.getMessage()).split("\n")[0]);
            }
        }
        asker.shutdown();
        consumer.shutdown();
        replier.shutdown();
        System.exit(0); // else its network threads are quiet for two seconds first
    }
}
