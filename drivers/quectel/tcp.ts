import type { Failure } from "../../modules/diagnosis/failure.js";
import { ModuleSocket, type ModuleSocketOptions } from "./socket.js";

/**
 * TCP through the module, with the surface of `embedded:io/socket/tcp`. `host` may be a name: the
 * module resolves it. `from`, which takes over a socket from a listener, is refused.
 */
export class TCP extends ModuleSocket {
  constructor(options: ModuleSocketOptions) {
    if ("from" in options) throw new Error("sockets from a listener are not available");
    super(options, options.modem?.profile.tcp, options.address || options.host);
  }

  protected prepare(): void {
    this.open();
  }

  protected sendOpen(id: number, done: (reason: Failure | undefined) => void): void {
    const modem = this.modem;
    modem.profile.tcp?.open(modem.channel, modem.context, id, this.host, this.port, done);
  }
}
