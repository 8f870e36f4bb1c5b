import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";

const POLL_MS = 50;
const HEARTBEAT_MS = 1000;
/** A lock that was not renewed for so long belongs to a process that has died. */
const STALE_MS = 10_000;

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function tryTake(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Removes a lock whose owner has died. The rename is atomic: only one of several processes removes it. */
async function breakStale(path: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs < STALE_MS) return;
    const grave = `${path}.${process.pid}.stale`;
    await rename(path, grave);
    await rm(grave, { recursive: true, force: true });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** Runs `work` while no other process holds the lock folder `path`. Waits as long as its owner lives. */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  while (!(await tryTake(path))) {
    await breakStale(path);
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    // Fails only when the lock was taken away, which the work then no longer relies on.
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { recursive: true, force: true });
  }
}
