import { failure, type Failure } from "../diagnosis/failure.js";
import { messageName, MESSAGES, type FlightRecorder } from "./recorder.js";

/** How a handshake ended. */
export type HandshakeEnd =
  /** The other side, or TCP, closed the connection. */
  | "closed"
  /** Nothing came any more. */
  | "silent"
  /** The engine gave up. */
  | "engine"
  /** The recorder saw what the engine cannot do. */
  | "trouble";

/**
 * The failure of a handshake from what passed in clear. `code` is the alert's number, where one was
 * seen; `detail` begins with one of these words, and `diagnosis.ts` has the sentences:
 *
 *     alert received, alert sent    code tells which; without one it was protected
 *     closed before ClientHello     nothing of ours was confirmed
 *     closed after ClientHello      it was confirmed, and nothing came back
 *     closed in server flight       the server's first flight is not complete
 *     closed in MESSAGE             the module had not confirmed all of our message
 *     closed after MESSAGE          all of it was confirmed, but not of the next
 *     closed after Finished         all of ours was confirmed
 *     silent ...                    the same places, without a close
 *     split message, leaf alone, record too large, no TLS
 *     engine: ...                   its own words
 */
export function concludeHandshake(recorder: FlightRecorder, end: HandshakeEnd, message: string): Failure {
  const place = recorder.place();
  const received = recorder.alertReceived;
  const sent = recorder.alertSent;
  let detail: string;
  let code: number | undefined;
  if (received >= 0) {
    detail = "alert received";
    code = received < 256 ? received : undefined;
  } else if (end === "trouble" || recorder.trouble === "no TLS") detail = recorder.trouble ?? message;
  else if (end === "engine") {
    // Its own verdict on the other side, which it has told by an alert or not.
    detail = "engine: " + message;
    code = sent >= 0 && sent < 256 ? sent : undefined;
  } else
    detail =
      end +
      " " +
      whereabouts(recorder) +
      (message === "" || message === "peer-closed" ? "" : " (" + message + ")");
  return failure("tls", "TLS", code, detail, place);
}

/** The place in words: behind the last message that arrived whole, or in the one that did not. */
function whereabouts(recorder: FlightRecorder): string {
  const last = Math.min(recorder.count, MESSAGES) - 1;
  let index = 0;
  while (index < last && recorder.arrivedOf(index) === recorder.lengthOf(index)) index++;
  const arrived = recorder.arrivedOf(index);
  if (last < 0 || (index === 0 && arrived === 0)) return "before ClientHello";
  const name = messageName(recorder.typeOf(index));
  const flight = recorder.flightOf(index);
  if (
    flight === 2 &&
    (arrived < recorder.lengthOf(index) || recorder.typeOf(index) !== 14) /* ServerHelloDone */
  )
    return "in server flight";
  if (arrived === recorder.lengthOf(index)) return "after " + name;
  if (arrived > 0 || index === 0) return "in " + name;
  return "after " + messageName(recorder.typeOf(index - 1));
}
