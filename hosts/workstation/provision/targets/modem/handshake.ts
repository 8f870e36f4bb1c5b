import { Bc66TLSSocket, type Bc66TLSSocketOptions } from "../../../../../drivers/bc66/tls.js";
import { bc66 } from "../../../../../drivers/bc66/profile.js";
import { bg95 } from "../../../../../drivers/bg95/profile.js";
import { Modem } from "../../../../../drivers/quectel/modem.js";
import { TLSSocket, type TLSSocketOptions } from "../../../../../drivers/quectel/tls.js";
import type { Handshake } from "../../../../../certs/factory/target.js";
import type { Failure } from "../../../../../modules/diagnosis/failure.js";
import type { Credentials } from "../../../../../modules/io/credentials.js";
import type { SocketRecord } from "../../../../../modules/io/socket.js";
import { MQTTConnection } from "../../../../../modules/mqtt/connection.js";
import { explainFailure } from "../../../diagnosis/explain.js";
import { commonNameOf } from "./names.js";
import type { Wire } from "../../../serial/wire.js";
import { badBroker, gone, handshakeFailed } from "./faults.js";
import type { Bench } from "./session.js";
import { inModule, StoredConnections } from "./stored-connections.js";

/** The way to the network. */
export interface NetworkOptions {
  /** Access point; by default what the module has stored or the network gives. */
  readonly apn?: string | undefined;
  readonly apnUser?: string | undefined;
  readonly apnPassword?: string | undefined;
  /** Of the SIM. Never tried twice. */
  readonly pin?: string | undefined;
  /** Asked when the network tells no time, without which no certificate's dates can be checked. */
  readonly timeServer?: string | undefined;
  /** From the question for the SIM to a data connection, milliseconds. Default 240,000. */
  readonly attachMs?: number | undefined;
  /** From the open TLS connection to CONNACK, milliseconds. Default 15,000. */
  readonly answerMs?: number | undefined;
}

export interface HandshakeOptions {
  readonly bench: Bench;
  readonly wire: Wire;
  readonly network: NetworkOptions;
  /** `HOST:PORT`. */
  readonly broker: string;
  /** What the module holds, for the driver to find it there; absent: it cannot be read (BC66). */
  readonly credentials: Credentials | undefined;
  /** In use by the module; its common name becomes the client identifier. */
  readonly certificate: Uint8Array | undefined;
}

const ATTACH_MS = 240_000;
const ANSWER_MS = 15_000;

/** Failures on the way to the network that no waiting mends. The rest the driver tries again by itself. */
const FINAL: ReadonlySet<string> = new Set(["sim", "registration", "pdp", "argument", "limit"]);

function explained(reason: Failure, bench: Bench, ahead = ""): Error {
  const { what, why, fix } = explainFailure(reason, bench.module);
  return handshakeFailed(ahead + what, why, fix);
}

/**
 * Attaches the module to the network by the driver, opens TLS to the broker with what the module holds,
 * and has an MQTT CONNECT answered through it: an open TLS connection alone does not prove that the
 * server has accepted the client's certificate. Rejects with a FactoryError `handshake`.
 */
export async function handshake(options: HandshakeOptions): Promise<Handshake> {
  const { bench, wire, network } = options;
  const split = /^(.+):(\d{1,5})$/.exec(options.broker);
  if (split === null) throw badBroker(options.broker);
  const attach = new Attach(options);
  try {
    await attach.online(network.attachMs ?? ATTACH_MS);
    return await attach.connect(split[1] ?? "", Number(split[2]));
  } finally {
    wire.onLost = undefined;
    attach.modem.close();
    attach.modem.channel.receiver.bytes.fill(0);
    // Nothing of the driver's calls back on this wire any more.
    await new Promise<void>(resolve => void bench.timer.set(resolve, 0));
  }
}

class Attach {
  readonly modem: Modem;
  readonly #options: HandshakeOptions;
  readonly #startedMs = performance.now();
  /** The driver uploaded a credential that should have been there. */
  readonly #uploaded: string[] = [];
  #state: (() => void) | undefined;
  #failed: ((reason: Failure) => void) | undefined;

  constructor(options: HandshakeOptions) {
    const { bench, wire, network } = options;
    this.#options = options;
    this.modem = new Modem({
      profile: bench.module === "bg95" ? bg95 : bc66,
      serial: wire.record,
      timer: bench.timer,
      clock: bench.clock,
      power: {},
      apn: network.apn,
      apnUser: network.apnUser,
      apnPassword: network.apnPassword,
      pin: network.pin,
      timeServer: network.timeServer,
      trace: bench.trace,
      onState: () => this.#state?.(),
      onFailure: reason => this.#failed?.(reason),
      onEvent: (name, ...values) => {
        if (name === "credential" && values[2] === "stored") this.#uploaded.push(String(values[0]));
      },
    });
  }

  /** The network, or why not. */
  online(limitMs: number): Promise<void> {
    const { bench, wire } = this.#options;
    return new Promise((resolve, reject) => {
      let last: Failure | undefined;
      const end = (error?: Error): void => {
        bench.timer.clear(timeout);
        this.#state = this.#failed = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      const timeout = bench.timer.set(() => {
        const { state } = this.modem;
        end(
          last === undefined
            ? handshakeFailed(
                `the module was not on the network after ${Math.round(limitMs / 1000)} s (it got to: ${state})`,
                "Network search and attachment take minutes where coverage is poor, or never end.",
                "Look at antenna, SIM and coverage; the profile's broker must be in reach of the SIM.",
              )
            : explained(last, bench),
        );
      }, limitMs);
      wire.onLost = () => end(gone(bench.port));
      this.#state = () => {
        if (this.modem.state === "online") end();
      };
      this.#failed = reason => {
        last = reason;
        if (FINAL.has(reason.kind)) end(explained(reason, bench));
      };
      this.modem.connect();
    });
  }

  connect(host: string, port: number): Promise<Handshake> {
    const { bench, wire, network, certificate, broker } = this.#options;
    const profile = this.modem.profile;
    const answerMs = network.answerMs ?? ANSWER_MS;
    const openMs = profile.sockets.openTimeoutMs + profile.sockets.handshakeTimeoutS * 1000;
    const attachMs = Math.round(performance.now() - this.#startedMs);
    const beganMs = performance.now();
    return new Promise((resolve, reject) => {
      let openedMs = 0;
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        bench.timer.clear(silence);
        wire.onLost = undefined;
        client.close();
        settle();
      };
      const done = (facts: Readonly<Record<string, string>>): void =>
        end(() => {
          if (this.#uploaded.length > 0)
            reject(
              handshakeFailed(
                `the driver did not find what it needs in the module: ${this.#uploaded.join(", ")}`,
                "Firmware with the same credentials would have to upload them first.",
                "Provision the unit again.",
              ),
            );
          else
            resolve({
              broker,
              facts: {
                by: "module",
                // The driver asks a BG95 for it; a BC66 cannot be asked, and does not tell.
                ...(bench.module === "bg95" && { version: "TLS 1.2" }),
                attachMs: String(attachMs),
                handshakeMs: String(Math.round(openedMs - beganMs)),
                ...facts,
              },
            });
        });
      let silence: unknown;
      const client = new MQTTConnection({
        host,
        port,
        id: (certificate && commonNameOf(certificate)) ?? "xs-cellular-line",
        timer: bench.timer,
        clock: bench.clock,
        connectTimeout: openMs + answerMs,
        socket: this.#record(() => {
          openedMs = performance.now();
          silence = bench.timer.set(
            () =>
              done({
                checked: `the broker kept the connection open for ${answerMs} ms and did not answer CONNECT`,
              }),
            answerMs,
          );
        }),
        onControl: message => {
          if (message.returnCode === 0) done({ checked: "CONNACK", connack: "0" });
        },
        failure: reason => {
          // It read our packet, and answered: TLS stands, whatever it thinks of us as an MQTT client.
          if (reason.kind === "mqtt-refused")
            done({ checked: "CONNACK", connack: String(reason.code ?? "") });
          else
            end(() => {
              reject(
                explained(
                  reason,
                  bench,
                  openedMs > 0 ? "TLS was opened, and the broker ended it before it answered: " : "",
                ),
              );
            });
        },
      });
      wire.onLost = () => end(() => reject(gone(bench.port)));
    });
  }

  /** The driver's TLS socket; `opened` is called when the module says that TLS stands. */
  #record(opened: () => void): SocketRecord & object {
    const { bench, credentials } = this.#options;
    const modem = this.modem;
    if (bench.module === "bg95")
      return {
        io: class extends TLSSocket {
          constructor(options: TLSSocketOptions) {
            super({
              ...options,
              modem,
              secure: { credentials: credentials ?? inModule },
              onWritable(count) {
                once(this, opened);
                options.onWritable?.call(this, count);
              },
            });
          }
        },
      };
    const connections = modem.extension(StoredConnections);
    connections.channel = modem.channel;
    return {
      io: class extends Bc66TLSSocket {
        constructor(options: Bc66TLSSocketOptions) {
          super({
            ...options,
            modem,
            secure: { credentials: inModule },
            onWritable(count) {
              once(this, opened);
              options.onWritable?.call(this, count);
            },
          });
        }
      },
    };
  }
}

const seen = new WeakSet();

/** Calls back the first time for each socket. */
function once(socket: object, opened: () => void): void {
  if (seen.has(socket)) return;
  seen.add(socket);
  opened();
}
