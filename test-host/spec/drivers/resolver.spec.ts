import assert from "node:assert/strict";
import { NamePassing } from "../../../drivers/quectel/name-passing.js";
import { Resolver } from "../../../drivers/quectel/resolver.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { Bench } from "./bench.js";

interface Answers {
  readonly calls: string[];
  failure: Failure | undefined;
}

function ask(bench: Bench, resolver: Resolver | NamePassing, host: string): Answers {
  const answers: Answers = { calls: [], failure: undefined };
  bench.call(() => {
    resolver.resolve({
      host,
      onResolved(name, address) {
        assert.ok(!bench.calling);
        assert.equal(this, resolver);
        answers.calls.push(`${name} ${address}`);
      },
      onError(name) {
        assert.equal(this, resolver);
        answers.calls.push(`error ${name}`);
      },
      failure: reason => (answers.failure = reason),
    });
  });
  return answers;
}

describe("Resolver over the simulated BG95", () => {
  const online = (settings = {}): Promise<Bench> => new Bench(settings).goOnline();

  it("gives the address of a name", async () => {
    const bench = await online();
    const answers = ask(bench, new Resolver({ modem: bench.modem }), "echo.test");
    await bench.pass(1_000);
    assert.deepEqual(answers.calls, ["echo.test 192.0.2.10"]);
  });

  it("fails with the module's code for a name that does not exist", async () => {
    const bench = await online();
    const answers = ask(bench, new Resolver({ modem: bench.modem }), "nowhere.test");
    await bench.pass(1_000);
    assert.deepEqual(answers.calls, ["error nowhere.test"]);
    assert.deepEqual(answers.failure, { kind: "dns", command: "AT+QIDNSGIP", code: 565 });
  });

  it("answers each of several questions with its own, also from names with several addresses", async () => {
    // The second address of one name was taken for the address of the next.
    const bench = await online();
    bench.network.resolve = host =>
      host === "many.test"
        ? ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        : host === "one.test"
          ? ["192.0.2.9"]
          : undefined;
    const [first, second] = [new Resolver({ modem: bench.modem }), new Resolver({ modem: bench.modem })];
    const answers = [
      ask(bench, first, "many.test"),
      ask(bench, second, "one.test"),
      ask(bench, first, "no.test"),
      ask(bench, second, "many.test"),
    ];
    await bench.pass(5_000);
    assert.deepEqual(
      answers.map(({ calls }) => calls.join()),
      ["many.test 192.0.2.1", "one.test 192.0.2.9", "error no.test", "many.test 192.0.2.1"],
    );
  });

  it("takes the address that came when another of the same name is lost", async () => {
    const bench = await online({ faults: ["hold-urc urc=+QIURC nth=3"] });
    bench.network.resolve = () => ["192.0.2.1", "192.0.2.2"];
    const answers = ask(bench, new Resolver({ modem: bench.modem }), "many.test");
    await bench.pass(61_000);
    assert.deepEqual(answers.calls, ["many.test 192.0.2.1"]);
  });

  it("fails with timeout when no report comes, and serves the next", async () => {
    const bench = await online({ faults: ["hold-urc urc=+QIURC nth=1", "hold-urc urc=+QIURC nth=2"] });
    const resolver = new Resolver({ modem: bench.modem });
    const [first, second] = [ask(bench, resolver, "echo.test"), ask(bench, resolver, "broker.test")];
    await bench.pass(62_000);
    assert.deepEqual(first.failure, { kind: "timeout", command: "AT+QIDNSGIP" });
    assert.deepEqual(second.calls, ["broker.test 192.0.2.11"]);
  });

  it("fails at once, but not inside the call, without a network", async () => {
    const bench = new Bench();
    const answers = ask(bench, new Resolver({ modem: bench.modem }), "echo.test");
    await bench.pass(1);
    assert.deepEqual(answers.failure, { kind: "network-lost", detail: "off" });
    assert.deepEqual(answers.calls, ["error echo.test"]);
  });

  it("fails all that wait when the module restarts, and works after it", async () => {
    const bench = await online({ link: "nb-iot" });
    const resolver = new Resolver({ modem: bench.modem });
    const answers = [ask(bench, resolver, "echo.test"), ask(bench, resolver, "broker.test")];
    bench.module.module.power.crash();
    await bench.until("failure", () => answers.every(({ failure }) => failure !== undefined));
    assert.ok(
      answers.every(({ failure }) => failure?.kind === "module-reset"),
      JSON.stringify(answers),
    );
    await bench.until("online", () => bench.online);
    const next = ask(bench, resolver, "echo.test");
    await bench.pass(20_000);
    assert.deepEqual(next.calls, ["echo.test 192.0.2.10"]);
  });

  it("fails with a limit for a name that cannot stand in a command", async () => {
    const bench = await online();
    const answers = ask(bench, new Resolver({ modem: bench.modem }), 'a"b');
    await bench.pass(1_000);
    assert.equal(answers.failure?.kind, "limit");
  });

  it("outlives callbacks that throw, and tells the asker", async () => {
    // The queue stood still after an exception.
    const bench = await online();
    const resolver = new Resolver({ modem: bench.modem });
    let failure: Failure | undefined;
    resolver.resolve({
      host: "echo.test",
      onResolved: () => {
        throw new Error("application");
      },
      onError: () => {
        throw new Error("again");
      },
      failure: reason => (failure = reason),
    });
    const next = ask(bench, resolver, "broker.test");
    await bench.pass(5_000);
    assert.equal(failure?.kind, "exception");
    assert.deepEqual(next.calls, ["broker.test 192.0.2.11"]);
  });

  it("calls nobody back after close, and throws SyntaxError", async () => {
    const bench = await online();
    const resolver = new Resolver({ modem: bench.modem });
    const answers = ask(bench, resolver, "echo.test");
    resolver.close();
    resolver.close();
    await bench.pass(5_000);
    assert.deepEqual(answers.calls, []);
    assert.throws(() => ask(bench, resolver, "echo.test"), SyntaxError);
  });

  it("needs a modem", () => {
    assert.throws(() => new Resolver({}), /modem/);
    assert.throws(() => new NamePassing({}), /modem/);
  });
});

describe("Name passing", () => {
  it("answers a name with itself, later and without a command", async () => {
    const bench = await new Bench().goOnline();
    const before = bench.commands.length;
    const answers = ask(bench, new NamePassing({ modem: bench.modem }), "echo.test");
    await bench.pass(1_000);
    assert.deepEqual(answers.calls, ["echo.test echo.test"]);
    assert.equal(bench.commands.length, before);
  });

  it("calls nobody back after close", async () => {
    const bench = new Bench();
    const resolver = new NamePassing({ modem: bench.modem });
    const answers = ask(bench, resolver, "echo.test");
    resolver.close();
    await bench.pass(1_000);
    assert.deepEqual(answers.calls, []);
    assert.throws(() => ask(bench, resolver, "echo.test"), SyntaxError);
  });

  it("lets no exception of the application out", async () => {
    const bench = new Bench();
    const resolver = new NamePassing({ modem: bench.modem });
    resolver.resolve({
      host: "echo.test",
      onResolved: () => {
        throw new Error("application");
      },
    });
    await bench.pass(1_000);
  });
});
