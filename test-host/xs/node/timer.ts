import { act, inputs, setup } from "./state.js";

/** `timer` and `time` of the Node stand-in; `host/timer.c` is their counterpart. */

type Callback = (timer: Handle) => void;

class Handle {
  readonly id: number;
  readonly callback: Callback;
  repeats = false;
  scheduled = false;

  constructor(id: number, callback: Callback) {
    this.id = id;
    this.callback = callback;
  }
}

const handles = new Map<number, Handle>();
let lastId = 0;

function interval(ms: number): number {
  if (!(ms >= 0 && ms <= 0xffffffff)) throw new RangeError("invalid interval");
  return Math.floor(ms);
}

function schedule(handle: Handle, ms: number, repeatMs: number): void {
  handle.repeats = repeatMs > 0;
  handle.scheduled = true;
  const action = { kind: "setTimer", at: 0, id: handle.id, ms } as const;
  act(repeatMs > 0 ? { ...action, repeatMs } : action);
}

function start(callback: unknown, ms: number, repeatMs: number): Handle {
  const first = interval(ms);
  const next = interval(repeatMs);
  if (typeof callback !== "function") throw new TypeError("callback is no function");
  const handle = new Handle(++lastId, (...values) => {
    Reflect.apply(callback, globalThis, values);
  });
  handles.set(handle.id, handle);
  schedule(handle, first, next);
  return handle;
}

export const Timer = Object.freeze({
  set: (callback: unknown, ms = 0, repeatMs = 0): Handle => start(callback, ms, repeatMs),

  repeat: (callback: unknown, ms: number): Handle => start(callback, ms, ms),

  schedule(handle: unknown, ms: number, repeatMs = 0): void {
    if (!(handle instanceof Handle)) throw new TypeError("no timer");
    if (!handles.has(handle.id)) throw new Error("timer is cleared");
    schedule(handle, interval(ms), interval(repeatMs));
  },

  clear(handle?: unknown): void {
    if (handle === undefined || handle === null) return;
    if (!(handle instanceof Handle)) throw new TypeError("no timer");
    if (handles.delete(handle.id)) act({ kind: "clearTimer", at: 0, id: handle.id });
  },
});

export function timerFired(id: number): void {
  const handle = handles.get(id);
  if (!handle) return;
  handle.scheduled = handle.repeats;
  handle.callback(handle);
  if (!handle.scheduled) handles.delete(id);
}

let dateOffsetMs = setup.epochMs;

function ticks(): number {
  return (Math.floor(inputs.nowMs) + setup.ticksOffsetMs) | 0;
}

/** Milliseconds since 1970 at simulated time 0. */
export function dateEpoch(): number {
  return dateOffsetMs;
}

/** Milliseconds since 1970: a device starts there until its clock is set. */
export function dateNow(): number {
  return Math.floor(inputs.nowMs + dateOffsetMs);
}

export const Time = Object.freeze({
  get ticks(): number {
    return ticks();
  },

  delta: (from: number, to: number = ticks()): number => (to - from) | 0,

  set(seconds: number): void {
    dateOffsetMs = seconds * 1000 - inputs.nowMs;
  },
});
