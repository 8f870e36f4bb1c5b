import assert from "node:assert/strict";
import { compileWith, deviceProgram } from "../../esp32/build.js";
import { BUILD_MS, reportsOf, turns } from "./support.js";

describe("ESP32 chip", () => {
  before(async function () {
    this.timeout(BUILD_MS);
    await deviceProgram();
  });

  describe("sleep and restart", () => {
    for (const [ms, microseconds] of [
      ["1", 1000],
      ["1500.5", 1500500],
      ["31 * 86400000", 2678400000000],
    ]) {
      it(`sleeps ${microseconds} microseconds for deepSleep(${ms})`, async () => {
        const { reports, code } = await turns(`() => deepSleep(${ms}), () => report("awake")`);
        assert.deepEqual([code, reports], [6, [`deep sleep ${microseconds} us`]]);
      });
    }

    for (const ms of ["0", "-1", "NaN", "undefined", "Infinity", "31 * 86400000 + 1"]) {
      it(`refuses to sleep for ${ms}`, async () => {
        assert.deepEqual(await reportsOf(`() => report(attempt(() => deepSleep(${ms})))`), [
          "RangeError: invalid duration",
        ]);
      });
    }

    it("does not sleep without an end when the chip's timer refuses the time", async () => {
      const reports = await reportsOf(`
        () => { driver.fail("esp_sleep_enable_timer_wakeup"); report(attempt(() => deepSleep(1000))); },
      `);
      assert.deepEqual(reports, ["RangeError: invalid duration"]);
    });

    it("restarts", async () => {
      const { reports, code } = await turns(`() => restart(), () => report("goes on")`);
      assert.deepEqual([code, reports], [6, ["restart"]]);
    });

    // Numbers of esp_reset_reason_t; wake-up sources as bits of esp_sleep_source_t.
    const causes = [
      { reason: 1, cause: "power" },
      { reason: 2, cause: "pin" },
      { reason: 3, cause: "restart" },
      { reason: 4, cause: "panic" },
      { reason: 5, cause: "watchdog" },
      { reason: 6, cause: "watchdog" },
      { reason: 7, cause: "watchdog" },
      { reason: 8, sources: 1 << 4, cause: "timer" },
      { reason: 8, sources: 1 << 2, cause: "wake" },
      { reason: 8, sources: (1 << 4) | (1 << 2), cause: "timer" },
      { reason: 9, cause: "brownout" },
      { reason: 14, cause: "brownout" },
      { reason: 15, cause: "panic" },
      { reason: 0, cause: "other" },
      { reason: 11, cause: "other" },
    ];
    for (const { reason, sources = 0, cause } of causes) {
      it(`calls reason ${reason} with wake-up sources ${sources} "${cause}"`, async () => {
        const reports = await reportsOf(
          `() => { driver.began(${reason}, ${sources}); report(wakeCause()); }`,
        );
        assert.deepEqual(reports, [cause]);
      });
    }
  });

  describe("address", () => {
    it("is twelve digits in capitals, zeros in front kept", async () => {
      // As the stand-in has it: 0x0a and 0x31 more each time.
      assert.deepEqual(await reportsOf("() => report(address())"), ["0A3B6C9DCEFF"]);
    });

    it("is undefined when the chip does not give it", async () => {
      const reports = await reportsOf(`() => { driver.fail("esp_read_mac"); report(typeof address()); }`);
      assert.deepEqual(reports, ["undefined"]);
    });
  });

  describe("watchdog", () => {
    it("panics after the time, minds the program alone, and is fed in its name", async () => {
      const reports = await reportsOf(`
        () => { startWatchdog(120000); feedWatchdog(); feedWatchdog(); report(driver.calls()); },
      `);
      assert.deepEqual(String(reports[0]).split("\n"), [
        "esp_task_wdt_reconfigure 120000 idle 0 panic 1",
        "esp_task_wdt_add_user program 1",
        "esp_task_wdt_reset_user",
        "esp_task_wdt_reset_user",
      ]);
    });

    it("is begun where the build has left that out", async () => {
      const reports = await reportsOf(`
        () => { driver.fail("esp_task_wdt_reconfigure"); startWatchdog(5000); report(driver.calls()); },
      `);
      assert.deepEqual(reports, ["esp_task_wdt_init 5000\nesp_task_wdt_add_user program 1"]);
    });

    // Which of ESP-IDF's settings exist depends on others.
    for (const define of ["STAND_IN_LATE_WATCHDOG", "STAND_IN_NO_WATCHDOG"]) {
      it(`compiles in a build with ${define}`, async () => {
        await assert.doesNotReject(compileWith("hosts/esp32/system/chip.c", define));
      });
    }

    it("changes its time when it is started again, and is no second user", async () => {
      const reports = await reportsOf(`
        () => { startWatchdog(60000); driver.calls(); startWatchdog(30000); report(driver.calls()); },
      `);
      assert.deepEqual(reports, ["esp_task_wdt_reconfigure 30000 idle 0 panic 1"]);
    });

    // Below the build's own time, 5 s here, the SDK's loop could not feed it in time.
    for (const ms of ["0", "4999", "-1", "NaN", "undefined", "3600001"]) {
      it(`refuses a time of ${ms} before it touches anything`, async () => {
        const reports = await reportsOf(`
          () => report(attempt(() => startWatchdog(${ms})), driver.calls(), attempt(() => feedWatchdog())),
        `);
        assert.deepEqual(reports, [["RangeError: invalid timeout", "", "Error: no watchdog"]]);
      });
    }

    it("says so when it cannot be had", async () => {
      const reports = await reportsOf(`
        () => { driver.fail("esp_task_wdt_add_user"); report(attempt(() => startWatchdog(5000)), attempt(() => feedWatchdog())); },
      `);
      assert.deepEqual(reports, [["Error: watchdog failed", "Error: no watchdog"]]);
    });
  });

  describe("random numbers of the hardware", () => {
    it("are read while the ADC's noise is on, which others cannot read meanwhile", async () => {
      const reports = await reportsOf(`
        () => { const data = new Uint8Array(32); fillRandom(data); report(...data.subarray(0, 4), data[31]); report(driver.calls()); },
      `);
      assert.deepEqual(reports[0], [1, 2, 3, 4, 32]);
      assert.deepEqual(String(reports[1]).split("\n"), [
        "take adc 1",
        "take adc 2",
        "bootloader_random_enable",
        "esp_fill_random 32",
        "bootloader_random_disable",
        "give adc 2",
        "give adc 1",
      ]);
    });

    it("fill a view and nothing around it", async () => {
      const reports = await reportsOf(`
        () => { const all = new Uint8Array(6); fillRandom(all.subarray(2, 4)); report(...all); },
      `);
      assert.deepEqual(reports, [[0, 0, 1, 2, 0, 0]]);
    });

    for (const [unit, calls] of [
      [1, ""],
      [2, "take adc 1\ngive adc 1"],
    ]) {
      it(`are refused while ADC ${unit} is being read, and what was taken is given back`, async () => {
        const reports = await reportsOf(`
          () => { driver.fail("adc ${unit}"); report(attempt(() => fillRandom(new Uint8Array(32))), driver.calls()); },
          () => { fillRandom(new Uint8Array(1)); },
        `);
        assert.deepEqual(reports, [["Error: adc in use", calls]]);
      });
    }

    it("go into no string or number", async () => {
      const reports = await reportsOf(`
        () => { for (const target of ["x", 5, undefined, {}]) report(attempt(() => fillRandom(target)).split(":")[0]); report(driver.calls()); },
      `);
      assert.deepEqual(reports, ["TypeError", "TypeError", "TypeError", "TypeError", ""]);
    });
  });
});
