import { failure, type Failure } from "../diagnosis/failure.js";

/** Thrown where a caller asked for what MQTT 3.1.1, a limit or the present state does not allow; nothing was sent. */
export class MQTTError extends Error {
  readonly report: Failure;

  constructor(report: Failure) {
    super(`${report.command ?? "MQTT"}: ${report.detail ?? report.kind}`);
    this.report = report;
  }
}

/** The caller's argument cannot be sent as it is. */
export function invalid(command: string, detail: string): MQTTError {
  return new MQTTError(failure("argument", command, undefined, detail));
}

/** A limit of the protocol or of a fixed size stands against it. */
export function exceeds(command: string, detail: string): MQTTError {
  return new MQTTError(failure("limit", command, undefined, detail));
}
