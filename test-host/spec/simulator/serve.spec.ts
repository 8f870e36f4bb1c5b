import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { serveModem, ServeError, type ModemService, type ServeOptions } from "../../simulator/serve.js";
import { LineTrace } from "../../simulator/trace.js";
import { AtBench } from "./at-bench.js";

const run = promisify(execFile);

describe("service of a simulated modem", () => {
  let service: ModemService | undefined;
  let folder: string;

  before(async () => (folder = await mkdtemp(join(tmpdir(), "modem-"))));
  after(() => rm(folder, { recursive: true }));
  afterEach(async () => {
    await service?.stop();
    service = undefined;
  });

  async function serve(options: Partial<ServeOptions> = {}): Promise<ModemService> {
    const scheduler = new Scheduler({ mode: "realtime" });
    const network = new LoopbackNetwork({ scheduler });
    const modem = new BG95({
      scheduler,
      network,
      settings: { boot: { readyMs: 20, appReadyMs: 40, simReadyMs: 45, smsReadyMs: 50, statusMs: 10 } },
    });
    service = await serveModem({ scheduler, modem, at: "127.0.0.1:0", ...options });
    return service;
  }

  async function dial(
    address: string,
  ): Promise<{ socket: Socket; hear: (awaited: RegExp) => Promise<string> }> {
    const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
    await once(socket, "connect");
    let text = "";
    const waiting: (() => void)[] = [];
    socket.on("data", bytes => {
      text += bytes.toString("latin1");
      for (const check of waiting) check();
    });
    const hear = (awaited: RegExp): Promise<string> =>
      new Promise(resolve => {
        const check = (): void => {
          if (!awaited.test(text)) return;
          resolve(text);
          text = "";
        };
        waiting.push(check);
        check();
      });
    return { socket, hear };
  }

  it("answers a client on a TCP port, booted", async () => {
    const { address } = await serve();
    const { socket, hear } = await dial(address);
    socket.write("AT+CPIN?\r");
    assert.equal(await hear(/OK\r\n$/), "AT+CPIN?\r\r\n+CPIN: READY\r\n\r\nOK\r\n");
    socket.destroy();
  });

  it("shows the banner first when cold, in every session", async () => {
    const { address } = await serve({ cold: true });
    for (let session = 0; session < 2; session++) {
      const { socket, hear } = await dial(address);
      assert.match(await hear(/SMS DONE/), /^\r\nRDY\r\n\r\nAPP RDY\r\n/);
      socket.destroy();
      await once(socket, "close");
    }
  });

  it("keeps the module's state from one session to the next, and takes one client at a time", async () => {
    const served = await serve();
    const first = await dial(served.address);
    first.socket.write("ATE0\r");
    await first.hear(/OK\r\n$/);
    const second = await dial(served.address);
    assert.match(await second.hear(/\r\n$/), /in use/);
    first.socket.destroy();
    await once(first.socket, "close");
    await new Promise(resolve => setTimeout(resolve, 20));
    const third = await dial(served.address);
    third.socket.write("AT\r");
    assert.equal(await third.hear(/OK\r\n$/), "\r\nOK\r\n");
    third.socket.destroy();
    assert.equal(served.sessions, 2);
  });

  it("says so when the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await assert.rejects(serve({ at: `127.0.0.1:${String(port)}` }), (error: unknown) => {
      return error instanceof ServeError && error.message.includes(String(port));
    });
    other.close();
  });

  it("names the package to install when socat is missing", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = folder;
    try {
      await assert.rejects(serve({ at: join(folder, "none") }), /install the package socat/);
    } finally {
      process.env["PATH"] = path;
    }
  });

  it("serves a pty to a client in another language, twice", async function () {
    const found = await Promise.all(
      ["socat", "python3"].map(name =>
        run(name, ["-h"]).then(
          () => true,
          () => false,
        ),
      ),
    );
    // Skipped where the two programs are not installed: there is no pty without them.
    if (found.includes(false)) this.skip();
    const path = join(folder, "modem");
    await serve({ at: path });
    const client = [
      "import os, sys, termios, tty, select",
      "fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)",
      "tty.setraw(fd)",
      "def ask(line):",
      "    os.write(fd, line)",
      "    text = b''",
      "    while not text.endswith(b'OK\\r\\n'):",
      "        if not select.select([fd], [], [], 5)[0]: sys.exit('timeout after ' + repr(text))",
      "        text += os.read(fd, 4096)",
      "    return text.decode()",
      "print(repr(ask(b'ATE0\\r')))",
      "print(repr(ask(b'AT+CGMM\\r')))",
    ].join("\n");
    for (const echo of ["'ATE0\\r\\r\\nOK\\r\\n'", "'\\r\\nOK\\r\\n'"]) {
      for (let attempt = 0; ; attempt++) {
        try {
          const { stdout } = await run("python3", ["-c", client, path]);
          assert.equal(stdout, `${echo}\n'\\r\\nBG95-M3\\r\\n\\r\\nOK\\r\\n'\n`);
          break;
        } catch (error) {
          // Between two sessions the pty is made anew.
          if (attempt === 20 || !String(error).includes("FileNotFoundError")) throw error;
          await new Promise(resolve => setTimeout(resolve, 50));
        }
      }
    }
  });
});

describe("trace of the AT port", () => {
  async function traced(use: (bench: AtBench) => Promise<void>): Promise<string[]> {
    const bench = await AtBench.memory().ready();
    const lines: string[] = [];
    bench.modem.onTap = new LineTrace({
      nowMs: () => bench.scheduler.nowMs,
      print: line => lines.push(line),
    }).tap;
    await use(bench);
    await bench.ask("AT");
    return lines.map(line => line.trim().replace(/^[\d.]+ /, ""));
  }

  const key = "-----BEGIN PRIVATE KEY-----\nATE0secretsecretsecretsecret\nAT\n-----END PRIVATE KEY-----\n";

  it("shows lines both ways and payload by its length", async () => {
    const lines = await traced(async bench => {
      await bench.ask(`AT+QFUPL="key.pem",${String(key.length)}`);
      await bench.exchange(key, /OK\r\n$/);
    });
    assert.deepEqual(lines.slice(0, 4), [
      `> AT+QFUPL="key.pem",${String(key.length)}`,
      "< CONNECT",
      `> <${String(key.length)} bytes>`,
      lines[3],
    ]);
    assert.match(lines[3] ?? "", /^< \+QFUPL: 84?/);
    assert.ok(!lines.join("\n").includes("secret"));
  });

  it("shows no key even when it is typed at the wrong moment, with the echo on", async () => {
    const lines = await traced(async bench => {
      await bench.ask("ATE1");
      bench.type(key.replaceAll("\n", "\r\n"));
      await bench.pass(1_000);
    });
    assert.ok(!/secret|BEGIN/.test(lines.join("\n")), lines.join("\n"));
  });

  const secrets: readonly [line: string, shown: string][] = [
    ['AT+CPIN="1234"', "> AT+CPIN=<secret>"],
    ['AT+QICSGP=1,1,"apn","user","password",1', "> AT+QICSGP=<secret>"],
    ['AT+QMTCONN=0,"device","user","password"', "> AT+QMTCONN=<secret>"],
    ['AT+QMTCFG="aliauth",0,"key","name","password"', "> AT+QMTCFG=<secret>"],
    ['AT+QMTPUBEX=0,0,0,0,"t","password"', '> AT+QMTPUBEX=0,0,0,0,"t",<8 bytes>'],
  ];
  for (const [line, shown] of secrets) {
    it(`hides the arguments of ${line}`, async () => {
      const lines = await traced(async bench => {
        await bench.ask(line);
      });
      assert.equal(lines[0], shown);
      assert.ok(!/1234|password/.test(lines.join("\n")));
    });
  }

  it("hides what a question about cloud keys is answered with, and the payload of messages", async () => {
    const lines = await traced(async bench => {
      await bench.ask('AT+QMTCFG="aliauth",0,"key","name","password"');
      await bench.ask('AT+QMTCFG="aliauth",0');
      bench.modem.module.urc('+QMTRECV: 0,0,"t",8,"password"');
      bench.modem.module.urc('+QMTRECV: 0,0,"t","pass"word"');
    });
    assert.ok(!/password|pass"word/.test(lines.join("\n")), lines.join("\n"));
    assert.deepEqual(
      lines.filter(line => line.includes("QMTRECV")),
      ['< +QMTRECV: 0,0,"t",8,<8 bytes>', '< +QMTRECV: 0,0,"t",<9 bytes>'],
    );
  });
});
