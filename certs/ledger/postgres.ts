import { unreachable } from "./faults.js";
import type { Access } from "./sqlite.js";
import type { Backend } from "./step.js";

export interface PostgresOptions {
  readonly access: Access;
  readonly busyMs: number;
  readonly now?: (() => Date) | undefined;
}

export function openPostgres(_location: string, _options: PostgresOptions): Promise<Backend> {
  return Promise.reject(unreachable("the server", "not there yet"));
}
