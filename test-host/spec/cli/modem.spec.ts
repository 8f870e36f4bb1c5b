import assert from "node:assert/strict";
import { execFile, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { assertForPeople } from "./result.js";
import { Folder, hear, peer, root, start, xsCellular } from "./support.js";

const run = promisify(execFile);

/** A modem that serves, and where. */
interface Served {
  readonly child: ChildProcessWithoutNullStreams;
  readonly address: string;
  /** Ends it by a signal; gives its exit code and what it wrote to stderr. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; stderr: string }>;
}

describe("modem", function () {
  this.timeout(60_000);
  const folder = new Folder();
  const running: Served[] = [];
  afterEach(async () => {
    for (const served of running.splice(0)) await served.stop();
  });
  after(() => folder.remove());

  async function serve(...args: string[]): Promise<Served> {
    const child = start(["modem", ...args]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const first = await hear(child.stdout.setEncoding("utf8"), /\n/);
    const address = /^listening on (\S+)\n$/.exec(first)?.[1];
    assert.ok(address !== undefined, first);
    const exit = once(child, "exit");
    const served = {
      child,
      address,
      stop: async (signal: NodeJS.Signals = "SIGTERM") => {
        child.kill(signal);
        await exit;
        return { code: child.exitCode, stderr };
      },
    };
    running.push(served);
    return served;
  }

  async function dial(address: string): Promise<Socket> {
    const port = Number(address.split(":")[1]);
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    await once(socket, "connect");
    return socket;
  }

  async function ask(socket: Socket, command: string, awaited: RegExp): Promise<string> {
    const answer = hear(socket, awaited);
    socket.write(command);
    return answer;
  }

  describe("--listen", () => {
    it("names the port that it found on its first line, and answers there", async () => {
      const { address } = await serve("--listen", "127.0.0.1:0");
      assert.match(address, /^127\.0\.0\.1:[1-9]\d*$/);
      const socket = await dial(address);
      assert.match(await ask(socket, "ATI\r", /OK\r\n$/), /\r\nQuectel\r\nBG95-M3\r\nRevision: \S+\r\n/);
      socket.destroy();
    });

    it("--module bc66 serves a BC66, which names itself and has its own commands", async () => {
      const { address } = await serve("--module", "bc66", "--listen", "127.0.0.1:0", "--link", "nb-iot");
      const socket = await dial(address);
      assert.match(await ask(socket, "ATI\r", /OK\r\n$/), /Quectel_Ltd\r\nQuectel_BC66\r\nRevision: \S+\r\n/);
      assert.match(await ask(socket, "AT+QFLST\r", /ERROR.*\r\n$/), /ERROR/);
      socket.destroy();
    });

    it("serves one session after another; the module lives on in between", async () => {
      const { address } = await serve("--listen", "127.0.0.1:0");
      const first = await dial(address);
      await ask(first, "ATE0\r", /OK\r\n$/);
      await ask(first, 'AT+QFUPL="UFS:note",4\r', /CONNECT\r\n$/);
      await ask(first, "abcd", /OK\r\n$/);
      first.destroy();
      await once(first, "close");
      const second = await dial(address);
      assert.match(await ask(second, 'AT+QFLST="note"\r', /OK\r\n$/), /\+QFLST: "note",4\r\n/);
      second.destroy();
    });

    it("--cold begins each session with the banner", async () => {
      const { address } = await serve("--listen", "127.0.0.1:0", "--cold");
      const socket = await dial(address);
      assert.match(await hear(socket, /APP RDY/), /RDY[\s\S]*APP RDY/);
      socket.destroy();
    });

    for (const signal of ["SIGINT", "SIGTERM"] as const)
      it(`${signal} stops it with 0, also while a client is connected`, async () => {
        const served = await serve("--listen", "127.0.0.1:0");
        const socket = await dial(served.address);
        socket.on("error", () => undefined);
        const { code, stderr } = await served.stop(signal);
        running.pop();
        assert.equal(code, 0);
        assert.equal(stderr, "");
        socket.destroy();
      });

    it("--trace has both directions, and nothing of what is uploaded", async () => {
      const file = folder.file("trace.txt");
      const { address } = await serve("--listen", "127.0.0.1:0", "--trace", file);
      const socket = await dial(address);
      await ask(socket, 'AT+QFUPL="key",6\r', /CONNECT\r\n$/);
      await ask(socket, "secret", /OK\r\n$/);
      socket.destroy();
      const text = readFileSync(file, "utf8");
      assert.match(text, /> AT\+QFUPL="key",6\n.*< CONNECT\n.*> <6 bytes>\n/);
      assert.doesNotMatch(text, /secret/);
    });

    it("a port in use: exit 1, with what to do", async () => {
      const { address } = await serve("--listen", "127.0.0.1:0");
      const second = await xsCellular(["modem", "--listen", address]);
      assert.equal(second.code, 1);
      assert.equal(second.stdout, "");
      assert.match(second.stderr, /^xs-cellular: Port \d+ cannot be used[\s\S]*fix: Choose another port/);
      assertForPeople(second.stderr);
    });
  });

  describe("an AT client in Python on a pty", () => {
    let server: Server;
    let port: number;

    before(function () {
      peer(this, "socat");
    });
    beforeEach(async () => {
      server = createServer(socket => socket.on("data", data => socket.write(`you said ${String(data)}`)));
      await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
      port = (server.address() as AddressInfo).port;
    });
    afterEach(() => {
      server.close();
    });

    it("identifies the module, stores a file, and talks TCP to a server by name", async function () {
      const python = peer(this, "python3");
      const pty = folder.file("bg95");
      const served = await serve("--pty", pty, "--resolve", `echo.test=127.0.0.1:${String(port)}`);
      assert.equal(served.address, pty);
      const script = join(root, "test-host", "spec", "cli", "at-client.py");
      const { stdout } = await run(python, [script, pty, "echo.test", "7"], { timeout: 30_000 });
      assert.match(stdout, /^Quectel$/m);
      assert.match(stdout, /^\+QFUPL: 5,[0-9a-f]+$/m);
      assert.match(stdout, /^\+QIOPEN: 0,0$/m);
      assert.match(stdout, /^you said hello$/m);
    });

    it("the same pty takes a shell afterwards", async function () {
      const pty = folder.file("shell");
      await serve("--pty", pty);
      const script = `exec 3<>"$0"; for i in 1 2; do printf 'AT+GMM\\r' >&3; while read -r line <&3; do echo "$line"; case $line in OK*) break;; esac; done; done`;
      let made = 0;
      for (let session = 0; session < 2; session++) {
        // A session that has ended takes its terminal along; the next one stands a moment later.
        const deadline = performance.now() + 5_000;
        while ((lstatSync(pty, { throwIfNoEntry: false })?.ctimeMs ?? made) === made) {
          assert.ok(performance.now() < deadline, "no second terminal");
          await new Promise(resolve => setTimeout(resolve, 10));
        }
        made = lstatSync(pty).ctimeMs;
        const { stdout } = await run("bash", ["-c", script, pty], { timeout: 20_000 });
        assert.equal(stdout.match(/BG95-M3/g)?.length, 2, stdout);
      }
    });

    it("removes the pty when it stops", async () => {
      const pty = folder.file("gone");
      const served = await serve("--pty", pty);
      assert.ok(existsSync(pty));
      await served.stop();
      running.pop();
      assert.ok(!existsSync(pty));
    });

    it("takes the place of what a killed run has left", async () => {
      const pty = folder.file("stale");
      symlinkSync("/dev/pts/9999", pty);
      const served = await serve("--pty", pty);
      assert.equal(served.address, pty);
    });
  });

  it("a file in the place of the pty is left alone: exit 2", async () => {
    const file = folder.file("precious.txt");
    writeFileSync(file, "precious");
    const { code, stderr } = await xsCellular(["modem", "--pty", file]);
    assert.equal(code, 2);
    assert.match(stderr, /exists already[\s\S]*would be lost/);
    assert.equal(readFileSync(file, "utf8"), "precious");
  });

  it("without socat: exit 1, and it says what to install", async () => {
    const { code, stderr } = await xsCellular(["modem", "--pty", folder.file("pty")], {
      env: { PATH: folder.file("no-programs") },
    });
    assert.equal(code, 1);
    assert.match(stderr, /needs the program socat.*apt-get install socat/);
    assertForPeople(stderr);
  });

  it("a pty in a folder that does not exist: exit 1", async function () {
    peer(this, "socat");
    const { code, stderr } = await xsCellular(["modem", "--pty", folder.file("none/pty")]);
    assert.equal(code, 1);
    assert.match(stderr, /No such file or directory[\s\S]*fix: /);
    assertForPeople(stderr);
  });
});
