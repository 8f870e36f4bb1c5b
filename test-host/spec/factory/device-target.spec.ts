import assert from "node:assert/strict";
import { Authority, type Issued } from "../../../certs/issue.js";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Target } from "../../../certs/factory/target.js";
import {
  openDeviceTarget,
  type DeviceTargetOptions,
} from "../../../hosts/workstation/provision/targets/device.js";
import { spkiOf } from "../../../hosts/workstation/provisioning/proof.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { Desk, type DeskOptions } from "../provisioning/desk.js";
import { issueFor } from "../provisioning/issue-for.js";

const UNIT = "AABBCCDDEEFF";

function open(desk: Desk, options: DeviceTargetOptions = {}): Promise<DeviceTarget> {
  return openDeviceTarget("desk", {
    open: () => Promise.resolve(desk.open()),
    timer: desk.time,
    now: () => desk.time.now,
    repeatMs: 100,
    ...options,
  });
}

function away(): FactoryError {
  return new FactoryError({ code: "port-missing", side: "environment", what: "", why: "", fix: "" });
}

type DeviceTarget = Required<Target>;

describe("target of a device", () => {
  let ca: Authority;
  let host: Issued;
  let issue: (request: Uint8Array) => Promise<Uint8Array>;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    host = await ca.client({ commonName: "unit" });
    issue = issueFor(ca);
  });

  /** Everything that a line does, on one target, each call once. */
  async function make(target: DeviceTarget): Promise<Uint8Array> {
    await target.connect();
    await target.begin();
    const key = await target.generate();
    const certificate = await issue(await target.request("unit", key));
    await target.write("ca", ca.certificate);
    await target.write("certificate", certificate);
    const found = await target.readBack({ ca: ca.certificate, certificate, key });
    assert.deepEqual(found, { ca: "content", certificate: "content", key: "public-key" });
    await target.prove("pending", key);
    await target.commit();
    await target.prove("used", key);
    return certificate;
  }

  async function filled(options: DeskOptions = {}): Promise<{ desk: Desk; target: DeviceTarget }> {
    const desk = new Desk({ unit: UNIT, ...options });
    const target = await open(desk);
    await desk.time.run(make(target));
    return { desk, target };
  }

  async function rejects(work: Promise<unknown>, code: string, what = /./): Promise<FactoryError> {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof FactoryError, String(error));
    assert.equal(error.code, code);
    assert.match(error.what, what);
    assert.ok(error.why.length > 10 && error.fix.length > 10);
    return error;
  }

  it("tells what is at the port: its address, what it can do, what it holds in both places", async () => {
    const { desk, target } = await filled();
    const { used, pending, ...facts } = await desk.time.run(target.connect());
    assert.deepEqual(facts, {
      mac: UNIT,
      module: "bg95",
      firmware: "1.2.3",
      locked: false,
      generates: true,
      proves: true,
    });
    const slot = desk.store.slots.a;
    assert.deepEqual([used.ca, used.certificate], [slot.get("ca"), slot.get("certificate")]);
    assert.deepEqual(used.key, new Uint8Array(spkiOf(slot.get("key") ?? new Uint8Array(0), "key")));
    assert.deepEqual(pending, {});
  });

  it("an address in another form than a MAC is not told", async () => {
    const desk = new Desk({ unit: "aa:bb:cc" });
    const target = await open(desk);
    assert.equal((await desk.time.run(target.connect())).mac, undefined);
  });

  it("writes a key of the workstation", async () => {
    const desk = new Desk();
    const target = await open(desk);
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    await desk.time.run(target.write("key", host.key));
    await desk.time.run(target.write("certificate", host.certificate));
    const key = Uint8Array.from(spkiOf(host.key, "key"));
    const found = await desk.time.run(target.readBack({ certificate: host.certificate, key }));
    assert.deepEqual(found, { certificate: "content", key: "public-key" });
    await desk.time.run(target.commit());
    assert.deepEqual(desk.store.slots.a.get("key"), host.key);
  });

  /** Requests of a run without faults. */
  async function requests(): Promise<number> {
    const { desk } = await filled();
    return desk.heard.toDevice.length;
  }

  for (const [what, strike] of [
    ["power was cut", (desk: Desk): void => desk.powerUp()],
    ["the cable was pulled", (desk: Desk): void => desk.unplug()],
  ] as const)
    it(`goes on by itself after ${what} at any frame, before the device had it and after`, async () => {
      const count = await requests();
      assert.ok(count > 20);
      for (let at = 1; at <= count; at++)
        for (const isCarriedOut of [false, true]) {
          const desk = new Desk({ unit: UNIT });
          const notices: string[] = [];
          const target = await open(desk, { onNotice: code => notices.push(code) });
          let seen = 0;
          let struck = false;
          desk.fault = (bytes, toDevice) => {
            if (toDevice) seen++;
            if (struck || seen !== at || toDevice === isCarriedOut) return bytes;
            struck = true;
            strike(desk);
            return bytes.subarray(0, 0);
          };
          const certificate = await desk.time.run(make(target));
          const place = `${String(at)} ${String(isCarriedOut)}`;
          assert.ok(struck, place);
          assert.deepEqual(desk.store.slots.a.get("certificate"), certificate, place);
          assert.deepEqual(desk.store.slots.a.get("ca"), ca.certificate, place);
          assert.deepEqual([desk.store.used, desk.store.state], ["a", "trial"], place);
          // A device that begins anew before it was greeted is nothing to tell.
          if (at > 1) assert.deepEqual(new Set(notices), new Set(["line-broken"]), place);
        }
    }).timeout(60_000);

  it("waits for a port that is away for a while, with notice, and goes on with the object that was cut off", async () => {
    const desk = new Desk({ unit: UNIT });
    const notices: string[] = [];
    let opened = 0;
    const target = await open(desk, {
      open: () => (++opened > 1 && opened < 6 ? Promise.reject(away()) : Promise.resolve(desk.open())),
      onNotice: (_code, text) => notices.push(text),
    });
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    const from = desk.heard.toDevice.length;
    desk.fault = (bytes, toDevice) => {
      if (toDevice && desk.heard.toDevice.length === from + 5) desk.unplug();
      return bytes;
    };
    await desk.time.run(target.write("ca", ca.certificate));
    assert.equal(opened, 6);
    assert.match(notices.join(), /disappeared/);
    assert.deepEqual(desk.store.slots.a.get("ca"), ca.certificate);
    const said = Buffer.concat(desk.heard.toDevice).toString("latin1");
    assert.equal([...said.matchAll(/ open ca /g)].length, 1, "nothing is begun anew");
  });

  it("a port that does not come back ends as gone, a fault of the station, within the time given", async () => {
    const desk = new Desk({ unit: UNIT });
    let isAway = false;
    const target = await open(desk, {
      mendMs: 20_000,
      open: () => (isAway ? Promise.reject(away()) : Promise.resolve(desk.open())),
    });
    await desk.time.run(target.connect());
    isAway = true;
    desk.unplug();
    const begun = desk.time.now;
    const error = await rejects(desk.time.run(target.begin()), "gone");
    assert.equal(error.side, "environment");
    assert.ok(desk.time.now - begun <= 20_000, String(desk.time.now - begun));
    isAway = false;
    assert.equal((await desk.time.run(target.connect())).mac, UNIT, "and is found again when it is back");
  });

  it("a device that restarts again and again ends the work after a bounded number of times", async () => {
    const desk = new Desk({ unit: UNIT });
    const target = await open(desk, { mends: 3 });
    await desk.time.run(target.connect());
    let lives = 0;
    desk.fault = (bytes, toDevice) => {
      if (toDevice && Buffer.from(bytes).includes(" begin")) {
        lives++;
        desk.powerUp();
      }
      return bytes;
    };
    await rejects(desk.time.run(target.begin()), "order");
    assert.equal(lives, 4);
  });

  it("nothing at the port is told at once, as silence of the unit", async () => {
    const desk = new Desk();
    desk.fault = bytes => bytes.subarray(0, 0);
    let opened = 0;
    const target = await open(desk, { open: () => (opened++, Promise.resolve(desk.open())) });
    assert.equal((await rejects(desk.time.run(target.connect()), "silent")).side, "unit");
    assert.deepEqual([opened, desk.time.now <= 10_000], [1, true]);
  });

  it("does not go on with another device at the other end of the cable", async () => {
    const desk = new Desk({ unit: UNIT });
    const target = await open(desk);
    await desk.time.run(target.connect());
    desk.unit = "001122334455";
    desk.powerUp();
    await rejects(desk.time.run(target.begin()), "other-unit", /001122334455, not AABBCCDDEEFF/);
    assert.equal((await desk.time.run(target.connect())).mac, "001122334455");
  });

  it("takes no key for the device's own that was there before it was asked for one", async () => {
    for (const unit of [UNIT, undefined]) {
      const desk = new Desk(unit === undefined ? {} : { unit });
      const target = await open(desk);
      await desk.time.run(target.connect());
      await desk.time.run(target.begin());
      await desk.time.run(target.write("key", host.key));
      await rejects(desk.time.run(target.generate()), "closed", /another key/);
      // Nor when the device restarts before it is asked.
      desk.powerUp();
      await rejects(desk.time.run(target.generate()), "closed", /another key/);
    }
  });

  it("a key that may have been made by a device without an address, before it lost its power, is made anew", async () => {
    const desk = new Desk();
    const target = await open(desk);
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    let former: Uint8Array | undefined;
    desk.fault = (bytes, toDevice) => {
      const { key } = Object.fromEntries(desk.store.slots.a);
      if (toDevice || former || !key) return bytes;
      former = key;
      desk.powerUp();
      return bytes.subarray(0, 0);
    };
    const made = await desk.time.run(target.generate());
    const key = desk.store.slots.a.get("key") ?? new Uint8Array(0);
    assert.ok(former);
    assert.notDeepEqual(key, former);
    assert.deepEqual(made, Uint8Array.from(spkiOf(key, "key")));
  });

  it("writing what is whole already sends nothing; another object in its place asks for a new begin", async () => {
    const desk = new Desk();
    const target = await open(desk);
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    for (const [role, right, wrong] of [
      ["ca", ca.certificate, host.certificate],
      ["key", host.key, (await ca.client({ commonName: "other" })).key],
    ] as const) {
      await desk.time.run(target.write(role, right));
      const before = desk.heard.toDevice.length;
      await desk.time.run(target.write(role, right));
      const said = Buffer.concat(desk.heard.toDevice.slice(before)).toString("latin1");
      assert.doesNotMatch(said, / (open|data|close) /);
      const error = await rejects(desk.time.run(target.write(role, wrong)), "closed");
      assert.match(error.fix, /Begin/);
      assert.deepEqual(desk.store.slots.a.get(role), right);
    }
  });

  it("writing without a begin is refused", async () => {
    const desk = new Desk();
    const target = await open(desk);
    await desk.time.run(target.connect());
    await rejects(desk.time.run(target.write("ca", ca.certificate)), "nothing");
  });

  it("reading back finds what is missing, what is other, and what nobody wrote", async () => {
    const desk = new Desk();
    const target = await open(desk);
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    await desk.time.run(target.write("key", host.key));
    await desk.time.run(target.write("certificate", host.certificate));
    const key = Uint8Array.from(spkiOf(host.key, "key"));
    const other = Uint8Array.from(spkiOf(ca.certificate, "certificate"));
    const { certificate } = host;
    for (const [expected, role] of [
      [{ ca: ca.certificate, certificate, key }, "ca"],
      [{ certificate: ca.certificate, key }, "certificate"],
      [{ certificate, key: other }, "key"],
      [{ certificate }, "key"],
    ] as const)
      await rejects(desk.time.run(target.readBack(expected)), "different", new RegExp(` ${role} `));
  });

  it("believes neither a request nor a proof of another key than the device's", async () => {
    const desk = new Desk({ unit: UNIT });
    const target = await open(desk);
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    const key = await desk.time.run(target.generate());
    const other = await ca.client({ commonName: "unit" });
    await rejects(desk.time.run(target.prove("pending", Uint8Array.from(spkiOf(other.key, "key")))), "proof");
    const opens = desk.keys?.open.bind(desk.keys);
    assert.ok(desk.keys && opens);
    desk.keys.open = stored => {
      const told = opens(stored);
      const used = opens(new BytesCredential(other.key));
      return told && used && { ...told, sign: used.sign.bind(used) };
    };
    await rejects(desk.time.run(target.request("unit", key)), "request");
    await rejects(desk.time.run(target.prove("pending", key)), "proof");
  });

  it("putting in use again is harmless, in the same run and in one that began later", async () => {
    const { desk, target } = await filled();
    await desk.time.run(target.commit());
    const later = await open(desk);
    await desk.time.run(later.connect());
    await desk.time.run(later.commit());
    assert.deepEqual([desk.store.used, desk.store.state], ["a", "trial"]);
    const empty = new Desk();
    const nobody = await open(empty);
    await empty.time.run(nobody.connect());
    await rejects(empty.time.run(nobody.commit()), "nothing");
  });

  it("what is in use has to be what was read back before it was put in use", async () => {
    const desk = new Desk({ unit: UNIT });
    const target = await open(desk);
    await desk.time.run(target.connect());
    await desk.time.run(target.begin());
    await desk.time.run(target.write("key", host.key));
    await desk.time.run(target.write("certificate", host.certificate));
    const key = Uint8Array.from(spkiOf(host.key, "key"));
    await desk.time.run(target.readBack({ certificate: host.certificate, key }));
    // The begun slot is gone, and something else is in use.
    const other = await ca.client({ commonName: "unit" });
    desk.store.slots.b.set("key", other.key).set("certificate", other.certificate);
    Object.assign(desk.store, { used: "b", begun: false });
    desk.powerUp();
    await rejects(desk.time.run(target.commit()), "different", /another/);
  });

  it("confirms and locks, once and again, and erases nothing of a locked device", async () => {
    const { desk, target } = await filled();
    for (let times = 0; times < 2; times++) await desk.time.run(target.confirm());
    assert.equal(desk.store.state, "confirmed");
    for (let times = 0; times < 2; times++) await desk.time.run(target.lock());
    assert.equal(desk.store.locked, true);
    assert.equal((await desk.time.run(target.connect())).locked, true);
    for (const what of ["former", "all"] as const) await rejects(desk.time.run(target.erase(what)), "locked");
  });

  it("a lock that the device only says it did is found out", async () => {
    const { desk, target } = await filled();
    desk.vault.lock = () => undefined;
    await rejects(desk.time.run(target.lock()), "storage");
  });

  it("does not confirm what the device went back to", async () => {
    const { desk, target } = await filled();
    desk.store.rejected = true;
    await rejects(desk.time.run(target.confirm()), "different", /former/);
  });

  it("erases the former credentials, and all of them, and looks that they are gone", async () => {
    const { desk, target } = await filled();
    await desk.time.run(target.confirm());
    await desk.time.run(make(target));
    assert.deepEqual([desk.store.used, desk.store.slots.a.size], ["b", 3]);
    await desk.time.run(target.confirm());
    await desk.time.run(target.erase("former"));
    assert.deepEqual([desk.store.slots.a.size, desk.store.slots.b.size], [0, 3]);
    await desk.time.run(target.erase("all"));
    assert.deepEqual([desk.store.slots.a.size, desk.store.slots.b.size, desk.store.used], [0, 0, undefined]);
    assert.deepEqual((await desk.time.run(target.connect())).used, {});
  });

  it("an erasure that the device only says it did is found out", async () => {
    const { desk, target } = await filled();
    desk.vault.erase = () => undefined;
    await rejects(desk.time.run(target.erase("all")), "different", /still/);
  });

  describe("handshake", () => {
    const NONE = "event=power connections=0 failures=0";

    it("restarts the device and takes no connection of the life before", async () => {
      const { desk, target } = await filled();
      desk.onStart = () => {
        desk.progress = NONE;
        desk.time.set(() => (desk.progress = "event=mqtt connections=1 failures=0"), 20_000);
      };
      const begun = desk.time.now;
      const { broker, facts } = await desk.time.run(target.handshake("broker.example.com:8883"));
      assert.equal(broker, "broker.example.com:8883");
      assert.deepEqual(facts, { slot: "a", state: "trial", boot: "00000002" });
      assert.ok(desk.time.now - begun > 20_000);
      assert.equal(desk.restarts, 1);
    });

    it("the line may break at any frame of it", async () => {
      for (let at = 1; at <= 8; at++) {
        const { desk, target } = await filled();
        desk.onStart = () => {
          desk.progress = NONE;
          desk.time.set(() => (desk.progress = "event=mqtt connections=1 failures=0"), 2_000);
        };
        let seen = 0;
        desk.fault = (bytes, toDevice) => {
          if (toDevice && ++seen === at) desk.unplug();
          return bytes;
        };
        assert.equal((await desk.time.run(target.handshake("b:1"))).facts["slot"], "a");
        assert.notEqual((await desk.time.run(target.handshake("b:1"))).facts["boot"], "00000001");
      }
    });

    for (const [kind, code, words] of [
      ["tls", "566", /stage broker: TLS [^;]*AT\+QSSLOPEN, code 566/],
      [
        "tls",
        "48 command=TLS detail=alert_received",
        /at stage broker: TLS .*code 48: unknown_ca; alert received/,
      ],
      ["mqtt-refused", "5", /stage broker: .*code 5/],
    ] as const)
      it(`${kind} at the broker ends it, with the device's own account and what it means`, async () => {
        const { desk, target } = await filled();
        desk.onStart = () => {
          desk.progress = `event=failure connections=0 failures=1 stage=broker kind=${kind} code=${code}${code.includes(" ") ? "" : " command=AT+QSSLOPEN"}`;
        };
        const error = await rejects(desk.time.run(target.handshake("b:1")), "handshake", words);
        assert.equal(error.side, "unit");
        assert.match(error.why, /broker|TLS|handshake|certificate|credential/i);
      });

    it("what credentials cannot have caused is waited for, and told when the time is over", async () => {
      const desk = new Desk({ unit: UNIT });
      const notices: string[] = [];
      const onNotice = (code: string, text: string): void => void notices.push(`${code} ${text}`);
      const target = await open(desk, { handshakeMs: 60_000, onNotice });
      await desk.time.run(make(target));
      desk.onStart = () => {
        desk.progress =
          "event=failure connections=0 failures=3 stage=network kind=registration command=AT+CEREG";
      };
      const begun = desk.time.now;
      const error = await rejects(
        desk.time.run(target.handshake("b:1")),
        "handshake",
        /within 60 s; last at stage network/,
      );
      assert.match(error.why, /network/);
      assert.ok(desk.time.now - begun < 70_000);
      // While it is waited for, and once for each failure.
      assert.equal(notices.length, 1, notices.join("\n"));
      assert.match(
        notices[0] ?? "",
        /^handshake the device failed and goes on, at stage network: .*AT\+CEREG/,
      );
    });

    it("a device that takes its former credentials back is told, with its last failure", async () => {
      const { desk, target } = await filled();
      desk.onStart = () => {
        desk.progress = "event=failure connections=0 failures=1 stage=broker kind=dns code=565";
        desk.onStart = () => {
          desk.progress = NONE;
          desk.store.rejected = true;
          desk.store.used = undefined;
        };
        desk.time.set(() => desk.powerUp(), 5_000);
      };
      await rejects(
        desk.time.run(target.handshake("b:1")),
        "handshake",
        /went back.*stage broker: .*code 565/,
      );
      await rejects(desk.time.run(target.handshake("b:1")), "handshake", /went back/);
    });

    it("without anything in use there is nothing to make one with", async () => {
      const desk = new Desk();
      const target = await open(desk);
      await desk.time.run(target.connect());
      await rejects(desk.time.run(target.handshake("b:1")), "handshake", /no credentials/);
    });

    it("words of a device that a terminal would act on are not repeated", async () => {
      const { desk, target } = await filled();
      desk.onStart = () => {
        desk.progress = "event=failure connections=0 failures=1 stage=broker kind=tls\x1b[2J";
      };
      await rejects(desk.time.run(target.handshake("b:1")), "malformed");
    });
  });

  it("close gives the port back, and nothing is asked afterwards", async () => {
    const { desk, target } = await filled();
    await desk.time.run(target.close());
    await rejects(desk.time.run(target.begin()), "gone");
    await desk.time.run(target.close());
  });
});
