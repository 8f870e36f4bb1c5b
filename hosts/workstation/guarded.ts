import { FactoryError, type FaultSide } from "../../certs/factory-error.js";
import { fileFault } from "../../certs/files/file-fault.js";
import { InputError } from "../../certs/input-error.js";
import { printFactoryError, printInputError } from "./simulate/print.js";

/** Exit codes by who has to do something about it. */
export const EXIT_OF: Readonly<Record<FaultSide, number>> = { unit: 1, input: 2, environment: 3 };

/**
 * Runs a command's action. Wrong input ends with 2, what did not work in the factory with the code of
 * its side; both with three sentences.
 */
export async function guarded(
  json: boolean,
  done: (exitCode: number) => void,
  action: () => Promise<number>,
): Promise<void> {
  try {
    done(await action());
  } catch (error) {
    if (error instanceof InputError) {
      printInputError(error, json);
      done(EXIT_OF.input);
    } else if (error instanceof FactoryError) {
      printFactoryError(error, json);
      done(EXIT_OF[error.side]);
    } else {
      // What the system refused is a fault of the station; anything else one of the program, whose stack tells more.
      const place = error instanceof Error && "path" in error ? String(error.path) : "a file";
      const fault = fileFault(place, error);
      if (!(fault instanceof FactoryError)) throw error;
      printFactoryError(fault, json);
      done(EXIT_OF[fault.side]);
    }
  }
}
