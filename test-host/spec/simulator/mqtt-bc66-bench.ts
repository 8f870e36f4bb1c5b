import { defaultBg95Settings } from "../../simulator/bg95/settings.js";
import { Link, linkProfiles } from "../../simulator/link.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { AtPort, type PortHost } from "../../simulator/modem/at-port.js";
import { joinTables } from "../../simulator/modem/call.js";
import { Bc66Mqtt, bc66MqttCommands } from "../../simulator/bc66/commands/mqtt.js";
import { defaultBc66MqttSettings, type MqttSettings } from "../../simulator/modem/mqtt-settings.js";
import { TlsSetupError } from "../../simulator/modem/tls-setup.js";
import { Random } from "../../simulator/random.js";
import { Scheduler } from "../../simulator/scheduler.js";

const finals = /\r\n(OK|ERROR)\r\n$|\r\n> $/;

/** Nothing but an AT port with the BC66's QMT commands: no TLS, a bearer that can be switched off. */
export class Bc66MqttBench {
  readonly scheduler = new Scheduler();
  readonly network = new MemoryNetwork({ scheduler: this.scheduler, names: { "broker.test": "192.0.2.10" } });
  readonly link = new Link({
    scheduler: this.scheduler,
    random: new Random(1),
    profile: linkProfiles.none,
  });
  readonly clients: Bc66Mqtt;
  isAttached = true;
  received = "";
  readonly #port: AtPort<{ readonly mqtt: Bc66Mqtt }>;
  #mark = 0;

  constructor(settings: Partial<MqttSettings> = {}) {
    const { scheduler, network } = this;
    this.clients = new Bc66Mqtt({
      scheduler,
      network,
      link: this.link,
      settings: { mqtt: { ...defaultBc66MqttSettings, ...settings }, connectTimeoutMs: 75_000 },
      recordOverheadBytes: 53,
      hasBearer: () => this.isAttached,
      tls: () => ({
        limitMs: 90_000,
        client: () => {
          throw new TlsSetupError("nothing is stored");
        },
      }),
      sent: () => undefined,
      urc: text => this.#port.urc(text),
    });
    const host: PortHost<{ readonly mqtt: Bc66Mqtt }> = {
      scheduler,
      module: { mqtt: this.clients },
      commands: joinTables(bc66MqttCommands()),
      profile: {
        echo: false,
        verbose: true,
        quiet: false,
        errors: 1,
        carriageReturn: 13,
        lineFeed: 10,
        backspace: 8,
      },
      settings: { ...defaultBg95Settings.port, commandMs: 0, urcWhileData: "lost", longestLine: 1_400 },
      errorText: () => "",
      transmit: bytes => (this.received += Buffer.from(bytes).toString("latin1")),
      holdsUrcs: false,
      admit: () => ({ verdict: "run", delayMs: 0, gapMs: 0 }),
    };
    this.#port = new AtPort(host);
  }

  /** What came since the last call. */
  take(): string {
    const text = this.received.slice(this.#mark);
    this.#mark = this.received.length;
    return text;
  }

  async pass(ms: number): Promise<string> {
    await this.scheduler.run({ untilMs: this.scheduler.nowMs + ms });
    return this.take();
  }

  ask(line: string): Promise<string> {
    return this.exchange(line + "\r", finals);
  }

  exchange(text: string, awaited: RegExp): Promise<string> {
    this.take();
    this.#port.receive(Buffer.from(text, "latin1"));
    return this.wait(awaited);
  }

  async wait(awaited: RegExp): Promise<string> {
    await this.scheduler.run({
      until: () => awaited.test(this.received.slice(this.#mark)),
      untilMs: this.scheduler.nowMs + 200_000,
    });
    return this.take();
  }
}
