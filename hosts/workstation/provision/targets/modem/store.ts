import type { Holding, ReadBack } from "../../../../../certs/factory/target.js";
import type { CredentialRole } from "../../../../../modules/io/credentials.js";

/** Where a module keeps credentials. Rejections are FactoryErrors. */
export interface Store {
  /** What can be told of what it holds. */
  holding(): Promise<Holding>;
  begin(): Promise<void>;
  write(role: CredentialRole, der: Uint8Array): Promise<void>;
  readBack(expected: Holding): Promise<ReadBack>;
  /** Everything, or everything but what is used. */
  erase(what: "former" | "all"): Promise<void>;
}
