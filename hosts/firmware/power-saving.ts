import { command, query, type Command } from "../../modules/at/command.js";
import type { NetworkCommands, Profile, StartStep } from "../../drivers/quectel/profile.js";

/*
 * PSM timers as 8 bits (3GPP TS 24.008, 10.5.7.3 and 10.5.7.4a; AT+CPSMS in the AT manuals of both
 * modules): a unit in the upper three, how many of it in the lower five.
 */

/** The most that five bits count. */
const COUNT = 31;
/** T3412 (extended): seconds of a unit, and its bits. */
const PERIODIC: readonly (readonly [seconds: number, bits: number])[] = Object.freeze([
  Object.freeze([2, 3] as const),
  Object.freeze([30, 4] as const),
  Object.freeze([60, 5] as const),
  Object.freeze([600, 0] as const),
  Object.freeze([3_600, 1] as const),
  Object.freeze([36_000, 2] as const),
  Object.freeze([1_152_000, 6] as const),
]);
/** T3324. */
const ACTIVE: readonly (readonly [seconds: number, bits: number])[] = Object.freeze([
  Object.freeze([2, 0] as const),
  Object.freeze([60, 1] as const),
  Object.freeze([360, 2] as const),
]);

/** The shortest time of at least so many seconds that the bits can say, or the longest. */
function timer(units: typeof PERIODIC, seconds: number): string {
  let value = 0;
  for (let i = 0; i < units.length; i++) {
    const unit = units[i];
    if (unit === undefined) break;
    const count = Math.ceil(seconds / unit[0]);
    value = (unit[1] << 5) | Math.min(count, COUNT);
    if (count <= COUNT) break;
  }
  return value.toString(2).padStart(8, "0");
}

/** T3412: how long a module may sleep before it must show itself. */
export function periodicTimer(seconds: number): string {
  return timer(PERIODIC, seconds);
}

/** T3324: how long a module stays reachable before it sleeps. */
export function activeTimer(seconds: number): string {
  return timer(ACTIVE, seconds);
}

/** Asks for PSM with these times. Kept by the module, so written only when it has others. */
function powerSaving(periodic: string, active: string): StartStep {
  return {
    command: query<boolean>({
      text: "AT+CPSMS?",
      timeoutMs: 2_000,
      prefix: "+CPSMS:",
      empty: false,
      read: line => line.int(0) === 1 && line.is(3, periodic) && line.is(4, active),
    }),
    otherwise: () => command({ text: 'AT+CPSMS=1,,,"' + periodic + '","' + active + '"', timeoutMs: 4_000 }),
    mayFail: true,
  };
}

/** A module's commands with a sleep that can be chosen when it comes to that. */
export type SleepCommands = { -readonly [Name in keyof NetworkCommands]: NetworkCommands[Name] } & {
  sleep: Command;
};

/** What lets the module go to sleep by itself: a BC66 has to be allowed; a BG95 in PSM needs no word. */
export function letSleep(commands: NetworkCommands): Command {
  return commands.sleep ?? commands.attention;
}

/** The module's profile with PSM asked for in its start script, for sleeps of so many seconds. */
export function withPowerSaving(
  profile: Profile,
  commands: SleepCommands,
  sleepS: number,
  activeS: number,
): Profile {
  // Twice the interval: a module that has to show itself in the middle of a sleep wakes for nothing.
  const step = powerSaving(periodicTimer(2 * sleepS), activeTimer(activeS));
  return { ...profile, commands, startScript: profile.startScript.concat(step) };
}
