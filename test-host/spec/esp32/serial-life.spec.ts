import assert from "node:assert/strict";
import { deviceProgram } from "../../esp32/build.js";
import { BUILD_MS, reportsOf, turns } from "./support.js";

/** Opens a port that must be free, with pins that must be, and closes it. */
const REOPENS = `() => { const again = open({ rts: 18, cts: 19 }); again.close(); report("free"); }`;

describe("ESP32 buffered serial class, opening and closing", () => {
  before(async function () {
    this.timeout(BUILD_MS);
    await deviceProgram();
  });

  const flows = [
    { options: "", flow: 0, threshold: 96, pins: "-1 -1" },
    { options: "rts: 18", flow: 1, threshold: 96, pins: "18 -1" },
    { options: "cts: 19", flow: 2, threshold: 96, pins: "-1 19" },
    { options: "rts: 18, cts: 19, threshold: 100", flow: 3, threshold: 100, pins: "18 19" },
    { options: "rts: undefined, threshold: 127", flow: 0, threshold: 127, pins: "-1 -1" },
  ];
  for (const { options, flow, threshold, pins } of flows) {
    it(`hands the driver what { ${options} } asks for`, async () => {
      const [calls] = await reportsOf(`() => { open({ ${options} }); report(driver.calls()); }`);
      assert.deepEqual(String(calls).split("\n"), [
        "xTaskCreate serial 2048 10",
        "uart_driver_install 1 4096 2112",
        `uart_param_config 1 baud 115200 8N1 flow ${flow} threshold ${threshold}`,
        "uart_set_rx_full_threshold 1 64",
        "uart_set_rx_timeout 1 4",
        `uart_set_pin 1 17 16 ${pins}`,
      ]);
    });
  }

  it("takes port 0 when none is named, and one pin when there is one", async () => {
    const [calls] = await reportsOf(
      `() => { new Serial({ receive: 3, baud: 9600 }); report(driver.calls()); }`,
    );
    assert.match(String(calls), /install 0 .*uart_set_pin 0 -1 3 -1 -1$/s);
  });

  const refused = [
    { options: "transmit: undefined, receive: undefined", error: "Error: invalid" },
    { options: "transmit: -2", error: "RangeError: invalid pin" },
    { options: "transmit: 40", error: "Error: in use" },
    { options: "receive: 256", error: "RangeError: invalid pin" },
    { options: "receive: 17", error: "Error: in use" },
    { options: "rts: 16", error: "Error: in use" },
    { options: "cts: 17", error: "Error: in use" },
    { options: "rts: 20, cts: 20", error: "Error: in use" },
    { options: "port: -1", error: "RangeError: invalid port" },
    { options: "port: 3", error: "RangeError: invalid port" },
    { options: "baud: undefined", error: "RangeError: invalid baud" },
    { options: "baud: 0", error: "RangeError: invalid baud" },
    { options: "baud: -9600", error: "RangeError: invalid baud" },
    { options: "baud: 20000001", error: "RangeError: invalid baud" },
    { options: "baud: NaN", error: "RangeError: invalid baud" },
    { options: "threshold: 0", error: "RangeError: invalid threshold" },
    { options: "threshold: 128", error: "RangeError: invalid threshold" },
    { options: "format: 'string'", error: "RangeError: invalid format" },
    { options: "format: 'other'", error: "RangeError: invalid format" },
    { options: "onReadable: 5", error: "Error: not a function" },
    { options: "onWritable: {}", error: "Error: not a function" },
    { options: "onError: 'x'", error: "Error: not a function" },
    { options: "get baud() { throw new Error('own') }", error: "Error: own" },
  ];
  for (const { options, error } of refused) {
    it(`throws ${error} for { ${options} } before it touches anything`, async () => {
      const reports = await reportsOf(`
        () => { report(attempt(() => new Serial(Object.assign(Object.create(wiring), wiring, { ${options} })))); report(driver.calls(), driver.tasks()); },
        ${REOPENS}
      `);
      assert.deepEqual(reports, [error, ["", 0], "free"]);
    });
  }

  const failing = [
    { name: "xTaskCreate", error: "RangeError: no memory" },
    { name: "uart_driver_install", error: "Error: uart failed" },
    { name: "uart_param_config", error: "Error: uart failed" },
    { name: "uart_set_rx_full_threshold", error: "Error: uart failed" },
    { name: "uart_set_rx_timeout", error: "Error: uart failed" },
    { name: "uart_set_pin", error: "Error: uart failed" },
  ];
  for (const { name, error } of failing) {
    it(`gives everything back when ${name} fails`, async () => {
      const reports = await reportsOf(`
        () => { driver.fail("${name}"); report(attempt(() => open({ ...telling, rts: 18, cts: 19 })), driver.tasks()); },
        ${REOPENS}
      `);
      assert.deepEqual(reports, [[error, 0], "free"]);
    });
  }

  it("gives everything back when the pin cannot send, or the rate cannot be made", async () => {
    const reports = await reportsOf(`
      () => report(attempt(() => open({ transmit: 34 })), attempt(() => open({ baud: 6000000 })), driver.tasks()),
      ${REOPENS}
    `);
    assert.deepEqual(reports, [["Error: uart failed", "Error: uart failed", 0], "free"]);
  });

  it("refuses a port or a pin that another has, and takes both when it has closed", async () => {
    const reports = await reportsOf(`
      () => {
        serial = open({});
        report(attempt(() => open({ transmit: 20, receive: 21 })), attempt(() => open({ port: 2 })));
        serial.close();
      },
      ${REOPENS}
    `);
    assert.deepEqual(reports, [["RangeError: port in use", "Error: in use"], "free"]);
  });

  it("keeps target and format", async () => {
    const reports = await reportsOf(`
      () => {
        serial = open({ target: "mine" });
        report(serial.target, serial.format);
        report(attempt(() => { serial.format = "string"; }), attempt(() => { serial.format = "odd"; }), serial.format);
        serial.format = "number";
        report(serial.format);
      },
    `);
    assert.deepEqual(reports, [
      ["mine", "buffer"],
      ["RangeError: invalid format", "RangeError: unknown", "buffer"],
      "number",
    ]);
  });

  it("closes once, and refuses everything else afterwards", async () => {
    const reports = await reportsOf(`
      () => {
        serial = open(telling);
        serial.close();
        serial.close();
        report(driver.tasks());
        for (const call of [() => serial.read(), () => serial.write(bytes("x")), () => serial.format, () => { serial.format = "number"; }])
          report(attempt(call).startsWith("SyntaxError"));
      },
      () => {},
    `);
    assert.deepEqual(reports, [0, true, true, true, true]);
  });

  for (const callback of ["onReadable", "onWritable", "onError"]) {
    it(`calls nothing more when the program closes in ${callback}, though a message waits`, async () => {
      const reports = await reportsOf(`
        () => {
          serial = open({
            ...telling,
            ${callback}() { report("${callback}"); this.write(bytes("x")); report(driver.messages()); this.close(); },
          });
          driver.receive(new Uint8Array(${callback === "onError" ? 10000 : 10}));
        },
        () => driver.receive("late"),
        ${REOPENS}
      `);
      // The others may come before it, in the same message.
      const from = reports.indexOf(callback);
      assert.ok(from >= 0);
      assert.deepEqual(reports.slice(from), [callback, 1, "free"]);
    });
  }

  it("drops the message that waits when it closes", async () => {
    const reports = await reportsOf(`
      () => { serial = open(telling); driver.receive("hello"); report(driver.messages()); serial.close(); },
      () => {},
      ${REOPENS}
    `);
    assert.deepEqual(reports, [1, "free"]);
  });

  it("gives a message that waits for a closed port to none that was opened on it since", async () => {
    const reports = await reportsOf(`
      () => {
        driver.holdMessages(true);
        serial = open({ onReadable() { report("old"); } });
        driver.receive("hello");
        serial.close();
        serial = open({ onReadable(count) { report("new", count); } });
        driver.holdMessages(false);
      },
      () => driver.receive("hi"),
    `);
    assert.deepEqual(reports, [["new", 2]]);
  });

  it("closes while its task has not run yet", async () => {
    const reports = await reportsOf(`
      () => { serial = open({}); driver.holdTasks(true); driver.receive("hello"); serial.close(); report(driver.tasks()); },
      () => { driver.holdTasks(false); report(driver.tasks(), driver.messages()); },
      ${REOPENS}
    `);
    assert.deepEqual(reports, [1, [0, 0], "free"]);
  });

  it("drops what was not sent when it closes, and sends nothing of it when it opens again", async () => {
    const reports = await reportsOf(`
      () => { serial = open({}); serial.write(new Uint8Array(1024)); serial.write(new Uint8Array(1024)); serial.close(); },
      () => { serial = open({}); serial.write(bytes("AT")); },
      () => report(sent()),
    `);
    assert.deepEqual(reports, ["AT"]);
  });

  it("stays open, and keeps its callbacks, though the program keeps no reference", async () => {
    const reports = await reportsOf(`
      () => { open({ onReadable(count) { report(count, text(this.read())); } }); },
      () => { driver.collect(); driver.collect(); },
      () => driver.receive("hello"),
    `);
    assert.deepEqual(reports, [[5, "hello"]]);
  });

  it("goes with its machine: open, with a message and with bytes to send", async () => {
    const reports = await reportsOf(`
      () => {
        serial = open(telling);
        serial.write(new Uint8Array(1024));
        driver.receive("hello");
        report(driver.messages());
        driver.leave();
      },
    `);
    assert.deepEqual(reports, [1]);
  });

  it("goes with its machine while its task has not run yet", async () => {
    assert.deepEqual(
      await reportsOf(
        `() => { serial = open(telling); driver.holdTasks(true); driver.receive("x"); driver.leave(); }`,
      ),
      [],
    );
  });

  it("ends the program with an exception that leaves a callback, as the stock class does", async () => {
    const { code, failure } = await turns(`
      () => { open({ onReadable() { throw new Error("own") } }); },
      () => driver.receive("x"),
    `);
    assert.equal(code, 4);
    assert.match(failure, /^unhandled exception: Error: own/);
  });

  it("posts one message for all that happens until the next turn", async () => {
    const reports = await reportsOf(`
      () => { driver.holdMessages(true); serial = open(telling); },
      () => { for (let i = 0; i < 200; i++) driver.receive("0123456789"); report(driver.messages()); },
      () => driver.holdMessages(false),
    `);
    assert.deepEqual(reports, [1, ["readable", 2000], ["writable", 1024]]);
  });

  it("tells what happened while the machine's queue was full", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable: telling.onReadable }); },
      () => { driver.fillQueue(); driver.receive("hello"); report(driver.messages()); },
    `);
    assert.deepEqual(reports, [10, ["readable", 5]]);
  });

  it("keeps two ports apart", async () => {
    const reports = await reportsOf(`
      () => {
        const tell = name => ({ onReadable() { report(name, text(this.read())); } });
        open(tell("one"));
        new Serial({ port: 2, transmit: 20, receive: 21, baud: 9600, ...tell("two") });
      },
      () => { driver.receive("B", 2); driver.receive("A", 1); },
    `);
    assert.deepEqual(reports, [
      ["two", "B"],
      ["one", "A"],
    ]);
  });
});
