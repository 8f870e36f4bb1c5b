import assert from "node:assert/strict";
import fc from "fast-check";
import type { Credentials } from "../../../modules/io/credentials.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { ROLES } from "../../../modules/pki/secure-cert.js";
import { SlotVault } from "../../../modules/pki/vault.js";
import { parse, partition } from "./tlv.js";
import {
  BLOCK_LENGTH,
  factoryImage,
  inUse,
  LIMIT,
  makeSets,
  MODELS,
  plainCrc,
  record,
  refusalOf,
  rotate,
  same,
  send,
  SIZE,
  World,
  type CredentialSet,
} from "./vault-world.js";

describe("vault of credentials in two slots", () => {
  let sets: CredentialSet[];
  let first: CredentialSet;
  let second: CredentialSet;
  before(async () => {
    sets = await makeSets(3);
    const [one, two] = sets;
    assert.ok(one && two);
    first = one;
    second = two;
  });

  for (const model of MODELS) {
    describe(`on ${model} flash`, () => {
      it("holds nothing when both slots are erased", () => {
        const vault = new World(model).start();
        assert.equal(inUse(vault, sets), -1);
        assert.equal(vault.locked, false);
        assert.equal(vault.resume(), undefined);
        assert.equal(vault.failed(), false);
      });

      it("takes an image of a factory's tool in slot a as confirmed", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        const vault = world.start();
        assert.deepEqual([vault.slot, vault.state, inUse(vault, sets)], ["a", "confirmed", 0]);
        assert.equal(vault.failed(), false);
      });

      it("does not take such an image in slot b", () => {
        const world = new World(model);
        world.b.flashImage(factoryImage(first));
        assert.equal(inUse(world.start(), sets), -1);
      });

      it("fills slot a first, then each time the other one", () => {
        const world = new World(model);
        const slots: unknown[] = [];
        for (const set of [...sets, ...sets]) {
          rotate(world.start(), set);
          const vault = world.start();
          slots.push(vault.slot);
          assert.equal(inUse(vault, sets), sets.indexOf(set));
          assert.equal(vault.state, "confirmed");
        }
        assert.deepEqual(slots, ["a", "b", "a", "b", "a", "b"]);
      });

      it("leaves a slot that Espressif's tools read", () => {
        const world = new World(model);
        rotate(world.start(), first);
        assert.deepEqual(
          parse(world.a.view).map(({ type, value, valid }) => [type, valid, value]),
          ROLES.map((role, type) => [type, true, first[role]]),
        );
      });

      it("puts what was written in use with the commit, and not before", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        const vault = world.start();
        const writer = vault.begin();
        for (const role of ROLES) assert.ok(send(writer, role, second[role]));
        assert.equal(inUse(vault, sets), 0);
        assert.equal(inUse(world.start(), sets), 0);
        writer.commit();
        for (const now of [vault, world.start()])
          assert.deepEqual([now.slot, now.state, inUse(now, sets)], ["b", "trial", 1]);
      });

      it("takes the other slot back after three failed tries, over restarts", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        const writer = world.start().begin();
        for (const role of ROLES) send(writer, role, second[role]);
        writer.commit();
        assert.equal(world.start().failed(), false);
        assert.equal(world.start().failed(), false);
        assert.deepEqual([world.start().slot, world.start().state], ["b", "trial"]);
        const vault = world.start();
        assert.equal(vault.failed(), true);
        for (const now of [vault, world.start()])
          assert.deepEqual([now.slot, now.state, inUse(now, sets)], ["a", "confirmed", 0]);
        assert.equal(world.start().failed(), false);
      });

      it("does not count any more once the slot has connected", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        const vault = world.start();
        const writer = vault.begin();
        for (const role of ROLES) send(writer, role, second[role]);
        writer.commit();
        vault.failed();
        vault.failed();
        vault.confirm();
        vault.confirm();
        for (let i = 0; i < 9; i++) assert.equal(vault.failed(), false);
        assert.deepEqual([world.start().slot, world.start().state], ["b", "confirmed"]);
      });

      it("stays with the slot on trial, and writes nothing, when there is no other to go to", () => {
        const world = new World(model);
        const vault = world.start();
        const writer = vault.begin();
        for (const role of ROLES) send(writer, role, first[role]);
        writer.commit();
        const before = world.supply.steps;
        for (let i = 0; i < 50; i++) assert.equal(vault.failed(), false);
        assert.equal(world.supply.steps, before);
        vault.confirm();
        assert.equal(world.start().state, "confirmed");
      });

      it("begins a rejected slot again", () => {
        const world = new World(model);
        rotate(world.start(), first);
        for (let round = 0; round < 4; round++) {
          const vault = world.start();
          const writer = vault.begin();
          for (const role of ROLES) send(writer, role, second[role]);
          writer.commit();
          assert.deepEqual([vault.failed(), vault.failed(), vault.failed()], [false, false, true]);
          assert.equal(inUse(world.start(), sets), 0);
        }
        rotate(world.start(), second);
        assert.equal(inUse(world.start(), sets), 1);
      });

      it("comes back to a rejected slot only when nothing else is left", () => {
        const world = new World(model);
        rotate(world.start(), first);
        const vault = world.start();
        const writer = vault.begin();
        for (const role of ROLES) send(writer, role, second[role]);
        writer.commit();
        for (let i = 0; i < 3; i++) vault.failed();
        world.a.eraseBlock(0, 2);
        const left = world.start();
        assert.deepEqual([left.slot, left.state, inUse(left, sets)], ["b", "trial", 1]);
        assert.equal(left.failed(), false);
        left.confirm();
        assert.equal(world.start().state, "confirmed");
      });

      it("does not go back to a rejected slot", () => {
        const world = new World(model);
        rotate(world.start(), first);
        const vault = world.start();
        let writer = vault.begin();
        for (const role of ROLES) send(writer, role, second[role]);
        writer.commit();
        for (let i = 0; i < 3; i++) vault.failed();
        world.a.flashImage(new Uint8Array(SIZE));
        const next = world.start();
        assert.equal(next.slot, "b");
        writer = next.begin();
        for (const role of ROLES) send(writer, role, first[role]);
        writer.commit();
        for (let i = 0; i < 9; i++) assert.equal(next.failed(), false);
        assert.equal(next.slot, "a");
      });

      it("uses the other slot when the newer one is damaged, and none when both are", () => {
        const world = new World(model);
        rotate(world.start(), first);
        rotate(world.start(), second);
        world.b.eraseBlock(0);
        const vault = world.start();
        assert.deepEqual([vault.slot, vault.state, inUse(vault, sets)], ["a", "confirmed", 0]);
        world.a.eraseBlock(0);
        assert.equal(inUse(world.start(), sets), -1);
        rotate(world.start(), second);
        assert.equal(inUse(world.start(), sets), 1);
      });

      it("locks for ever: nothing is written any more, after restarts either", () => {
        const world = new World(model);
        rotate(world.start(), first);
        world.start().lock();
        for (let i = 0; i < 2; i++) {
          const vault = world.start();
          const before = [world.supply.steps, world.a.cells.slice(), world.b.cells.slice()];
          assert.ok(vault.locked);
          assert.equal(
            refusalOf(() => vault.begin()),
            "argument: locked",
          );
          assert.equal(vault.resume(), undefined);
          vault.confirm();
          vault.lock();
          assert.equal(vault.failed(), false);
          assert.deepEqual([world.supply.steps, world.a.cells, world.b.cells], before);
          assert.equal(inUse(vault, sets), 0);
        }
      });

      it("keeps the lock when either slot is lost", () => {
        for (const lost of ["a", "b"] as const) {
          const world = new World(model);
          rotate(world.start(), first);
          rotate(world.start(), second);
          world.start().lock();
          world[lost].eraseBlock(0, 2);
          const vault = world.start();
          assert.ok(vault.locked);
          assert.equal(inUse(vault, sets), lost === "a" ? 1 : 0);
        }
      });

      it("locks what a factory's tool has written, wherever that ends", () => {
        for (const size of [100, LIMIT - 16, LIMIT + 16, SIZE - 48, SIZE - 16]) {
          const world = new World(model);
          const rest = factoryImage({ key: first.key, certificate: first.certificate, ca: first.ca });
          const used = parse(rest).reduce(
            (sum, { value }) => sum + 16 + Math.ceil(value.length / 16) * 16,
            0,
          );
          const user = { type: 51, value: new Uint8Array(Math.max(size - used - 16, 0)) };
          const entries = ROLES.map((role, type) => ({ type, value: first[role] }));
          // The second block is not erased by such a tool when the image ends before.
          world.a.flashImage(partition([user, ...entries], SIZE).fill(0xa5, Math.max(used + 32, size)));
          const vault = world.start();
          assert.equal(inUse(vault, sets), 0, String(size));
          vault.lock();
          const locked = world.start();
          assert.ok(locked.locked);
          assert.deepEqual([locked.slot, inUse(locked, sets)], ["a", 0]);
        }
      });

      it("locks although the other partition was something else before", () => {
        const world = new World(model);
        world.a.flashImage(
          partition(
            [
              ...ROLES.map((role, type) => ({ type, value: first[role] })),
              {
                type: 51,
                value: new Uint8Array(700),
              },
            ],
            SIZE,
          ).fill(0x5a, SIZE - 64),
        );
        world.b.flashImage(new Uint8Array(SIZE).fill(0x3c));
        world.start().lock();
        assert.ok(world.start().locked);
        assert.equal(inUse(world.start(), sets), 0);
      });

      it("rotates and locks after a bootloader has encrypted both partitions in place", () => {
        const erased = new Uint8Array(SIZE).fill(0xff);
        const image = erased.slice();
        image.set(factoryImage(first));
        for (const rotated of [false, true]) {
          const world = new World(model);
          // The unused part too: on encrypted flash it reads as 0xFF then, and takes no writes.
          world.a.flashImage(image);
          world.b.flashImage(erased);
          assert.equal(inUse(world.start(), sets), 0);
          if (rotated) rotate(world.start(), second);
          world.start().lock();
          const vault = world.start();
          assert.ok(vault.locked);
          assert.deepEqual([vault.state, inUse(vault, sets)], ["confirmed", rotated ? 1 : 0]);
        }
      });

      it("does not lock what has not connected", () => {
        const world = new World(model);
        assert.equal(
          refusalOf(() => world.start().lock()),
          "argument: unconfirmed",
        );
        const vault = world.start();
        const writer = vault.begin();
        send(writer, "ca", first.ca);
        writer.commit();
        assert.equal(
          refusalOf(() => vault.lock()),
          "argument: unconfirmed",
        );
        vault.confirm();
        vault.lock();
        assert.ok(vault.locked);
      });

      it("takes the writer away when it locks", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        const vault = world.start();
        const writer = vault.begin();
        vault.lock();
        assert.equal(
          refusalOf(() => writer.open("ca", 10)),
          "argument: over",
        );
        assert.equal(
          refusalOf(() => writer.commit()),
          "argument: over",
        );
        for (const now of [vault, world.start()]) assert.equal(now.resume(), undefined);
      });

      it("does not begin over confirmed credentials while the newer ones are on trial", () => {
        const world = new World(model);
        rotate(world.start(), first);
        const vault = world.start();
        const writer = vault.begin();
        for (const role of ROLES) send(writer, role, second[role]);
        writer.commit();
        assert.equal(
          refusalOf(() => vault.begin()),
          "argument: trial",
        );
        for (let i = 0; i < 3; i++) vault.failed();
        vault.begin();
        assert.equal(inUse(world.start(), sets), 0);
      });

      it("begins again on a bench where nothing has connected yet", () => {
        const world = new World(model);
        const vault = world.start();
        for (const set of [...sets, ...sets]) {
          const writer = vault.begin();
          for (const role of ROLES) send(writer, role, set[role]);
          writer.commit();
          assert.equal(vault.state, "trial");
          assert.equal(inUse(world.start(), sets), sets.indexOf(set));
        }
      });

      it("counts on when the sequence number wraps", () => {
        for (const sequence of [0x7fffffff, -1, 0x7ffffffe, -2]) {
          const world = new World(model);
          const image = new Uint8Array(SIZE).fill(0xff);
          image.set(factoryImage(first));
          const end = parse(image).reduce(
            (sum, { value }) => sum + 16 + Math.ceil(value.length / 16) * 16,
            0,
          );
          image.set(record(1, sequence), LIMIT);
          image.set(record(2, sequence, end, plainCrc(image.subarray(0, end))), LIMIT + 32);
          image.set(record(4, sequence), LIMIT + 64);
          world.b.flashImage(image);
          assert.deepEqual([world.start().slot, world.start().state], ["b", "confirmed"]);
          for (const set of [second, first, second, first]) {
            rotate(world.start(), set);
            assert.equal(inUse(world.start(), sets), sets.indexOf(set), String(sequence));
          }
        }
      });

      it("goes past a place for records that flash does not keep", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        for (const place of [0, 1, 3]) world.b.worn.add(LIMIT + place * 32 + 1).add(LIMIT + place * 32 + 20);
        rotate(world.start(), second);
        const vault = world.start();
        assert.deepEqual([vault.slot, vault.state, inUse(vault, sets)], ["b", "confirmed", 1]);
      });

      it("finds that flash did not keep an object, and does not commit it", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        for (let at = 64; at < 80; at++) world.b.worn.add(at);
        const vault = world.start();
        const writer = vault.begin();
        assert.equal(send(writer, "ca", second.ca), false);
        assert.deepEqual(writer.closed, []);
        assert.match(
          refusalOf(() => writer.commit()),
          /^argument: (ca|empty)$/,
        );
        assert.equal(inUse(world.start(), sets), 0);
      });

      it("does not commit what Espressif's reader would not find the end of", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        const writer = world.start().begin();
        assert.ok(send(writer, "ca", second.ca));
        const at = LIMIT - 16 - writer.room;
        // Type and length of what comes next: a type that nobody knows, and 65 KB.
        if (model === "plain") for (const place of [8, 10, 11]) world.b.worn.add(at + place);
        else for (let place = 0; place < 16; place++) world.b.worn.add(at + place);
        assert.equal(send(writer, "certificate", second.certificate), false);
        if (model === "plain")
          assert.equal(
            refusalOf(() => writer.commit()),
            "storage: worn",
          );
        assert.equal(inUse(world.start(), sets), 0);
      });

      it("takes no old record for a new one when a partition takes neither erases nor writes", () => {
        const world = new World(model);
        rotate(world.start(), first);
        rotate(world.start(), second);
        rotate(world.start(), first);
        const { a, b } = world;
        const deaf = {
          read: (view: Uint8Array, offset: number) => b.read(view, offset),
          write: () => undefined,
          eraseBlock: () => undefined,
          status: () => b.status(),
          close: () => undefined,
        };
        const vault = new SlotVault({ flash: a, view: a.view }, { flash: deaf, view: b.view });
        assert.equal(
          refusalOf(() => vault.begin()),
          "storage: worn",
        );
        assert.equal(vault.resume(), undefined);
        for (const now of [vault, world.start()]) assert.equal(inUse(now, sets), 0);
      });

      it("says storage when no place takes a record", () => {
        const world = new World(model);
        world.a.flashImage(factoryImage(first));
        for (let at = LIMIT; at < SIZE; at++) world.b.worn.add(at);
        assert.equal(
          refusalOf(() => world.start().begin()),
          "storage: worn",
        );
        assert.equal(inUse(world.start(), sets), 0);
      });
    });
  }

  describe("a writer", () => {
    it("counts down its room by header and CRC", () => {
      const writer = new World("plain").start().begin();
      assert.equal(writer.room, LIMIT - 16);
      assert.ok(send(writer, "ca", first.ca));
      assert.equal(writer.room, LIMIT - 32 - Math.ceil(first.ca.length / 16) * 16);
      assert.equal(
        refusalOf(() => writer.open("key", writer.room + 1)),
        "limit: room",
      );
      writer.open("key", writer.room);
    });

    it("takes an object of all its room", () => {
      const world = new World("encrypted");
      const vault = world.start();
      const writer = vault.begin();
      const length = LIMIT - 16;
      const big = new Uint8Array(length);
      big.set([0x30, 0x82, (length - 4) >> 8, (length - 4) & 0xff, 0x30]);
      assert.ok(send(writer, "ca", big));
      assert.equal(writer.room, 0);
      writer.commit();
      assert.ok(same(world.start().open("ca") ?? assert.fail(), big));
    });

    it("refuses what is out of turn", () => {
      const vault = new World("plain").start();
      const writer = vault.begin();
      assert.equal(
        refusalOf(() => writer.write(new Uint8Array(1))),
        "argument: write",
      );
      assert.equal(writer.close(), false);
      assert.equal(
        refusalOf(() => writer.commit()),
        "argument: empty",
      );
      for (const length of [0, -1, NaN, 1e6])
        assert.equal(
          refusalOf(() => writer.open("ca", length)),
          "limit: room",
        );
      writer.open("ca", 40);
      assert.equal(
        refusalOf(() => writer.write(new Uint8Array(41))),
        "argument: write",
      );
      assert.equal(writer.close(), false);
      assert.equal(
        refusalOf(() => writer.commit()),
        "argument: open",
      );
      assert.ok(send(writer, "ca", first.ca));
      assert.equal(
        refusalOf(() => writer.open("ca", 40)),
        "argument: closed",
      );
    });

    it("begins an object again, at any place of it", () => {
      for (let written = 0; written <= first.key.length; written++) {
        const world = new World("encrypted");
        const vault = world.start();
        const writer = vault.begin();
        assert.ok(send(writer, "certificate", first.certificate));
        writer.open("key", first.key.length);
        writer.write(second.key.subarray(0, written));
        assert.ok(send(writer, "key", first.key));
        assert.deepEqual(writer.closed, ["certificate", "key"]);
        writer.commit();
        assert.ok(same(world.start().open("key") ?? assert.fail(), first.key), String(written));
      }
    });

    it("does not count a key in the certificate's place, nor commit it, and takes the certificate then", () => {
      const world = new World("plain");
      const vault = world.start();
      const writer = vault.begin();
      assert.ok(send(writer, "certificate", first.key));
      assert.ok(send(writer, "key", first.certificate));
      assert.deepEqual(writer.closed, []);
      assert.equal(writer.peek("certificate"), undefined);
      assert.equal(
        refusalOf(() => writer.commit()),
        "argument: certificate",
      );
      assert.ok(send(writer, "certificate", first.certificate));
      assert.ok(send(writer, "key", first.key));
      assert.deepEqual(writer.closed, ["certificate", "key"]);
      writer.commit();
      assert.ok(same(world.start().open("key") ?? assert.fail(), first.key));
    });

    it("shows closed objects before they are in use", () => {
      const world = new World("encrypted");
      world.a.flashImage(factoryImage(first));
      const vault = world.start();
      const writer = vault.begin();
      assert.equal(writer.peek("key"), undefined);
      send(writer, "key", second.key);
      assert.ok(same(writer.peek("key") ?? assert.fail(), second.key));
      assert.ok(same(vault.open("key") ?? assert.fail(), first.key));
    });

    it("is of no use after a commit or another begin", () => {
      const vault = new World("plain").start();
      const old = vault.begin();
      const writer = vault.begin();
      assert.equal(
        refusalOf(() => old.open("ca", 10)),
        "argument: over",
      );
      assert.equal(vault.resume(), writer);
      send(writer, "ca", first.ca);
      writer.commit();
      assert.equal(
        refusalOf(() => writer.open("key", 10)),
        "argument: over",
      );
      assert.equal(
        refusalOf(() => writer.close()),
        "argument: over",
      );
      assert.equal(vault.resume(), undefined);
    });
  });

  describe("what is missing", () => {
    const named = (name: string): Credentials => ({
      open: role => new BytesCredential(Buffer.from(`${name} ${role}`)),
    });
    const textOf = (credentials: Credentials, role: (typeof ROLES)[number]): string | undefined => {
      const found = credentials.open(role);
      return found && Buffer.from(found.view ?? []).toString("latin1");
    };

    it("comes from the build when no slot is in use", () => {
      const vault = new World("plain").start(named("built"));
      assert.deepEqual(
        ROLES.map(role => textOf(vault, role)),
        ["built ca", "built certificate", "built key"],
      );
      assert.equal(vault.state, "none");
    });

    it("comes from the build if it is the CA, and never if it is a key or a certificate", () => {
      const world = new World("plain");
      world.a.flashImage(factoryImage({ certificate: first.certificate }));
      const vault = world.start(named("built"));
      assert.equal(textOf(vault, "ca"), "built ca");
      assert.equal(textOf(vault, "key"), undefined);
      assert.ok(same(vault.open("certificate") ?? assert.fail(), first.certificate));
    });

    it("does not come from the build when it is there and damaged, and the fault is told", () => {
      const world = new World("plain");
      const image = factoryImage(first);
      const [ca] = parse(image);
      image[(ca?.offset ?? 0) + 30] = 0;
      world.a.flashImage(image);
      const vault = world.start(named("built"));
      assert.equal(vault.slot, "a");
      assert.equal(vault.open("ca"), undefined);
      assert.equal(vault.fault("ca"), "damaged");
      assert.equal(vault.fault("key"), undefined);
    });

    it("is told when a key is in a peripheral", () => {
      const world = new World("plain");
      world.a.flashImage(
        partition(
          [
            { type: 1, value: first.certificate },
            { type: 2, flags: 8, value: new Uint8Array(0) },
          ],
          LIMIT,
        ),
      );
      assert.equal(world.start().fault("key"), "peripheral");
    });
  });

  describe("whatever the records say", () => {
    const kinds = fc.integer({ min: 0, max: 8 });
    const sequences = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(0x7fffffff, -0x80000000, -0x7fffffff),
      fc.integer(),
    );
    const records = fc.array(
      fc.record({
        place: fc.nat(15),
        kind: kinds,
        sequence: sequences,
        fits: fc.boolean(),
        end: fc.integer(),
      }),
      { maxLength: 8 },
    );

    function fill(
      set: CredentialSet | undefined,
      list: typeof records extends fc.Arbitrary<infer T> ? T : never,
    ) {
      const image = new Uint8Array(SIZE).fill(0xff);
      if (set !== undefined) image.set(factoryImage(set));
      const end = parse(image).reduce((sum, { value }) => sum + 16 + Math.ceil(value.length / 16) * 16, 0);
      for (const { place, kind, sequence, fits, end: odd } of list) {
        const said = fits ? end : odd >>> 0;
        image.set(record(kind, sequence, said, plainCrc(image.subarray(0, end))), LIMIT + place * 32);
      }
      return image;
    }

    it("nothing is thrown, begin leaves the slot in use alone, and what is committed is in use then", () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...MODELS),
          fc.boolean(),
          fc.boolean(),
          records,
          records,
          (model, hasA, hasB, ofA, ofB) => {
            const world = new World(model);
            world.a.flashImage(fill(hasA ? first : undefined, ofA));
            world.b.flashImage(fill(hasB ? second : undefined, ofB));
            const vault = world.start();
            const { slot, locked } = vault;
            const used = inUse(vault, sets);
            const kept = slot === undefined ? undefined : world[slot].cells.slice();
            const restore = world.snapshot();
            vault.failed();
            vault.confirm();
            assert.ok(used === -1 || inUse(world.start(), sets) >= 0);
            restore();
            let writer;
            try {
              writer = world.start().begin();
            } catch (error) {
              assert.match(String(error), locked ? /locked$/ : /trial$/);
              assert.deepEqual(slot && world[slot].cells, kept);
              return;
            }
            assert.equal(locked, false);
            for (const role of ROLES) assert.ok(send(writer, role, (sets[2] ?? first)[role]));
            assert.deepEqual(slot && world[slot].cells, kept);
            assert.equal(inUse(world.start(), sets), used);
            writer.commit();
            assert.equal(inUse(world.start(), sets), 2);
          },
        ),
        { numRuns: 300 },
      );
    });

    it("noise in both slots is nothing", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: BLOCK_LENGTH, maxLength: BLOCK_LENGTH }), noise => {
          const world = new World("plain");
          world.a.flashImage(Buffer.concat([noise, noise]));
          world.b.flashImage(Buffer.concat([noise, noise]));
          assert.equal(inUse(world.start(), sets), -1);
        }),
        { numRuns: 30 },
      );
    });
  });
});
