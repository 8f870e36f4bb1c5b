import assert from "node:assert/strict";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import type { Credentials } from "../../../modules/io/credentials.js";
import { ROLES } from "../../../modules/pki/secure-cert.js";
import type { SlotVault } from "../../../modules/pki/vault.js";
import { PowerCut, type SlotPartition, type Tear } from "./slot-flash.js";
import {
  factoryImage,
  inUse,
  LIMIT,
  makeSets,
  MODELS,
  provision,
  refusalOf,
  rotate,
  same,
  send,
  SIZE,
  World,
  type CredentialSet,
} from "./vault-world.js";

/** Places of eight bytes of the keys in a partition's cells, or what they read as. */
function keysIn(slot: SlotPartition, sets: readonly CredentialSet[]): number {
  let found = 0;
  for (const memory of [slot.cells, slot.view])
    for (const { key } of sets)
      // PKCS#8 of P-256: the number itself lies in bytes 36 to 67.
      for (let at = 36; at + 8 <= 68; at++)
        if (Buffer.from(memory).includes(Buffer.from(key.subarray(at, at + 8)))) found++;
  return found;
}

describe("vault that is erased", function () {
  this.timeout(60_000);
  let sets: CredentialSet[];
  before(async () => {
    sets = await makeSets(3);
  });
  const set = (number: number): CredentialSet => sets[number] ?? assert.fail();

  const STARTS: readonly { name: string; used: number; make: (world: World) => void }[] = [
    { name: "two erased slots", used: -1, make: () => undefined },
    { name: "a factory's image", used: 0, make: world => world.a.flashImage(factoryImage(set(0))) },
    {
      name: "noise and a factory's image behind it",
      used: 0,
      make(world) {
        world.b.flashImage(Uint8Array.from({ length: SIZE }, (_, at) => at * 11));
        world.a.flashImage(factoryImage(set(0)));
      },
    },
    { name: "slot a in use, b never used", used: 0, make: world => rotate(world.start(), set(0)) },
    {
      name: "slot a in use, older ones in b",
      used: 0,
      make(world) {
        rotate(world.start(), set(2));
        rotate(world.start(), set(1));
        rotate(world.start(), set(0));
      },
    },
    {
      name: "slot b on trial, confirmed ones in a",
      used: 1,
      make(world) {
        rotate(world.start(), set(0));
        provision(world.start(), set(1));
      },
    },
    {
      name: "slot a in use, a rejected one in b",
      used: 0,
      make(world) {
        rotate(world.start(), set(0));
        const vault = world.start();
        provision(vault, set(2));
        for (let i = 0; i < 3; i++) vault.failed();
      },
    },
    {
      name: "slot a in use, b being filled",
      used: 0,
      make(world) {
        rotate(world.start(), set(0));
        const writer = world.start().begin();
        send(writer, "key", set(2).key);
        writer.open("ca", 300);
        writer.write(set(2).ca.subarray(0, 100));
      },
    },
  ];

  for (const model of MODELS) {
    describe(`on ${model} flash`, () => {
      for (const { name, used, make } of STARTS) {
        it(`holds nothing afterwards, at once and after a restart: ${name}`, () => {
          const world = new World(model);
          make(world);
          const vault = world.start();
          assert.equal(inUse(vault, sets), used);
          vault.erase();
          for (const now of [vault, world.start()]) {
            assert.equal(inUse(now, sets), -1);
            assert.deepEqual([now.rejected, now.locked, now.resume()], [false, false, undefined]);
            for (const role of ROLES)
              assert.deepEqual([now.open(role), now.fault(role)], [undefined, undefined]);
          }
          assert.equal(keysIn(world.a, sets) + keysIn(world.b, sets), 0);
          rotate(vault, set(2));
          assert.equal(inUse(world.start(), sets), 2);
        });

        for (const tear of ["prefix", "scatter"] as const satisfies readonly Tear[])
          it(`leaves something whole or nothing when power fails anywhere, and is finished by another: ${name}, ${tear}`, () => {
            const world = new World(model);
            make(world);
            const origin = world.snapshot();
            let cuts = 0;
            for (let at = 0; ; at++) {
              origin();
              world.supply.cutAfter(at, tear, (at + 1) * 2654435761);
              try {
                world.start().erase();
              } catch (error) {
                if (!(error instanceof PowerCut) && !world.supply.dead) throw error;
              }
              if (!world.supply.dead) break;
              cuts++;
              world.supply.restore();
              const found = inUse(world.start(), sets);
              assert.ok(found === used || found === -1, `${String(found)} is in use after ${String(at)}`);
              world.start().erase();
              assert.equal(inUse(world.start(), sets), -1);
              assert.equal(world.start().resume(), undefined);
              assert.equal(keysIn(world.a, sets) + keysIn(world.b, sets), 0);
              provision(world.start(), set(1));
              assert.equal(inUse(world.start(), sets), 1);
            }
            // Four blocks, and a record.
            assert.ok(cuts >= 4 * 8 + 32, String(cuts));
          });
      }

      it("refuses when it is locked, and leaves everything as it is", () => {
        const world = new World(model);
        rotate(world.start(), set(0));
        world.start().lock();
        const vault = world.start();
        const before = world.supply.steps;
        assert.equal(
          refusalOf(() => vault.erase()),
          "argument: locked",
        );
        assert.equal(world.supply.steps, before);
        assert.equal(inUse(world.start(), sets), 0);
      });

      it("takes the writer away", () => {
        const world = new World(model);
        const vault = world.start();
        const writer = vault.begin();
        send(writer, "key", set(0).key);
        vault.erase();
        assert.equal(
          refusalOf(() => writer.commit()),
          "argument: over",
        );
      });

      it("erases a factory's image that leaves no place for a record", () => {
        const world = new World(model);
        const image = factoryImage(set(0));
        const long = new Uint8Array(SIZE);
        long.set(image.subarray(0, LIMIT));
        // As a bootloader leaves it that encrypts a partition in place: every unit is written.
        world.a.flashImage(long);
        const vault = world.start();
        vault.erase();
        assert.equal(inUse(world.start(), sets), -1);
        assert.equal(keysIn(world.a, sets), 0);
      });
    });
  }

  it("says storage when a partition does not erase, and holds on to nothing", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    world.a.eraseBlock = () => undefined;
    const vault = world.start();
    assert.equal(
      refusalOf(() => vault.erase()),
      "storage: worn",
    );
    assert.equal(inUse(world.start(), sets), -1);
  });
});

describe("credentials of the program that runs", () => {
  let sets: CredentialSet[];
  before(async () => {
    sets = await makeSets(3);
  });
  const set = (number: number): CredentialSet => sets[number] ?? assert.fail();

  /** What the application is given: the number of the set; -1: nothing, or not all of it. */
  function given(vault: SlotVault): number {
    return sets.findIndex(one =>
      ROLES.every(role => {
        const found = vault.open(role);
        return found !== undefined && same(found, one[role]);
      }),
    );
  }

  // A reconnect after a commit took the new credentials, in the middle of a life that was none of their trial.
  it("are those that were in use at its start, whatever is committed and confirmed meanwhile", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    const vault = world.start();
    provision(vault, set(1));
    assert.deepEqual([given(vault), inUse(vault, sets)], [0, 1]);
    vault.confirm();
    assert.equal(given(vault), 0);
    assert.equal(given(world.start()), 1);
  });

  it("are none as soon as their slot is erased for the next ones, and never half of those", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    const vault = world.start();
    rotate(vault, set(1));
    const writer = vault.begin();
    for (const role of ROLES) send(writer, role, set(2)[role]);
    for (const role of ROLES) assert.equal(vault.open(role), undefined);
    writer.commit();
    for (const role of ROLES) assert.equal(vault.open(role), undefined);
    assert.equal(given(world.start()), 2);
  });

  it("are the former ones at once when those come back", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    provision(world.start(), set(1));
    const vault = world.start();
    assert.equal(given(vault), 1);
    for (let i = 0; i < 3; i++) vault.failed();
    assert.equal(given(vault), 0);
  });
});

describe("a roll-back of credentials", () => {
  let sets: CredentialSet[];
  before(async () => {
    sets = await makeSets(3);
  });
  const set = (number: number): CredentialSet => sets[number] ?? assert.fail();

  const built = (roles: readonly string[]): Credentials => ({
    open: role => (roles.includes(role) ? new BytesCredential(set(2)[role]) : undefined),
  });

  it("is told until the next slot is begun, over restarts", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    assert.equal(world.start().rejected, false);
    provision(world.start(), set(1));
    const vault = world.start();
    assert.equal(vault.rejected, false);
    for (let i = 0; i < 3; i++) vault.failed();
    assert.deepEqual([vault.rejected, world.start().rejected, world.start().slot], [true, true, "a"]);
    vault.begin();
    assert.deepEqual([vault.rejected, world.start().rejected], [false, false]);
  });

  it("to a factory's image is told, too", () => {
    const world = new World("plain");
    world.a.flashImage(factoryImage(set(0)));
    provision(world.start(), set(1));
    for (let i = 0; i < 3; i++) world.start().failed();
    assert.deepEqual([world.start().rejected, world.start().slot], [true, "a"]);
  });

  it("that lies behind newer credentials is not told", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    provision(world.start(), set(1));
    for (let i = 0; i < 3; i++) world.start().failed();
    // The other slot is lost: what was rejected is all that is left, and comes before newer ones.
    world.a.eraseBlock(0, 2);
    rotate(world.start(), set(2));
    const vault = world.start();
    assert.deepEqual([vault.slot, vault.rejected, inUse(vault, sets)], ["a", false, 2]);
  });

  it("is possible to the build's own credentials, and told", () => {
    const world = new World("plain");
    const start = (): SlotVault => world.start(built(ROLES));
    provision(start(), set(0));
    assert.deepEqual([start().slot, start().state], ["a", "trial"]);
    for (const last of [false, false, true]) assert.equal(start().failed(), last);
    const vault = start();
    assert.deepEqual([vault.slot, vault.state, vault.rejected], [undefined, "none", true]);
    assert.ok(same(vault.open("key") ?? assert.fail(), set(2).key));
    rotate(vault, set(1));
    const next = start();
    assert.deepEqual([next.slot, next.state, next.rejected, inUse(next, sets)], ["a", "confirmed", false, 1]);
  });

  it("to the build's own credentials gives them to the program that runs", () => {
    const world = new World("plain");
    provision(world.start(), set(0));
    const vault = world.start(built(ROLES));
    assert.ok(same(vault.open("key") ?? assert.fail(), set(0).key));
    for (let i = 0; i < 3; i++) vault.failed();
    assert.ok(same(vault.open("key") ?? assert.fail(), set(2).key));
  });

  for (const roles of [["ca"], ["ca", "certificate"], []])
    it(`is not possible to a build that has ${roles.join(" and ") || "nothing"}, which is less than the slot has`, () => {
      const world = new World("plain");
      provision(world.start(), set(0));
      const vault = world.start(built(roles));
      const before = world.supply.steps;
      for (let i = 0; i < 9; i++) assert.equal(vault.failed(), false);
      assert.deepEqual([vault.slot, vault.state, world.supply.steps], ["a", "trial", before]);
    });

  it("of a CA alone is possible to a build that has a CA alone", () => {
    const world = new World("plain");
    const writer = world.start().begin();
    send(writer, "ca", set(0).ca);
    writer.commit();
    const vault = world.start(built(["ca"]));
    for (const last of [false, false, true]) assert.equal(vault.failed(), last);
    assert.ok(same(vault.open("ca") ?? assert.fail(), set(2).ca));
  });

  it("goes to confirmed credentials of the other slot before the build's", () => {
    const world = new World("plain");
    rotate(world.start(), set(0));
    provision(world.start(), set(1));
    for (let i = 0; i < 3; i++) world.start(built(ROLES)).failed();
    assert.equal(inUse(world.start(built(ROLES)), sets), 0);
  });
});
