import { FaultBoard } from "../fault-board.js";
import { parseFault } from "../faults.js";
import { Link } from "../link.js";
import type { ParsedCommand } from "../modem/at-line.js";
import { AtPort, type Admission } from "../modem/at-port.js";
import { joinTables, type CommandEntry } from "../modem/call.js";
import { Modem, type ModemOptions } from "../modem/modem.js";
import type { ModuleSocket } from "../modem/socket.js";
import { Random } from "../random.js";
import { configurationCommands } from "./commands/configuration.js";
import { generalCommands } from "./commands/general.js";
import { internetCommands } from "./commands/internet.js";
import { bc66MqttCommands } from "./commands/mqtt.js";
import { networkCommands } from "./commands/network.js";
import { packetCommands } from "./commands/packet.js";
import { sleepCommands } from "./commands/sleep.js";
import { socketCommands } from "./commands/sockets.js";
import { statusCommands } from "./commands/status.js";
import { timeCommands } from "./commands/time.js";
import { tlsCommands } from "./commands/tls.js";
import { equipmentErrorText } from "./errors.js";
import { bc66LinkProfile, type Bc66LinkName } from "./link-profiles.js";
import { Bc66Module } from "./module.js";
import { bc66Settings, type Bc66Changes, type Bc66Settings } from "./settings.js";

export type Bc66Options = ModemOptions<Bc66Changes, Bc66LinkName>;

/**
 * A simulated Quectel BC66 behind its main UART: AT port with training of the rate, pins, two sleeps,
 * one bearer, TCP, UDP and TLS on a `Network`, MQTT. Starts without power.
 */
export class BC66 extends Modem {
  readonly settings: Bc66Settings;
  readonly link: Link;
  readonly module: Bc66Module;
  readonly port: AtPort<Bc66Module>;
  readonly faults: FaultBoard;
  readonly #commands: ReadonlyMap<string, CommandEntry<Bc66Module>>;

  constructor(options: Bc66Options) {
    const { scheduler, network } = options;
    super(scheduler);
    const link = options.link ?? "none";
    const profile = typeof link === "string" ? bc66LinkProfile(link) : link;
    const settings = bc66Settings(options.settings);
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
    this.module = new Bc66Module({ scheduler, network, link: this.link, settings: this.settings, random });
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
      bc66MqttCommands<Bc66Module>(),
    );
    const { module } = this;
    this.port = new AtPort<Bc66Module>({
      scheduler,
      module,
      commands: this.#commands,
      profile: module.profile,
      settings: this.settings.port,
      errorText: equipmentErrorText,
      transmit: (bytes, kind) => this.transmit(bytes, kind, module.rate.baud),
      holdsUrcs: false,
      admit: command => this.#admit(command),
    });
    const faults = (options.faults ?? []).map(fault =>
      typeof fault === "string" ? parseFault(fault) : fault,
    );
    this.faults = new FaultBoard(faults, scheduler, random.fork("faults"), {
      crash: () => module.power.crash(),
      silence: forMs => this.silence(forMs),
      deactivateContext: () => module.deactivateByNetwork(),
      loseContext: () => module.loseContext(),
      loseRegistration: forMs => module.loseRegistration(forMs),
      closePeer: id => module.breakOff(id),
      resetPeer: id => module.breakOff(id),
    });
    module.join({
      port: this.port,
      faults: this.faults,
      print: (text, baud) => this.transmit(Buffer.from(text, "latin1"), "text", baud),
      discard: () => this.discard(),
    });
  }

  get baud(): number {
    return this.module.rate.baud;
  }

  get heedsRts(): boolean {
    return false;
  }

  /** Level of VDD_EXT. */
  get status(): boolean {
    return this.module.power.vddExt;
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

  adapts(baud: number): boolean {
    return this.module.rate.hear(baud);
  }

  powerKey(asserted: boolean): void {
    this.module.power.powerKey(asserted);
  }

  resetLine(asserted: boolean): void {
    this.module.power.resetLine(asserted);
  }

  wakeLine(asserted: boolean): void {
    this.psmEint(asserted);
  }

  /** PSM_EINT: wakes from deep sleep. */
  psmEint(asserted: boolean): void {
    this.module.power.psmEint(asserted);
  }

  bootNow(): void {
    this.module.bootNow();
  }

  powerUp(): void {
    this.module.power.cut();
    this.module.power.start("cold");
  }

  protected get carriesData(): boolean {
    return this.port.carriesData;
  }

  protected get hears(): boolean {
    return this.module.power.uart;
  }

  protected take(bytes: Uint8Array): void {
    const { power, sleep, rate } = this.module;
    // What comes while the boot text is printed is lost, and so is everything before the firmware runs.
    if (power.state !== "running") return;
    const isAwake = this.port.isBusy || this.port.carriesData;
    const heard = isAwake ? bytes : sleep.filter(bytes);
    this.port.receive(rate.isKnown ? heard : rate.train(heard));
  }

  #admit(command: ParsedCommand): Admission {
    if (this.module.power.state !== "running") return { verdict: "lost", delayMs: 0, gapMs: 0 };
    const struck = this.faults.command(command.name);
    return { verdict: struck.isError ? "error" : "run", delayMs: struck.lateMs, gapMs: struck.gapMs };
  }
}
