import { readSignal } from "../../../drivers/quectel/signal.js";
import { sendTcpByHex, sendTcpByPrompt } from "../../../drivers/bc66/commands-tcp.js";
import { bc66Tcp } from "../../../drivers/bc66/tcp.js";
import { bc66, bg95, Cellular, Connection, TCP, type Profile } from "../../../drivers/index.js";
import type { SimulationHost } from "../../xs/index.js";

type Way = "prompt" | "hex" | "driver";

const byPrompt = Object.freeze({ send: sendTcpByPrompt, sendMax: 1_024 });
const byHex = Object.freeze({ send: sendTcpByHex, sendMax: 512 });

/** Bytes that are sent piece by piece, as from a sensor's buffer. */
const PIECE_BYTES = 512;

/** A TCP client on the real driver, told by messages what to do: `["open",host,port]`, `["send",count]`, `["signal"]`, `["way",way]`. */
class TcpProgram {
  private readonly host: SimulationHost;
  private readonly cellular: Cellular;
  private readonly piece = new Uint8Array(PIECE_BYTES);
  private socket: TCP | undefined;
  /** Room when everything has been confirmed. */
  private whole = 0;
  private room = 0;
  private left = 0;
  /** How a BC66 sends. */
  private way: Way = "driver";

  constructor(host: SimulationHost) {
    this.host = host;
    const { serial, timer, clock, power } = host;
    this.cellular = new Cellular({
      profile: host.config.module === "bg95" ? bg95 : this.eitherWay,
      serial,
      timer,
      clock,
      power,
      onFailure: reason => {
        host.report("failure", reason.kind, reason.command, reason.code);
      },
      onChanged: () => {
        if (this.cellular.connection === Connection.addressed) host.report("online");
      },
    });
    host.listen(text => {
      this.take(text);
    });
    this.cellular.connect();
  }

  /** A BC66 whose way of sending can be prescribed. */
  private get eitherWay(): Profile {
    const sendWay: typeof bc66Tcp.sendWay = (waiting, baud) => {
      if (this.way === "driver") return bc66Tcp.sendWay?.(waiting, baud) ?? byPrompt;
      return this.way === "hex" ? byHex : byPrompt;
    };
    return { ...bc66, tcp: { ...bc66Tcp, sendWay } };
  }

  private take(text: string): void {
    const [what, first, second] = JSON.parse(text) as [string, string | number, number];
    if (what === "way") this.way = first as Way;
    else if (what === "open") this.open(String(first), second);
    else if (what === "send") {
      this.left = Number(first);
      this.host.report("sending");
      this.pump();
    } else
      readSignal(this.cellular, (_, dbm) => {
        this.host.report("signal", dbm);
      });
  }

  private open(host: string, port: number): void {
    this.socket = new TCP({
      modem: this.cellular,
      host,
      port,
      onWritable: room => {
        this.writable(room);
      },
      onReadable: count => {
        this.socket?.read(count);
        this.host.report("received", count);
      },
      failure: reason => {
        this.host.report("failure", reason.kind, reason.command, reason.code);
      },
    });
  }

  private writable(room: number): void {
    if (this.whole === 0) {
      this.whole = room;
      this.host.report("open");
    }
    this.room = room;
    if (this.left > 0) this.pump();
    else if (room === this.whole) this.host.report("sent");
  }

  private pump(): void {
    while (this.left > 0 && this.room > 0 && this.socket !== undefined) {
      const count = Math.min(this.left, this.room, PIECE_BYTES);
      this.left -= count;
      const more = this.left > 0;
      this.room = this.socket.write(this.piece.subarray(0, count), more ? { more } : {});
    }
  }
}

export default function start(host: SimulationHost): void {
  new TcpProgram(host);
}
