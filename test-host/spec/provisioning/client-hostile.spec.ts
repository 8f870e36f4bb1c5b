import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { crc32 } from "node:zlib";
import { ProvisioningClient } from "../../../hosts/workstation/provisioning/client.js";
import { ProvisioningError } from "../../../hosts/workstation/provisioning/error.js";
import { VirtualTime } from "./desk.js";

const HELLO =
  "protocol=1 frame=120 slot=none state=none locked=0 keys=1 generate=1 restart=1 busy=0 module=bg95";

/** What a device answers, without number and checksum, to a verb and its arguments. */
type Script = (verb: string, args: readonly string[]) => string;

/** A device that speaks the protocol's form and says what it likes. */
class HostileDevice {
  readonly time = new VirtualTime();
  readonly heard: string[] = [];
  readonly client: ProvisioningClient;

  constructor(script: Script, hello = HELLO) {
    const stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        const [number = "", verb = "", ...rest] = chunk.toString("latin1").slice(2).trim().split(" ");
        this.heard.push(verb);
        const text = verb === "hello" ? `ok ${hello}` : script(verb, rest.slice(0, -1));
        const head = `#<${number} ${text} `;
        const line = `${head}${crc32(Buffer.from(head, "latin1")).toString(16).padStart(8, "0")}\n`;
        this.time.set(() => stream.push(Buffer.from(line, "latin1")), 1);
        done();
      },
    });
    this.client = new ProvisioningClient({ stream, timer: this.time });
  }

  async refused(
    code: string,
    work: (client: ProvisioningClient) => Promise<unknown>,
    most = 100,
  ): Promise<void> {
    await this.time.run(this.client.connect());
    const error = await this.time.run(work(this.client)).catch((reason: unknown) => reason);
    assert.ok(error instanceof ProvisioningError, String(error));
    assert.equal(error.code, code);
    assert.ok(this.heard.length <= most, `${String(this.heard.length)} requests`);
  }
}

const base64 = (length: number): string => Buffer.alloc(length, 1).toString("base64");

describe("provisioning client and a device that means no good", () => {
  const READS: readonly (readonly [title: string, code: string, script: Script])[] = [
    ["has a certificate without an end", "malformed", () => `ok length=999999999 bytes=${base64(192)}`],
    ["has one of more than 16 KB", "malformed", () => `ok length=16385 bytes=${base64(192)}`],
    [
      "grows while it is read",
      "different",
      (_verb, [, , at]) => `ok length=${String(400 + Number(at))} bytes=${base64(192)}`,
    ],
    ["gives nothing", "malformed", () => "ok length=400 bytes="],
    ["gives more than it has", "malformed", () => `ok length=100 bytes=${base64(101)}`],
    ["gives more than is left", "malformed", () => `ok length=300 bytes=${base64(192)}`],
    [
      "loses it meanwhile",
      "different",
      (_verb, [, , at]) => (at === "0" ? `ok length=400 bytes=${base64(192)}` : "no nothing"),
    ],
    ["counts with a sign", "malformed", () => `ok length=-1 bytes=${base64(3)}`],
    ["writes base64 of another form", "malformed", () => "ok length=3 bytes=AB"],
  ];
  for (const [title, code, script] of READS)
    it(`one that ${title} is told after few requests`, async () => {
      await new HostileDevice(script).refused(code, client => client.readBack("used", "ca"));
    });

  const STATUS = "ok begun=1 room=4000 ca=0 certificate=0 key=0";
  const TRANSFERS: readonly (readonly [title: string, data: (at: number, length: number) => number])[] = [
    ["stands still", at => at],
    ["goes back", () => 0],
    ["is beyond the end", () => 100_000],
    ["is a little further than what was sent", (at, length) => at + length + 1],
  ];
  for (const [title, next] of TRANSFERS)
    it(`a place that ${title} ends a transfer`, async () => {
      const device = new HostileDevice((verb, [at, bytes = ""]) =>
        verb === "status"
          ? STATUS
          : verb === "data"
            ? `ok at=${String(next(Number(at), Buffer.from(bytes, "base64").length))}`
            : "ok",
      );
      await device.refused("malformed", client => client.transfer("ca", Buffer.alloc(1_000, 7)));
    });

  it("an object that is open beyond its own length is none to go on with", async () => {
    const device = new HostileDevice(() => `${STATUS} open=ca length=1000 at=1001 crc=00000000`);
    await device.refused("malformed", client => client.transfer("ca", Buffer.alloc(1_000, 7)));
  });

  it("a request length that no data fit into, or that no device has, is not believed", async () => {
    const small = new HostileDevice(() => STATUS, HELLO.replace("frame=120", "frame=30"));
    await small.refused("malformed", client => client.transfer("ca", Buffer.alloc(1_000, 7)));
    const large = new HostileDevice(() => STATUS, HELLO.replace("frame=120", "frame=999999"));
    await assert.rejects(large.time.run(large.client.connect()), { code: "malformed" });
  });

  it("a public key of another kind than is told, or with something behind it, is none", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
    const spki = ec.export({ format: "der", type: "spki" });
    for (const [algorithm, bytes] of [
      ["RS256", spki],
      ["ES256", p384.export({ format: "der", type: "spki" })],
      ["ES256", Buffer.concat([spki, Buffer.of(0)])],
      ["ES256", Buffer.alloc(91)],
    ] as const) {
      const text = `ok algorithm=${algorithm} public=${bytes.toString("base64")}`;
      await new HostileDevice(() => text).refused("malformed", client => client.publicKey("used"));
    }
  });

  it("words that a terminal would act on are neither facts nor codes that are repeated", async () => {
    const hello = `${HELLO} firmware=1\x1b[2J`;
    const device = new HostileDevice(() => "ok", hello);
    await assert.rejects(device.time.run(device.client.connect()), { code: "malformed" });
    const refusing = new HostileDevice(() => "no \x1b[2J");
    await refusing.refused("unknown", async client => {
      const error = await client.begin().catch((reason: unknown) => reason);
      assert.ok(error instanceof ProvisioningError && !error.what.includes("\x1b"));
      throw error;
    });
  });

  it("one that says that it restarts and does not is told after the time for a start", async () => {
    for (const hello of [HELLO, `${HELLO} boot=00000001`]) {
      const device = new HostileDevice(() => "ok begun=0", hello);
      await device.refused(
        "restart",
        async client => {
          await client.restart();
          await client.connect();
        },
        400,
      );
      assert.ok(device.time.now < 11_000);
    }
  });

  it("an older firmware that does not know erase says so, whatever it answers", async () => {
    for (const answer of ["no nothing", "no verb"])
      await new HostileDevice(() => answer).refused("verb", client => client.erase());
  });
});
