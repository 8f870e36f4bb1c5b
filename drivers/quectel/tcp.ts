import type { Failure } from "../../modules/diagnosis/failure.js";
import * as tcpip from "./commands/tcpip.js";
import { ModuleSocket, type ModuleSocketOptions, type SocketKind } from "./socket.js";

const kind: SocketKind = Object.freeze<SocketKind>({
  failureKind: "connect",
  openName: "AT+QIOPEN",
  send: tcpip.sendTcp,
  receive: tcpip.receiveTcp,
  receiveDefault: true,
  close: tcpip.closeTcp,
});

/**
 * TCP through the module, with the surface of `embedded:io/socket/tcp`. `host` may be a name: the
 * module resolves it. `from`, which takes over a socket from a listener, is refused.
 */
export class TCP extends ModuleSocket {
  constructor(options: ModuleSocketOptions) {
    if ("from" in options) throw new Error("sockets from a listener are not available");
    super(options, kind, options.address || options.host);
  }

  protected prepare(): void {
    this.open();
  }

  protected sendOpen(id: number, done: (reason: Failure | undefined) => void): void {
    this.modem.channel.run(
      tcpip.openTcp,
      [this.modem.context, id, "TCP", this.remoteAddress, this.remotePort],
      done,
    );
  }
}
