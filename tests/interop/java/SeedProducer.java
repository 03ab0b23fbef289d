import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/**
 * The seed's producer: sends so many messages to TopicMasterSlave with tag TagA, one after another.
 * Prints for each "status queueId queueOffset offsetMsgId", or "error " and the exception's text.
 *
 * Arguments: name server address, count.
 */
public class SeedProducer {
    public static void main(String[] args) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("testGroup");
        producer.setNamesrvAddr(args[0]);
        producer.setSendMsgTimeout(15000); // the first send of a JVM on a busy machine
        producer.start();
        int count = Integer.parseInt(args[1]);
        for (int i = 0; i < count; i++) {
            byte[] body = ("Hello RocketMQ " + i).getBytes("UTF-8");
            try {
                SendResult sent = producer.send(new Message("TopicMasterSlave", "TagA", "key" + i, body));
                System.out.println(sent.getSendStatus() + " " + sent.getMessageQueue().getQueueId()
                        + " " + sent.getQueueOffset() + " " + sent.getOffsetMsgId());
            } catch (Exception e) {
                System.out.println("error " + String.valueOf(e.getMessage()).split("\n")[0]);
            }
        }
        producer.shutdown();
        System.exit(0); // else its network threads are quiet for two seconds first
    }
}
