import { FaultBoard } from "../fault-board.js";
import { parseFault } from "../faults.js";
import { Link, linkProfiles } from "../link.js";
import { AtPort, type Admission } from "../modem/at-port.js";
import type { ParsedCommand } from "../modem/at-line.js";
import { joinTables, type CommandEntry } from "../modem/call.js";
import type { FileStore } from "../modem/file-store.js";
import { Random } from "../random.js";
import type { Scheduler } from "../scheduler.js";
import { configurationCommands } from "./commands/configuration.js";
import { fileCommands } from "./commands/files.js";
import { generalCommands } from "./commands/general.js";
import { internetCommands } from "./commands/internet.js";
import { mqttCommandsOfBg95 } from "./commands/mqtt.js";
import { networkCommands } from "./commands/network.js";
import { packetCommands } from "./commands/packet.js";
import { sleepCommands } from "./commands/sleep.js";
import { socketCommands } from "./commands/sockets.js";
import { statusCommands } from "./commands/status.js";
import { timeCommands } from "./commands/time.js";
import { tlsCommands } from "./commands/tls.js";
import { equipmentErrorText } from "./errors.js";
import { Bg95Module } from "./module.js";
import { bg95Settings, type Bg95Changes, type Bg95Settings } from "./settings.js";
import { Modem, type ModemOptions } from "../modem/modem.js";
import type { ModuleSocket } from "../modem/socket.js";

export type Bg95Options = ModemOptions<Bg95Changes>;

/**
 * A simulated Quectel BG95-M3 behind its main UART: AT port, power lines, files, PDP contexts,
 * TCP, UDP and TLS sockets on a `Network`. Starts without power.
 */
export class BG95 extends Modem {
  readonly settings: Bg95Settings;
  readonly link: Link;
  readonly module: Bg95Module;
  readonly port: AtPort<Bg95Module>;
  readonly faults: FaultBoard;
  readonly #scheduler: Scheduler;
  readonly #commands: ReadonlyMap<string, CommandEntry<Bg95Module>>;

  constructor(options: Bg95Options) {
    const { scheduler, network } = options;
    super(scheduler);
    this.#scheduler = scheduler;
    const link = options.link ?? "none";
    const profile = typeof link === "string" ? linkProfiles[link] : link;
    const settings = bg95Settings(options.settings);
    // A link that answers at once has a module that does.
    const isInstant = profile.name === "none" && options.settings?.port?.commandMs === undefined;
    this.settings = isInstant ? { ...settings, port: { ...settings.port, commandMs: 0 } } : settings;
    const random = new Random(options.seed ?? 1);
    this.link = new Link({
      scheduler,
      profile,
      random: random.fork("link"),
      ...(options.outages ? { outages: options.outages } : {}),
    });
    this.module = new Bg95Module({ scheduler, network, link: this.link, settings: this.settings, random });
    this.#commands = joinTables(
      generalCommands,
      statusCommands,
      networkCommands,
      packetCommands,
      configurationCommands,
      timeCommands,
      sleepCommands,
      internetCommands,
      socketCommands,
      tlsCommands,
      mqttCommandsOfBg95,
      fileCommands,
    );
    this.port = this.#makePort();
    const faults = (options.faults ?? []).map(fault =>
      typeof fault === "string" ? parseFault(fault) : fault,
    );
    this.faults = new FaultBoard(faults, scheduler, random.fork("faults"), {
      crash: () => this.module.power.crash(),
      silence: forMs => this.silence(forMs),
      deactivateContext: id => this.module.deactivateByNetwork(id),
      loseContext: id => this.module.loseContext(id),
      loseRegistration: forMs => this.module.loseRegistration(forMs),
      closePeer: id => this.module.breakOff(id),
      resetPeer: id => this.module.breakOff(id),
    });
    this.module.join({
      port: this.port,
      faults: this.faults,
      print: text => this.port.urc(text),
      discard: () => this.discard(),
    });
  }

  get baud(): number {
    return this.module.baud;
  }

  get heedsRts(): boolean {
    return this.module.flow.byHost === 2;
  }

  /** Level of the STATUS pin. */
  get status(): boolean {
    return this.module.power.status;
  }

  get files(): FileStore {
    return this.module.files;
  }

  get sockets(): readonly ModuleSocket[] {
    return this.module.sockets.all;
  }

  get socketHistory(): readonly ModuleSocket[] {
    const { sockets, mqtt } = this.module;
    return [...sockets.history, ...mqtt.streams.sockets.history];
  }

  get commandCounts(): ReadonlyMap<string, number> {
    return this.port.counts;
  }

  get commandNames(): Iterable<string> {
    return this.#commands.keys();
  }

  wakeLine(asserted: boolean): void {
    this.module.power.ponTrig(asserted);
  }

  powerKey(asserted: boolean): void {
    this.module.power.powerKey(asserted);
  }

  resetLine(asserted: boolean): void {
    this.module.power.resetLine(asserted);
  }

  bootNow(): void {
    this.module.power.bootNow();
  }

  powerUp(): void {
    this.module.power.cut();
    this.module.power.boot(0);
  }

  protected get carriesData(): boolean {
    return this.port.carriesData;
  }

  protected get hears(): boolean {
    return this.module.power.uart;
  }

  protected take(bytes: Uint8Array): void {
    this.port.receive(bytes);
  }

  #makePort(): AtPort<Bg95Module> {
    const { module } = this;
    return new AtPort<Bg95Module>({
      scheduler: this.#scheduler,
      module,
      commands: this.#commands,
      profile: module.profile,
      settings: this.settings.port,
      errorText: equipmentErrorText,
      transmit: (bytes, kind) => this.transmit(bytes, kind, this.module.baud),
      get holdsUrcs() {
        return module.configuration.get("urc/delay") === "1";
      },
      admit: command => this.#admit(command),
    });
  }

  #admit(command: ParsedCommand): Admission {
    const { power } = this.module;
    if (power.state === "booting") {
      return { verdict: this.settings.earlyCommands, delayMs: 0, gapMs: 0 };
    }
    if (power.state !== "running") return { verdict: "lost", delayMs: 0, gapMs: 0 };
    const struck = this.faults.command(command.name);
    return { verdict: struck.isError ? "error" : "run", delayMs: struck.lateMs, gapMs: struck.gapMs };
  }
}
