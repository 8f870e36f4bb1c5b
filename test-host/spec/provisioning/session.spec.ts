import assert from "node:assert/strict";
import { verify, createPublicKey, generateKeyPairSync } from "node:crypto";
import { crc32 } from "node:zlib";
import { AnswerReader, requestLine, type Answer } from "../../../hosts/workstation/provisioning/frames.js";
import { Authority, type Issued } from "../../../certs/issue.js";
import { Desk, type DeskOptions } from "./desk.js";

const hex = (crc: number): string => crc.toString(16).padStart(8, "0");
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const PROOF = "xs-cellular proof of possession v1:";
const NONCE = Buffer.alloc(32, 7);

/** A tool that says what it is told to, line by line. */
class Tool {
  readonly desk: Desk;
  number = 100;
  #heard = 0;

  constructor(options: DeskOptions = {}) {
    this.desk = new Desk(options);
  }

  /** Every answer since the last call. */
  async answers(): Promise<Answer[]> {
    await this.desk.time.run(new Promise<void>(resolve => this.desk.time.set(resolve, 50)));
    const answers: Answer[] = [];
    const reader = new AnswerReader(answer => answers.push(answer));
    for (const bytes of this.desk.heard.toTool) reader.push(bytes);
    const fresh = answers.slice(this.#heard);
    this.#heard = answers.length;
    return fresh;
  }

  say(line: string): void {
    this.desk.inject(Buffer.from(line, "latin1"));
  }

  /** `ok` or the refusal, and what came with it. */
  async ask(verb: string, ...args: string[]): Promise<{ result: string; values: Record<string, string> }> {
    this.say(requestLine(++this.number, verb, args));
    const answers = await this.answers();
    assert.equal(answers.length, 1, `${verb}: ${String(answers.length)} answers`);
    const [answer] = answers;
    assert.equal(answer?.number, this.number);
    return { result: answer.refusal ?? "ok", values: Object.fromEntries(answer.values) };
  }

  async result(verb: string, ...args: string[]): Promise<string> {
    return (await this.ask(verb, ...args)).result;
  }

  /** Writes an object whole. */
  async write(role: string, bytes: Uint8Array): Promise<string> {
    let result = await this.result("open", role, String(bytes.length));
    for (let at = 0; result === "ok" && at < bytes.length; at += 60)
      result = await this.result("data", String(at), base64(bytes.subarray(at, at + 60)));
    return result === "ok" ? this.result("close", hex(crc32(bytes))) : result;
  }
}

async function begun(options?: DeskOptions): Promise<Tool> {
  const tool = new Tool(options);
  await tool.ask("hello", "1");
  await tool.ask("begin");
  return tool;
}

/** With credentials in use and confirmed. */
async function confirmed(unit: Issued, options?: DeskOptions): Promise<Tool> {
  const tool = await begun(options);
  assert.equal(await tool.write("key", unit.key), "ok");
  assert.equal(await tool.write("certificate", unit.certificate), "ok");
  assert.equal(await tool.result("commit"), "ok");
  assert.equal(await tool.result("confirm"), "ok");
  return tool;
}

describe("device session of provisioning", () => {
  let ca: Authority;
  let unit: Issued;
  let other: Issued;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    unit = await ca.client({ commonName: "unit" });
    other = await ca.client({ commonName: "other" });
  });

  it("says nothing unasked", async () => {
    assert.deepEqual(await new Tool().answers(), []);
  });

  it("tells in hello what it is and what it can", async () => {
    assert.deepEqual(await new Tool().ask("hello", "1"), {
      result: "ok",
      values: {
        protocol: "1",
        frame: "120",
        slot: "none",
        state: "none",
        locked: "0",
        rejected: "0",
        keys: "1",
        generate: "1",
        restart: "1",
        busy: "0",
        boot: "00000001",
        module: "bg95",
        firmware: "1.2.3",
      },
    });
  });

  for (const [receiveHeadroom, frame] of [
    [undefined, "120"],
    [128, "127"],
    [512, "511"],
    [4096, "512"],
  ] as const)
    it(`takes lines of ${frame} bytes, and their end, on a port that takes bursts of ${String(receiveHeadroom)}`, async () => {
      const tool = new Tool(receiveHeadroom === undefined ? {} : { receiveHeadroom });
      assert.equal((await tool.ask("hello", "1")).values["frame"], frame);
    });

  it("answers a request that is repeated with the same answer, and carries it out once", async () => {
    const tool = await begun();
    const line = requestLine(++tool.number, "open", ["ca", "100"]);
    const data = requestLine(++tool.number, "data", ["0", base64("abc")]);
    for (const text of [line, line, data, data, data]) {
      tool.say(text);
      assert.equal((await tool.answers())[0]?.refusal, undefined);
    }
    assert.equal((await tool.ask("status")).values["at"], "3");
  });

  it("answers once when a request comes twice while its key is being made", async () => {
    const tool = await begun();
    const line = requestLine(++tool.number, "generate");
    tool.say(line);
    tool.say(line);
    assert.equal((await tool.answers()).length, 1);
  });

  it("refuses another request while a key is being made, and takes it later under the same number", async () => {
    const tool = await begun();
    tool.say(requestLine(++tool.number, "generate"));
    tool.say(requestLine(++tool.number, "status"));
    assert.deepEqual(
      (await tool.answers()).map(answer => [answer.number, answer.refusal]),
      [
        [tool.number, "busy"],
        [tool.number - 1, undefined],
      ],
    );
    tool.say(requestLine(tool.number, "status"));
    assert.equal((await tool.answers())[0]?.refusal, undefined);
  });

  it("keeps a key that was made for a tool that has gone, and tells only the new tool's requests", async () => {
    const tool = await begun();
    tool.say(requestLine(++tool.number, "generate"));
    tool.say(requestLine((tool.number += 500), "hello", ["1"]));
    const answers = await tool.answers();
    assert.deepEqual(
      answers.map(answer => answer.number),
      [tool.number],
    );
    assert.equal(answers[0]?.values.get("busy"), "1");
    assert.match((await tool.ask("status")).values["key"] ?? "", /^1\d\d$/);
  });

  it("refuses what does not follow the last request, and keeps the last answer all the same", async () => {
    const tool = new Tool();
    assert.equal(await tool.result("status"), "order");
    await tool.ask("hello", "1");
    const last = tool.number;
    tool.number += 5;
    assert.equal(await tool.result("status"), "order");
    tool.number = last - 10;
    assert.equal(await tool.result("status"), "order");
    tool.say(requestLine(last, "status"));
    assert.equal((await tool.answers())[0]?.values.get("protocol"), "1");
    tool.number = last;
    assert.equal(await tool.result("status"), "ok");
  });

  it("asks for a new hello after a restart", async () => {
    const tool = await begun();
    tool.desk.powerUp();
    assert.equal(await tool.result("status"), "order");
  });

  const REFUSALS: readonly (readonly [title: string, code: string, ...requests: (readonly string[])[]])[] = [
    ["an unknown verb", "verb", ["dance"]],
    ["an object of an unknown role", "syntax", ["open", "photo", "3"]],
    ["an object without a length", "syntax", ["open", "ca"]],
    ["an object whose length is no number", "syntax", ["open", "ca", "1e1"]],
    ["data for no place", "syntax", ["open", "ca", "9"], ["data", "x", "AAAA"]],
    ["data whose place would do for bytes", "syntax", ["open", "ca", "9"], ["data", "0000"]],
    ["to read from no place", "syntax", ["read", "new", "ca", "-1"]],
    ["an object of no length", "room", ["open", "ca", "0"]],
    ["an object that does not fit", "room", ["open", "ca", "8001"]],
    ["data without an object", "place", ["data", "0", "AAAA"]],
    ["an end without an object", "open", ["close", "00000000"]],
    ["data that is no base64", "syntax", ["open", "ca", "9"], ["data", "0", "!"]],
    ["data of no bytes", "syntax", ["open", "ca", "9"], ["data", "0", ""]],
    ["data of another place", "place", ["open", "ca", "9"], ["data", "3", "AAAA"]],
    ["data beyond the length", "place", ["open", "ca", "2"], ["data", "0", "AAAA"]],
    ["an end before the end", "place", ["open", "ca", "9"], ["data", "0", "AAAA"], ["close", "ff41d912"]],
    ["another checksum", "digest", ["open", "ca", "3"], ["data", "0", "AAAA"], ["close", "ff41d913"]],
    ["what is no certificate", "kind", ["open", "ca", "3"], ["data", "0", "AAAA"], ["close", "ff41d912"]],
    ["to commit nothing", "empty", ["commit"]],
    ["to commit what is not whole", "open", ["open", "ca", "3"], ["commit"]],
    ["to read a key", "secret", ["read", "new", "key", "0"]],
    ["to read what is not there", "nothing", ["read", "new", "ca", "0"]],
    ["to prove what is not there", "nothing", ["prove", "new", base64(NONCE)]],
    ["a request without a key", "nothing", ["csr", base64("unit")]],
    ["to lock what is not confirmed", "unconfirmed", ["lock"]],
    ["a nonce that is too short", "syntax", ["generate"], ["prove", "new", base64(NONCE.subarray(0, 15))]],
    ["a request without a name", "syntax", ["generate"], ["csr", ""]],
    ["a request without an argument", "syntax", ["generate"], ["csr"]],
    ["a proof without a nonce", "syntax", ["generate"], ["prove", "new"]],
    ["a name of more than 64 bytes", "syntax", ["generate"], ["csr", base64("x".repeat(65))]],
    ["a second key", "closed", ["generate"], ["generate"]],
    ["an object that is there", "closed", ["generate"], ["open", "key", "138"]],
  ];
  for (const [title, code, ...requests] of REFUSALS)
    it(`refuses ${title} with ${code}`, async () => {
      const tool = await begun();
      let result = "";
      for (const [verb = "", ...args] of requests) result = await tool.result(verb, ...args);
      assert.equal(result, code);
    });

  for (const verb of ["open ca 3", "data 0 AAAA", "close 0", "generate", "csr AAAA", "commit"])
    it(`refuses ${verb.split(" ")[0] ?? ""} while no slot is begun`, async () => {
      const tool = new Tool();
      await tool.ask("hello", "1");
      const [name = "", ...args] = verb.split(" ");
      assert.equal(await tool.result(name, ...args), "nothing");
    });

  it("tells an unknown verb while no slot is begun, too", async () => {
    const tool = new Tool();
    await tool.ask("hello", "1");
    assert.equal(await tool.result("dance"), "verb");
  });

  it("looks at each object before it is committed: key and certificate in each other's places", async () => {
    const tool = await begun();
    assert.equal(await tool.write("certificate", unit.key), "kind");
    assert.equal(await tool.result("read", "new", "certificate", "0"), "nothing");
    assert.equal(await tool.write("key", unit.certificate), "kind");
    assert.equal(await tool.result("commit"), "certificate");
    assert.equal(tool.desk.vault.state, "none");
  });

  for (const [title, issue] of [
    ["P-256", (authority: Authority) => authority.client({ commonName: "u" })],
    ["RSA", (authority: Authority) => authority.client({ commonName: "u", key: "RSA-2048" })],
  ] as const)
    it(`commits a certificate with its ${title} key and no other`, async () => {
      const issued = await issue(ca);
      const tool = await begun();
      await tool.write("key", other.key);
      await tool.write("certificate", issued.certificate);
      assert.equal(await tool.result("commit"), "mismatch");
      await tool.ask("begin");
      await tool.write("certificate", issued.certificate);
      assert.equal(await tool.result("commit"), "mismatch");
      await tool.write("key", issued.key);
      assert.deepEqual(await tool.ask("commit"), { result: "ok", values: {} });
      assert.equal((await tool.ask("status")).values["begun"], "0");
    });

  it("takes a CA certificate alone, for a broker that wants no client certificate", async () => {
    const tool = await begun();
    await tool.write("ca", ca.certificate);
    assert.equal(await tool.result("commit"), "ok");
  });

  it("gives certificates back byte by byte, of the slot in use and of the one that is filled", async () => {
    const tool = await confirmed(unit);
    await tool.ask("begin");
    await tool.write("certificate", other.certificate);
    for (const [where, expected] of [
      ["used", unit.certificate],
      ["new", other.certificate],
    ] as const) {
      let whole = Buffer.alloc(0);
      while (whole.length < expected.length) {
        const { values } = await tool.ask("read", where, "certificate", String(whole.length));
        assert.equal(values["length"], String(expected.length));
        whole = Buffer.concat([whole, Buffer.from(values["bytes"] ?? "", "base64")]);
      }
      assert.deepEqual(whole, Buffer.from(expected));
    }
    assert.equal((await tool.ask("read", "used", "certificate", "9999")).values["bytes"], "");
  });

  it("signs a nonce behind its own words only, with the key of either slot", async () => {
    const tool = await confirmed(unit);
    await tool.ask("begin");
    await tool.write("key", other.key);
    for (const [where, { certificate }] of [
      ["used", unit],
      ["new", other],
    ] as const) {
      const told = await tool.ask("key", where);
      assert.equal(told.values["algorithm"], "ES256");
      const key = Buffer.from(told.values["public"] ?? "", "base64");
      assert.ok(Buffer.from(certificate).includes(key));
      const { values } = await tool.ask("prove", where, base64(NONCE));
      const signature = Buffer.from(values["bytes"] ?? "", "base64");
      const publicKey = createPublicKey({ key, format: "der", type: "spki" });
      const signed = (text: Buffer): boolean =>
        verify("sha256", text, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
      assert.ok(signed(Buffer.concat([Buffer.from(PROOF), NONCE])));
      assert.ok(!signed(NONCE));
    }
  });

  it("cannot use a key that its platform does not know", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const tool = await begun();
    await tool.write("key", privateKey.export({ format: "der", type: "pkcs8" }));
    for (const [verb = "", ...args] of [
      ["key", "new"],
      ["prove", "new", base64(NONCE)],
      ["csr", base64("u")],
    ])
      assert.equal(await tool.result(verb, ...args), "unusable");
  });

  it("on a platform without keys it takes them, and uses none", async () => {
    const tool = await confirmed(unit, { keys: "none" });
    assert.equal((await tool.ask("hello", "1")).values["keys"], "0");
    for (const [verb = "", ...args] of [
      ["key", "used"],
      ["prove", "used", base64(NONCE)],
    ])
      assert.equal(await tool.result(verb, ...args), "unable");
    await tool.ask("begin");
    assert.equal(await tool.result("generate"), "unable");
  });

  it("tells when the platform makes no key, or no signature", async () => {
    const tool = await begun();
    await tool.write("key", unit.key);
    assert.ok(tool.desk.keys);
    tool.desk.keys.broken = true;
    assert.equal(await tool.result("prove", "new", base64(NONCE)), "failed");
    assert.equal(await tool.result("csr", base64("unit")), "failed");
    await tool.ask("begin");
    assert.equal(await tool.result("generate"), "failed");
    assert.equal((await tool.ask("hello", "1")).values["busy"], "0");
  });

  it("is not busy for ever when the platform throws at once", async () => {
    const tool = await begun();
    await tool.write("key", unit.key);
    assert.ok(tool.desk.keys);
    tool.desk.keys.throws = true;
    assert.equal(await tool.result("prove", "new", base64(NONCE)), "failed");
    assert.equal(await tool.result("csr", base64("unit")), "failed");
    await tool.ask("begin");
    assert.equal(await tool.result("generate"), "failed");
    assert.equal((await tool.ask("hello", "1")).values["busy"], "0");
    tool.desk.keys.throws = false;
    assert.equal(await tool.result("generate"), "ok");
  });

  it("answers once when the platform answers at once and throws then", async () => {
    const tool = await begun();
    assert.ok(tool.desk.keys);
    tool.desk.keys.generate = done => {
      done(undefined);
      throw new Error("late");
    };
    assert.equal(await tool.result("generate"), "failed");
    assert.equal((await tool.ask("hello", "1")).values["busy"], "0");
  });

  it("tells when flash fails at the end of a key's making, and throws nothing at the platform", async () => {
    const tool = await begun();
    tool.say(requestLine(++tool.number, "generate"));
    tool.desk.vault.broken = true;
    assert.deepEqual(
      (await tool.answers()).map(answer => answer.refusal),
      ["storage"],
    );
  });

  it("erases everything, again and again, and can be filled then", async () => {
    const tool = await confirmed(unit);
    await tool.ask("begin");
    await tool.write("key", other.key);
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await tool.ask("erase"), { result: "ok", values: {} });
      assert.deepEqual((await tool.ask("status")).values, { begun: "0" });
      const { values } = await tool.ask("hello", "1");
      assert.deepEqual([values["slot"], values["state"]], ["none", "none"]);
      for (const [verb = "", ...args] of [
        ["key", "used"],
        ["key", "new"],
        ["read", "used", "certificate", "0"],
        ["data", "0", "AAAA"],
        ["commit"],
        ["confirm"],
      ])
        assert.equal(await tool.result(verb, ...args), "nothing", verb);
    }
    await tool.ask("begin");
    assert.equal(await tool.write("key", other.key), "ok");
  });

  it("tells when erasing fails, and erases when it is asked again", async () => {
    const tool = await confirmed(unit);
    tool.desk.vault.broken = true;
    assert.equal(await tool.result("erase"), "storage");
    tool.desk.vault.broken = false;
    assert.equal(await tool.result("erase"), "ok");
  });

  it("reads and proves what was committed, while the application has what it started with", async () => {
    const tool = await confirmed(unit);
    tool.desk.powerUp();
    await tool.ask("hello", "1");
    await tool.ask("begin");
    await tool.write("key", other.key);
    const started = tool.desk.vault.open("key");
    const before = (await tool.ask("key", "used")).values["public"];
    await tool.ask("commit");
    assert.notEqual((await tool.ask("key", "used")).values["public"], before);
    assert.deepEqual(tool.desk.vault.open("key"), started);
  });

  it("shows that what was committed last was given up", async () => {
    const tool = await confirmed(unit);
    tool.desk.store.rejected = true;
    assert.equal((await tool.ask("hello", "1")).values["rejected"], "1");
  });

  it("tells when flash fails, and goes on", async () => {
    const tool = await begun();
    await tool.ask("open", "ca", "3");
    tool.desk.vault.broken = true;
    for (const [verb = "", ...args] of [["data", "0", "AAAA"], ["begin"], ["open", "ca", "3"], ["generate"]])
      assert.equal(await tool.result(verb, ...args), "storage");
    tool.desk.vault.broken = false;
    tool.desk.vault.bitRot = true;
    assert.equal(await tool.write("ca", ca.certificate), "storage");
    tool.desk.vault.bitRot = false;
    await tool.ask("begin");
    assert.equal(await tool.write("ca", ca.certificate), "ok");
  });

  it("goes on with a begun slot after a restart: what was whole is there, what was open is not", async () => {
    const tool = await begun();
    await tool.write("key", unit.key);
    await tool.ask("open", "certificate", String(unit.certificate.length));
    await tool.ask("data", "0", base64(unit.certificate.subarray(0, 30)));
    assert.deepEqual((await tool.ask("status")).values, {
      begun: "1",
      room: String(8000 - unit.key.length),
      ca: "0",
      certificate: "0",
      key: String(unit.key.length),
      open: "certificate",
      length: String(unit.certificate.length),
      at: "30",
      crc: hex(crc32(unit.certificate.subarray(0, 30))),
    });
    tool.desk.powerUp();
    await tool.ask("hello", "1");
    const { values } = await tool.ask("status");
    assert.equal(values["key"], String(unit.key.length));
    assert.equal(values["open"], undefined);
  });

  it("locks for ever: reads and proves go on, writes of any kind do not", async () => {
    const tool = await confirmed(unit);
    await tool.ask("begin");
    await tool.ask("open", "ca", "9");
    assert.equal(await tool.result("lock"), "ok");
    assert.deepEqual((await tool.ask("status")).values, { begun: "0" });
    tool.desk.powerUp();
    assert.equal((await tool.ask("hello", "1")).values["locked"], "1");
    for (const verb of [
      "begin",
      "erase",
      "open ca 9",
      "data 0 AAAA",
      "close 0",
      "generate",
      "csr AAAA",
      "commit",
      "confirm",
      "lock",
    ])
      assert.equal(await tool.result(...(verb.split(" ") as [string, ...string[]])), "locked", verb);
    assert.equal(await tool.result("prove", "used", base64(NONCE)), "ok");
    assert.equal(await tool.result("read", "used", "certificate", "0"), "ok");
    assert.equal(await tool.result("report"), "ok");
  });

  it("restarts after its answer has left", async () => {
    const tool = new Tool();
    await tool.ask("hello", "1");
    assert.equal(await tool.result("restart"), "ok");
    assert.equal(tool.desk.restarts, 0);
    await tool.desk.time.run(new Promise<void>(resolve => tool.desk.time.set(resolve, 300)));
    assert.equal(tool.desk.restarts, 1);
  });
});
