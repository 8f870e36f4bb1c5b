import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTLSServer } from "node:tls";
import { Authority, type Issued } from "../../../certs/issue.js";
import { clock, random, timer } from "../../../hosts/workstation/services.js";
import {
  NodeResolver,
  NodeTCP,
  NodeTLS,
  type NodeSocketOptions,
} from "../../../hosts/workstation/sockets.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type { StreamSocket } from "../../../modules/io/socket.js";

async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Calls that a socket made, and a way to wait for the next that fits. */
class Calls {
  readonly all: string[] = [];
  private waiting: { pattern: RegExp; resolve: (call: string) => void }[] = [];

  note(call: string): void {
    this.all.push(call);
    const due = this.waiting.filter(({ pattern }) => pattern.test(call));
    this.waiting = this.waiting.filter(({ pattern }) => !pattern.test(call));
    for (const { resolve } of due) resolve(call);
  }

  /** From now on. */
  async next(pattern: RegExp): Promise<string> {
    return new Promise(resolve => this.waiting.push({ pattern, resolve }));
  }

  get callbacks(): Pick<NodeSocketOptions, "onReadable" | "onWritable" | "onError" | "failure"> {
    return {
      onReadable: count => this.note(`readable ${count}`),
      onWritable: count => this.note(`writable ${count}`),
      onError: () => this.note("error"),
      failure: (report: Failure) => this.note(`failure ${report.kind} ${report.detail ?? ""}`.trim()),
    };
  }
}

const text = (got: ArrayBuffer | number | undefined): string =>
  typeof got === "object" ? Buffer.from(got).toString() : String(got);

const bytes = (content: string): Uint8Array => new Uint8Array(Buffer.from(content));

describe("workstation TCP socket", () => {
  let server: Server;
  let port: number;
  let accepted: Promise<Socket>;
  const open: StreamSocket[] = [];
  const peers: Socket[] = [];

  beforeEach(async () => {
    let accept: (socket: Socket) => void;
    accepted = new Promise(resolve => (accept = resolve));
    server = createServer({ allowHalfOpen: true }, socket => {
      peers.push(socket);
      accept(socket);
    });
    port = await listen(server);
  });
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.close();
    await new Promise<void>(resolve => {
      server.close(() => resolve());
      for (const peer of peers.splice(0)) peer.destroy();
    });
  });

  async function connected(options: Partial<NodeSocketOptions> = {}): Promise<[NodeTCP, Calls, Socket]> {
    const calls = new Calls();
    const first = calls.next(/^writable/);
    const socket = new NodeTCP({ address: "127.0.0.1", port, ...calls.callbacks, ...options });
    open.push(socket);
    assert.throws(() => socket.write(bytes("x")), /not ready/);
    await first;
    return [socket, calls, await accepted];
  }

  it("announces the room when it is connected, and nothing before", async () => {
    const [, calls] = await connected();
    assert.deepEqual(calls.all, ["writable 8192"]);
  });

  it("reads all, a count, into a view, and undefined when nothing is there", async () => {
    const [socket, calls, peer] = await connected();
    assert.equal(socket.read(), undefined);
    const came = calls.next(/^readable/);
    peer.write("hello world");
    assert.equal(await came, "readable 11");
    const view = new Uint8Array(2);
    assert.equal(socket.read(view), 2);
    assert.equal(text(view.buffer), "he");
    assert.equal(text(socket.read(3)), "llo");
    assert.throws(() => socket.read(7), /invalid/);
    assert.throws(() => socket.read(new Uint8Array(7)), /invalid/);
    assert.equal(text(socket.read()), " world");
    assert.equal(socket.read(), undefined);
    assert.equal(socket.read(1), undefined);
  });

  it("gives one byte at a time in number format, which may change at any time", async () => {
    const [socket, calls, peer] = await connected({ format: "number" });
    const came = calls.next(/^readable/);
    peer.write("abc");
    await came;
    assert.equal(socket.read(), 97);
    socket.format = "buffer";
    assert.equal(text(socket.read()), "bc");
    socket.format = "number";
    assert.equal(socket.read(), undefined);
  });

  it("returns the room that is left and throws beyond it", async () => {
    const [socket] = await connected({ capacity: 100 });
    assert.equal(socket.write(bytes("x".repeat(60)), { more: true }), 40);
    assert.throws(() => socket.write(new Uint8Array(41)), /would block/);
    assert.equal(socket.write(new Uint8Array(40)), 0);
  });

  it("announces room again when bytes have left", async () => {
    const [socket, calls] = await connected({ capacity: 100 });
    const again = calls.next(/^writable/);
    socket.write(new Uint8Array(100));
    assert.equal(await again, "writable 100");
  });

  it("sends a group in one piece, and copies what it is given", async () => {
    const [socket, , peer] = await connected();
    const got = new Promise<string>(resolve => peer.once("data", (data: Buffer) => resolve(data.toString())));
    const buffer = bytes("one ");
    socket.write(buffer, { more: true, byteLength: 7 });
    buffer.fill(0);
    socket.write(bytes("two"));
    assert.equal(await got, "one two");
  });

  it("sends a held group when nothing fits behind it, and when it is closed", async () => {
    const [socket, , peer] = await connected({ capacity: 4 });
    let got = "";
    const whole = new Promise<void>(resolve => {
      peer.on("data", (data: Buffer) => (got += data.toString()));
      peer.on("end", resolve);
    });
    socket.write(bytes("full"), { more: true });
    await new Promise<void>(resolve => peer.once("data", () => resolve()));
    socket.close();
    await whole;
    assert.equal(got, "full");
  });

  it("tells the end of the connection after what came before it has been read", async () => {
    const [socket, calls, peer] = await connected();
    const came = calls.next(/^readable/);
    peer.end("bye");
    await came;
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
    assert.ok(!calls.all.includes("error"));
    const error = calls.next(/^error/);
    assert.equal(text(socket.read()), "bye");
    await error;
    assert.deepEqual(calls.all.slice(-2), ["failure peer-closed", "error"]);
  });

  it("tells a reset as a lost network", async () => {
    const [, calls, peer] = await connected();
    const error = calls.next(/^error/);
    peer.resetAndDestroy();
    await error;
    assert.deepEqual(calls.all.slice(-2), ["failure network-lost ECONNRESET", "error"]);
  });

  it("calls nothing back after close, which may be called again, and everything else throws", async () => {
    const [socket, calls, peer] = await connected();
    const before = calls.all.length;
    const ended = new Promise<void>(resolve => peer.once("end", resolve));
    peer.write("late");
    socket.close();
    socket.close();
    await ended;
    assert.equal(calls.all.length, before);
    assert.throws(() => socket.read(), SyntaxError);
    assert.throws(() => socket.write(bytes("x")), SyntaxError);
  });

  it("calls its callbacks with itself as this, and keeps the target", async () => {
    const target = {};
    const [socket] = await connected({ target });
    assert.equal(socket.target, target);
    const self = await new Promise<StreamSocket>(resolve => {
      open.push(
        new NodeTCP({
          address: "127.0.0.1",
          port,
          onWritable() {
            resolve(this);
          },
        }),
      );
    });
    assert.ok(self instanceof NodeTCP);
  });

  it("resolves a host name when there is no address", async () => {
    const [socket] = await connected({ address: "", host: "localhost" });
    assert.ok(socket.remoteAddress);
    assert.equal(socket.remotePort, port);
  });

  it("tells a refused connection by its code", async () => {
    const calls = new Calls();
    const error = calls.next(/^error/);
    const other = createServer();
    const free = await listen(other);
    await new Promise<void>(resolve => other.close(() => resolve()));
    open.push(new NodeTCP({ address: "127.0.0.1", port: free, ...calls.callbacks }));
    await error;
    assert.deepEqual(calls.all, ["failure connect ECONNREFUSED", "error"]);
  });
});

describe("workstation TLS socket", () => {
  let authority: Authority;
  let issued: Issued;

  before(async () => {
    authority = await Authority.create({ commonName: "Test Root" });
    issued = await authority.server({ commonName: "localhost", names: ["localhost"] });
  });

  async function attempt(host: string, ca: string): Promise<string[]> {
    const server = createTLSServer({ key: issued.keyPem, cert: issued.chainPem }, peer => {
      peer.on("error", () => undefined);
      peer.end("hello");
    });
    const port = await listen(server);
    const calls = new Calls();
    const done = calls.next(/^(readable|error)/);
    const socket = new NodeTLS({ address: "127.0.0.1", host, port, secure: { ca }, ...calls.callbacks });
    await done;
    socket.close();
    await new Promise<void>(resolve => server.close(() => resolve()));
    return calls.all;
  }

  it("connects to a server whose certificate fits the host", async () => {
    assert.deepEqual(await attempt("localhost", authority.certificatePem), ["writable 8192", "readable 5"]);
  });

  it("tells a wrong name by its code", async () => {
    assert.deepEqual(await attempt("other.example", authority.certificatePem), [
      "failure tls ERR_TLS_CERT_ALTNAME_INVALID",
      "error",
    ]);
  });

  it("tells an unknown authority by its code", async () => {
    const stranger = await Authority.create({ commonName: "Stranger" });
    const [report] = await attempt("localhost", stranger.certificatePem);
    assert.match(report ?? "", /^failure tls /);
  });
});

describe("workstation services", () => {
  it("answers the name itself, in a turn of its own, unless it is closed", async () => {
    const answers: string[] = [];
    const resolver = new NodeResolver();
    const closed = new NodeResolver();
    closed.resolve({ host: "never", onResolved: host => answers.push(host) });
    closed.close();
    const answered = new Promise<void>(resolve => {
      resolver.resolve({
        host: "broker.example",
        onResolved: (host, address) => {
          answers.push(host, address);
          resolve();
        },
      });
    });
    assert.deepEqual(answers, []);
    await answered;
    assert.deepEqual(answers, ["broker.example", ""]);
  });

  it("sets a timer once, again and again, and clears it", async () => {
    const fired: string[] = [];
    timer.clear(timer.set(() => fired.push("never"), 1));
    timer.clear(undefined);
    const once = timer.set(() => fired.push("once"), 0);
    await new Promise<void>(resolve => {
      let rounds = 0;
      const repeated = timer.set(
        () => {
          rounds += 1;
          if (rounds < 3) return;
          timer.clear(repeated);
          resolve();
        },
        1,
        1,
      );
    });
    timer.clear(once);
    assert.deepEqual(fired, ["once"]);
  });

  it("tells differences over the wrap of the ticks", () => {
    assert.equal(clock.delta(2 ** 32 - 10, 5), 15);
    assert.equal(clock.delta(5, 5), 0);
    assert.ok(clock.delta(clock.ticks) < 1000);
  });

  it("sets the date of this process", () => {
    clock.set(1_700_000_000);
    assert.ok(Math.abs(clock.now() - 1_700_000_000_000) < 1000);
    clock.set(Date.now() / 1000);
  });

  it("gives random numbers from 0 up to 1", () => {
    for (let i = 0; i < 1000; i++) {
      const number = random();
      assert.ok(number >= 0 && number < 1);
    }
  });
});
