// Finds out whether a server returns all messages of a range, by their number and the sequence of the last one. The
// client parses the headers of a message on first access, which is most of the cost of receiving it, so only those of the
// last one are accessed.
import { createInbox, type Msg, type NatsConnection } from 'nats';

const API = '$JS.API.DIRECT.GET';
const SEQUENCE = 'Nats-Sequence';

/**
 * @param withinMs after which the answer is false
 * @returns true if the stream has a message at each sequence of the range, and the server returned all of them. False says
 * nothing: read them one by one then.
 */
export async function returnsAll(
  nc: NatsConnection,
  stream: string,
  { fromSeq, toSeq }: { readonly fromSeq: number; readonly toSeq: number },
  withinMs: number,
): Promise<boolean> {
  const batch = toSeq - fromSeq + 1;
  return new Promise((resolve) => {
    let received = 0;
    const finish = (isComplete: boolean): void => {
      clearTimeout(late);
      answers.unsubscribe();
      resolve(isComplete);
    };
    const inbox = createInbox();
    const answers = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error || isStatus(message)) return finish(false);
        received += 1;
        // Sequences ascend, so none can be missing before it.
        if (received === batch) finish(Number(message.headers?.get(SEQUENCE)) === toSeq);
      },
    });
    const late = setTimeout(() => finish(false), withinMs);
    nc.publish(`${API}.${stream}`, JSON.stringify({ seq: fromSeq, batch }), { reply: inbox });
  });
}

/** The server says that there is nothing, or nothing more, to return. */
function isStatus(message: Msg): boolean {
  return message.data.length === 0 && (message.headers?.code ?? 0) > 0;
}
