import { printable } from "../../../../../certs/printable.js";
import { bc66 } from "../../../../../drivers/bc66/profile.js";
import { bg95 } from "../../../../../drivers/bg95/profile.js";
import { identify } from "../../../../../drivers/quectel/commands/general.js";
import { simState } from "../../../../../drivers/quectel/commands/network.js";
import type { RouteName } from "../../../../../drivers/quectel/route.js";
import type { Handshake, Holding, Present, ReadBack, Target } from "../../../../../certs/factory/target.js";
import { plainCommand } from "../../../../../modules/at/command.js";
import type { TraceWriter } from "../../../../../modules/at/trace.js";
import type { CredentialRole, Credentials } from "../../../../../modules/io/credentials.js";
import { BytesCredential } from "../../../../../modules/pki/bytes.js";
import type { Clock, Timer } from "../../../../../modules/io/timer.js";
import type { ModuleName } from "../../../../firmware/config.js";
import { openPort } from "../../../serial/open.js";
import { Wire } from "../../../serial/wire.js";
import { clock as wallClock, timer as wallTimer } from "../../../services.js";
import { ConnectionStore, type Handed } from "./connection-store.js";
import { badBroker, gone, handshakeFailed, noCredentials, wrongModule, wrongRoute } from "./faults.js";
import { FileStore } from "./file-store.js";
import { handshake, type NetworkOptions } from "./handshake.js";
import { MODEM_NOTICES, type ModemNotice } from "./notices.js";
import { CommandFailure, Session, traceOf, type Bench } from "./session.js";
import type { Store } from "./store.js";
import { synchronise } from "./sync.js";

export type { ModemNotice };

export interface ModemTargetOptions {
  readonly module: ModuleName;
  /** `auto` counts as `module-tls`: nothing else uses the module's store. */
  readonly route: RouteName | "auto";
  /** Default 115,200. */
  readonly baud?: number | undefined;
  /** RTS and CTS, where they are wired. */
  readonly flowControl?: boolean | undefined;
  /** Longest search for a module that answers, milliseconds. Default 30,000: a BG95 takes seconds to start. */
  readonly connectMs?: number | undefined;
  /** For handshakes. */
  readonly network?: NetworkOptions | undefined;
  readonly onNotice?: ((notice: ModemNotice) => void) | undefined;
  /** Lines of the AT channel; keys and other payload by their length only. */
  readonly trace?: TraceWriter | undefined;
  readonly timer?: Timer | undefined;
  readonly clock?: Clock | undefined;
}

const CONNECT_MS = 30_000;

const noEcho = plainCommand("ATE0", 2_000);
const numericErrors = plainCommand("AT+CMEE=1", 2_000);

/**
 * A modem alone on a serial port: a USB adapter, or a board that passes the UART through. `port`: a path
 * or `tcp:HOST:PORT`. Rejects with a FactoryError of the port, or `wrong-route`. The module cannot sign and
 * makes no keys.
 */
export async function openModemTarget(port: string, options: ModemTargetOptions): Promise<ModemTarget> {
  if (options.route === "host-tls") throw wrongRoute(options.route);
  const target = new OpenModem(port, options);
  await target.open();
  return target;
}

/** Characters of a model or revision that are kept. */
const FACT_MOST = 64;

/** What a modem alone can be asked for. */
export type ModemTarget = Target & Required<Pick<Target, "erase">>;

class OpenModem implements ModemTarget {
  readonly kind = "modem";
  readonly #port: string;
  readonly #options: ModemTargetOptions;
  readonly #bench: Bench;
  /** Of a BC66: what this run has handed over. */
  readonly #handed = new Map<CredentialRole, Handed>();
  #wire: Wire | undefined;
  #session: Session | undefined;
  #store: Store | undefined;
  #noticed = false;
  #closed = false;

  constructor(port: string, options: ModemTargetOptions) {
    const clock = options.clock ?? wallClock;
    this.#port = port;
    this.#options = options;
    this.#bench = {
      port,
      module: options.module,
      timer: options.timer ?? wallTimer,
      clock,
      trace: traceOf(clock, options.trace),
    };
  }

  async open(): Promise<Wire> {
    const { baud = 115_200, flowControl } = this.#options;
    const wire = new Wire(await openPort(this.#port, { baud, flowControl }), baud);
    this.#wire = wire;
    return wire;
  }

  async connect(): Promise<Present> {
    const { module } = this.#options;
    this.#release();
    try {
      const session = await this.#start();
      const { model, revision } = await session.tell(session.run(identify, []));
      if (!model.toUpperCase().includes(module.toUpperCase())) throw wrongModule(module, model);
      const imei = await session.tell(session.run(this.#profile.commands.serialNumber, []));
      const store = await this.#openStore(session);
      if (!this.#noticed) this.#options.onNotice?.(MODEM_NOTICES[module]);
      this.#noticed = true;
      const used = await store.holding();
      return {
        ...(/^\d{15}$/.test(imei) && { imei }),
        module: printable(model.replace(/^Quectel_/, ""), FACT_MOST),
        firmware: printable(revision, FACT_MOST),
        locked: false,
        generates: false,
        proves: false,
        tells: module === "bg95",
        used,
        pending: used,
      };
    } catch (error) {
      // Nobody is there to speak to: the port is free for who looks after it.
      await this.#giveBack();
      throw error;
    }
  }

  begin(): Promise<void> {
    return this.#with(store => store.begin());
  }

  write(role: CredentialRole, bytes: Uint8Array): Promise<void> {
    return this.#with(store => store.write(role, bytes));
  }

  readBack(expected: Holding): Promise<ReadBack> {
    return this.#with(store => store.readBack(expected));
  }

  /** Files are in use when an application names them. */
  commit(): Promise<void> {
    return this.#with(() => Promise.resolve());
  }

  async handshake(broker: string): Promise<Handshake> {
    if (!/^.+:\d{1,5}$/.test(broker)) throw badBroker(broker);
    const session = await this.#ready();
    await this.#checkSim(session);
    const store = this.#store;
    const objects = store instanceof FileStore ? await store.objects() : undefined;
    try {
      if (objects !== undefined) {
        for (const role of ["ca", "certificate", "key"] as const)
          if (objects[role] === undefined) throw noCredentials(role);
      } else if (store instanceof ConnectionStore && !(await store.holds()))
        throw noCredentials("CA, certificate or key; it forgets them at every restart");
      const wire = this.#wire;
      this.#release();
      if (wire === undefined || wire.lost) throw gone(this.#port);
      const credentials: Credentials | undefined = objects && {
        open: role => {
          const der = objects[role];
          return der && new BytesCredential(der);
        },
      };
      return await handshake({
        bench: this.#bench,
        wire,
        network: this.#options.network ?? {},
        broker,
        credentials,
        certificate: objects?.certificate ?? this.#handed.get("certificate")?.object,
      });
    } catch (error) {
      if (this.#wire?.lost) await this.#giveBack();
      throw error;
    } finally {
      objects?.key?.fill(0);
    }
  }

  async erase(what: "former" | "all"): Promise<void> {
    await this.#with(store => store.erase(what));
    // A BC66 was restarted for it, and has forgotten what it was told of this port.
    if (what === "all") this.#release();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#giveBack();
  }

  get #profile() {
    return this.#options.module === "bg95" ? bg95 : bc66;
  }

  /** A module that answers, on a port that is opened anew where it was given back. */
  async #start(): Promise<Session> {
    if (this.#closed) throw gone(this.#port);
    if (this.#wire?.lost) await this.#giveBack();
    const wire = this.#wire ?? (await this.open());
    await synchronise({
      wire,
      timer: this.#bench.timer,
      port: this.#port,
      deadlineMs: this.#options.connectMs ?? CONNECT_MS,
    });
    const session = new Session(this.#bench, wire, this.#profile.urcs);
    this.#session = session;
    await session.tell(session.run(noEcho, []));
    await session.tell(session.run(numericErrors, []));
    return session;
  }

  async #openStore(session: Session): Promise<Store> {
    if (this.#options.module === "bg95") return (this.#store = new FileStore(session));
    const store = new ConnectionStore(session, this.#bench.timer, this.#handed);
    await store.stayAwake();
    return (this.#store = store);
  }

  /** The session; a new one behind a handshake, for which the driver had the wire. */
  async #ready(): Promise<Session> {
    if (this.#session !== undefined && this.#store !== undefined) return this.#session;
    const session = await this.#start();
    await this.#openStore(session);
    return session;
  }

  async #with<R>(work: (store: Store) => Promise<R>): Promise<R> {
    try {
      await this.#ready();
      const store = this.#store;
      if (store === undefined) throw gone(this.#port);
      return await work(store);
    } catch (error) {
      // What is under way in the module is not known any more: the next one begins by looking for it.
      if (this.#wire?.lost) await this.#giveBack();
      else this.#release();
      throw error;
    }
  }

  /** Told at once; the driver would try for twenty seconds, and restart the module meanwhile. */
  async #checkSim(session: Session): Promise<void> {
    let state;
    try {
      state = await session.run(simState, []);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      if (error.reason.kind !== "cme") {
        await session.tell(Promise.reject(error));
        return;
      }
      // 14: busy, it is still being read.
      if (error.reason.code === 14) return;
      throw handshakeFailed(
        `no SIM can be used (AT+CPIN, code ${error.reason.code ?? "unknown"})`,
        "None is inserted, or it is damaged or seated badly.",
        "Insert a SIM, or leave the handshake out of the profile: the stored files were verified without it.",
      );
    }
    const pin = this.#options.network?.pin;
    if (state === "SIM PUK" || (state === "SIM PIN" && pin === undefined))
      throw handshakeFailed(
        `the SIM is locked (${state})`,
        "Line SIMs are best used without a PIN; a wrong one is never tried twice.",
        state === "SIM PIN"
          ? "Give its PIN, or take the lock off in a telephone."
          : "Unlock it in a telephone.",
      );
  }

  #release(): void {
    this.#session?.close();
    this.#session = undefined;
    this.#store = undefined;
  }

  async #giveBack(): Promise<void> {
    this.#release();
    const wire = this.#wire;
    this.#wire = undefined;
    await wire?.close();
  }
}
