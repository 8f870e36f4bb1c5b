import assert from "node:assert/strict";
import type { SerialCallbacks, SerialPort } from "../../../modules/io/serial.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { loadHost } from "./sdk-bundle.js";

interface NativeOptions {
  readonly device: string;
  readonly baud: number;
  onReadable(count: number): void;
  onWritable(): void;
  onError(): void;
}

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));

/** The SDK's class for Linux as its code is: what it refuses, and that nothing may be called once its device has gone. */
class PlayedSerial {
  readonly options: NativeOptions;
  readonly written: string[] = [];
  incoming = bytesOf("");
  gone = false;
  going = false;
  closed = false;
  #pending = false;

  constructor(options: NativeOptions) {
    this.options = options;
  }

  #check(): void {
    assert.equal(this.gone, false, "a call after the device has gone ends the process");
    if (this.going) throw new Error("Input/output error");
  }

  read(count: number): ArrayBuffer | undefined {
    assert.equal(typeof count, "number");
    this.#check();
    const bytes = this.incoming.slice(0, count);
    this.incoming = this.incoming.slice(count);
    return bytes.length === 0 ? undefined : bytes.buffer;
  }

  write(bytes: unknown): void {
    this.#check();
    assert.ok(bytes instanceof ArrayBuffer);
    if (bytes.byteLength > 1024 || this.#pending) throw new Error("would overflow");
    this.#pending = true;
    this.written.push(Buffer.from(bytes).toString());
  }

  close(): void {
    this.closed = true;
  }

  drain(): void {
    this.#pending = false;
    this.options.onWritable();
  }

  vanish(): void {
    this.options.onError();
    this.gone = true;
  }
}

interface Scene {
  readonly scheduler: Scheduler;
  readonly opened: PlayedSerial[];
  readonly reports: string[];
  /** Whether there is such a device. */
  present: boolean;
}

type LinuxSerial = new (
  options: SerialCallbacks & { readonly device: string; readonly baud?: number },
) => SerialPort;

function scene(): Scene {
  const scheduler = new Scheduler();
  const made: Scene = { scheduler, opened: [], reports: [], present: true };
  Object.assign(globalThis, {
    playedSerial: (options: NativeOptions) => {
      if (!made.present) throw new Error("no such device");
      const port = new PlayedSerial(options);
      made.opened.push(port);
      return port;
    },
    playedTimer: {
      set: (callback: () => void, ms: number) => scheduler.after(ms, callback),
      clear: (task: { cancel(): void } | undefined) => task?.cancel(),
    },
    trace: (text: string) => made.reports.push(text.trim()),
  });
  return made;
}

describe("serial port of Linux", () => {
  let Port: LinuxSerial;

  before(async () => {
    Port = ((await loadHost("linux/serial")) as { LinuxSerial: LinuxSerial }).LinuxSerial;
  });

  function last({ opened }: Scene): PlayedSerial {
    const port = opened.at(-1);
    assert.ok(port);
    return port;
  }

  it("opens the device at the rate that is asked for, else at 115,200 baud", () => {
    const parts = scene();
    new Port({ device: "/dev/x", baud: 9600 });
    new Port({ device: "/dev/y" });
    assert.deepEqual(
      parts.opened.map(({ options }) => [options.device, options.baud]),
      [
        ["/dev/x", 9600],
        ["/dev/y", 115_200],
      ],
    );
  });

  it("throws when there is no such device", () => {
    scene().present = false;
    assert.throws(() => new Port({ device: "/dev/x" }), /no such device/);
  });

  it("gathers what is written while a write is on its way, and tells the room that is left", () => {
    const parts = scene();
    const rooms: number[] = [];
    const port = new Port({ device: "/dev/x", onWritable: count => rooms.push(count) });
    const native = last(parts);
    port.write(bytesOf("too early"));
    assert.deepEqual(native.written, []);
    native.drain();
    assert.deepEqual(native.written, ["too early"]);
    port.write(bytesOf("AT\r"));
    port.write(bytesOf("__ATI\r").subarray(2).slice().buffer);
    native.drain();
    native.drain();
    assert.deepEqual(native.written, ["too early", "AT\rATI\r"]);
    assert.deepEqual(rooms, [1024, 1024, 1024]);
  });

  it("throws when more is written than the room that was told", () => {
    scene();
    const port = new Port({ device: "/dev/x" });
    port.write(new Uint8Array(1000));
    assert.throws(() => port.write(new Uint8Array(25)), /output full/);
    port.write(new Uint8Array(24));
  });

  it("fills a view, part of a buffer too, with as much as there is", () => {
    const parts = scene();
    const counts: number[] = [];
    const port = new Port({ device: "/dev/x", onReadable: count => counts.push(count) });
    const native = last(parts);
    native.incoming = bytesOf("OK\r\n");
    native.options.onReadable(4);
    const view = new Uint8Array(8).fill(46);
    assert.equal(port.read(view.subarray(2, 5)), 3);
    assert.equal(port.read(view.subarray(5)), 1);
    assert.equal(port.read(view), undefined);
    assert.equal(Buffer.from(view).toString(), "..OK\r\n..");
    assert.deepEqual(counts, [4]);
  });

  describe("whose device goes", () => {
    it("touches the SDK's class no more, loses what is written, and says so", () => {
      const parts = scene();
      const port = new Port({ device: "/dev/x" });
      last(parts).drain();
      last(parts).vanish();
      for (let i = 0; i < 10; i++) port.write(new Uint8Array(1000));
      assert.equal(port.read(new Uint8Array(4)), undefined);
      assert.deepEqual(parts.reports, ["serial /dev/x gone"]);
    });

    it("takes errors of the moments before for nothing received and nothing sent", () => {
      const parts = scene();
      const port = new Port({ device: "/dev/x" });
      last(parts).drain();
      last(parts).going = true;
      assert.equal(port.read(new Uint8Array(4)), undefined);
      port.write(bytesOf("AT\r"));
    });

    // A module on USB is another device after its restart: for good, the modem had no port.
    it("opens it again when it is back, without what was lost", async () => {
      const parts = scene();
      const rooms: number[] = [];
      const port = new Port({ device: "/dev/x", onWritable: count => rooms.push(count) });
      last(parts).drain();
      port.write(bytesOf("on its way"));
      port.write(bytesOf("waiting"));
      parts.present = false;
      last(parts).vanish();
      await parts.scheduler.run({ untilMs: 5_000 });
      assert.equal(parts.opened.length, 1);
      parts.present = true;
      await parts.scheduler.run({ untilMs: 6_000 });
      assert.equal(parts.opened.length, 2);
      last(parts).drain();
      port.write(bytesOf("AT\r"));
      assert.deepEqual(last(parts).written, ["AT\r"]);
      assert.deepEqual(rooms, [1024, 1024]);
      assert.deepEqual(parts.reports, ["serial /dev/x gone", "serial /dev/x back"]);
    });

    it("does not open it again after close", async () => {
      const parts = scene();
      const port = new Port({ device: "/dev/x" });
      last(parts).vanish();
      port.close();
      port.close();
      await parts.scheduler.run({ untilMs: 5_000 });
      assert.equal(parts.opened.length, 1);
    });
  });

  it("close closes the device", () => {
    const parts = scene();
    const port = new Port({ device: "/dev/x" });
    port.close();
    assert.equal(last(parts).closed, true);
  });
});
