import assert from "node:assert/strict";
import fc from "fast-check";
import type { SlotWriter } from "../../../modules/io/vault.js";
import { ROLES } from "../../../modules/pki/secure-cert.js";
import type { SlotVault } from "../../../modules/pki/vault.js";
import { PowerCut, type Tear } from "./slot-flash.js";
import {
  factoryImage,
  inUse,
  makeSets,
  MODELS,
  provision,
  refusalOf,
  rotate,
  send,
  SIZE,
  World,
  type CredentialSet,
} from "./vault-world.js";

/** What is in use before, and may be in use behind a step, by the number of the set; -1: nothing. */
interface Step {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  run: (vault: SlotVault, memory: Memory) => void;
}

interface Memory {
  writer?: SlotWriter;
  /** Roles whose objects were closed. */
  closed: string[];
  /** Steps of power at the open object's first byte. */
  opened?: number;
}

describe("power cuts in the vault", function () {
  this.timeout(120_000);
  let sets: CredentialSet[];
  before(async () => {
    sets = await makeSets(3);
  });

  const set = (number: number): CredentialSet => sets[number] ?? assert.fail();

  /** Worlds in which set 1 is to take the place of what is in use. */
  const STARTS: readonly { name: string; used: number; make: (world: World) => void }[] = [
    { name: "two erased slots", used: -1, make: () => undefined },
    {
      name: "partitions that were something else",
      used: -1,
      make(world) {
        world.a.flashImage(Uint8Array.from({ length: SIZE }, (_, at) => at * 7));
        world.b.flashImage(Uint8Array.from({ length: SIZE }, (_, at) => at * 11));
      },
    },
    { name: "a factory's image", used: 0, make: world => world.a.flashImage(factoryImage(set(0))) },
    {
      name: "slot b in use",
      used: 0,
      make(world) {
        world.a.flashImage(factoryImage(set(2)));
        rotate(world.start(), set(0));
      },
    },
    {
      name: "a rejected slot",
      used: 0,
      make(world) {
        rotate(world.start(), set(0));
        const vault = world.start();
        const writer = vault.begin();
        for (const role of ROLES) send(writer, role, set(2)[role]);
        writer.commit();
        for (let i = 0; i < 3; i++) vault.failed();
      },
    },
    {
      name: "nothing in use, and a slot that was filled",
      used: -1,
      make(world) {
        const writer = world.start().begin();
        for (const role of ROLES) send(writer, role, set(2)[role]);
      },
    },
    {
      name: "a slot that was begun",
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

  function filling(used: number): Step[] {
    return [
      {
        name: "begin",
        before: used,
        after: used,
        run: (vault, memory) => void (memory.writer = vault.begin()),
      },
      ...ROLES.flatMap((role): Step[] => [
        {
          name: `open ${role}`,
          before: used,
          after: used,
          run(_vault, memory) {
            memory.writer?.open(role, set(1)[role].length);
            delete memory.opened;
          },
        },
        {
          name: `write ${role}`,
          before: used,
          after: used,
          run: (_vault, memory) => memory.writer?.write(set(1)[role]),
        },
        {
          name: `close ${role}`,
          before: used,
          after: used,
          run(_vault, memory) {
            assert.ok(memory.writer?.close());
            memory.closed.push(role);
          },
        },
      ]),
      { name: "commit", before: used, after: 1, run: (_vault, memory) => memory.writer?.commit() },
    ];
  }

  const CONFIRMING: readonly Step[] = [
    { name: "failed", before: 1, after: 1, run: vault => void vault.failed() },
    { name: "confirm", before: 1, after: 1, run: vault => vault.confirm() },
    { name: "lock", before: 1, after: 1, run: vault => vault.lock() },
  ];

  const failing = (used: number): Step[] =>
    [1, 1, used === -1 ? 1 : used].map((after, index) => ({
      name: `failed ${index + 1}`,
      before: 1,
      after,
      run: vault => void vault.failed(),
    }));

  /** Cuts power at every byte of each step and starts again; then goes on from where the step ended. */
  function cutEverywhere(
    world: World,
    steps: readonly Step[],
    tear: Tear,
    recover: (cut: Cut) => void,
  ): number {
    let cuts = 0;
    let past: Step[] = [];
    const origin = world.snapshot();
    for (const step of steps) {
      // By scatter a unit is torn as a whole, whichever of its bytes power ends at.
      for (let at = 0; ; at += tear === "scatter" ? 5 : 1) {
        origin();
        let vault = world.start();
        let memory: Memory = { closed: [] };
        for (const done of past) done.run(vault, memory);
        const before = world.supply.steps;
        world.supply.cutAfter(at, tear, (at + 1) * 2654435761);
        try {
          step.run(vault, memory);
        } catch (error) {
          if (!(error instanceof PowerCut) && !world.supply.dead) throw error;
        }
        if (!world.supply.dead) {
          world.supply.restore();
          assert.equal(inUse(vault, sets), step.after, `behind ${step.name}`);
          break;
        }
        cuts++;
        world.supply.restore();
        vault = world.start();
        memory = { closed: memory.closed };
        recover({ vault, step, at, closed: memory.closed, spent: world.supply.steps - before });
      }
      past = [...past, step];
    }
    return cuts;
  }

  interface Cut {
    readonly vault: SlotVault;
    readonly step: Step;
    /** Bytes of the step that were done. */
    readonly at: number;
    readonly closed: readonly string[];
    readonly spent: number;
  }

  for (const model of MODELS) {
    for (const tear of ["prefix", "scatter"] as const) {
      describe(`on ${model} flash, torn by ${tear}`, () => {
        for (const { name, used, make } of STARTS) {
          const worlds = (): World => {
            const world = new World(model);
            make(world);
            assert.equal(inUse(world.start(), sets), used);
            return world;
          };

          it(`leave one set whole and in use, and what comes next possible: ${name}`, () => {
            const world = worlds();
            const cuts = cutEverywhere(world, [...filling(used), ...CONFIRMING], tear, ({ vault, step }) => {
              const found = inUse(vault, sets);
              assert.ok(found === step.before || found === step.after, `${step.name}: ${found} is in use`);
              if (vault.locked) {
                assert.equal(step.name, "lock");
                assert.equal(
                  refusalOf(() => vault.begin()),
                  "argument: locked",
                );
              } else if (found === 1) {
                vault.confirm();
                vault.lock();
              } else {
                provision(vault, set(1));
                assert.equal(vault.state, "trial");
                world.start().confirm();
                world.start().lock();
              }
              const last = world.start();
              assert.deepEqual([inUse(last, sets), last.state, last.locked], [1, "confirmed", true]);
            });
            assert.ok(cuts > (tear === "scatter" ? 180 : 900), `${cuts} cuts`);
          });

          it(`take the former set back all the same: ${name}`, () => {
            const world = worlds();
            const vault = world.start();
            provision(vault, set(1));
            cutEverywhere(world, failing(used), tear, ({ vault: restarted, step }) => {
              const found = inUse(restarted, sets);
              assert.ok(found === step.before || found === step.after, `${step.name}: ${found} is in use`);
              let back = found === used;
              for (let i = 0; i < 3 && !back && used >= 0; i++) back = world.start().failed();
              const last = world.start();
              assert.equal(inUse(last, sets), used === -1 ? 1 : used);
              assert.equal(last.state, used === -1 ? "trial" : "confirmed");
              rotate(last, set(1));
              assert.equal(inUse(world.start(), sets), 1);
            });
          });
        }

        it("lose no object that was closed, but for a cut in the first 16 bytes of the next one", () => {
          const world = new World(model);
          world.a.flashImage(factoryImage(set(0)));
          const steps = filling(0);
          let kept = 0;
          cutEverywhere(world, steps, tear, ({ vault, step, at, closed }) => {
            if (step.name === "begin" || step.name === "commit") return;
            const writer = vault.resume();
            if (at >= 16 || step.name.startsWith("close")) {
              assert.ok(writer, `${step.name} at ${at}`);
              // The last bits of an object may be done although nobody was told.
              const role = step.name.startsWith("close") ? step.name.slice(6) : "";
              const found = writer.closed.filter(one => closed.includes(one) || one !== role);
              assert.deepEqual(found, closed, `${step.name} at ${at}`);
              kept++;
            } else if (writer !== undefined) {
              assert.deepEqual(writer.closed, closed);
              assert.ok(writer.room > 0, "no use in going on");
            }
            // Room for what was cut off is lost, room for all the rest is there.
            for (const role of ROLES) {
              if (writer === undefined || closed.includes(role) || at < 16) continue;
              if (set(1)[role].length <= writer.room) assert.ok(send(writer, role, set(1)[role]));
            }
          });
          assert.ok(kept > (tear === "scatter" ? 120 : 600), String(kept));
        });
      });
    }

    // What was left in the way of a header that was cut off, behind an erasure that was cut off, made the slot seem worn.
    it(`a begun slot whose erasure was cut off is not gone on with (${model})`, () => {
      for (let steps = 0; steps < 60; steps++) {
        const world = new World(model);
        const { supply } = world;
        const cut = (after: number, work: (vault: SlotVault) => void): void => {
          supply.cutAfter(after, "prefix", 0);
          try {
            work(world.start());
          } catch (error) {
            if (!supply.dead) throw error;
          }
          supply.restore();
        };
        const writer = world.start().begin();
        for (const role of ["ca", "certificate"] as const) assert.ok(send(writer, role, set(1)[role]));
        // In its bytes, then in the header of the next try: behind where all three will end.
        for (const after of [100, 4])
          cut(after, vault => send(vault.resume() ?? assert.fail(), "key", set(1).key));
        cut(steps, vault => vault.begin());
        provision(world.start(), set(1));
        assert.equal(inUse(world.start(), sets), 1, `${steps} steps of the erasure`);
      }
    });

    it(`any number of cuts, at any places, end with the set that was wanted (${model})`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.record({ at: fc.nat(1400), seed: fc.integer(), scatter: fc.boolean() }), {
            maxLength: 6,
          }),
          fc.boolean(),
          (cuts, hasImage) => {
            const world = new World(model);
            if (hasImage) world.a.flashImage(factoryImage(set(0)));
            for (const { at, seed, scatter } of cuts) {
              world.supply.cutAfter(at, scatter ? "scatter" : "prefix", seed);
              try {
                const vault = world.start();
                if (inUse(vault, sets) !== 1) provision(vault, set(1));
                vault.confirm();
                vault.lock();
              } catch (error) {
                if (!world.supply.dead) throw error;
              }
              world.supply.restore();
              const found = inUse(world.start(), sets);
              assert.ok(found === 1 || found === (hasImage ? 0 : -1), String(found));
            }
            const vault = world.start();
            if (inUse(vault, sets) !== 1) provision(vault, set(1));
            vault.confirm();
            vault.lock();
            const last = world.start();
            assert.deepEqual([inUse(last, sets), last.state, last.locked], [1, "confirmed", true]);
          },
        ),
        { numRuns: 150 },
      );
    });
  }
});
