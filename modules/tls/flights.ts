import type { Failure } from "../diagnosis/failure.js";
import { ALERT_HIDDEN, MESSAGES, TRANSFERS, type FlightRecorder } from "./recorder.js";

/**
 * What a recorder holds, in lines for people and logs; a product without such a log leaves this
 * module out. Sizes are those on the wire, headers of records included.
 *
 *     flight 1 client: ClientHello 147; sent as 147
 *     flight 2 server: ServerHello 94, Certificate 3910, ...; read as 1500+1500+1412
 *     flight 3 client: Certificate 876, ClientKeyExchange 75, ...; sent as 1024, confirmed 1024 of 1271
 *     alert received: fatal 46
 *     application data: 3 records sent, 2 received
 */
export function flightLines(recorder: FlightRecorder, reason?: Failure): string[] {
  const lines: string[] = [];
  const count = recorder.count;
  let flight = 1;
  for (let first = 0; first < count; flight++) {
    const sent = recorder.isSent(first);
    let next = first + 1;
    while (next < count && recorder.isSent(next) === sent) next++;
    lines.push(flightLine(recorder, flight, first, next));
    first = next;
  }
  if (recorder.total > count) lines.push("and " + String(recorder.total - count) + " messages more");
  alertLine(lines, "received", recorder.received.alert);
  alertLine(lines, "sent", recorder.sent.alert);
  const { sent, received } = recorder;
  if (sent.data + received.data > 0)
    lines.push(
      "application data: " + String(sent.data) + " records sent, " + String(received.data) + " received",
    );
  const place = reason?.handshake;
  if (place !== undefined)
    lines.push(
      "ended in flight " +
        String(place.flight) +
        ", " +
        place.message +
        ": " +
        String(place.confirmedBytes) +
        " of " +
        String(place.totalBytes) +
        " bytes",
    );
  return lines;
}

/** A transfer that is kept, 0 the oldest: positive what was sent, negative what was read. */
export function transferOf({ log, transfers }: FlightRecorder, index: number): number {
  const oldest = transfers > TRANSFERS ? transfers : 0;
  const value = log[2 * MESSAGES + 2 + ((oldest + index) % TRANSFERS)] ?? 0;
  return value & 1 ? value >> 1 : -(value >> 1);
}

/** Where a message ends in its stream. */
function endOf(recorder: FlightRecorder, index: number): number {
  return recorder.startOf(index) + recorder.lengthOf(index);
}

function flightLine(recorder: FlightRecorder, flight: number, first: number, next: number): string {
  const sent = recorder.isSent(first);
  let before = 0;
  for (let i = 0; i < first; i++) if (recorder.isSent(i) === sent) before = endOf(recorder, i);
  const start = before;
  let names = "";
  for (let i = first; i < next; i++) {
    const end = endOf(recorder, i);
    names += (i === first ? " " : ", ") + recorder.nameOf(i) + " " + String(end - before);
    before = end;
  }
  const pieces = piecesOf(recorder, sent, start, before);
  let line = "flight " + String(flight) + (sent ? " client:" : " server:") + names;
  if (pieces !== "") line += (sent ? "; sent as " : "; read as ") + pieces;
  const known = sent ? recorder.confirmed : recorder.received.offset;
  if (known < before)
    line +=
      (sent ? ", confirmed " : "; received ") +
      String(Math.max(0, known - start)) +
      " of " +
      String(before - start);
  return line;
}

/** The module's sends, or reads, that carried the bytes from `start` to `end`, as far as they are kept. */
function piecesOf(recorder: FlightRecorder, sent: boolean, start: number, end: number): string {
  const kept = Math.min(recorder.transfers, TRANSFERS);
  let total = 0;
  for (let i = 0; i < kept; i++) {
    const bytes = transferOf(recorder, i);
    if (bytes > 0 === sent) total += Math.abs(bytes);
  }
  // The last one ends where the stream is now: for reads that is what was read, not yet what was looked at.
  let at = (sent ? recorder.confirmed : (recorder.log[2 * MESSAGES] ?? 0)) - total;
  let text = at > start ? "..." : "";
  for (let i = 0; i < kept; i++) {
    const bytes = transferOf(recorder, i);
    if (bytes > 0 !== sent) continue;
    const from = Math.max(start, at);
    at += Math.abs(bytes);
    const count = Math.min(end, at) - from;
    if (count > 0) text += (text === "" ? "" : "+") + String(count);
  }
  return text === "..." ? "" : text;
}

function alertLine(lines: string[], way: string, alert: number): void {
  if (alert === 0) return;
  const level = alert >> 8 === 2 ? "fatal " : "warning ";
  lines.push("alert " + way + ": " + (alert === ALERT_HIDDEN ? "protected" : level + String(alert & 0xff)));
}
