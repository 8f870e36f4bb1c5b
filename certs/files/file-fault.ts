import { FactoryError } from "../factory-error.js";

/** Codes of the file system, as people say them. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full.",
  EDQUOT: "The disk quota is used up.",
  EACCES: "This user may not write there.",
  EPERM: "This user may not write there.",
  EROFS: "That file system cannot be written.",
  ENOENT: "A folder of that path does not exist.",
  ENOTDIR: "A part of that path is no folder.",
  EISDIR: "That is a folder.",
  ELOOP: "Its symbolic links lead to one another.",
  ENAMETOOLONG: "That name is too long.",
  EPIPE: "Whoever read it has ended.",
};

/** An error of the file system, as a fault of the station; anything else as it is. */
export function fileFault(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!(error instanceof Error) || error instanceof FactoryError || !/^E[A-Z]+$/.test(code)) return error;
  return new FactoryError(
    {
      code: code === "ENOSPC" || code === "EDQUOT" ? "disk-full" : "file",
      side: "environment",
      what: `${path} cannot be written (${code})`,
      why: REASONS[code] ?? "The system refuses it.",
      fix: "Make room or choose another place, and run again: nothing half was left there.",
    },
    { cause: error },
  );
}
