import { failure, type Failure } from "../diagnosis/failure.js";
import {
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  SERVER_HELLO_DONE,
  type FlightRecorder,
  type Trouble,
} from "./recorder.js";

/** How a handshake ended that nobody gave a reason for. */
export type HandshakeEnd =
  /** The other side closed the connection. */
  | "closed"
  /** It was reset, or the network does not take what is sent. */
  | "lost"
  /** Nothing came any more. */
  | "silent";

/** How far it had come. */
export type HandshakePoint =
  /** The engine had written nothing. */
  | "before ClientHello"
  /** Not all of it was confirmed. */
  | "in ClientHello"
  /** It was confirmed, and nothing came back. */
  | "after ClientHello"
  /** A part of the server's first flight came. */
  | "in server flight"
  /** All of it came, and the engine had not answered. */
  | "after server flight"
  /** Our Certificate, or our flight when it has none, was not confirmed whole. */
  | "in client flight"
  /** Our Certificate was confirmed whole, but not all of our flight. */
  | "after Certificate"
  /** All of our flight was, the Certificate in it. */
  | "after Finished"
  /** The server asked for a certificate, we have none, and it knows that. */
  | "without Certificate"
  /** Our flight was confirmed, without a certificate, or behind protection that hides it. */
  | "after client flight"
  /** A part of the server's last flight came. */
  | "in server finish";

/** The beginning of `Failure.detail`, before a colon or the end; `diagnosis.ts` has the sentences. */
export type HandshakeCause =
  | `${HandshakeEnd} ${HandshakePoint}`
  | `unsupported: ${Trouble}`
  /** `code` is its number. */
  | "alert received"
  /** `code` is its number; behind the colon the engine's words. */
  | "alert sent"
  /** The engine gave up without an alert; behind the colon its words. */
  | "engine";

/** How far the handshake had come, by what the module had confirmed. */
export function pointOf(recorder: FlightRecorder): HandshakePoint {
  let asked = false;
  let flightComplete = false;
  let certificate = -1;
  const last = recorder.count - 1;
  for (let i = 0; i <= last; i++) {
    const kind = recorder.kindOf(i);
    if (recorder.isSent(i)) {
      if (kind === CERTIFICATE) certificate = i;
    } else if (kind === CERTIFICATE_REQUEST) asked = true;
    else if (kind === SERVER_HELLO_DONE) flightComplete = true;
  }
  const flight = last < 0 ? 0 : recorder.flightOf(last);
  if (flight === 0) return "before ClientHello";
  const missing = recorder.confirmed < recorder.sent.offset;
  if (flight === 1) return missing ? "in ClientHello" : "after ClientHello";
  if (flight === 2) return flightComplete ? "after server flight" : "in server flight";
  if (flight > 3) return "in server finish";
  if (certificate < 0) return missing ? "in client flight" : "after client flight";
  const length = recorder.lengthOf(certificate);
  if (recorder.arrivedOf(certificate) < length) return "in client flight";
  // Without an entry: header, and the length of the list.
  if (asked && length <= 7) return "without Certificate";
  return missing ? "after Certificate" : "after Finished";
}

/** The number of the alert that the engine tells of, as its words end with it: `alert: 2, 48`; -1 for none. */
function alertIn(words: string): number {
  const number = words.includes("alert") ? parseInt(words.slice(words.lastIndexOf(" ") + 1), 10) : NaN;
  return number >= 0 ? number : -1;
}

/** The failure of a connection that its end, or the engine with its `words`, gave no other reason for. */
export function conclude(
  recorder: FlightRecorder,
  end: HandshakeEnd | "engine",
  words: string | undefined,
): Failure {
  const trouble = recorder.trouble;
  let cause: HandshakeCause = "alert received";
  let told = "";
  let code = recorder.received.fatal;
  if (code < 0 && words !== undefined) code = alertIn(words);
  if (code < 0) {
    if (trouble !== undefined) cause = `unsupported: ${trouble}`;
    else if (end === "engine") {
      code = recorder.sent.fatal;
      cause = code < 0 ? "engine" : "alert sent";
      told = words === undefined || words === "" ? "" : ": " + words;
    } else cause = `${end} ${pointOf(recorder)}`;
  }
  return failure(
    "tls",
    "TLS",
    code < 0 ? undefined : code,
    cause + told,
    recorder.complete ? undefined : recorder.place(),
  );
}
