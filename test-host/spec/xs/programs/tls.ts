import type { Credentials } from "../../../../modules/io/credentials.js";
import type { SerialPort } from "../../../../modules/io/serial.js";
import type { TlsEngine, TlsEngineOptions } from "../../../../modules/tls/engine.js";
import type { SimulationHost } from "../../../xs/host.js";

/** TLS engines over the serial port, whose other end is the server's line. One engine at a time. */

interface Order {
  readonly run:
    "prepare" | "open" | "new" | "start" | "send" | "end" | "close" | "kept" | "limits" | "setClock";
  readonly serverName?: string;
  readonly verify?: boolean;
  /** Present the client certificate. */
  readonly client?: boolean;
  /** What the next callback does besides: throw, or close the engine. */
  readonly misdeed?: "throw" | "close" | "keep";
  readonly on?: string;
  readonly count?: number;
  readonly seconds?: number;
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let index = 0; index < bytes.length; index++) total = (total * 31 + (bytes[index] ?? 0)) % 65521;
  return total;
}

class Options implements TlsEngineOptions {
  readonly serverName: string;
  readonly verify: boolean;
  readonly ca: TlsEngineOptions["ca"];
  readonly certificate: TlsEngineOptions["certificate"];
  readonly key: TlsEngineOptions["key"];
  readonly #program: Program;

  constructor(program: Program, order: Order, credentials: Credentials) {
    this.#program = program;
    this.serverName = order.serverName ?? "broker.example";
    this.verify = order.verify ?? true;
    this.ca = credentials.open("ca");
    this.certificate = order.client === false ? undefined : credentials.open("certificate");
    this.key = order.client === false ? undefined : credentials.open("key");
  }

  transmit(bytes: Uint8Array): void {
    this.#program.port.write(bytes);
    this.#program.misbehave("transmit", bytes);
  }

  connected(cipherSuite?: number): void {
    this.#program.host.report("connected", cipherSuite);
    this.#program.misbehave("connected");
  }

  received(bytes: Uint8Array): void {
    this.#program.host.report("received", bytes.length, sum(bytes));
    this.#program.misbehave("received", bytes);
  }

  closed(): void {
    this.#program.host.report("closed");
  }

  failed(message: string): void {
    this.#program.host.report("failed", message);
  }
}

class Program {
  readonly host: SimulationHost;
  readonly port: SerialPort;
  engine: TlsEngine | undefined;
  kept: Uint8Array | undefined;
  readonly #view = new Uint8Array(1500);
  #options: Options | undefined;
  #misdeed: Order["misdeed"];
  #on: string | undefined;

  constructor(host: SimulationHost) {
    this.host = host;
    this.port = new host.serial.io({ ...host.serial, onReadable: () => this.#readable() });
  }

  #readable(): void {
    for (let count = this.port.read(this.#view); count; count = this.port.read(this.#view)) {
      const bytes = this.#view.subarray(0, count);
      this.#try(() => this.engine?.receive(bytes));
    }
  }

  misbehave(on: string, bytes?: Uint8Array): void {
    if (this.#on !== on) return;
    if (this.#misdeed === "close") this.engine?.close();
    if (this.#misdeed === "keep") this.kept = bytes;
    if (this.#misdeed === "throw") throw new Error("thrown by a callback");
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.host.report("threw", error instanceof Error ? error.message : "no error");
    }
  }

  order(order: Order): void {
    this.#try(() => this.#run(order));
  }

  #run(order: Order): void {
    const { host } = this;
    switch (order.run) {
      case "prepare":
        this.#options = new Options(this, order, host.credentials);
        break;
      case "open":
      case "new":
        if (!host.tls) throw new Error("no TLS");
        this.#misdeed = order.misdeed;
        this.#on = order.on;
        this.#options ??= new Options(this, order, host.credentials);
        this.engine = new host.tls.io(this.#options);
        this.#options = undefined;
        if (order.run === "open") this.engine.start();
        break;
      case "start":
        this.engine?.start();
        break;
      case "send":
        this.engine?.write(new Uint8Array(order.count ?? 0).fill(0x61));
        break;
      case "end":
        this.engine?.end();
        break;
      case "close":
        this.engine?.close();
        break;
      case "kept":
        host.report("kept", this.kept?.length, this.kept?.[0]);
        break;
      case "limits":
        if (host.tls) {
          const { clientKeys, splitMessages, leafAlone, suites } = host.tls;
          host.report("limits", clientKeys.join(), splitMessages, leafAlone, suites.join());
        } else host.report("limits");
        break;
      case "setClock":
        host.clock.set(order.seconds ?? 0);
        break;
    }
  }
}

export default function main(host: SimulationHost): void {
  const program = new Program(host);
  host.listen(text => {
    const order = JSON.parse(text) as Order;
    program.order(order);
  });
}
