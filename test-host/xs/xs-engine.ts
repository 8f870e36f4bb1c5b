import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { EngineEvent, EngineInputs, EngineTurn } from "../simulator/engine.js";
import { EngineError } from "./errors.js";
import {
  FrameSplitter,
  dateFrame,
  flashFrame,
  loadFrame,
  memoryFrame,
  moduleFrame,
  partitionFrame,
  placesIn,
  powerCutFrame,
  readTurn,
  resourceFrame,
  servicesFrame,
  settingsFrame,
  turnFrame,
} from "./frames.js";
import type { Reader } from "./frames.js";
import { configSource, defaultRoot, moduleSource } from "./modules.js";
import { labelOf } from "./partitions.js";
import type { Partitions } from "./partitions.js";
import type { FirmwareEngine, FirmwareMemory, ResolvedOptions } from "./options.js";
import { answerService } from "./service-frames.js";
import { HostServices } from "./services.js";

/** Of a device with a module alone, and of one whose board has more. */
const MAIN = "test-host/xs/main";
const HOST_FOLDER = "test-host/xs/";
const DEVICE_MAIN = "test-host/xs/device-main";
const STDERR_LIMIT = 4096;

interface Frame {
  readonly letter: string;
  readonly reader: Reader;
}

interface Pending {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: Error) => void;
}

/** The host program ended without an answer. */
class HostExit extends Error {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;

  constructor(code: number | null, signal: NodeJS.Signals | null, stderr: string) {
    const how = signal ? `by signal ${signal}` : `with code ${code}`;
    super(`the XS host ended ${how}${stderr ? `: ${stderr.trim()}` : ""}`);
    this.code = code;
    this.signal = signal;
  }
}

/** The child process and its frames: one question at a time. */
class HostProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #splitter = new FrameSplitter();
  readonly #arrived: Frame[] = [];
  readonly #exit: Promise<void>;
  #pending: Pending | undefined;
  #ended: HostExit | undefined;
  #stderr = "";

  constructor(binary: string) {
    // A group of its own: Ctrl-C at a terminal is for the program that drives it, whose end closes stdin.
    this.#child = spawn(binary, [], { stdio: ["pipe", "pipe", "pipe"], env: {}, detached: true });
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#splitter.push(chunk, (letter, reader) => {
        this.#onFrame({ letter, reader });
      });
    });
    this.#child.stderr.setEncoding("utf8");
    this.#child.stderr.on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LIMIT);
    });
    // A write to a program that has just ended; its end is told by "close".
    this.#child.stdin.on("error", () => {});
    this.#exit = new Promise(resolve => {
      this.#child.on("close", (code, signal) => {
        this.#onEnd(new HostExit(code, signal, this.#stderr));
        resolve();
      });
      this.#child.on("error", error => {
        this.#onEnd(new HostExit(null, null, error.message));
        resolve();
      });
    });
    this.#hold(false);
  }

  #onFrame(frame: Frame): void {
    const pending = this.#pending;
    if (pending) {
      this.#pending = undefined;
      this.#hold(false);
      pending.resolve(frame);
    } else this.#arrived.push(frame);
  }

  #onEnd(exit: HostExit): void {
    this.#ended = exit;
    this.#pending?.reject(exit);
    this.#pending = undefined;
  }

  /** An idle engine does not keep the Node process alive; one that owes an answer does. */
  #hold(held: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const item of [this.#child, stdin, stdout, stderr]) {
      if (item === this.#child || item instanceof Socket) {
        if (held) item.ref();
        else item.unref();
      }
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(...frames: Uint8Array[]): void {
    for (const frame of frames) this.#child.stdin.write(frame);
  }

  receive(): Promise<Frame> {
    const frame = this.#arrived.shift();
    if (frame) return Promise.resolve(frame);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#hold(true);
    });
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    if (!this.#ended) {
      this.#hold(true);
      await this.#exit;
    }
  }
}

function readCounts(reader: Reader): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let left = reader.u32(); left > 0; left--) {
    const name = reader.text();
    const count = reader.u32();
    if (count) counts[name] = count;
  }
  return counts;
}

/** Modules that a main module and an entry were found to import: sent ahead the next time. */
const knownImports = new Map<string, Set<string>>();

export interface XsFolders {
  readonly binary: string;
  readonly root: string;
  readonly cacheFolder: string;
}

/** The firmware in a process of its own: the XS engine with an ESP32's memory. */
export class XsEngine implements FirmwareEngine {
  readonly name = "xs";
  readonly version = "XS 13.3";
  readonly #host: HostProcess;
  readonly #services: HostServices;
  readonly #partitions: Partitions;
  #modules: Readonly<Record<string, number>> = {};
  #natives: Readonly<Record<string, number>> = {};
  #ended = false;
  #stopped = false;
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(binary: string, services: HostServices, partitions: Partitions) {
    this.#host = new HostProcess(binary);
    this.#services = services;
    this.#partitions = partitions;
  }

  static async start(folders: XsFolders, options: ResolvedOptions): Promise<XsEngine> {
    const engine = new XsEngine(folders.binary, new HostServices(options.services), options.partitions);
    try {
      await engine.#load(folders, options);
    } catch (error) {
      engine.#stopped = true;
      await engine.#host.stop();
      throw error instanceof HostExit ? new EngineError("load failed", error.message) : error;
    }
    return engine;
  }

  /** Of the host program, for a debugger or profiler. */
  get processId(): number | undefined {
    return this.#host.pid;
  }

  get loadedNatives(): Readonly<Record<string, number>> {
    return this.#natives;
  }

  async #load(folders: XsFolders, options: ResolvedOptions): Promise<void> {
    const { root, cacheFolder } = folders;
    const host = this.#host;
    const { description } = this.#services;
    const needsMore = description.board !== undefined || description.keys !== undefined;
    const main = needsMore ? DEVICE_MAIN : MAIN;
    const known = `${main}\0${root}\0${options.entry}`;
    // The host's main module comes with this folder, and what that imports with it, wherever the entry lies.
    const sourceOf = async (name: string): Promise<string | undefined> => {
      const own =
        name === MAIN || name === DEVICE_MAIN ? undefined : await moduleSource(root, name, cacheFolder);
      const isOurs = name.startsWith(HOST_FOLDER) || needsMore;
      return own ?? (isOurs ? moduleSource(defaultRoot, name, cacheFolder) : undefined);
    };
    host.send(settingsFrame(options));
    for (const [label, bytes] of Object.entries(options.partitions)) host.send(partitionFrame(label, bytes));
    if (options.powerCut) host.send(powerCutFrame(options.powerCut));
    for (const [role, bytes] of Object.entries(options.credentials))
      if (bytes instanceof Uint8Array) host.send(resourceFrame(`${role}.der`, bytes));
    host.send(servicesFrame(description));
    host.send(moduleFrame("mc/config", configSource(options.config)));
    const imports = knownImports.get(known) ?? new Set<string>();
    for (const name of imports) {
      const source = await sourceOf(name);
      if (source !== undefined) host.send(moduleFrame(name, source));
    }
    host.send(loadFrame(main, options.entry));
    for (;;) {
      const { letter, reader } = await host.receive();
      if (letter === "N") {
        const name = reader.text();
        const source = await sourceOf(name);
        if (source !== undefined) imports.add(name);
        host.send(moduleFrame(name, source));
      } else if (letter === "L") {
        this.#modules = readCounts(reader);
        this.#natives = readCounts(reader);
        knownImports.set(known, imports);
        return;
      } else if (letter === "E") {
        const reason = reader.text();
        const text = placesIn(reader.text());
        if (reason === "missing") throw new EngineError("missing module", text);
        throw new EngineError("load failed", reason === "load" ? text : `${reason} ${text}`.trim());
      } else throw new EngineError("protocol", `frame ${letter} while loading`);
    }
  }

  /** Questions wait for one another; turns never overlap. */
  #ask(frame: Uint8Array, letter: string): Promise<Reader> {
    const answer = this.#busy.then(async () => {
      this.#host.send(frame);
      let received = await this.#host.receive();
      while (received.letter === "S") {
        this.#host.send(await answerService(this.#services, received.reader));
        received = await this.#host.receive();
      }
      if (received.letter !== letter)
        throw new EngineError("protocol", `frame ${received.letter} instead of ${letter}`);
      return received.reader;
    });
    this.#busy = answer.catch(() => undefined);
    return answer;
  }

  #check(): void {
    if (this.#stopped) throw new EngineError("stopped", "the engine was stopped");
  }

  async turn(event: EngineEvent, inputs: EngineInputs): Promise<EngineTurn> {
    this.#check();
    if (this.#ended) throw new EngineError("stopped", "the engine's run has ended");
    try {
      const turn = readTurn(await this.#ask(turnFrame(event, inputs), "T"));
      if (turn.abort || turn.end) this.#end();
      return turn;
    } catch (error) {
      if (!(error instanceof HostExit)) throw error;
      this.#end();
      if (error.code === 4) throw new EngineError("protocol", error.message);
      return {
        actions: [],
        compute: 0,
        collections: 0,
        abort: { reason: "engine crashed", detail: error.message },
      };
    }
  }

  #end(): void {
    this.#ended = true;
    this.#services.stop();
  }

  /** A question that a host program that has ended cannot answer, as opposed to a turn, which aborts then. */
  async #figures(frame: Uint8Array, letter: string): Promise<Reader> {
    try {
      return await this.#ask(frame, letter);
    } catch (error) {
      throw error instanceof HostExit ? new EngineError("stopped", error.message) : error;
    }
  }

  async memory(): Promise<FirmwareMemory> {
    this.#check();
    const reader = await this.#figures(memoryFrame(), "Q");
    const budgetBytes = reader.u32();
    const loadedBytes = reader.u32();
    const slots = reader.u32();
    const chunkBytes = reader.u32();
    const peakSlots = reader.u32();
    const peakChunkBytes = reader.u32();
    const livePeakBytes = reader.u32();
    const collections = reader.u32();
    const stackPeakSlots = reader.u32();
    const modules = this.#modules;
    return {
      budgetBytes,
      loadedBytes,
      peakBytes: peakSlots * 16 + peakChunkBytes,
      livePeakBytes,
      slots,
      chunkBytes,
      peakSlots,
      peakChunkBytes,
      collections,
      stackPeakSlots,
      bytecodeBytes: Object.values(modules).reduce((sum, size) => sum + size, 0),
      modules,
    };
  }

  get labels(): readonly string[] {
    return Object.keys(this.#partitions);
  }

  async epochMs(): Promise<number> {
    this.#check();
    return (await this.#figures(dateFrame(), "D")).double();
  }

  async flash(label?: string): Promise<Uint8Array> {
    return (await this.#flash(label)).bytes;
  }

  async flashSteps(label?: string): Promise<number> {
    return (await this.#flash(label)).steps;
  }

  async #flash(label: string | undefined): Promise<{ readonly bytes: Uint8Array; readonly steps: number }> {
    this.#check();
    const reader = await this.#figures(flashFrame(labelOf(this.#partitions, label)), "F");
    if (!reader.u8()) throw new EngineError("protocol", "the XS host does not know a partition");
    const steps = reader.u32();
    return { steps, bytes: reader.block() };
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#busy;
    this.#services.stop();
    await this.#host.stop();
  }
}
