import { FlightRecorder } from "../../../modules/tls/recorder.js";
import type { SimulationHost } from "../../xs/index.js";

/** Handshake messages of a mutual handshake: sent, type, length. 0 stands for ChangeCipherSpec and Finished. */
const MESSAGES: readonly (readonly [sent: boolean, type: number, byteLength: number])[] = Object.freeze([
  [true, 1, 114],
  [false, 2, 94],
  [false, 11, 3_900],
  [false, 12, 333],
  [false, 13, 61],
  [false, 14, 9],
  [true, 11, 900],
  [true, 16, 75],
  [true, 15, 269],
  [true, 0, 46],
  [false, 0, 46],
]);

function record(type: number, byteLength: number): Uint8Array {
  const length = byteLength - 4;
  const bytes = new Uint8Array(5 + byteLength);
  bytes.set([22, 3, 3, byteLength >> 8, byteLength & 255, type, length >> 16, length >> 8, length & 255]);
  return bytes;
}

const ROOM = 32;

/** Makes as many flight recorders as it is told, each of which sees a handshake, and keeps them. */
export default function start(host: SimulationHost): void {
  // Room from the start: what an array takes to grow is none of theirs.
  const kept = new Array<FlightRecorder | undefined>(ROOM).fill(undefined);
  let used = 0;
  const see = (recorder: FlightRecorder, sent: boolean, bytes: Uint8Array): void => {
    if (sent) recorder.onSent(bytes);
    else recorder.onReceived(bytes);
    recorder.onTransfer(sent, bytes.length);
  };
  host.listen(text => {
    const [count = 0] = JSON.parse(text) as number[];
    for (let i = 0; i < count; i++) {
      const recorder = new FlightRecorder(undefined, true);
      for (const [sent, type, byteLength] of MESSAGES) {
        if (type === 0) see(recorder, sent, Uint8Array.of(20, 3, 3, 0, 1, 1));
        see(recorder, sent, type === 0 ? new Uint8Array([22, 3, 3, 0, 40]) : record(type, byteLength));
      }
      kept[used++] = recorder;
    }
    host.report("made");
  });
  host.report("ready");
}
