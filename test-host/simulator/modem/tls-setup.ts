/** Why the module's settings cannot even start a handshake. */
export class TlsSetupError extends Error {
  /** What is missing or unusable. */
  readonly subject: "certificate" | "key" | "suite" | "context";

  constructor(message: string, subject: TlsSetupError["subject"] = "certificate") {
    super(message);
    this.subject = subject;
  }
}
