import assert from "node:assert/strict";
import fc from "fast-check";
import type { StreamSocket } from "../../../modules/io/socket.js";
import type { TlsEngine, TlsEngineOptions, TlsEngineRecord } from "../../../modules/tls/engine.js";
import { identities, type Identities } from "../xs/tls-peer.js";
import {
  fullProfile,
  deviceProfile,
  ManualTimer,
  ownCredentials,
  sdkProfile,
  type Scene,
  withScene,
  type Line,
  type Peer,
  type SceneOptions,
} from "./support.js";

describe("TLSSocket over OpenSSL", () => {
  let ids: Identities;
  before(async function () {
    this.timeout(30_000);
    ids = await identities();
  });

  function server(): object {
    return { cert: ids.server.chainPem, key: ids.server.keyPem, ca: ids.root.certificatePem };
  }

  const open = (
    options: Partial<SceneOptions> & { server?: object; peer?: (line: Line) => Peer },
    work: Parameters<typeof withScene>[1],
  ): Promise<void> =>
    withScene({ stored: ownCredentials(ids), ...options, server: { ...server(), ...options.server } }, work);

  it("connects by a mutual handshake, and tells so before it is writable", async () => {
    await open({}, (scene, peer) => {
      assert.deepEqual(scene.told, ["handshake", "writable"]);
      assert.ok(peer.socket.getPeerX509Certificate());
      assert.equal(scene.nested, false);
      return Promise.resolve();
    });
  });

  it("sends ClientHello and second flight as one send each", async () => {
    await open({}, scene => {
      const flight = ids.client.certificate.length + 15 + 75 + 269 + 6 + 45;
      assert.equal(scene.line.sends.length, 2);
      assert.equal(scene.line.sends[1], flight);
      return Promise.resolve();
    });
  });

  it("sends a flight in as few sends as the module's limit allows", async () => {
    await open({ line: { sendMax: 1024, room: 2048 } }, scene => {
      assert.equal(scene.line.sends.length, 3);
      assert.equal(scene.line.sends[1], 1024);
      return Promise.resolve();
    });
  });

  it("hands extras of its TCP record on, and none of its own options", async () => {
    await open({}, scene => {
      const extras = scene.line.extras ?? {};
      assert.ok("line" in extras && "port" in extras && extras.port === 8883);
      for (const name of ["secure", "engine", "timer", "TCP", "onHandshake"])
        assert.ok(!(name in extras), name);
      return Promise.resolve();
    });
  });

  it("carries data both ways", async () => {
    await open({}, async (scene, peer) => {
      peer.onData = text => peer.socket.write(`<${text}>`);
      scene.call(() => scene.socket.write(Buffer.from("hello")));
      await scene.settle();
      assert.equal(peer.received, "hello");
      assert.equal(scene.received, "<hello>");
      assert.equal(scene.nested, false);
    });
  });

  it("writes what is announced to go on as one record", async () => {
    await open({}, async (scene, peer) => {
      const before = scene.socket.recorder.sent.data;
      scene.call(() => {
        scene.socket.write(Buffer.from("a"), { more: true, byteLength: 6 });
        scene.socket.write(Buffer.from("bc"), { more: true });
        scene.socket.write(Buffer.from("def"));
      });
      await scene.settle();
      assert.equal(peer.received, "abcdef");
      assert.equal(scene.socket.recorder.sent.data - before, 1);
    });
  });

  it("does not keep what was announced to go on and did not, beyond the turn", async () => {
    await open({}, async (scene, peer) => {
      scene.socket.write(Buffer.from("abc"), { more: true, byteLength: 1000 });
      await scene.settle();
      assert.equal(peer.received, "abc");
    });
  });

  it("tells TCP's room less the record's overhead, returns what is left, and throws beyond it", async () => {
    let announced = 0;
    await open({ onWritable: count => (announced = count) }, async (scene, peer) => {
      assert.equal(announced, 2920 - 96);
      const left = scene.socket.write(Buffer.alloc(100, "x"));
      assert.ok(left <= announced - 129 && left >= announced - 196, String(left));
      assert.throws(() => scene.socket.write(Buffer.alloc(left + 1)), /would block/);
      scene.socket.write(Buffer.alloc(left, "y"));
      await scene.settle();
      assert.equal(peer.received.length, 100 + left);
    });
  });

  it("writes before the handshake is over throw", async () => {
    await withScene({ stored: ownCredentials(ids), line: { cutAfter: 10 } }, scene => {
      assert.throws(() => scene.socket.write(Buffer.from("x")), /not ready/);
      return Promise.resolve();
    });
  });

  for (const how of ["all", "count", "view", "number"] as const)
    it(`reads by ${how}`, async () => {
      let text = "";
      await open(
        {
          onReadable(count) {
            if (how === "number") {
              this.format = "number";
              for (let i = 0; i < count; i++) text += String.fromCharCode(Number(this.read()));
              assert.equal(this.read(), undefined);
            } else if (how === "view") {
              const view = Buffer.alloc(count);
              assert.equal(this.read(view), count);
              text += view.toString("latin1");
            } else {
              if (how === "count") assert.throws(() => this.read(count + 1), /invalid/);
              const bytes = how === "all" ? this.read() : this.read(count);
              assert.ok(bytes instanceof ArrayBuffer);
              text += Buffer.from(bytes).toString("latin1");
            }
          },
        },
        async (scene, peer) => {
          peer.socket.write("some data");
          await scene.settle();
          assert.equal(text, "some data");
        },
      );
    });

  it("reads no more from TCP than the application takes", async () => {
    await open({ onReadable: () => undefined }, async (scene, peer) => {
      for (let i = 0; i < 40; i++) peer.socket.write("x".repeat(1000));
      await scene.settle();
      assert.ok(scene.socket.recorder.received.offset < 25_000);
      let total = 0;
      for (let bytes = scene.socket.read(); bytes !== undefined; bytes = scene.socket.read()) {
        assert.ok(bytes instanceof ArrayBuffer);
        total += bytes.byteLength;
        await scene.settle();
      }
      assert.equal(total, 40_000);
    });
  });

  it("delivers records of 16 KB through small reads of the module", async () => {
    await open({ line: { readMax: 512 } }, async (scene, peer) => {
      peer.socket.write("z".repeat(40_000));
      await scene.settle();
      assert.equal(scene.received, "z".repeat(40_000));
    });
  });

  it("close() delivers what was written, takes leave with close_notify, and closes TCP", async () => {
    await open({}, async (scene, peer) => {
      scene.call(() => {
        scene.socket.write(Buffer.from("last"), { more: true });
        scene.socket.close();
        scene.socket.close();
      });
      await scene.settle();
      assert.equal(peer.received, "last");
      assert.equal(peer.closeNotified, true);
      assert.equal(scene.line.closed, 1);
      assert.equal(scene.timer.pending, 0);
      assert.throws(() => scene.socket.read(), SyntaxError);
      assert.throws(() => scene.socket.write(Buffer.from("x")), SyntaxError);
    });
  });

  it("calls back no more after close(), whatever still comes", async () => {
    await open({}, async (scene, peer) => {
      const told = scene.told.length;
      peer.socket.write("late");
      scene.socket.close();
      await scene.settle();
      assert.equal(scene.told.length, told);
    });
  });

  it("close() in a callback ends it there", async () => {
    await open(
      {
        onReadable() {
          this.close();
        },
      },
      async (scene, peer) => {
        const told = scene.told.length;
        peer.socket.write("a");
        peer.socket.write("b");
        await scene.settle();
        assert.equal(scene.told.length, told);
        assert.equal(scene.line.closed, 1);
      },
    );
  });

  it("tells peer-closed after close_notify, when everything was read", async () => {
    await open({}, async (scene, peer) => {
      peer.socket.end("bye");
      const reason = await scene.fail();
      assert.deepEqual({ ...reason }, { kind: "peer-closed" });
      assert.deepEqual(scene.told.slice(2), ["readable 3", "failure", "error"]);
      assert.equal(scene.received, "bye");
    });
  });

  it("tells TCP's own reason when the connection is lost later", async () => {
    await open({}, async scene => {
      scene.line.end({ kind: "pdp-deactivated" });
      assert.equal((await scene.fail()).kind, "pdp-deactivated");
    });
  });

  it("survives an exception of a callback as the end of the connection", async () => {
    await open(
      {
        onReadable() {
          throw new Error("in the application");
        },
      },
      async (scene, peer) => {
        peer.socket.write("a");
        const reason = await scene.fail();
        assert.deepEqual([reason.kind, reason.detail], ["exception", "Error: in the application"]);
      },
    );
  });

  it("queues a flight that TCP has no room for, and loses nothing", async () => {
    await open({ line: { sendMax: 100, room: 150 } }, (scene, peer) => {
      assert.deepEqual(scene.told.slice(0, 1), ["handshake"]);
      assert.ok(peer.socket.getPeerX509Certificate());
      return Promise.resolve();
    });
  });

  describe("fails before anything is opened", () => {
    const cases: readonly (readonly [string, (ids: Identities) => Partial<SceneOptions>, string, string?])[] =
      [
        [
          "without a CA",
          ({ client }) => ({ stored: { certificate: client.certificate, key: client.key } }),
          "credential",
          "ca: none is stored",
        ],
        [
          "with a certificate and no key",
          ({ root, client }) => ({ stored: { ca: root.certificate, certificate: client.certificate } }),
          "credential",
          "key: none is stored",
        ],
        [
          "with a key and no certificate",
          ({ root, client }) => ({ stored: { ca: root.certificate, key: client.key } }),
          "credential",
          "certificate: none is stored",
        ],
        [
          "with key and certificate exchanged",
          ({ root, client }) => ({
            stored: { ca: root.certificate, certificate: client.key, key: client.certificate },
          }),
          "credential",
          "certificate: holds key",
        ],
        [
          "with PEM in place of DER",
          ({ root }) => ({ stored: { ca: Buffer.from(root.certificatePem) } }),
          "credential",
          "ca: holds unknown",
        ],
        ["with a clock that is not set", () => ({ socket: { clockKnown: () => false } }), "clock"],
        ["without a name to verify", () => ({ socket: { host: "" } }), "argument", "serverName"],
        ["without an engine", () => ({ socket: { engine: undefined } }), "argument", "engine"],
      ];
    for (const [name, options, kind, detail] of cases)
      it(name, async () => {
        await open(options(ids), async scene => {
          const reason = await scene.fail();
          assert.deepEqual([reason.kind, reason.detail], [kind, detail]);
          assert.equal(scene.line.extras, undefined);
          assert.deepEqual(scene.told, ["failure", "error"]);
        });
      });

    it("with a P-256 key that the engine does not sign with, and names it", async () => {
      const client = await ids.root.client({ commonName: "device", key: "P-256" });
      const stored = { ca: ids.root.certificate, certificate: client.certificate, key: client.key };
      await open({ stored }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual(
          [reason.kind, reason.detail],
          ["credential", "key: p256 is not supported by this TLS"],
        );
      });
      await open({ stored, profile: fullProfile }, (_scene, peer) => {
        assert.ok(peer.socket.getPeerX509Certificate());
        return Promise.resolve();
      });
    });

    it("does not need CA or clock when nothing is verified", async () => {
      const { certificate, key } = ownCredentials(ids);
      const socket = { clockKnown: () => false, secure: { verify: false } };
      const secure = {
        verify: false,
        clientCertificates: [certificate ?? new Uint8Array(0)],
        clientKey: key ?? new Uint8Array(0),
      };
      await open({ socket: { ...socket, secure } }, scene => {
        assert.deepEqual(scene.told, ["handshake", "writable"]);
        return Promise.resolve();
      });
    });
  });

  describe("says what the SDK's TLS cannot do before the engine does", () => {
    it("a handshake message split over records", async () => {
      await open({ server: { maxFragment: 512 } }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual(
          [reason.kind, reason.command, reason.detail],
          ["tls", "TLS", "unsupported: split message"],
        );
        assert.equal(reason.handshake?.message, "Certificate");
      });
    });

    it("a server that sends its leaf alone", async () => {
      await open({ server: { cert: ids.server.certificatePem } }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual([reason.kind, reason.detail], ["tls", "unsupported: leaf alone"]);
      });
    });

    it("neither stands in the way of an engine that takes both, nor of one that does not verify", async () => {
      const direct = await ids.root.server({ commonName: "broker.example", key: "RSA-2048" });
      const alone = { cert: direct.certificatePem, key: direct.keyPem };
      await open({ profile: deviceProfile, server: { ...alone, maxFragment: 512 } }, scene => {
        assert.deepEqual(scene.told, ["handshake", "writable"]);
        return Promise.resolve();
      });
      const { certificate, key } = ownCredentials(ids);
      assert.ok(certificate && key);
      const secure = { verify: false, clientCertificates: [certificate], clientKey: key };
      await open({ server: alone, socket: { secure } }, scene => {
        assert.deepEqual(scene.told, ["handshake", "writable"]);
        return Promise.resolve();
      });
    });

    it("a server of TLS 1.3 alone, by its alert", async () => {
      await open({ server: { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual([reason.kind, reason.code, reason.detail], ["tls", 70, "alert received"]);
        assert.equal(reason.handshake?.message, "ClientHello");
      });
    });

    it("a server without a common suite, by its alert", async () => {
      await open({ server: { ciphers: "ECDHE-RSA-AES256-GCM-SHA384" } }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual([reason.code, reason.detail], [40, "alert received"]);
      });
    });
  });

  describe("tells alerts", () => {
    it("of a server that wants a certificate of us and gets none", async () => {
      await open({ stored: { ca: ids.root.certificate } }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual([reason.code, reason.detail], [40, "alert received"]);
      });
    });

    it("in words of the engine when it refuses the server", async () => {
      const stored = { ...ownCredentials(ids), ca: ids.client.certificate };
      await open({ stored }, async scene => {
        const reason = await scene.fail();
        assert.match(reason.detail ?? "", /^(engine|alert sent): certificate: auth err/);
      });
    });

    it("of TLS 1.3, which are protected, by the engine's words", async () => {
      const stored = { ca: ids.root.certificate };
      await open({ stored, profile: fullProfile, server: { maxVersion: "TLSv1.3" } }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual([reason.code, reason.detail], [116, "alert received"]);
      });
    });
  });

  it("does not hang when nothing comes: the handshake has its time", async () => {
    await open({ line: { cutAfter: 50 }, socket: { handshakeTimeout: 30_000 } }, async scene => {
      await scene.settle();
      scene.timer.advance(29_000);
      assert.deepEqual(scene.failures, []);
      const reason = await scene.fail();
      assert.equal(reason.detail, "silent in ClientHello");
      assert.ok(scene.timer.nowMs < 31_000);
    });
  });

  describe("with an engine that throws", () => {
    const METHODS = ["constructor", "start", "receive", "write", "end", "close"] as const;

    function throwing(at: (typeof METHODS)[number]): TlsEngineRecord {
      class Thrower implements TlsEngine {
        readonly #options: TlsEngineOptions;
        constructor(options: TlsEngineOptions) {
          this.#options = options;
          this.#maybe("constructor");
        }
        #maybe(method: (typeof METHODS)[number]): void {
          if (method === at) throw new Error(`thrown by ${at}`);
        }
        start(): void {
          this.#maybe("start");
          this.#options.transmit(Buffer.from("160303000401000000", "hex"));
        }
        receive(): void {
          this.#maybe("receive");
          this.#options.connected();
        }
        write(): void {
          this.#maybe("write");
        }
        end(): void {
          this.#maybe("end");
        }
        close(): void {
          this.#maybe("close");
        }
      }
      return { ...sdkProfile, io: Thrower };
    }

    for (const method of METHODS)
      it(`at ${method} ends as one failure, or quietly`, async () => {
        const silent = { receive: () => undefined };
        await open({ engine: throwing(method), peer: () => silent }, async scene => {
          scene.line.inject(Buffer.from("16030300040e000000", "hex"));
          await scene.settle();
          if (method === "write") {
            scene.call(() => {
              scene.socket.write(Buffer.from("a"));
              // Not known yet to the application.
              scene.socket.write(Buffer.from("b"));
            });
            assert.equal(scene.failures.length, 0);
          }
          if (method === "end" || method === "close") {
            scene.socket.close();
            scene.timer.advance(3_000);
            assert.deepEqual(scene.failures, []);
            assert.equal(scene.line.closed, 1);
            return;
          }
          const reason = await scene.fail();
          assert.deepEqual([reason.kind, reason.detail], ["tls", `engine: thrown by ${method}`]);
          assert.equal(scene.failures.length, 1);
          assert.equal(scene.nested, false);
          assert.equal(scene.line.closed, method === "constructor" ? 0 : 1);
        });
      });
  });

  it("gives the engine nothing that comes behind close_notify", async () => {
    class Leaving implements TlsEngine {
      readonly #options: TlsEngineOptions;
      #left = false;
      constructor(options: TlsEngineOptions) {
        this.#options = options;
      }
      start(): void {
        this.#options.connected();
      }
      receive(): void {
        if (this.#left) throw new Error("closed");
        this.#left = true;
        this.#options.closed();
      }
      write(): void {
        // Nothing is written.
      }
      end(): void {
        // The same.
      }
      close(): void {
        // Nothing is held.
      }
    }
    await open(
      { engine: { ...sdkProfile, io: Leaving }, peer: () => ({ receive: () => undefined }) },
      async scene => {
        scene.line.inject(Buffer.from("15030300020100".repeat(200), "hex"));
        assert.deepEqual({ ...(await scene.fail()) }, { kind: "peer-closed" });
      },
    );
  });

  describe("with an engine that answers in later turns", () => {
    /** Says after `ms` each what it has to say. */
    function late(
      timer: () => ManualTimer,
      ms: number,
      work: (options: TlsEngineOptions, tell: (word: () => void) => void) => void,
    ): TlsEngineRecord {
      class Late implements TlsEngine {
        readonly #options: TlsEngineOptions;
        #words: (() => void)[] = [];
        constructor(options: TlsEngineOptions) {
          this.#options = options;
        }
        start(): void {
          work(this.#options, word => this.#say(word));
        }
        #say(word: () => void): void {
          if (this.#words.push(word) === 1) timer().set(() => this.#next(), ms);
        }
        #next(): void {
          this.#words.shift()?.();
          if (this.#words.length > 0) timer().set(() => this.#next(), ms);
        }
        receive(bytes: Uint8Array): void {
          const copy = bytes.slice();
          this.#say(() => this.#options.received(copy));
        }
        write(): void {
          // Nothing is written.
        }
        end(): void {
          // The same.
        }
        close(): void {
          this.#words = [];
        }
      }
      return { ...sdkProfile, io: Late };
    }

    async function scene(
      ms: number,
      work: Parameters<typeof late>[2],
      look: (scene: Scene) => Promise<void>,
    ): Promise<void> {
      let timer: ManualTimer | undefined;
      const engine = late(() => timer ?? new ManualTimer(), ms, work);
      // The engine is made in a later turn.
      await withScene(
        {
          stored: ownCredentials(ids),
          engine,
          peer: () => ({ receive: () => undefined }),
          onScene: made => (timer = made.timer),
        },
        look,
      );
    }

    it("still sends a flight as one", async () => {
      const records = [
        "160303000401000000",
        "16030300040b000000",
        "160303000410000000",
        "140303000101",
        "1603030004ffffffff",
      ];
      await scene(
        5,
        ({ transmit }, tell) => {
          for (const record of records) tell(() => transmit(Buffer.from(record, "hex")));
        },
        async made => {
          for (let i = 0; i < 40; i++) {
            made.timer.advance(1);
            await made.settle();
          }
          // ClientHello, then the rest.
          assert.deepEqual(made.line.sends, [9, 33]);
        },
      );
    });

    it("still delivers what came before the end of TCP", async () => {
      await scene(
        20,
        ({ connected }) => connected(),
        async made => {
          made.line.inject(Buffer.from("1703030001aa", "hex"));
          made.line.end({ kind: "network-lost" });
          assert.equal((await made.fail()).kind, "network-lost");
          assert.equal(made.received.length, 6);
          assert.deepEqual(made.told.slice(-3), ["readable 6", "failure", "error"]);
        },
      );
    });
  });

  it("takes the server's bytes one by one", async () => {
    await open({ line: { readMax: 1 } }, async (scene, peer) => {
      peer.socket.write("one by one");
      await scene.settle();
      assert.deepEqual(scene.told.slice(0, 2), ["handshake", "writable"]);
      assert.equal(scene.received, "one by one");
    });
  });

  it("loses and changes nothing, whatever the sizes of writes, reads, sends and rings", async function () {
    this.timeout(60_000);
    const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
    const sizes = fc.record({
      sendMax: size(600),
      room: fc.integer({ min: 200, max: 3000 }),
      readMax: size(1500),
      writes: fc.array(fc.record({ bytes: size(2500), more: fc.boolean() }), { minLength: 1, maxLength: 12 }),
      take: size(900),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ writes, take, ...line }) => {
        let received = "";
        const readable = function (this: StreamSocket, count: number): void {
          const bytes = this.read(Math.min(count, take));
          if (bytes) received += Buffer.from(bytes).toString("latin1");
        };
        await open({ line, onReadable: readable }, async (scene, peer) => {
          peer.onData = text => peer.socket.write(text);
          let sent = "";
          for (const { bytes, more } of writes) {
            let rest = "abcdefghij".repeat(250).slice(0, bytes);
            let room = 0;
            while (rest !== "") {
              const piece = rest.slice(0, room);
              rest = rest.slice(piece.length);
              sent += piece;
              room = scene.call(() => scene.socket.write(Buffer.from(piece), more ? { more } : undefined));
              await scene.settle();
            }
          }
          for (let bytes = scene.socket.read(); received.length < sent.length; bytes = scene.socket.read()) {
            if (bytes instanceof ArrayBuffer) received += Buffer.from(bytes).toString("latin1");
            await scene.settle();
          }
          assert.equal(peer.received, sent);
          assert.equal(received, sent);
          assert.deepEqual(scene.failures, []);
          assert.equal(scene.nested, false);
        });
      }),
      { numRuns: 25 },
    );
  });

  it("fails with a limit when the engine writes more than TCP and the queue take", async () => {
    class Flood implements TlsEngine {
      readonly #options: TlsEngineOptions;
      constructor(options: TlsEngineOptions) {
        this.#options = options;
      }
      start(): void {
        for (let i = 0; i < 40; i++)
          this.#options.transmit(Buffer.from("160303000401000000".repeat(20), "hex"));
      }
      receive(): void {
        // Nothing comes.
      }
      write(): void {
        // Never connected.
      }
      end(): void {
        // The same.
      }
      close(): void {
        // Nothing is held.
      }
    }
    await open({ engine: { ...sdkProfile, io: Flood } }, async scene => {
      const reason = await scene.fail();
      assert.deepEqual([reason.kind, reason.command], ["limit", "TLS"]);
    });
  });

  const RAW: readonly (readonly [string, string, string])[] = [
    ["a web server", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n").toString("hex"), "unsupported: no TLS"],
    ["a broker without TLS", "20020005", "unsupported: no TLS"],
    ["a record of 65,535 bytes", "160303ffff", "unsupported: record too large"],
    ["a record of 18,433 bytes", "1603034801", "unsupported: record too large"],
    [
      "TLS 1.1",
      `160302002a0200002603 02${"00".repeat(32)}00c01300`.replaceAll(" ", ""),
      "unsupported: version",
    ],
    [
      "a suite that was not offered",
      `160303002a020000260303${"00".repeat(32)}00c03000`,
      "unsupported: suite",
    ],
  ];
  for (const [what, hex, detail] of RAW)
    it(`names ${what}`, async () => {
      const peer = (line: Line): Peer => ({ receive: () => line.reply(Buffer.from(hex, "hex")) });
      await withScene({ stored: ownCredentials(ids), peer }, async scene => {
        const reason = await scene.fail();
        assert.deepEqual([reason.kind, reason.detail], ["tls", detail]);
      });
    });
});
