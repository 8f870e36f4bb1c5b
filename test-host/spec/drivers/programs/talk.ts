import { bg95, Cellular, Connection, TCP } from "../../../../drivers/index.js";
import type { SimulationHost } from "../../../xs/index.js";

/**
 * A client that sends numbered bytes and checks that they come back in order. It opens a
 * connection whenever the network is there, and throws in a callback when told so.
 */
class Talk {
  private readonly host: SimulationHost;
  private readonly cellular: Cellular;
  private readonly piece = new Uint8Array(500);
  private socket: TCP | undefined;
  private sent = 0;
  private received = 0;
  private throwing = false;

  constructor(host: SimulationHost) {
    this.host = host;
    const { serial, timer, clock, power } = host;
    this.cellular = new Cellular({
      profile: bg95,
      serial,
      timer,
      clock,
      power,
      onFailure: (reason, rung) => {
        host.report("modem", reason.kind, rung);
      },
      onChanged: () => {
        const { connection } = this.cellular;
        host.report("connection", connection);
        if (connection === Connection.addressed && this.socket === undefined) this.open();
      },
    });
    host.listen(text => {
      if (text === '"throw"') this.throwing = true;
      else if (text === '"close"') this.cellular.close();
      else this.cellular.disconnect();
    });
    this.cellular.connect();
  }

  private open(): void {
    this.sent = this.received = 0;
    this.socket = new TCP({
      modem: this.cellular,
      host: "echo.test",
      port: 7,
      onWritable: room => {
        if (this.sent === 0) this.host.report("open", room);
        this.pump(room);
      },
      onReadable: () => {
        if (this.throwing) {
          this.throwing = false;
          throw new Error("application");
        }
        this.take();
      },
      failure: reason => {
        this.host.report("failure", reason.kind, reason.detail);
      },
      onError: () => {
        this.socket = undefined;
        if (this.cellular.connection === Connection.addressed) this.open();
      },
    });
  }

  private pump(room: number): void {
    // What is on its way stays bounded by what comes back.
    while (room >= this.piece.length && this.sent - this.received < 4_000 && this.socket !== undefined) {
      for (let i = 0; i < this.piece.length; i++) this.piece[i] = (this.sent + i) % 251;
      room = this.socket.write(this.piece);
      this.sent += this.piece.length;
    }
  }

  private take(): void {
    const bytes = this.socket?.read();
    if (!(bytes instanceof ArrayBuffer)) return;
    for (const byte of new Uint8Array(bytes)) {
      if (byte !== this.received % 251) {
        this.host.report("wrong", this.received);
        return;
      }
      this.received++;
    }
    this.host.report("received", this.received);
    this.pump(500);
  }
}

export default function start(host: SimulationHost): void {
  new Talk(host);
}
