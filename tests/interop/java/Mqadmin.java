import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * RocketMQ's mqadmin, many commands in one process. Prints "$ command" before what each prints.
 *
 * Arguments: one whole command each, "clusterList -n 127.0.0.1:9876" for example.
 */
public class Mqadmin {
    public static void main(String[] args) {
        for (String command : args) {
            System.out.println("\n$ " + command);
            MQAdminStartup.main0(command.split(" "), null);
        }
        System.exit(0);
    }
}
