/**
 * Sleep, restart, watchdog and address of the ESP32 (`chip.c`). Not seen by hardware yet. The module is
 * `hosts/esp32/system/chip`; its manifest is beside it.
 */

/**
 * Deep sleep for so many milliseconds, 1 to 31 days: RAM is lost and the program begins anew, with
 * {@link wakeCause} `timer`. Bytes that a UART has not sent yet are lost, and digital pins float: a
 * line that must keep its level (the module's supply, or PWRKEY) needs a resistor on the board. Throws
 * `invalid duration`.
 */
export function deepSleep(ms: number): never;

/** Begins the program anew. Pins keep their levels until then; peripherals are not all reset. */
export function restart(): never;

/**
 * Why the program began: `power` applied, `pin` (not on the ESP32 proper, where EN counts as power),
 * `restart` (also when the engine aborted: memory full, an exception that left a callback), `panic`
 * of native code, `watchdog`, `brownout`, end of deep sleep by its `timer` or by another source (`wake`),
 * or `other`.
 */
export type WakeCause =
  "power" | "pin" | "restart" | "panic" | "watchdog" | "brownout" | "timer" | "wake" | "other";

export function wakeCause(): WakeCause;

/**
 * The base MAC address that Espressif has burnt into the chip, as 12 hexadecimal digits in capitals, as
 * esptool shows it without colons; needs no radio. `undefined` when the chip does not give it.
 */
export function address(): string | undefined;

/**
 * From now on the chip restarts, with {@link wakeCause} `watchdog`, when {@link feedWatchdog} has not been
 * called for so long. It is ESP-IDF's task watchdog, which the SDK leaves out of a build: it needs
 * `CONFIG_ESP_TASK_WDT_EN=y` in the build's sdkconfig. With `CONFIG_ESP_TASK_WDT_INIT=y` it runs from the
 * chip's start on, and the SDK's loop is a user of it, too, which feeds it in each round: then the time
 * holds for both.
 *
 * `timeoutMs`: 1 s, or with `CONFIG_ESP_TASK_WDT_INIT=y` `CONFIG_ESP_TASK_WDT_TIMEOUT_S` (5 s unless set),
 * to an hour. Called again it changes the time. It cannot be stopped. Throws `invalid timeout`; `no watchdog`
 * in a build without; `watchdog failed`.
 */
export function startWatchdog(timeoutMs: number): void;

/** Throws `no watchdog` before {@link startWatchdog}. */
export function feedWatchdog(): void;
