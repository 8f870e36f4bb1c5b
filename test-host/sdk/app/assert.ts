/**
 * The globals that Moddable's tests expect (documentation/tools/testing.md of the SDK, "Reference for
 * Writing Tests"): `assert` as in test262, `$DONE`, `$DO`, `$NETWORK`, `$TESTMC`.
 */
import Timer from "timer";

declare const trace: (text: string) => void;

type ErrorClass = new (...values: never[]) => Error;

function fail(message: string): never {
  throw new Error(message);
}

function words(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
}

function assert(condition: unknown, message = "assertion failed"): void {
  if (condition !== true) fail(message);
}

assert.sameValue = (actual: unknown, expected: unknown, message = ""): void => {
  if (!Object.is(actual, expected)) fail(`expected ${words(expected)}, got ${words(actual)} ${message}`);
};

assert.notSameValue = (actual: unknown, unexpected: unknown, message = ""): void => {
  if (Object.is(actual, unexpected)) fail(`not expected: ${words(actual)} ${message}`);
};

/** The class must be this one, not one that is derived from it. `Error` alone stands for any. */
assert.throws = (type: ErrorClass, action: () => unknown, message = ""): void => {
  try {
    action();
  } catch (error) {
    const made = (error as { constructor?: unknown }).constructor;
    if (made !== type && (type as unknown) !== Error)
      fail(`expected ${type.name}, got ${words(error)} ${message}`);
    return;
  }
  fail(`expected ${type.name}, nothing was thrown ${message}`);
};

/** The first word counts. */
let over = false;

function done(error?: unknown): void {
  if (over) return;
  over = true;
  trace(error === undefined ? "TEST passed\n" : `TEST failed ${words(error)}\n`);
}

/** In place of objects of the platform's own: receivers that no method takes. */
class HostObject {
  readonly isStranger = true;
}

class HostObjectChunk extends HostObject {}

class HostBuffer extends HostObject {}

export function installGlobals(): void {
  const scope = globalThis as unknown as Record<string, unknown>;
  scope["assert"] = assert;
  scope["$DONE"] = done;
  scope["$DO"] =
    (action: (...values: unknown[]) => void) =>
    (...values: unknown[]): void => {
      try {
        action(...values);
        done();
      } catch (error) {
        done(error);
      }
    };
  scope["$NETWORK"] = Object.freeze({
    // The setup module has gone online before anything else ran.
    connected: Promise.resolve(),
    // The module resolves names when it opens a connection.
    resolve: (name: string) => Promise.resolve(name),
    invalidDomain: "fail.moddable.com",
  });
  scope["$TESTMC"] = Object.freeze({
    timeout: (ms: number, message = "timeout") => Timer.set(() => done(message), ms),
    HostObject,
    HostObjectChunk,
    HostBuffer,
  });
}

export { done };
