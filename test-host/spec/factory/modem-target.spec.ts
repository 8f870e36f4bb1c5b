import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { FactoryError } from "../../../certs/factory-error.js";
import { toPem } from "../../../certs/pem-text.js";
import type { BG95 } from "../../simulator/bg95/bg95.js";
import { fingerprint } from "../../../drivers/quectel/credential-text.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { identities, pkcs1 } from "../drivers/identities.js";
import {
  ecParts,
  expected,
  fill,
  ModemBench,
  opened,
  partsOf,
  refusal,
  rsaParts,
  type Opened,
  type Parts,
} from "./modem-bench.js";

const OF_CONTENT = { ca: "content", certificate: "content", key: "public-key" };

function nameOf(role: string, der: Uint8Array): string {
  return `xs-${role}-${fingerprint(new BytesCredential(der))}.pem`;
}

function text(bench: ModemBench<BG95>, name: string): string {
  return Buffer.from(bench.modem.files.read(name) ?? []).toString("latin1");
}

/** Pieces of a private key in the forms in which it could stand in a text; any of them is a leak. */
function traces(key: Uint8Array): readonly string[] {
  const object = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
  const forms = [
    object.export({ type: "pkcs8", format: "pem" }).toString(),
    ...(object.asymmetricKeyType === "rsa"
      ? [object.export({ type: "pkcs1", format: "pem" }).toString()]
      : []),
  ];
  const lines = forms.flatMap(form =>
    form.split("\n").filter(line => line.length >= 24 && !line.startsWith("-")),
  );
  const hex = Buffer.from(key).toString("hex");
  return [
    ...lines.map(line => line.slice(0, 24)),
    // Not its beginning, which is the same in all keys.
    ...Array.from({ length: Math.floor((hex.length - 128) / 32) }, (_, i) =>
      hex.slice(80 + 32 * i, 112 + 32 * i),
    ),
  ];
}

function assertNoKey(where: string, what: string, key: Uint8Array): void {
  // Certificates hold the public half: only what is not in it counts.
  for (const piece of traces(key)) assert.equal(what.includes(piece), false, `${where} holds key material`);
}

/** Opens a pty that is being made anew; its old end may still be there. */
async function again(address: string): Promise<Opened> {
  const untilMs = performance.now() + 5_000;
  for (;;) {
    try {
      const next = await opened(address);
      await next.target.connect();
      return next;
    } catch (error) {
      const isBeingMade =
        error instanceof FactoryError && (error.code === "gone" || error.code.startsWith("port-"));
      if (!isBeingMade || performance.now() > untilMs) throw error;
    }
  }
}

describe("target: a modem alone on a serial port", () => {
  let parts: Parts;
  let bench: ModemBench<BG95> | undefined;
  const open: Opened[] = [];

  before(async () => {
    parts = await rsaParts();
  });
  afterEach(async () => {
    for (const { target } of open.splice(0)) await target.close();
    await bench?.close();
    bench = undefined;
  });

  async function start(
    options: Parameters<typeof ModemBench.bg95>[0] = {},
  ): Promise<Opened & { bench: ModemBench<BG95> }> {
    bench = await ModemBench.bg95(options);
    const one = await opened(bench.address);
    open.push(one);
    return { ...one, bench };
  }

  it("tells model, firmware and IMEI, and that the module neither signs nor makes keys", async () => {
    const { target } = await start();
    const present = await target.connect();
    assert.match(present.imei ?? "", /^\d{15}$/);
    assert.equal(present.module, "BG95-M3");
    assert.match(present.firmware ?? "", /^BG95M3/);
    assert.deepEqual([present.locked, present.generates, present.proves], [false, false, false]);
    assert.deepEqual(
      ["prove", "generate", "request", "lock", "confirm"].filter(method => method in target),
      [],
    );
  });

  for (const [kind, make] of [
    ["RSA", rsaParts],
    ["P-256", ecParts],
  ] as const)
    it(`stores an ${kind} key and both certificates as files that are found again`, async () => {
      const { target } = await start();
      const own = await make();
      await target.connect();
      await fill(target, own);
      assert.deepEqual(await target.readBack(expected(own)), OF_CONTENT);
      await target.commit();
      const { used, pending } = await target.connect();
      assert.deepEqual(used, expected(own));
      assert.deepEqual(pending, used);
    });

  it("gives files the names and contents by which the driver finds them", async () => {
    const { target, bench: at } = await start();
    await target.connect();
    await fill(target, parts);
    assert.deepEqual(
      [...at.modem.files.names].sort(),
      [nameOf("ca", parts.ca), nameOf("certificate", parts.certificate), nameOf("key", parts.key)].sort(),
    );
    assert.equal(text(at, nameOf("certificate", parts.certificate)), toPem(parts.certificate, "CERTIFICATE"));
    assert.equal(text(at, nameOf("key", parts.key)), pkcs1(toPem(parts.key, "PRIVATE KEY")));
  });

  it("works through a pseudo terminal as through TCP, and holds it against a second program", async () => {
    const folder = await mkdtemp(join(tmpdir(), "modem-target-"));
    try {
      const { target, bench: at } = await start({ pty: join(folder, "tty") });
      await target.connect();
      await fill(target, parts);
      assert.deepEqual(await target.readBack(expected(parts)), OF_CONTENT);
      assert.equal((await refusal(opened(at.address))).code, "port-busy");
      await target.close();
      // Given back whole: the next one gets it, as soon as socat has made the pty anew.
      const next = await again(at.address);
      open.push(next);
      assert.deepEqual((await next.target.connect()).used, expected(parts));
      await next.target.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("leaves a file alone that holds the same already", async () => {
    const { target, bench: at } = await start();
    await target.connect();
    await fill(target, parts);
    const uploads = at.modem.commandCounts.get("+QFUPL");
    await target.write("key", Uint8Array.from(parts.key));
    assert.equal(at.modem.commandCounts.get("+QFUPL"), uploads);
  });

  it("replaces a file of the right name and size that holds something else, which a driver would have used", async () => {
    const { target, bench: at } = await start();
    const name = nameOf("certificate", parts.certificate);
    const junk = Buffer.from(toPem(parts.certificate, "CERTIFICATE").replace("MII", "MIJ"));
    at.modem.files.write(name, junk);
    assert.equal((await target.connect()).used.certificate, undefined);
    await target.write("certificate", parts.certificate);
    assert.equal(text(at, name), toPem(parts.certificate, "CERTIFICATE"));
  });

  it("removes the former credentials at the beginning, and leaves files that are none of its own", async () => {
    const { target, bench: at } = await start();
    const other = await ecParts();
    at.modem.files.write("firmware.cfg", Buffer.from("keep"));
    await target.connect();
    await fill(target, other);
    await fill(target, parts);
    assert.equal(at.modem.files.names.length, 4);
    assert.equal(text(at, "firmware.cfg"), "keep");
    assert.deepEqual((await target.connect()).used, expected(parts));
  });

  it("refuses what is read back and is another one, or missing", async () => {
    const { target } = await start();
    const other = await ecParts();
    await target.connect();
    await target.begin();
    await target.write("certificate", parts.certificate);
    assert.equal((await refusal(target.readBack({ certificate: other.certificate }))).code, "different");
    assert.equal((await refusal(target.readBack({ key: parts.half }))).code, "different");
  });

  it("refuses objects in the wrong place, and sends nothing of them", async () => {
    const { target, bench: at } = await start();
    await target.connect();
    const error = await refusal(target.write("certificate", parts.key));
    assert.equal(error.code, "unusable");
    assert.equal(at.modem.commandCounts.get("+QFUPL"), undefined);
  });

  it("erases everything and looks that nothing is listed any more", async () => {
    const { target, bench: at } = await start();
    at.modem.files.write("old.pem", Buffer.from("x"));
    await target.connect();
    await fill(target, parts);
    await target.erase("all");
    assert.deepEqual(at.modem.files.names, []);
    assert.equal((await target.connect()).used.key, undefined);
  });

  it("a file that the module only says it deleted is found out", async () => {
    const { target, bench: at } = await start();
    await target.connect();
    await fill(target, parts);
    at.modem.files.delete = () => true;
    const error = await refusal(target.erase("all"));
    assert.equal(error.code, "different");
    assert.match(error.what, /still listed/);
  });

  it("says once that a BG95 gives the key to whoever asks", async () => {
    const { target, notices } = await start();
    await target.connect();
    await target.connect();
    assert.deepEqual(
      notices.map(notice => notice.code),
      ["readable"],
    );
  });

  describe("failures", () => {
    it("an upload cut off after every so many bytes is done anew, and is never half", async () => {
      // The command, 1,675 bytes of text, and nothing behind them.
      const offsets = Array.from({ length: 16 }, (_, i) => 20 + 109 * i);
      await Promise.all(
        offsets.map(async offset => {
          const at = await ModemBench.bg95();
          const { target } = await opened(at.address);
          try {
            await target.connect();
            await target.begin();
            await target.write("ca", parts.ca);
            await target.write("certificate", parts.certificate);
            at.cutAfter(offset);
            assert.equal((await refusal(target.write("key", Uint8Array.from(parts.key)))).code, "gone");
            // At once: the module may still wait for the rest of the file.
            const { pending } = await target.connect();
            assert.deepEqual(pending.certificate, parts.certificate);
            assert.equal(pending.key, undefined, `half a key counts as one, cut at ${offset}`);
            await target.write("key", Uint8Array.from(parts.key));
            assert.deepEqual(await target.readBack(expected(parts)), OF_CONTENT);
            assert.equal(at.modem.files.names.length, 3);
          } finally {
            await target.close();
            await at.close();
          }
        }),
      );
    });

    it("a module that restarts in the middle of an upload is told as that, and the upload repeated", async () => {
      const { target, bench: at } = await start({
        faults: [
          { kind: "event", trigger: { on: "command", command: "+QFUPL", nth: 1 }, action: { kind: "reset" } },
        ],
      });
      await target.connect();
      assert.equal((await refusal(target.write("ca", parts.ca))).code, "restarted");
      await target.connect();
      await target.write("ca", parts.ca);
      assert.equal(text(at, nameOf("ca", parts.ca)), toPem(parts.ca, "CERTIFICATE"));
    });

    it("bytes that change on their way are noticed by checksum, and sent again", async () => {
      const { target, bench: at } = await start({ faults: [{ kind: "corrupt-upload", nth: 1, byte: 100 }] });
      await target.connect();
      await target.write("ca", parts.ca);
      assert.equal(at.modem.commandCounts.get("+QFUPL"), 2);
      assert.equal(text(at, nameOf("ca", parts.ca)), toPem(parts.ca, "CERTIFICATE"));
    });

    it("a line that changes bytes every time ends the write with a reason", async () => {
      const faults = Array.from({ length: 9 }, (_, i) => ({
        kind: "corrupt-upload" as const,
        nth: i + 1,
        byte: 100,
      }));
      const { target } = await start({ faults });
      await target.connect();
      const error = await refusal(target.write("ca", parts.ca));
      assert.equal(error.side, "unit");
    });

    it("a file that is damaged while it is read is read again", async () => {
      const { target, bench: at } = await start();
      await target.connect();
      await target.write("ca", parts.ca);
      let struck = false;
      const { onOutput } = at.modem;
      at.modem.onOutput = (bytes, baud) => {
        const place = Buffer.from(bytes).indexOf("BEGIN CERT");
        if (place >= 0 && !struck) {
          struck = true;
          bytes = bytes.map((byte, i) => (i === place + 40 ? byte ^ 1 : byte));
        }
        onOutput?.(bytes, baud);
      };
      assert.deepEqual(await target.readBack({ ca: parts.ca }), { ca: "content" });
      assert.equal(struck, true);
    });

    it("a full file system is told before anything is sent", async () => {
      const { target, bench: at } = await start({ settings: { fileSystemBytes: 1_000 } });
      await target.connect();
      const error = await refusal(target.write("key", Uint8Array.from(parts.key)));
      assert.deepEqual([error.code, error.side], ["module-full", "unit"]);
      assert.equal(at.modem.commandCounts.get("+QFUPL"), undefined);
    });

    it("another module than the profile's is refused, and the port given back", async () => {
      const at = await ModemBench.bc66();
      const { target } = await opened(at.address);
      try {
        assert.equal((await refusal(target.connect())).code, "wrong-module");
        const second = await opened(at.address, { module: "bc66" });
        assert.equal((await second.target.connect()).module, "BC66");
        await second.target.close();
      } finally {
        await target.close();
        await at.close();
      }
    });

    for (const { what, answer, said } of [
      { what: "nothing", answer: () => undefined, said: /nothing came back/ },
      { what: "what it was sent", answer: (bytes: Buffer) => bytes, said: /only what was sent/ },
      { what: "noise", answer: () => Buffer.from("00ff8091a2f3", "hex"), said: /another baud rate/ },
      { what: "an ESP32's start", answer: () => Buffer.from("rst:0x1 (POWERON)\r\n"), said: /ESP32/ },
    ])
      it(`a port that answers ${what} is given up in time, and says so`, async () => {
        const sockets = new Set<Socket>();
        const server = createServer(socket => {
          sockets.add(socket);
          socket.on("error", () => undefined);
          socket.on("data", bytes => {
            const back = answer(bytes);
            if (back) socket.write(back);
          });
        });
        await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
        const address = `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
        const { target } = await opened(address, { connectMs: 1_500 });
        try {
          const startedMs = performance.now();
          const error = await refusal(target.connect());
          assert.equal(error.code, "silent");
          assert.match(error.what, said);
          assert.ok(performance.now() - startedMs < 3_000);
        } finally {
          await target.close();
          for (const socket of sockets) socket.destroy();
          server.close();
        }
      });

    it("a port that is not there is the station's fault", async () => {
      for (const port of ["/dev/no-such-port", "tcp:127.0.0.1:1"]) {
        const error = await refusal(opened(port));
        assert.deepEqual([error.code, error.side], ["port-missing", "environment"]);
      }
    });

    for (const command of ["+QFLST", "+QFLDS", "+QFUPL"])
      it(`a module that dies at ${command} ends the work in bounded time`, async () => {
        const at = await ModemBench.bg95({
          faults: [
            {
              kind: "event",
              trigger: { on: "command", command, nth: 1 },
              action: { kind: "silence" },
            },
          ],
        });
        const { target } = await opened(at.address, { connectMs: 1_000 });
        try {
          const error = await refusal(target.connect().then(() => target.write("ca", parts.ca)));
          assert.equal(error.code, "silent");
        } finally {
          await target.close();
          await at.close();
        }
      }).timeout(60_000);

    it("a pulled cable ends what is under way at once", async () => {
      const { target, bench: at } = await start({ faults: ["late command=+QFLDS ms=20000"] });
      await target.connect();
      const startedMs = performance.now();
      const writing = refusal(target.write("ca", parts.ca));
      setImmediate(() => at.pull());
      assert.equal((await writing).code, "gone");
      assert.ok(performance.now() - startedMs < 2_000);
    });
  });

  it("shows key material in no trace, notice, result or error", async () => {
    const at = await ModemBench.bg95({
      faults: [
        { kind: "corrupt-upload", nth: 1, byte: 700 },
        { kind: "corrupt-upload", nth: 2, byte: 700 },
      ],
    });
    const { target, trace, notices } = await opened(at.address);
    const said: unknown[] = [notices];
    try {
      said.push(await target.connect());
      said.push(await refusal(target.write("key", Uint8Array.from(parts.key))));
      said.push(await target.connect());
      at.cutAfter(900);
      said.push(await refusal(target.write("key", Uint8Array.from(parts.key))));
      said.push(await target.connect());
      await fill(target, parts);
      said.push(await target.readBack(expected(parts)), await target.connect());
    } finally {
      await target.close();
      await at.close();
    }
    const everything = inspect(said, {
      depth: 12,
      showHidden: true,
      maxStringLength: null,
      maxArrayLength: null,
    });
    assertNoKey("a trace", trace.join("\n"), parts.key);
    assertNoKey("a message", everything, parts.key);
    // The scan itself: the wire did carry it.
    const wire = Buffer.concat(at.toModule).toString("latin1");
    assert.equal(
      traces(parts.key).some(piece => wire.includes(piece)),
      true,
    );
  });

  it("refuses a route on which the module's store is not used", async () => {
    const error = await refusal(opened("tcp:127.0.0.1:1", { route: "host-tls" }));
    assert.deepEqual([error.code, error.side], ["wrong-route", "input"]);
  });

  it("does not take one unit's certificate for another's", async () => {
    const { target } = await start();
    const { root, device } = await identities();
    const other = partsOf(root, device);
    await target.connect();
    await fill(target, parts);
    const error = await refusal(target.readBack(expected(other)));
    assert.equal(error.code, "different");
  });
});
