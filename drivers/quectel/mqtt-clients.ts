import type { Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { Payloads } from "../../modules/at/payloads.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import type { ModemExtension } from "./extension.js";
import type { BufferReport } from "./profile.js";
import type { MqttInbox } from "./mqtt-inbox.js";

/** A client of the module's own MQTT, as the table knows it. */
export interface MqttReceiver {
  /** Where its messages go. */
  readonly inbox: MqttInbox;
  /** A report about it; `line` is valid during the call only. */
  onReport(name: string, line: Line): void;
  /** A message has come. `false`: it was damaged on the way. */
  onMessage(whole: boolean): void;
  /** The module has forgotten it, or will have. */
  onLost(reason: Failure): void;
  /** A report of a message may have been lost. */
  wake(): void;
}

/** Freezes one report. Its name is the command's that it belongs to. */
export function mqttUrc(name: string, accept?: (line: Line) => boolean): Urc {
  return Object.freeze({ name, prefix: "+" + name + ":", accept });
}

/**
 * Reports that all modules have. Answers that share a prefix are told apart by their shape:
 * `+QMTOPEN: 0,"host",1883` and `+QMTCONN: 0,3` (a state, of which only 3 and 4 are looked at).
 */
export const mqttUrcs: readonly Urc[] = Object.freeze([
  mqttUrc("QMTPUB"),
  mqttUrc("QMTSTAT"),
  mqttUrc("QMTOPEN", line => !line.quoted(1)),
  mqttUrc("QMTCONN", line => line.has(2) || line.int(1) < 3),
  mqttUrc("QMTSUB"),
  mqttUrc("QMTUNS"),
  mqttUrc("QMTDISC"),
  mqttUrc("QMTCLOSE"),
]);

/** Ids 0 to 5, of either module (MQTT notes). */
const CLIENTS = 6;

/** Ids of the module's MQTT clients, and the way of reports to them. */
export class MqttClients implements ModemExtension {
  // A BG95 brings messages in answers, a BC66 in reports.
  readonly payloads = Payloads;
  protected readonly clients: (MqttReceiver | undefined)[] = [];

  /** Gives a free id; `undefined`: all are in use. */
  attach(client: MqttReceiver): number | undefined {
    const clients = this.clients;
    for (let id = 0; id < CLIENTS; id++)
      if (clients[id] === undefined) {
        clients[id] = client;
        return id;
      }
    return undefined;
  }

  detach(id: number): void {
    this.clients[id] = undefined;
  }

  onReport(name: string, line: Line): boolean {
    if (!name.startsWith("QMT")) return false;
    this.clients[line.int(0)]?.onReport(name, line);
    return true;
  }

  lose(reason: Failure): void {
    this.clients.splice(0).forEach(client => client?.onLost(reason));
  }

  reportBuffers(report: BufferReport): void {
    this.clients.forEach(client => {
      const ring = client?.inbox.ring;
      if (ring !== undefined) report("MQTT receive", ring.length + ring.free, ring.highWater);
    });
  }

  wake(): void {
    this.clients.forEach(client => client?.wake());
  }
}
