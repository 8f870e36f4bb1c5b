import { generate, parser, type Packet } from "mqtt-packet";
import type { MemoryNetwork } from "../../simulator/memory.js";
import type { MemoryPeer } from "../../simulator/memory-peer.js";

type Command = Packet["cmd"];

/** A broker in memory that answers by the book, except to what it is told to leave unanswered. */
export class ScriptedBroker {
  /** Everything that came, over all connections. */
  readonly packets: Packet[] = [];
  /** Packets that get no answer. */
  readonly mute = new Set<Command>();
  connackCode = 0;
  granted: number | undefined;
  connections = 0;
  /** How the last connection was ended by the module. */
  endedBy: "fin" | "reset" | undefined;
  #peer: MemoryPeer | undefined;

  constructor(network: MemoryNetwork, port = 1883) {
    network.serve(port, peer => {
      this.#peer = peer;
      this.connections++;
      this.endedBy = undefined;
      const reader = parser();
      reader.on("packet", packet => {
        this.packets.push(packet);
        if (!this.mute.has(packet.cmd)) this.#answer(packet);
      });
      peer.onData = bytes => reader.parse(Buffer.from(bytes));
      peer.onEnd = () => {
        this.endedBy = "fin";
        peer.end();
      };
      peer.onReset = () => (this.endedBy = "reset");
    });
  }

  get peer(): MemoryPeer {
    if (!this.#peer) throw new Error("nobody has connected");
    return this.#peer;
  }

  send(packet: Packet): void {
    this.peer.write(generate(packet));
  }

  /** Names of the packets that came. */
  get names(): string[] {
    return this.packets.map(packet => packet.cmd);
  }

  last<C extends Command>(name: C): Extract<Packet, { cmd: C }> {
    const found = this.packets.filter((packet): packet is Extract<Packet, { cmd: C }> => packet.cmd === name);
    const packet = found.at(-1);
    if (!packet) throw new Error(`no ${name} came`);
    return packet;
  }

  #answer(packet: Packet): void {
    const messageId = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "connect":
        this.send({ cmd: "connack", returnCode: this.connackCode, sessionPresent: false });
        if (this.connackCode !== 0) this.peer.end();
        break;
      case "subscribe":
        this.send({
          cmd: "suback",
          messageId,
          granted: packet.subscriptions.map(({ qos }) => this.granted ?? qos),
        });
        break;
      case "unsubscribe":
        this.send({ cmd: "unsuback", messageId, granted: [] });
        break;
      case "publish":
        if (packet.qos === 1) this.send({ cmd: "puback", messageId });
        if (packet.qos === 2) this.send({ cmd: "pubrec", messageId });
        break;
      case "pubrel":
        this.send({ cmd: "pubcomp", messageId });
        break;
      case "pubrec":
        this.send({ cmd: "pubrel", messageId });
        break;
      case "pingreq":
        this.send({ cmd: "pingresp" });
        break;
      case "disconnect":
        this.peer.end();
        break;
      default:
        break;
    }
  }
}

interface MemoryBench {
  readonly network: MemoryNetwork;
  ask(line: string): Promise<string>;
  exchange(text: string, awaited: RegExp): Promise<string>;
}

/** Client 0 open on the scripted broker. */
export async function opened(
  at: MemoryBench,
  broker = new ScriptedBroker(at.network),
): Promise<ScriptedBroker> {
  await at.exchange('AT+QMTOPEN=0,"broker.test",1883\r', /QMTOPEN: 0,0\r\n$/);
  return broker;
}

/** Client 0 connected to the scripted broker. */
export async function connected(
  at: MemoryBench,
  ...configuration: readonly string[]
): Promise<ScriptedBroker> {
  for (const item of ['"version",0,4', ...configuration]) await at.ask(`AT+QMTCFG=${item}`);
  const broker = await opened(at);
  await at.exchange('AT+QMTCONN=0,"device"\r', /QMTCONN: 0,0,0\r\n$/);
  return broker;
}
