// MongoDB for the conformance suite, in memory: java -cp <the jars of pom.xml> Mongo.java <port>
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;

public class Mongo extends MemoryBackend {
  public static void main(String[] arguments) {
    new MongoServer(new Mongo()).bind("127.0.0.1", Integer.parseInt(arguments[0]));
  }

  /** The suite asks one thing at its start that the in-memory server has no answer to. */
  @Override
  public Document handleCommand(Channel channel, String database, String command, Document query) {
    if (!command.equals("getParameter")) return super.handleCommand(channel, database, command, query);
    return new Document("featureCompatibilityVersion", new Document("version", "6.0")).append("ok", 1);
  }
}
