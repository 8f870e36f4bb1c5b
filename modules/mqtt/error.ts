import { failure, type Failure, type FailureKind } from "../diagnosis/failure.js";

/**
 * Thrown where a caller asked for what MQTT 3.1.1 or the present state does not allow (`argument`),
 * or what a limit stands against (`limit`). Nothing was sent.
 */
export class MQTTError extends Error {
  readonly report: Failure;

  constructor(kind: FailureKind, command: string, detail: string) {
    super(detail);
    this.report = failure(kind, command, undefined, detail);
  }
}

/** Refuses what cannot be sent as it is. */
export function refuse(command: string, detail: string, kind: FailureKind = "argument"): never {
  throw new MQTTError(kind, command, detail);
}
