import { Journal, JournalError, type JournalEntry } from "../../modules/buffer/journal.js";
import type { Command } from "../../modules/at/command.js";
import { failure } from "../../modules/diagnosis/failure.js";
import type { MessageInfo } from "../../modules/mqtt/options.js";
import { Application } from "./application.js";
import type { SleepConfig } from "./config.js";
import type { Host } from "./host.js";
import { letSleep, withPowerSaving, type SleepCommands } from "./power-saving.js";
import type { ModuleKit, Product } from "./product.js";
import { TemplateMessage, templateParts } from "./template.js";
import { WakeState } from "./wake-state.js";

/** Messages that are made ahead of their acknowledgement. */
const AHEAD = 4;
/** Longest time awake, unless configured. */
const AWAKE_MS = 180_000;
/** How often is looked whether the module has done what it was told. */
const LOOK_MS = 100;
/** A broker has two seconds to hang up. */
const LEAVE_MS = 2_500;
/** Longest wait for a module that is told to sleep, and for one that powers down: a BC66 takes up to 85 s. */
const SLEEP_MS = 10_000;
const OFF_MS = 90_000;
/** How long nothing was to be done until a command to power down counts as taken: a refused one is repeated after a second. */
const QUIET_MS = 1_200;
/** Shortest sleep. */
const LEAST_MS = 1_000;
/** Longest sleep: 31 days. */
const MOST_MS = 2_678_400_000;
/** Longer commands are reported, and not heeded. */
const COMMAND_CHARACTERS = 1_024;

/**
 * Reports at intervals: takes a reading, stores it in flash, and from there sends it. A reading stays
 * stored until the broker has acknowledged it, over sleeps, restarts and losses of power. Where the
 * platform can sleep, it does so between reports; where not, it stays connected.
 *
 * A wake: reading, connection, everything that is stored, commands that have waited at the broker
 * (it keeps the session), then the module is put to sleep or turned off, and the device sleeps until
 * `everyMs` after it woke. It does so too when it could not connect within `awakeMs`: then the next one,
 * three or seven wakes (up to `skipMost`) store their reading without asking for the network.
 *
 * A product extends it: `reading` says what is measured, `onCommand` what a command does.
 */
export class Reports extends Application {
  protected readonly sleep: SleepConfig;
  private readonly journal: Journal | undefined;
  private readonly state: WakeState | undefined;
  private readonly moduleCommands: SleepCommands;
  /** What lets this module sleep. */
  private readonly letSleep: Command;
  /** When the device woke, in ticks. */
  private readonly since: number;
  /** The message that was handed to MQTT last. */
  private taken: JournalEntry | undefined;
  /** The command that is coming in. */
  private topic = "";
  private command = "";
  private awake: unknown;

  constructor(host: Host, kit: ModuleKit, product: Product) {
    const sleep = host.config.sleep ?? { everyMs: 0 };
    const profile = kit.profile;
    const commands: SleepCommands = { ...profile.commands, sleep: profile.commands.powerDown };
    const psm = sleep.module !== "off" && host.sleep !== undefined;
    super(
      host,
      {
        routes: kit.routes,
        profile: psm
          ? withPowerSaving(profile, commands, sleep.everyMs / 1_000, sleep.activeS ?? 10)
          : { ...profile, commands },
      },
      product,
    );
    this.sleep = sleep;
    this.moduleCommands = commands;
    this.letSleep = letSleep(profile.commands);
    this.since = host.clock.ticks;
    const flash = host.flash;
    if (flash === undefined) return;
    this.journal = new Journal(flash);
    this.state = new WakeState(this.journal);
  }

  /** What reading `n` is published as. What it throws is reported, and nothing is stored. */
  protected reading(n: number): string {
    return this.host.config.message.split("{n}").join(String(n));
  }

  /** A command has come whole: bytes of its text as Latin-1. A change of interval goes through `setEvery`. */
  protected onCommand?(topic: string, text: string): void;

  /** From now on, over restarts too. */
  protected setEvery(everyMs: number): void {
    const state = this.state;
    if (state === undefined || !(everyMs >= LEAST_MS && everyMs <= MOST_MS)) return;
    state.everyMs = everyMs;
    this.store(() => state.save());
    this.host.report("interval", everyMs);
  }

  private get everyMs(): number {
    const everyMs = this.state?.everyMs ?? 0;
    return everyMs > 0 ? everyMs : this.sleep.everyMs;
  }

  override start(): void {
    const state = this.state;
    const host = this.host;
    if (state === undefined || !(this.everyMs >= LEAST_MS)) {
      const reason =
        state === undefined
          ? failure("storage", "journal", undefined, "no partition")
          : failure("argument", "sleep", this.everyMs, "everyMs");
      this.failed("flash", reason);
      host.report("gave-up");
      return;
    }
    this.take(state);
    host.report("reading", state.number, state.stored, state.failures);
    if (host.sleep === undefined) {
      this.awake = host.timer.set(() => this.again(), this.everyMs);
      this.climb();
    } else if (state.skip > 0) {
      state.skip--;
      this.store(() => state.save());
      this.rest("stored");
    } else {
      this.awake = host.timer.set(() => this.finish("late"), this.sleep.awakeMs ?? AWAKE_MS);
      this.climb();
    }
  }

  /**
   * Where PWRKEY only turns the module on, it may not wake it: the line that does comes first then. The driver
   * would find out too, by questions without an answer, and that takes seconds at each wake.
   */
  private climb(): void {
    const { power, timer } = this.host;
    const { powerKeyOffMs, wakeMs } = this.kit.profile.power;
    if (power.wake === undefined || powerKeyOffMs !== undefined) {
      super.start();
      return;
    }
    power.wake(true);
    timer.set(() => {
      power.wake?.(false);
      super.start();
    }, wakeMs);
  }

  /** Where there is no sleep: the next reading. */
  private again(): void {
    const state = this.state;
    if (state === undefined) return;
    this.take(state);
    this.publish();
    this.awake = this.host.timer.set(() => this.again(), this.everyMs);
  }

  /** Takes a reading and stores it, in place of the oldest ones when there is no room. */
  private take(state: WakeState): void {
    const { topic, qos } = this.host.config;
    const n = ++state.number;
    // The number first: power that fails behind it makes a gap, and no two readings of one number.
    this.store(() => state.save());
    try {
      const message = new TemplateMessage(templateParts(this.reading(n)), n);
      this.store(() => this.journal?.append(topic, qos, false, message));
    } catch (error) {
      this.failed("sensor", failure("exception", "reading", undefined, String(error)));
    }
  }

  /** Does something with the journal; when it is full, without the oldest messages. What cannot be done is reported. */
  private store(action: () => void): void {
    const journal = this.journal;
    for (let dropped = 0; ;) {
      try {
        action();
        if (dropped > 0) this.host.report("dropped", dropped);
        return;
      } catch (error) {
        const report = error instanceof JournalError ? error.report : undefined;
        const oldest = report?.detail === "full" ? this.following(undefined) : undefined;
        if (oldest === undefined) {
          this.failed("flash", report ?? failure("exception", "journal", undefined, String(error)));
          return;
        }
        journal?.remove(oldest);
        dropped++;
      }
    }
  }

  /** The message behind `entry`, or the oldest. */
  private following(entry: JournalEntry | undefined): JournalEntry | undefined {
    let next = this.journal?.next(entry);
    while (next !== undefined && WakeState.is(next)) next = this.journal?.next(next);
    return next;
  }

  protected override get payloadLength(): number {
    let longest = 0;
    for (let entry = this.following(undefined); entry !== undefined; entry = this.following(entry))
      longest = Math.max(longest, entry.byteLength);
    return longest;
  }

  /** Hands stored messages to MQTT, a few at a time. */
  protected override publish(): void {
    while (!this.renewing && this.published - this.delivered < AHEAD && this.broker !== undefined) {
      const entry = this.following(this.taken);
      if (entry === undefined) break;
      this.taken = entry;
      const n = ++this.published;
      this.broker.publish({
        topic: entry.topic,
        qos: entry.qos,
        retain: entry.retain,
        payload: entry,
        done: reason => {
          if (reason !== undefined) this.failed("broker", reason);
          else this.onStored(entry, n);
        },
      });
      this.host.report("published", n);
    }
    this.checkDone();
  }

  private onStored(entry: JournalEntry, n: number): void {
    this.store(() => this.journal?.remove(entry));
    this.delivered++;
    this.failures = 0;
    this.host.report("acknowledged", n);
    this.publishLater();
  }

  protected override onMessage(text: string, info: MessageInfo): void {
    if (info.topic !== undefined) {
      this.topic = info.topic;
      this.command = "";
    }
    this.command += text;
    super.onMessage(text, info);
    if (info.more || this.command.length > COMMAND_CHARACTERS) return;
    this.onCommand?.(this.topic, this.command);
  }

  /** Everything is delivered: waits for commands, each of which makes it wait again. */
  protected override checkDone(): void {
    const timer = this.host.timer;
    if (this.host.sleep === undefined || this.following(undefined) !== undefined) return;
    timer.clear(this.linger);
    this.linger = timer.set(() => this.finish("done"), this.host.config.lingerMs);
  }

  protected override finish(event: string): void {
    if (this.over) return;
    super.finish(event);
    if (this.host.sleep !== undefined) this.rest(event);
  }

  // Going to sleep

  private rest(event: string): void {
    const { timer, clock } = this.host;
    const state = this.state;
    timer.clear(this.awake);
    timer.clear(this.linger);
    if (state === undefined || event === "stored") {
      this.fallAsleep();
      return;
    }
    const failed = event !== "done";
    const { sendEvery = 1, skipMost = 7 } = this.sleep;
    const failures = failed ? state.failures + 1 : 0;
    const skip = Math.max(sendEvery - 1, failed ? Math.min(2 ** failures - 1, skipMost) : 0);
    if (state.failures !== failures || state.skip !== skip) {
      state.failures = failures;
      state.skip = skip;
      this.store(() => state.save());
    }
    const from = clock.ticks;
    this.until(
      () => this.broker?.client === undefined || clock.delta(from) > LEAVE_MS,
      () => this.restModule(failed || this.sleep.module === "off"),
    );
  }

  private restModule(off: boolean): void {
    const { clock, power } = this.host;
    const profile = this.kit.profile;
    const channel = this.cellular.channel;
    const from = clock.ticks;
    let quiet = from;
    this.moduleCommands.sleep = off ? profile.commands.powerDown : this.letSleep;
    this.cellular.disconnect();
    this.until(
      () => {
        if (channel.pending > 0) quiet = clock.ticks;
        return (
          clock.delta(quiet) >= (off ? QUIET_MS : LOOK_MS) || clock.delta(from) > (off ? OFF_MS : SLEEP_MS)
        );
      },
      () => {
        const offMs = profile.power.powerKeyOffMs;
        // It did not listen. A module that is left searching empties a battery.
        if (
          channel.pending > 0 &&
          offMs !== undefined &&
          power.powerKey !== undefined &&
          power.status?.() !== false
        ) {
          power.powerKey(true);
          this.host.timer.set(() => this.fallAsleep(), offMs);
        } else this.fallAsleep();
      },
    );
  }

  /** Looks again and again whether something is so. */
  private until(is: () => boolean, next: () => void): void {
    this.host.timer.set(() => {
      if (is()) next();
      else this.until(is, next);
    }, LOOK_MS);
  }

  private fallAsleep(): void {
    const host = this.host;
    // Lets go of PWRKEY, too.
    this.cellular.close();
    const awakeMs = host.clock.delta(this.since);
    const ms = Math.max(LEAST_MS, this.everyMs - awakeMs);
    host.report("sleep", ms, awakeMs);
    host.sleep?.(ms);
  }
}
